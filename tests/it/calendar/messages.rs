//! What is said about an expression that cannot be used, and where it points.

use postroom::calendar::{Cron, CronError};

fn fault(expression: &str) -> CronError {
    expression.parse::<Cron>().expect_err(expression)
}

#[test]
fn the_word_to_blame_is_named() {
    let table = [
        // expression, what is underlined, the sentence after the quoted expression, the label
        ("0 25 * * Mon", "25", "there is no hour 25", "hour: 0 to 23"),
        (
            "60 9 * * *",
            "60",
            "there is no minute 60",
            "minute: 0 to 59",
        ),
        (
            "0 9 0 * *",
            "0",
            "there is no day 0",
            "day of month: 1 to 31",
        ),
        (
            "0 9 32 * *",
            "32",
            "there is no day 32",
            "day of month: 1 to 31",
        ),
        (
            "0 9 * 13 *",
            "13",
            "there is no month 13",
            "month: 1 to 12, or Jan to Dec",
        ),
        (
            "0 9 * * 8",
            "8",
            "there is no weekday 8",
            "day of week: 0 to 7, where 0 and 7 are Sunday, or Sun to Sat",
        ),
        (
            "0 9 * * 99999999999",
            "99999999999",
            "there is no weekday 99999999999",
            "day of week: 0 to 7, where 0 and 7 are Sunday, or Sun to Sat",
        ),
        (
            "0 9-8 * * *",
            "9-8",
            "`9-8` runs backwards",
            "write `8-9`, or `9-23,0-8` to go round",
        ),
        (
            "0 0 * Nov-Jan/2 *",
            "Nov-Jan",
            "`Nov-Jan` runs backwards",
            "write `Jan-Nov`, or `Nov-Dec,Jan` to go round",
        ),
        (
            "0 8,9,24-26 * * *",
            "24",
            "there is no hour 24",
            "hour: 0 to 23",
        ),
        (
            "0 9 * * Mno",
            "Mno",
            "`Mno` is not a day of the week",
            "did you mean `Mon`?",
        ),
        (
            "0 9 * * Tusday",
            "Tusday",
            "`Tusday` is not a day of the week",
            "did you mean `Tuesday`?",
        ),
        (
            "0 9 * Sept,Okt *",
            "Okt",
            "`Okt` is not a month",
            "did you mean `Oct`?",
        ),
        (
            "0 9 * Mon *",
            "Mon",
            "`Mon` is not a month",
            "weekdays belong in the fifth field",
        ),
        (
            "0 9 Wed * *",
            "Wed",
            "`Wed` is not a day of the month",
            "weekdays belong in the fifth field",
        ),
        (
            "0 9 Jul * *",
            "Jul",
            "`Jul` is not a day of the month",
            "months belong in the fourth field",
        ),
        (
            "0 9am * * *",
            "9am",
            "`9am` is not an hour",
            "hour: 0 to 23",
        ),
        (
            "*5 * * * *",
            "*5",
            "`*5` is not a minute",
            "minute: 0 to 59",
        ),
        (
            "0 9 * * é",
            "é",
            "`é` is not a day of the week",
            "day of week: 0 to 7, where 0 and 7 are Sunday, or Sun to Sat",
        ),
        (
            "1,,2 * * * *",
            "1,,2",
            "there is an empty place in the list",
            "a comma with nothing beside it",
        ),
        (
            "0 9, * * *",
            "9,",
            "there is an empty place in the list",
            "a comma with nothing beside it",
        ),
        (
            "0 9- * * *",
            "9-",
            "`9-` is not a range",
            "a range has two ends, as in `1-5`",
        ),
        (
            "0 1-2-3 * * *",
            "1-2-3",
            "`1-2-3` is not a range",
            "a range has two ends, as in `1-5`",
        ),
        (
            "*/90 * * * *",
            "*/90",
            "a step of 90 from 0 reaches nothing but 0",
            "write `0`, or a step of at most 59",
        ),
        (
            "0 */24 * * *",
            "*/24",
            "a step of 24 from 0 reaches nothing but 0",
            "write `0`, or a step of at most 23",
        ),
        (
            "10-20/30 * * * *",
            "10-20/30",
            "a step of 30 from 10 reaches nothing but 10",
            "write `10`, or a step of at most 10",
        ),
        (
            "5-5/3 * * * *",
            "5-5/3",
            "a step of 3 from 5 reaches nothing but 5",
            "write `5`",
        ),
        ("*/0 * * * *", "0", "a step of 0 goes nowhere", "1 or more"),
        (
            "*/x * * * *",
            "x",
            "`x` is not a step",
            "a whole number, as in `*/5`",
        ),
        (
            "*/+5 * * * *",
            "+5",
            "`+5` is not a step",
            "a whole number, as in `*/5`",
        ),
        (
            "*/ * * * *",
            "*/",
            "`*/` does not say how far a step is",
            "a number follows the `/`",
        ),
        (
            "/5 * * * *",
            "/5",
            "`/5` does not say what to step through",
            "write `*/5`",
        ),
        (
            "5/15 * * * *",
            "5/15",
            "`5/15` has a step but no range to step through",
            "write `5-59/15`",
        ),
        (
            "0 9 ? * Mon",
            "?",
            "`?` belongs to another kind of cron",
            "write `*`",
        ),
        (
            "0 9 L-3 * *",
            "L-3",
            "`L-3` is more than a day of the month can say here",
            "`L` is the last day, `LW` the last from Monday to Friday, `15W` the nearest",
        ),
        (
            "0 9 32W * *",
            "32",
            "there is no day 32",
            "day of month: 1 to 31",
        ),
        (
            "0 9 * * L",
            "L",
            "`L` does not say the last of which weekday",
            "`FriL` is the last Friday",
        ),
        (
            "0 9 * * Mon#6",
            "6",
            "`Mon#6` does not say which Monday of the month",
            "1 to 5 stand after `#`",
        ),
        (
            "0 9 * * Mon#",
            "Mon#",
            "`Mon#` does not say which Monday of the month",
            "1 to 5 stand after `#`",
        ),
    ];
    for (expression, underlined, sentence, label) in table {
        let fault = fault(expression);
        assert_eq!(&expression[fault.span.clone()], underlined, "{expression}");
        assert_eq!(fault.message, format!("`{expression}`: {sentence}"));
        assert_eq!(fault.label, label, "{expression}");
        assert!(fault.note.is_some() && !fault.never, "{expression}");
    }
}

