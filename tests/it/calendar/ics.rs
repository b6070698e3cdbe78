//! Calendar files: which days they mean, and what of them is not understood.

use postroom::calendar::{IcsFault, ics_days};

use super::zone;

fn file(events: &str) -> String {
    format!("BEGIN:VCALENDAR\r\nVERSION:2.0\r\n{events}END:VCALENDAR\r\n")
}

fn event(properties: &str) -> String {
    format!("BEGIN:VEVENT\r\nUID:1\r\n{properties}\r\nEND:VEVENT\r\n")
}

fn read(text: &str) -> Result<Vec<String>, Vec<IcsFault>> {
    let days = ics_days(text, &zone("Europe/Berlin").unwrap())?;
    Ok(days.keys().map(ToString::to_string).collect())
}

/// The days of one event, up to the tenth.
fn days(properties: &str) -> String {
    let days = read(&file(&event(properties)));
    let days = days.unwrap_or_else(|faults| panic!("{properties}: {faults:?}"));
    days[..days.len().min(10)].join(" ")
}

#[test]
fn an_event_is_the_days_that_it_touches() {
    for (properties, expected) in [
        ("DTSTART;VALUE=DATE:20261225", "2026-12-25"),
        ("DTSTART:20261225", "2026-12-25"),
        (
            "DTSTART;VALUE=DATE:20261224\nDTEND;VALUE=DATE:20261227",
            "2026-12-24 2026-12-25 2026-12-26",
        ),
        (
            "DTSTART;VALUE=DATE:20261224\nDURATION:P2D",
            "2026-12-24 2026-12-25",
        ),
        (
            "DTSTART:20261224T120000\nDTEND:20261224T180000",
            "2026-12-24",
        ),
        (
            "DTSTART:20261224T120000\nDTEND:20261225T000000",
            "2026-12-24",
        ),
        (
            "DTSTART:20261224T120000\nDTEND:20261225T000001",
            "2026-12-24 2026-12-25",
        ),
        (
            "DTSTART:20261224T120000\nDURATION:PT36H",
            "2026-12-24 2026-12-25",
        ),
        ("DTSTART:20261224T120000", "2026-12-24"),
        // A zone's own time stands for itself; UTC is taken to Berlin.
        ("DTSTART;TZID=Asia/Tokyo:20261224T230000", "2026-12-24"),
        (
            "DTSTART:20261224T230000Z\nDTEND:20261225T230000Z",
            "2026-12-25",
        ),
    ] {
        assert_eq!(
            days(&properties.replace('\n', "\r\n")),
            expected,
            "{properties}"
        );
    }
}

