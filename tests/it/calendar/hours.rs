//! Open hours: what the clock shows decides, over midnight and across clock changes.

use postroom::calendar::OpenHours;

use super::{instant, zone};

fn hours(text: &str) -> OpenHours {
    text.parse()
        .unwrap_or_else(|fault| panic!("{text}: {fault}"))
}

/// When it opens and closes next, as the zone's clock shows it.
fn next(text: &str, zone_name: &str, at: &str) -> (String, String) {
    let (hours, zone) = (hours(text), zone(zone_name).unwrap());
    let shown = |at: jiff::Timestamp| zone.to_datetime(at).strftime("%a %H:%M").to_string();
    let opens = hours.opens(&zone, instant(at)).unwrap();
    (
        shown(opens),
        hours.closes(&zone, opens).map_or(String::new(), shown),
    )
}

fn assert_next(text: &str, zone_name: &str, at: &str, opens: &str, closes: &str) {
    let expected = (opens.to_owned(), closes.to_owned());
    assert_eq!(next(text, zone_name, at), expected, "{text} after {at}");
}

#[test]
fn hours_open_on_their_days_and_close_at_their_end() {
    let office = "08:00-18:00 Mon-Fri";
    // 27 November 2026 is a Friday.
    assert_next(office, "UTC", "2026-11-27T07:00Z", "Fri 08:00", "Fri 18:00");
    assert_next(office, "UTC", "2026-11-27T12:00Z", "Fri 12:00", "Fri 18:00");
    assert_next(office, "UTC", "2026-11-27T18:00Z", "Mon 08:00", "Mon 18:00");
    assert_next(
        "09:30-09:31 7",
        "UTC",
        "2026-11-27T18:00Z",
        "Sun 09:30",
        "Sun 09:31",
    );
}

#[test]
fn a_night_belongs_to_the_day_on_which_it_begins() {
    let night = "22:00-06:00 Mon-Fri";
    assert_next(night, "UTC", "2026-11-28T05:59Z", "Sat 05:59", "Sat 06:00");
    assert_next(night, "UTC", "2026-11-28T06:00Z", "Mon 22:00", "Tue 06:00");
    assert_next(night, "UTC", "2026-11-30T05:00Z", "Mon 22:00", "Tue 06:00");
}

#[test]
fn spans_that_touch_are_one_and_all_of_the_week_never_closes() {
    let both = OpenHours::union([hours("08:00-12:00"), hours("12:00-18:00 Mon-Fri")]);
    let utc = zone("UTC").unwrap();
    let closes = both.closes(&utc, instant("2026-11-27T09:00Z"));
    assert_eq!(closes, Some(instant("2026-11-27T18:00Z")));
    let always = hours("00:00-24:00");
    assert_eq!(always.closes(&utc, instant("2026-11-27T09:00Z")), None);
    let weekend = "00:00-24:00 Sat,Sun";
    assert_next(
        weekend,
        "UTC",
        "2026-11-27T09:00Z",
        "Sat 00:00",
        "Mon 00:00",
    );
}

#[test]
fn a_gap_swallows_an_opening_and_a_fold_shows_it_twice() {
    // New York: 02:00 becomes 03:00 on 8 March 2026, 02:00 becomes 01:00 on 1 November.
    let zone_name = "America/New_York";
    let early = "02:00-04:00";
    assert_next(
        early,
        zone_name,
        "2026-03-08T06:00Z",
        "Sun 03:00",
        "Sun 04:00",
    );
    assert_next(
        "02:00-03:00",
        zone_name,
        "2026-03-08T06:00Z",
        "Mon 02:00",
        "Mon 03:00",
    );
    let twice = "01:30-02:30";
    assert_next(
        twice,
        zone_name,
        "2026-11-01T05:00Z",
        "Sun 01:30",
        "Sun 01:00",
    );
    assert_next(
        twice,
        zone_name,
        "2026-11-01T06:00Z",
        "Sun 01:30",
        "Sun 02:30",
    );
}

#[test]
fn what_is_no_hours_is_told() {
    for (text, message, blamed) in [
        ("08:00", "`08:00` does not say from when to when", "08:00"),
        ("8-18 Mon", "`8` is not a time of day", "8"),
        ("08:00-25:00", "`25:00` is not a time of day", "25:00"),
        ("08:00-24:30", "`24:30` is not a time of day", "24:30"),
        (
            "08:00-08:00 Mon",
            "`08:00-08:00` begins when it ends",
            "08:00-08:00",
        ),
        (
            "08:00-18:00 Mon-Fry",
            "`Fry` is not a day of the week",
            "Fry",
        ),
        (
            "08:00-18:00 Mon#2",
            "`Mon#2` is not the same day every week",
            "Mon#2",
        ),
        (
            "08:00 - 18:00",
            "`08:00 - 18:00` does not say from when to when",
            "08:00",
        ),
    ] {
        let fault = text.parse::<OpenHours>().unwrap_err();
        assert_eq!(fault.message, message);
        assert_eq!(&text[fault.span.clone()], blamed, "{text}");
        assert!(!fault.label.is_empty());
    }
}
