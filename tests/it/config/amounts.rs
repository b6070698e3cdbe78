//! Durations and rates.

use std::time::Duration;

use postroom::audience::Share;
use postroom::config::{Rate, format_duration, parse_duration};
use proptest::prelude::*;

#[test]
fn a_duration_is_whole_numbers_with_units() {
    for (text, millis) in [
        ("250ms", 250),
        ("90s", 90_000),
        ("5m", 300_000),
        ("1h30m", 5_400_000),
        ("24h", 86_400_000),
        ("4d", 345_600_000),
        ("2w", 1_209_600_000),
        ("0s", 0),
        ("1d1s", 86_401_000),
    ] {
        assert_eq!(
            parse_duration(text),
            Ok(Duration::from_millis(millis)),
            "{text}"
        );
    }
}

#[test]
fn what_is_no_duration_is_told_how_to_be_one() {
    for (text, label) in [
        (
            "",
            "write a number and a unit: \"30s\", \"5m\", \"2h\" or \"1d\"",
        ),
        ("5", "5 of what? \"5s\", \"5m\", \"5h\" or \"5d\""),
        (
            "1M",
            "a month has no fixed length: write \"30d\", or \"1m\" for a minute",
        ),
        (
            "2 months",
            "a month has no fixed length: write it in days, \"30d\"",
        ),
        ("1y", "a year is written in days, \"365d\""),
        ("5 m", "write \"5m\""),
        ("5min", "write \"5m\""),
        ("10 Seconds", "write \"10s\""),
        ("3hrs", "write \"3h\""),
        ("5x", "the units are ms, s, m, h, d and w"),
        (
            "1.5h",
            "write whole numbers with units, like \"90s\", \"5m\" or \"1h30m\"",
        ),
        (
            "-5m",
            "write whole numbers with units, like \"90s\", \"5m\" or \"1h30m\"",
        ),
        (
            "m5",
            "write whole numbers with units, like \"90s\", \"5m\" or \"1h30m\"",
        ),
        ("5m ", "write \"5m\""),
        ("11000d", "longer than ten years"),
        ("99999999999999999999999s", "longer than ten years"),
        ("18446744073709551615w", "longer than ten years"),
    ] {
        let fault = parse_duration(text).expect_err(text);
        assert_eq!(fault.label, label, "{text}");
    }
}

#[test]
fn a_rate_is_a_count_in_a_window() {
    for (text, count, seconds, shown) in [
        ("100/minute", 100, 60, "100/minute"),
        ("2/second", 2, 1, "2/second"),
        ("4000/day", 4000, 86_400, "4000/day"),
        ("6/h", 6, 3600, "6/hour"),
        ("100/10s", 100, 10, "100/10s"),
        ("20_000 / day", 20_000, 86_400, "20000/day"),
        ("60/60s", 60, 60, "60/minute"),
    ] {
        let rate: Rate = text.parse().expect(text);
        assert_eq!(
            rate,
            Rate {
                count,
                window: Duration::from_secs(seconds),
                burst: None,
            },
            "{text}"
        );
        assert_eq!(rate.to_string(), shown);
    }
}

#[test]
fn what_is_no_rate_is_told_how_to_be_one() {
    for (text, marked, label) in [
        ("100 per hour", "100 per hour", "write \"100/hour\""),
        (
            "100",
            "100",
            "in what time? \"100/minute\", \"100/hour\" or \"100/day\"",
        ),
        ("100/huor", "huor", "did you mean `hour`?"),
        ("100/fortnight", "fortnight", "second, minute, hour or day"),
        ("100/0s", "0s", "second, minute, hour or day"),
        ("many/hour", "many", "a whole number goes here"),
        ("-1/hour", "-1", "a whole number goes here"),
        ("1.5/hour", "1.5", "a whole number goes here"),
        (
            "99999999999/hour",
            "99999999999",
            "a whole number goes here",
        ),
        ("", "", "write it like \"100/hour\""),
        ("快", "快", "write it like \"100/hour\""),
    ] {
        let fault = text.parse::<Rate>().expect_err(text);
        assert_eq!(
            (&text[fault.span], fault.label.as_str()),
            (marked, label),
            "{text}"
        );
    }
}

