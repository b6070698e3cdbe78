//! The table of helpers: what a template's author reads of each, and what it needs.

use super::call::Run;
use super::{BuiltIn, Form, currency, date, list, number, text, url};

/// Every helper.
#[rustfmt::skip]
pub static HELPERS: &[BuiltIn] = &[
    block("if", 1, "{{#if plan}}On {{plan}}.{{else}}No plan.{{/if}}", "On pro.",
        "What follows, if the value is there and is not empty, 0 or false; else what follows {{else}}"),
    block("unless", 1, "{{#unless is_paid}}Please pay.{{/unless}}", "Please pay.",
        "The opposite of if"),
    block("each", 1, "{{#each orders}}{{this}}; {{/each}}", "tea; ink; ",
        "What follows, for each item of a list or group: its values by name, {{this}}, {{@index}} \
         (from 0), {{@key}}, {{@first}}, {{@last}}; {{../name}} is from around it"),
    block("with", 1, "{{#with address}}{{city}}{{/with}}", "London",
        "What follows, with the values of a group by name"),
    block("raw", 0, "{{{{raw}}}}{{as it is}}{{{{/raw}}}}", "{{as it is}}",
        "Text in which braces mean nothing"),
    handlebars("lookup", Form::Value, 2, "{{lookup orders 0}}", "tea",
        "The item of a list at a place, from 0, or of a group by its key"),
    ours("len", (1, 1), &[], list::len, "{{len orders}}", "2",
        "How many items a list has, or characters a text"),
    handlebars("eq", Form::Both, 2, r#"{{#if (eq plan "pro")}}yes{{/if}}"#, "yes",
        "Whether two values are equal"),
    handlebars("ne", Form::Both, 2, r#"{{#if (ne plan "free")}}yes{{/if}}"#, "yes",
        "Whether two values differ"),
    handlebars("gt", Form::Both, 2, "{{#if (gt seats 2)}}yes{{/if}}", "yes",
        "Whether the first is greater"),
    handlebars("gte", Form::Both, 2, "{{#if (gte seats 3)}}yes{{/if}}", "yes",
        "Whether the first is greater or equal"),
    handlebars("lt", Form::Both, 2, "{{#if (lt seats 5)}}yes{{/if}}", "yes",
        "Whether the first is less"),
    handlebars("lte", Form::Both, 2, "{{#if (lte seats 3)}}yes{{/if}}", "yes",
        "Whether the first is less or equal"),
    handlebars("and", Form::Both, 1, "{{#if (and plan seats)}}both{{/if}}", "both",
        "Whether all values are there"),
    handlebars("or", Form::Both, 1, "{{#if (or is_paid seats)}}one{{/if}}", "one",
        "Whether one of the values is there"),
    handlebars("not", Form::Both, 1, "{{#if (not is_paid)}}yes{{/if}}", "yes",
        "Whether the value is missing, empty, 0 or false"),
    ours("default", (2, 2), &[], text::default, r#"{{default nickname "friend"}}"#, "friend",
        "The first value, or the second where the first is missing or empty"),

    ours("date", (1, 2), &["style", "time", "format", "zone", "locale"], date::date,
        r#"{{date due "long"}}"#, "November 23, 2026",
        "A day in the reader's language: \"short\", \"medium\" (the default), \"long\" or \"full\". \
         time=\"short\" or \"medium\" adds the time of the day. The value is 2026-11-23, \
         2026-11-23T09:30, a moment with its offset, or seconds since 1970; the last two are shown \
         in the schedule's time zone, or in zone=\"Asia/Tokyo\". format=\"%d.%m.%Y\" writes it by \
         strftime, with names in English"),
    ours("time", (1, 2), &["style", "zone", "locale"], date::time,
        r#"{{time "2026-11-23T17:05" locale="de"}}"#, "17:05",
        "The time of the day: \"short\" (the default), or \"medium\" with seconds"),
    ours("add_days", (2, 2), &["zone"], date::add_days, "{{add_days due 14}}", "2026-12-07",
        "The day so many days later, or earlier with a minus; for {{date (add_days due 14)}}"),
    ours("number", (1, 1), &["digits", "locale"], number::number, "{{number total digits=2}}",
        "1,234.50",
        "A number with the separators of the reader's language; digits= rounds it, a half away \
         from zero"),
    ours("percent", (1, 1), &["digits", "locale"], number::percent, "{{percent 0.255}}", "25.5%",
        "A share of 1 as a percentage; digits= rounds it"),
    ours("currency", (2, 2), &["digits", "locale"], currency::currency,
        r#"{{currency total "EUR"}}"#, "€1,234.50",
        "An amount of money by its code of ISO 4217, with as many decimals as that currency has. \
         The place of the sign is known for some forty languages; a currency that has no sign of \
         its own there is shown by its code"),
    ours("plural", (1, 1), &["zero", "one", "two", "few", "many", "other", "locale"],
        number::plural, r##"{{plural seats one="# seat" other="# seats"}}"##, "3 seats",
        "The form that a number takes in the reader's language, # being the number: zero=, one=, \
         two=, few=, many= and, always needed, other=. zero= is also what is said of exactly 0"),
    ours("add", (2, 2), &[], number::add, "{{add seats 1}}", "4",
        "The sum of two numbers, exactly; {{add @index 1}} counts from 1"),
    ours("subtract", (2, 2), &[], number::subtract, "{{subtract total 0.1}}", "1234.4",
        "The first number less the second, exactly"),
    ours("multiply", (2, 2), &[], number::multiply, "{{multiply seats 9.95}}", "29.85",
        "The product of two numbers, exactly"),

    ours("list", (1, 1), &["type", "locale"], list::list, "{{list orders}}", "tea and ink",
        "The items of a list as a phrase of the reader's language; type=\"or\" joins the last two \
         by or"),
    ours("join", (2, 2), &[], list::join, r#"{{join orders " / "}}"#, "tea / ink",
        "The items of a list with a text between them"),
    ours("split", (2, 2), &[], list::split, r#"{{#each (split tags ";")}}[{{this}}]{{/each}}"#,
        "[new][vip]", "A list from the parts of a text, for a cell that holds several values"),
    ours("first", (1, 1), &[], list::first, "{{first orders}}", "tea",
        "The first item of a list"),
    ours("last", (1, 1), &[], list::last, "{{last orders}}", "ink",
        "The last item of a list"),

    ours("upper", (1, 1), &["locale"], text::upper, "{{upper plan}}", "PRO",
        "In capital letters"),
    ours("lower", (1, 1), &["locale"], text::lower, "{{lower name}}", "ada",
        "In small letters"),
    ours("capitalize", (1, 1), &["locale"], text::capitalize, "{{capitalize plan}}", "Pro",
        "With a capital first letter"),
    ours("trim", (1, 1), &[], text::trim, r#"{{trim " as is "}}"#, "as is",
        "Without white space at both ends"),
    ours("truncate", (2, 2), &[], text::truncate, r#"{{truncate "Tea and ink and paper" 12}}"#,
        "Tea and ink…",
        "At most so many characters, ending after a word where it can, with … for what is left out"),
    ours("replace", (3, 3), &[], text::replace, r#"{{replace plan "pro" "Pro"}}"#, "Pro",
        "With another text each time that one occurs"),
    ours("concat", (1, 9), &[], text::concat, r#"{{upper (concat plan "-" seats)}}"#, "PRO-3",
        "Up to nine values as one text, to hand to another helper"),

    ours("url", (1, 1), &[], url::url, r#"<a href="{{url link}}">"#,
        r#"<a href="https://example.org/a?b=1">"#,
        "The address of a link, if it is whole and begins with http:, https:, mailto: or tel:; \
         anything else, such as javascript:, is a fault. For every link that comes from a list"),
    ours("url_encode", (1, 1), &[], url::url_encode, r#"https://example.org/?q={{url_encode "a&b"}}"#,
        "https://example.org/?q=a%26b", "A value as a part of a link"),
    ours("plain_text", (1, 1), &[], text::plain_text, r#"{{plain_text "<b>so</b> it is"}}"#,
        "so it is", "The text of a value that is HTML, for the plain text of a mail"),
    ours("json", (1, 1), &[], text::json, "{{json orders}}", r#"["tea","ink"]"#,
        "A value as JSON, for an attachment"),
    ours("csv", (1, 1), &[], text::csv, r#"{{csv "tea, black"}}"#, r#""tea, black""#,
        "A value as a cell of a CSV file, in quotes where it needs them, for an attachment"),
];

