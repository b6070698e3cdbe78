//! What is said where a helper cannot show what it was given.

use serde_json::json;

use super::shown;
use crate::compose::compile;

#[test]
fn an_unfit_value_is_a_fault_of_the_row_in_words() {
    let day = "write a day as 2026-11-23, with a time as 2026-11-23T09:30";
    let table = [
        (
            "{{date x}}",
            json!("soon"),
            8,
            format!("`date` cannot show this: `x` is \"soon\"; {day}"),
        ),
        (
            "{{date x}}",
            json!("23.11.2026"),
            8,
            format!("`x` is \"23.11.2026\"; {day}"),
        ),
        (
            "{{date x}}",
            json!("2026-02-30"),
            8,
            format!("`x` is \"2026-02-30\"; {day}"),
        ),
        ("{{date x}}", json!(""), 8, format!("`x` is empty; {day}")),
        ("{{date x}}", json!([1]), 8, format!("`x` is a list; {day}")),
        ("{{date x}}", json!(true), 8, format!("`x` is true; {day}")),
        (
            "{{date x}}",
            json!(2026),
            8,
            "`x` is 2026; a number is taken for seconds since 1970; else write 2026-11-23"
                .to_owned(),
        ),
        (
            "{{time x}}",
            json!("2026-11-23"),
            8,
            "`x` is \"2026-11-23\"; a time is needed, as in 2026-11-23T09:30".to_owned(),
        ),
        (
            "{{date x style}}",
            json!("2026-11-23"),
            1,
            "\"huge\" is no style: there are \"short\", \"medium\", \"long\", \"full\"".to_owned(),
        ),
        (
            "{{date x zone=style}}",
            json!("2026-11-23T09:30Z"),
            1,
            "there is no time zone `huge`; one is called Europe/Berlin".to_owned(),
        ),
        (
            "{{date x format=\"%H\"}}",
            json!("2026-11-23"),
            8,
            "the format \"%H\" asks for what it does not say, or is wrong".to_owned(),
        ),
        (
            "{{add_days x 99999999}}",
            json!("2026-11-23"),
            1,
            "a whole number of days is needed".to_owned(),
        ),
        (
            "{{number x}}",
            json!("1,234.50"),
            10,
            "`number` cannot show this: `x` is \"1,234.50\"; write a number as 1234.50".to_owned(),
        ),
        (
            "{{number x}}",
            json!("1e5"),
            10,
            "write a number as 1234.50".to_owned(),
        ),
        (
            "{{number x}}",
            json!("."),
            10,
            "write a number as 1234.50".to_owned(),
        ),
        (
            "{{number x}}",
            json!("9".repeat(40)),
            10,
            "it has too many digits".to_owned(),
        ),
        (
            "{{number x}}",
            json!(1e300),
            10,
            "it has too many digits".to_owned(),
        ),
        (
            "{{number x digits=99}}",
            json!(1),
            1,
            "`digits` must be a whole number up to 20".to_owned(),
        ),
        (
            "{{multiply x x}}",
            json!("999999999999999999999999999"),
            12,
            "the result has too many digits".to_owned(),
        ),
        (
            "{{currency x style}}",
            json!(1),
            14,
            "`style` is \"huge\"; a code of ISO 4217 is needed, such as EUR".to_owned(),
        ),
        (
            "{{plural x one=\"#\"}}",
            json!(2),
            1,
            "`other` is needed, for all numbers without a form of their own".to_owned(),
        ),
        (
            "{{list x}}",
            json!("Ada"),
            8,
            "`x` is \"Ada\"; a list is needed".to_owned(),
        ),
        (
            "{{list x}}",
            json!([]),
            8,
            "`x` is an empty list; it has no item".to_owned(),
        ),
        (
            "{{join x \", \"}}",
            json!([["a"]]),
            8,
            "`x` is a list; its items must be texts or numbers".to_owned(),
        ),
        (
            "{{first x}}",
            json!([]),
            9,
            "`x` is an empty list; it has no item".to_owned(),
        ),
        (
            "{{truncate x 0}}",
            json!("a"),
            1,
            "a whole number above 0 is needed".to_owned(),
        ),
        (
            "{{upper x}}",
            json!({ "a": 1 }),
            9,
            "`x` is a group; text is needed".to_owned(),
        ),
        (
            "{{len x}}",
            json!(5),
            7,
            "`x` is 5; a list or a text is needed".to_owned(),
        ),
        (
            "{{date x}}",
            json!(format!("{}\u{1b}[31m\n", "long ".repeat(30))),
            8,
            "`x` is \"long long long long long long long long …\"".to_owned(),
        ),
    ];
    for (body, x, column, problem) in table {
        let fault = shown(body, json!({ "x": x, "style": "huge" }), "en");
        assert!(fault.contains(&problem), "{body} {x}: {fault}");
        let place = format!("template `t` (body.txt:1:{column}): ");
        assert!(fault.starts_with(&place), "{body} {x}: {fault}");
    }
    let absent = [
        "{{date x}}",
        "{{number x}}",
        "{{currency 1 x}}",
        "{{plural x other=\"#\"}}",
        "{{list x}}",
        "{{url x}}",
        "{{len x}}",
        "{{date \"2026-11-23\" zone=x}}",
        "{{upper x}}",
    ];
    for body in absent {
        let fault = shown(body, json!({}), "en");
        assert!(
            fault.ends_with("the field `x` is empty for this person"),
            "{body}: {fault}"
        );
    }
}

#[test]
fn what_a_helper_does_nothing_with_is_found_before_anything_is_sent() {
    let table = [
        (
            "{{number x digit=2}}",
            "`number` has no such option; did you mean `digits`?",
        ),
        (
            "{{upper x size=2}}",
            "`upper` has no such option: it has locale",
        ),
        ("{{trim x left=true}}", "`trim` has no options"),
        ("{{upper first last}}", "`upper` takes 1 value"),
        ("{{date due long now}}", "`date` takes 2 values"),
        ("{{currency x}}", "`currency` needs two values"),
        ("{{replace x \"a\"}}", "`replace` needs three values"),
        ("{{#date x}}{{/date}}", "`date` is not a block"),
    ];
    for (body, message) in table {
        let faults = compile(&[("t/subject.txt", "Hi"), ("t/body.txt", body)]);
        let faults = faults.expect_err("it is found");
        assert_eq!(faults[0].message, message, "{body}");
    }
}
