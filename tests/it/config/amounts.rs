//! Durations and rates.

use std::time::Duration;

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
                window: Duration::from_secs(seconds)
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

proptest! {
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
