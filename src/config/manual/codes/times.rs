//! Codes of problems with times.

use super::{Code, code};

pub(super) static CODES: &[Code] = &[
    code(
        "bad-cron",
        "A text is not a crontab expression.",
        r#"cron = "0 25 * * Mon"      # there is no hour 25"#,
        "Five fields: minute, hour, day of month, month, day of week. Sunday is 0, 7 or Sun.",
    ),
    code(
        "never-fires",
        "A schedule would never run.",
        r#"cron = "0 9 31 2 *"      # February has no 31st"#,
        "Mend the expression, or `starts`, `ends` and `holidays` that leave nothing of it. \
         `postroom next` shows the dates.",
    ),
    code(
        "not-every-date",
        "An expression leaves out months or years that one might expect.",
        r#"cron = "0 9 31 * *"      # seven months of the year"#,
        "If that is meant, leave it; for the last day of every month write \"0 9 L * *\".",
    ),
    code(
        "bad-date",
        "A text is not a date, or two dates are in the wrong order.",
        r#"on = "24.12.2026 9:00""#,
        "2026-12-24T09:00:00, with or without quotes, and without an offset: `timezone` says \
         where the clock hangs.",
    ),
    code(
        "bad-hours",
        "A text does not name hours of a day.",
        r#"between = "9-17""#,
        "\"09:00-17:00\", with days if they differ: \"09:00-17:00 Mon-Fri\". Several stand in a \
         list.",
    ),
    code(
        "never-between",
        "No run begins within the hours at which its mail may leave.",
        r#"cron    = "0 20 * * *"
between = "08:00-18:00""#,
        "Every run waits until the hours begin. If that is not meant, change one of the two.",
    ),
    code(
        "unknown-timezone",
        "No time zone has that name.",
        r#"timezone = "PST""#,
        "Names are of the IANA database, a continent and a city: \"America/Los_Angeles\". \
         Abbreviations are ambiguous and know no summer time.",
    ),
    code(
        "bad-holidays",
        "A calendar file holds what is not understood.",
        r#"holidays = ["holidays.ics"]"#,
        "A holiday that is not understood could become a day of work, so the file is refused. \
         Leave the entry out of it, and write its days as dates.",
    ),
    code(
        "overlaps",
        "A run would still be sending when the next one is due.",
        r#"cron = "*/5 * * * *"
rate = "10/hour""#,
        "Raise the rate, or let it run less often. `overlap` says what happens: queue, skip, …",
    ),
    code(
        "too-many",
        "The last run had more people than `max_recipients` allows now, or a mail has too many.",
        "max_recipients = 500       # and 2,411 people the last time",
        "Raise `max_recipients` if that many are meant. One mail to all (`group`) goes to 100 \
         people at most: take `group` out, and each gets their own.",
    ),
    code(
        "too-slow",
        "A run would not be finished before its mail expires.",
        r#"rate    = "100/hour"      # for 10,000 people
expires = "24h""#,
        "Raise the rate, or write a longer `expires`. `postroom next --load` shows the course of \
         it.",
    ),
];