#[test]
fn a_burst_is_a_second_window() {
    for (text, shown, windows) in [
        ("100/minute", "100/minute", &[(100, 60_000)][..]),
        (
            "100/minute burst 10",
            "100/minute burst 10",
            &[(100, 60_000), (10, 6000)],
        ),
        (
            "100 / minute  burst 1_0",
            "100/minute burst 10",
            &[(100, 60_000), (10, 6000)],
        ),
        (
            "8/1h30m burst 1",
            "8/1h30m burst 1",
            &[(8, 5_400_000), (1, 675_000)],
        ),
        ("5/s burst 5", "5/second burst 5", &[(5, 1000)]),
    ] {
        let rate: Rate = text.parse().expect(text);
        let millis = |(count, window): (u32, Duration)| (count, window.as_millis());
        assert_eq!(rate.windows().map(millis).collect::<Vec<_>>(), windows);
        assert_eq!(rate.to_string(), shown);
    }
    let third: Rate = "3/second burst 1".parse().unwrap();
    let (_, spread) = third.windows().nth(1).unwrap();
    assert_eq!(
        spread,
        Duration::from_nanos(333_333_334),
        "rather a nanosecond too slow"
    );
}

#[test]
fn what_is_no_burst_is_told_how_to_be_one() {
    for (text, marked, label) in [
        (
            "9/hour burst 0",
            "burst 0",
            "nothing could be sent: at least \"burst 1\"",
        ),
        (
            "9/hour burst 10",
            "burst 10",
            "more than the 9 of the rate: at most \"burst 9\"",
        ),
        ("9/hour burst", "burst", "how many at once? \"burst 1\""),
        ("90/hour burst many", "burst many", "write \"burst 9\""),
        ("90/hour bursts 20", "bursts 20", "write \"burst 20\""),
        ("90/hour, burst=20", "burst=20", "write \"burst 20\""),
        ("90/hour 20", "20", "write \"burst 20\""),
        ("90/huor burst 20", "huor", "did you mean `hour`?"),
        ("90/10 seconds", "10 seconds", "second, minute, hour or day"),
    ] {
        let fault = text.parse::<Rate>().expect_err(text);
        let told = (&text[fault.span], fault.label.as_str());
        assert_eq!(told, (marked, label), "{text}");
    }
}

#[test]
fn a_share_is_in_percent() {
    assert_eq!("50%".parse(), Ok(Share(50)));
    assert_eq!("300%".parse::<Share>().unwrap().to_string(), "300%");
    for text in [
        "50",
        "0%",
        "0.5",
        "-5%",
        "5 0%",
        "%",
        "",
        "12.5%",
        "99999999999%",
    ] {
        assert!(text.parse::<Share>().is_err(), "{text}");
    }
}

proptest! {
    #[test]
    fn a_rate_reads_back_as_it_was_written(
        count in 1..u32::MAX,
        seconds in 1..400_000u64,
        share in prop::option::of(0.0..1.0),
    ) {
        let burst = share.map(|share: f64| 1 + (f64::from(count - 1) * share) as u32);
        let rate = Rate { count, window: Duration::from_secs(seconds), burst };
        prop_assert_eq!(rate.to_string().parse(), Ok(rate));
        for (most, window) in rate.windows() {
            let (share, whole) = (rate.window.as_nanos() * u128::from(most), window.as_nanos());
            prop_assert!(most >= 1 && window <= rate.window);
            prop_assert!(whole * u128::from(count) >= share, "not faster than it says");
        }
    }

    #[test]
    fn a_duration_reads_back_as_it_was_written(millis in 0..u64::from(u32::MAX)) {
        let span = Duration::from_millis(millis);
        prop_assert_eq!(parse_duration(&format_duration(span)), Ok(span));
    }

    #[test]
    fn no_text_upsets_the_parsers(text in "\\PC{0,12}|[0-9a-zM/ .]{0,12}") {
        let _ = parse_duration(&text);
        if let Err(fault) = text.parse::<Rate>() {
            prop_assert!(text.get(fault.span).is_some());
        }
    }
}