#[test]
fn an_event_that_comes_again_is_all_its_days() {
    for (rule, expected) in [
        ("FREQ=YEARLY;COUNT=3", "2026-01-06 2027-01-06 2028-01-06"),
        (
            "FREQ=YEARLY;INTERVAL=2;UNTIL=20300106",
            "2026-01-06 2028-01-06 2030-01-06",
        ),
        (
            "FREQ=YEARLY;UNTIL=20280105T225959Z",
            "2026-01-06 2027-01-06",
        ),
        // Labor Day, Thanksgiving, Memorial Day; Election Day.
        (
            "FREQ=YEARLY;BYMONTH=9;BYDAY=1MO;COUNT=3",
            "2026-01-06 2026-09-07 2027-09-06",
        ),
        (
            "FREQ=YEARLY;BYDAY=4TH;BYMONTH=11;COUNT=3",
            "2026-01-06 2026-11-26 2027-11-25",
        ),
        (
            "FREQ=YEARLY;BYMONTH=5;BYDAY=-1MO;COUNT=3",
            "2026-01-06 2026-05-25 2027-05-31",
        ),
        (
            "FREQ=YEARLY;INTERVAL=2;BYMONTH=11;BYDAY=TU;BYMONTHDAY=2,3,4,5,6,7,8;COUNT=3",
            "2026-01-06 2026-11-03 2028-11-07",
        ),
        ("FREQ=YEARLY;BYDAY=20MO;COUNT=2", "2026-01-06 2026-05-18"),
        ("FREQ=YEARLY;BYDAY=-1FR;COUNT=2", "2026-01-06 2026-12-25"),
        (
            "FREQ=YEARLY;BYMONTH=3,7;COUNT=4",
            "2026-01-06 2026-03-06 2026-07-06 2027-03-06",
        ),
        (
            "FREQ=YEARLY;BYMONTHDAY=-1;COUNT=3",
            "2026-01-06 2026-01-31 2026-02-28",
        ),
        (
            "FREQ=MONTHLY;INTERVAL=5;COUNT=3",
            "2026-01-06 2026-06-06 2026-11-06",
        ),
        (
            "FREQ=MONTHLY;BYDAY=-1FR;COUNT=3",
            "2026-01-06 2026-01-30 2026-02-27",
        ),
        (
            "FREQ=WEEKLY;INTERVAL=2;COUNT=3",
            "2026-01-06 2026-01-20 2026-02-03",
        ),
        (
            "FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,TU;COUNT=4",
            "2026-01-06 2026-01-19 2026-01-20 2026-02-02",
        ),
        (
            "FREQ=WEEKLY;INTERVAL=2;WKST=TU;BYDAY=MO,TU;COUNT=3",
            "2026-01-06 2026-01-12 2026-01-20",
        ),
        (
            "FREQ=DAILY;INTERVAL=10;COUNT=3",
            "2026-01-06 2026-01-16 2026-01-26",
        ),
        (
            "FREQ=DAILY;BYMONTH=2;COUNT=3",
            "2026-01-06 2026-02-01 2026-02-02",
        ),
    ] {
        let properties = format!("DTSTART;VALUE=DATE:20260106\r\nRRULE:{rule}");
        assert_eq!(days(&properties), expected, "{rule}");
    }
    let leap = "DTSTART;VALUE=DATE:20240229\r\nRRULE:FREQ=YEARLY;COUNT=2";
    assert_eq!(days(leap), "2024-02-29 2028-02-29");
    let all = read(&file(&event(
        "DTSTART;VALUE=DATE:20261225\r\nRRULE:FREQ=YEARLY",
    )))
    .unwrap();
    assert_eq!(
        (all.len(), all.last().unwrap().as_str()),
        (75, "2100-12-25")
    );
}

#[test]
fn exceptions_additions_moves_and_cancellations_count() {
    let yearly = "DTSTART;VALUE=DATE:20261225\r\nRRULE:FREQ=YEARLY;COUNT=3";
    let except = format!("{yearly}\r\nEXDATE;VALUE=DATE:20271225");
    assert_eq!(days(&except), "2026-12-25 2028-12-25");
    let more = format!("{yearly}\r\nRDATE;VALUE=DATE:20270101,20270102");
    assert_eq!(
        days(&more),
        "2026-12-25 2027-01-01 2027-01-02 2027-12-25 2028-12-25"
    );
    let moved = file(
        &[
            event(yearly),
            event("DTSTART;VALUE=DATE:20271227\r\nRECURRENCE-ID;VALUE=DATE:20271225"),
        ]
        .concat(),
    );
    assert_eq!(
        read(&moved).unwrap(),
        ["2026-12-25", "2027-12-27", "2028-12-25"]
    );
    let cancelled = file(
        &[
            event(yearly),
            event("DTSTART:20271225\r\nRECURRENCE-ID;VALUE=DATE:20271225\r\nSTATUS:CANCELLED"),
        ]
        .concat(),
    );
    assert_eq!(read(&cancelled).unwrap(), ["2026-12-25", "2028-12-25"]);
}

#[test]
fn folded_lines_names_and_what_is_no_event_are_read_as_the_standard_says() {
    let text = file(concat!(
        "BEGIN:VTIMEZONE\nTZID:Own\nBEGIN:STANDARD\nDTSTART:19701025T030000\n",
        "RRULE:FREQ=YEARLY;BYMONTH=10;BYDAY=-1SU\nEND:STANDARD\nEND:VTIMEZONE\n",
        "BEGIN:VJOURNAL\nDTSTART:20260101\nEND:VJOURNAL\n",
        "begin:vevent\nSUMMARY;LANGUAGE=\"de:DE\":Heilig\n abend\\, mittags\\nfrei\n",
        "DTSTART;TZID=\"Own;Zone\":2026\n 1224T120000\n",
        "BEGIN:VALARM\nTRIGGER:-PT1H\nDURATION:PT99H\nEND:VALARM\nend:vevent\n",
    ));
    let days = ics_days(&text, &zone("UTC").unwrap()).unwrap();
    let days: Vec<_> = days
        .iter()
        .map(|(day, name)| format!("{day} {name}"))
        .collect();
    assert_eq!(days, ["2026-12-24 Heiligabend, mittags frei"]);
}

