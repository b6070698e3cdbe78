//! Which names are time zones, and what is said about the others.

use super::zone;

#[test]
fn names_of_tzdb_are_zones_in_any_case() {
    for (name, known_as) in [
        ("Europe/Berlin", "Europe/Berlin"),
        ("america/new_york", "America/New_York"),
        ("America/Argentina/Ushuaia", "America/Argentina/Ushuaia"),
        ("UTC", "UTC"),
        ("utc", "UTC"),
        ("Japan", "Japan"),
    ] {
        assert_eq!(zone(name).unwrap().iana_name(), Some(known_as), "{name}");
    }
    assert!(zone("Etc/UTC").is_ok());
}

/// A39: a zone that there is not.
#[test]
fn an_unknown_name_gets_the_closest_one() {
    for (name, suggestion) in [
        ("Europe/Kyev", Some("Europe/Kyiv")),
        ("Europe/Berln", Some("Europe/Berlin")),
        ("Berlin", Some("Europe/Berlin")),
        ("new york", Some("America/New_York")),
        ("America/New York", Some("America/New_York")),
        ("Kiev", Some("Europe/Kiev")),
        ("US/Estern", Some("US/Eastern")),
        ("right/Europe/Berlin", Some("Europe/Berlin")),
        ("Asia/Beijing", Some("Asia/Shanghai")),
        ("beijing", Some("Asia/Shanghai")),
        ("Europe/Munich", Some("Europe/Berlin")),
        ("America/San Francisco", Some("America/Los_Angeles")),
        ("America/Washington", Some("America/New_York")),
        ("America/Boston", Some("America/New_York")),
        ("Asia/Mumbai", Some("Asia/Kolkata")),
        ("Asia/Bangalore", Some("Asia/Kolkata")),
        ("Middle-earth/Mordor", None),
        ("../../etc/passwd", None),
        ("Factory", None),
    ] {
        let fault = zone(name).unwrap_err();
        assert_eq!(fault.message, format!("no time zone is called `{name}`"));
        assert_eq!(fault.suggestion.as_deref(), suggestion, "{name}");
    }
    assert_eq!(zone(" ").unwrap_err().message, "the time zone is empty");
}

/// A39: `EST5EDT` and the like.
#[test]
fn what_is_no_place_is_refused_with_a_city() {
    for (name, message, city) in [
        (
            "PST",
            "`PST` is not a place, and has no summer time",
            "America/Los_Angeles",
        ),
        (
            "EST",
            "`EST` is not a place, and has no summer time",
            "America/New_York",
        ),
        ("EST5EDT", "`EST5EDT` is not a place", "America/New_York"),
        ("cest", "`cest` is not a place", "Europe/Berlin"),
        (
            "GMT",
            "`GMT` is not a place, and has no summer time",
            "Europe/London",
        ),
        (
            "UTC+2",
            "`UTC+2` is not a place but an offset, and has no summer time",
            "Europe/Berlin",
        ),
        (
            "-05:00",
            "`-05:00` is not a place but an offset, and has no summer time",
            "Europe/Berlin",
        ),
        (
            "local",
            "`local` is not a place, and not every machine agrees where it is",
            "Europe/Berlin",
        ),
    ] {
        let fault = zone(name).unwrap_err();
        assert_eq!(fault.message, message);
        assert_eq!(fault.suggestion, None);
        assert_eq!(
            fault.help.unwrap(),
            format!("name a city: `timezone = \"{city}\"`")
        );
    }
}