const fn block(
    name: &'static str,
    values: usize,
    example: &'static str,
    shows: &'static str,
    says: &'static str,
) -> BuiltIn {
    handlebars(name, Form::Block, values, example, shows, says)
}

const fn handlebars(
    name: &'static str,
    form: Form,
    values: usize,
    example: &'static str,
    shows: &'static str,
    says: &'static str,
) -> BuiltIn {
    BuiltIn {
        name,
        example,
        shows,
        says,
        form,
        values,
        takes: None,
        run: None,
    }
}

/// A helper of ours, with the fewest and the most values that it takes, and its options.
const fn ours(
    name: &'static str,
    (values, most): (usize, usize),
    options: &'static [&'static str],
    run: Run,
    example: &'static str,
    shows: &'static str,
    says: &'static str,
) -> BuiltIn {
    BuiltIn {
        takes: Some((most, options)),
        run: Some(run),
        ..handlebars(name, Form::Value, values, example, shows, says)
    }
}

#[cfg(test)]
mod tests {
    use handlebars::RenderErrorReason;

    use super::*;
    use crate::compose::Given;
    use crate::compose::builtin::{registry, stage};

    #[test]
    fn the_table_of_helpers_is_what_the_registry_has() {
        let registry = registry(true);
        let unknown = |name: &str| {
            let text = format!("{{{{#if ({name} 1 2)}}}}{{{{/if}}}}");
            registry
                .render_template(&text, &())
                .is_err_and(|error| matches!(error.reason(), RenderErrorReason::HelperNotFound(_)))
        };
        for BuiltIn { name, .. } in HELPERS {
            assert!(!unknown(name), "{name}");
        }
        assert!(unknown("log"));
    }

    #[test]
    fn every_example_shows_what_is_said_of_it() {
        let ada = serde_json::json!({
            "name": "Ada",
            "nickname": "",
            "plan": "pro",
            "seats": 3,
            "is_paid": false,
            "orders": ["tea", "ink"],
            "address": { "city": "London" },
            "due": "2026-11-23",
            "total": "1234.50",
            "tags": "new; vip",
            "link": "https://example.org/a?b=1",
        });
        stage::set(&Given::default());
        for helper in HELPERS {
            assert!(helper.example.contains(helper.name));
            let shown = registry(false).render_template(helper.example, &ada);
            assert_eq!(
                shown.as_deref().map_err(ToString::to_string),
                Ok(helper.shows),
                "{}",
                helper.name
            );
            assert!(!helper.says.ends_with('.'), "{}", helper.name);
        }
    }
}