#[test]
fn spans_are_bytes_of_the_text_as_written() {
    let text = "  0\u{a0}25 *  * Mon";
    let fault = fault(text);
    assert_eq!(&text[fault.span], "25");
    assert_eq!(fault.message, "`0\u{a0}25 *  * Mon`: there is no hour 25");
    assert_eq!(
        fault.note.unwrap(),
        "the fields are minute, hour, day of month, month, day of week"
    );
}

#[test]
fn the_wrong_number_of_fields_is_explained() {
    let table = [
        (
            "0 0 9 * * Mon",
            "has six fields",
            "looks like a seconds field in front",
            Some("for Mondays at 09:00 write `cron = \"0 9 * * Mon\"`"),
        ),
        (
            "0 30 8 * * *",
            "has six fields",
            "looks like a seconds field in front",
            Some("for every day at 08:30 write `cron = \"30 8 * * *\"`"),
        ),
        (
            "0 */5 * * * *",
            "has six fields",
            "looks like a seconds field in front",
            Some("write `cron = \"*/5 * * * *\"`"),
        ),
        (
            "0 9 * * Mon 2027",
            "has six fields",
            "looks like a year, or a user, at the end",
            Some("for Mondays at 09:00 write `cron = \"0 9 * * Mon\"`"),
        ),
        (
            "0 9 ? * Mon *",
            "has six fields",
            "looks like a year, or a user, at the end",
            Some("for Mondays at 09:00 write `cron = \"0 9 * * Mon\"`"),
        ),
        (
            "0 0 9 ? * Mon 2027",
            "has seven fields",
            "looks like seconds in front and a year at the end",
            Some("for Mondays at 09:00 write `cron = \"0 9 * * Mon\"`"),
        ),
        ("0 9 * *", "has four fields", "", None),
        ("daily", "has one field", "did you mean `@daily`?", None),
        ("every monday at nine", "has four fields", "", None),
        ("a b c d e f g h i j k", "has 11 fields", "", None),
    ];
    for (expression, count, label, help) in table {
        let fault = fault(expression);
        assert_eq!(
            fault.message,
            format!("`{expression}` {count}, a cron expression has five")
        );
        assert_eq!(fault.span, 0..expression.len());
        assert_eq!(fault.label, label, "{expression}");
        assert_eq!(fault.help.as_deref(), help, "{expression}");
        assert_eq!(fault.note.is_some(), help.is_none(), "{expression}");
    }
}

#[test]
fn an_empty_expression_says_so() {
    for text in ["", "   "] {
        let fault = fault(text);
        assert_eq!(fault.message, "the cron expression is empty");
        assert_eq!(fault.span, 0..text.len());
        assert!(fault.help.is_some());
    }
}

#[test]
fn nicknames_that_are_no_times_are_refused_with_a_reason() {
    let reboot = fault("@reboot");
    assert_eq!(reboot.message, "`@reboot` is not a time");
    assert_eq!(
        reboot.note.unwrap(),
        "a service starts again after every crash and update, and would send each time"
    );
    assert_eq!(fault("@dialy").label, "did you mean `@daily`?");
    assert_eq!(
        fault("@fortnightly").label,
        "there are @hourly, @daily, @weekly, @monthly and @yearly"
    );
    assert_eq!(fault("@every 5m").span, 0..6);
    let alone = fault("@daily 9 *");
    assert_eq!(
        (alone.message.as_str(), alone.span),
        ("`@daily` stands alone", 7..10)
    );
}

/// A39: the 31st of February.
#[test]
fn an_expression_that_never_runs_is_refused() {
    let table = [
        ("0 9 31 2 *", "31 2", "February has no 31st"),
        ("0 9 30,31 Feb *", "30,31 Feb", "February has no 30th"),
        (
            "0 9 31 4,6,9,11 *",
            "31 4,6,9,11",
            "none of these months has a 31st",
        ),
        (
            "0 9 */30 2 Mon#5",
            "*/30 2 Mon#5",
            "no date fits all of these",
        ),
    ];
    for (expression, underlined, label) in table {
        let fault = fault(expression);
        assert!(fault.never, "{expression}");
        assert_eq!(fault.message, format!("`{expression}` would never run"));
        assert_eq!(&expression[fault.span], underlined);
        assert_eq!(fault.label, label);
    }
    for rare in [
        "0 9 29 2 *",
        "0 9 * 2 Mon#5",
        "0 9 */28 2 Mon",
        "0 9 31 2 Mon",
    ] {
        assert!(rare.parse::<Cron>().is_ok(), "{rare}");
    }
}