#[test]
fn what_is_not_understood_is_named_with_its_place() {
    let start = "DTSTART;VALUE=DATE:20261225";
    for (properties, message, blamed) in [
        (
            "RRULE:FREQ=YEARLY;BYEASTER=1",
            "`RRULE:FREQ=YEARLY;BYEASTER=1`: `BYEASTER=1` is not understood",
            "RRULE:FREQ=YEARLY;BYEASTER=1",
        ),
        (
            "RRULE:FREQ=MONTHLY;BYDAY=MO;BYSETPOS=-1",
            "`RRULE:FREQ=MONTHLY;BYDAY=MO;BYSETPOS=-1`: `BYSETPOS=-1` is not understood",
            "RRULE:FREQ=MONTHLY;BYDAY=MO;BYSETPOS=-1",
        ),
        (
            "RRULE:FREQ=HOURLY",
            "`RRULE:FREQ=HOURLY`: `FREQ=HOURLY` is not understood",
            "RRULE:FREQ=HOURLY",
        ),
        (
            "RRULE:FREQ=WEEKLY;BYDAY=1MO",
            "`RRULE:FREQ=WEEKLY;BYDAY=1MO`: its BYDAY has no meaning with this FREQ",
            "RRULE:FREQ=WEEKLY;BYDAY=1MO",
        ),
        (
            "RRULE:COUNT=2",
            "`RRULE:COUNT=2` does not say FREQ",
            "RRULE:COUNT=2",
        ),
        (
            "EXRULE:FREQ=YEARLY",
            "`EXRULE:FREQ=YEARLY`: EXRULE is not understood",
            "EXRULE:FREQ=YEARLY",
        ),
        (
            "RDATE;VALUE=PERIOD:20270101T00/P1D",
            "`RDATE;VALUE=PERIOD:20270101T00/P1D`: `20270101T00/P1D` is not a date or a time",
            "RDATE;VALUE=PERIOD:20270101T00/P1D",
        ),
        (
            "DTEND:20261325",
            "`DTEND:20261325`: `20261325` is not a date or a time",
            "DTEND:20261325",
        ),
        (
            "DURATION:1 day",
            "`DURATION:1 day`: `1 day` is not a duration",
            "DURATION:1 day",
        ),
        (
            "DTEND:20290101",
            "event `Fête`: it lasts longer than a year",
            "BEGIN:VEVENT",
        ),
    ] {
        let text = file(&event(&format!("SUMMARY:Fête\r\n{start}\r\n{properties}")));
        let faults = read(&text).unwrap_err();
        assert_eq!(faults.len(), 1, "{faults:?}");
        assert_eq!(faults[0].message, message);
        assert_eq!(&text[faults[0].span.clone()], blamed);
    }
    let no_start = read(&file(&event("SUMMARY:Fête"))).unwrap_err();
    assert_eq!(no_start[0].message, "event `Fête`: it has no DTSTART");
    for (text, message) in [
        (
            "",
            "this is no iCalendar file: it does not begin with BEGIN:VCALENDAR",
        ),
        (
            "date,name\n",
            "this is no iCalendar file: it does not begin with BEGIN:VCALENDAR",
        ),
        (
            "BEGIN:VCALENDAR\nEND:VCALENDAR\n",
            "there is no event in it",
        ),
        (
            "BEGIN:VCALENDAR\nBEGIN:VEVENT\nDTSTART:20261225\n",
            "the file breaks off: VEVENT does not end",
        ),
        (
            "BEGIN:VCALENDAR\nEND:VEVENT\n",
            "`END:VEVENT` ends what did not begin",
        ),
    ] {
        assert_eq!(read(text).unwrap_err()[0].message, message, "{text}");
    }
}
