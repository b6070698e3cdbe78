//! Whether a value has the shape its key wants, said in a person's words.

use toml::Spanned;
use toml::de::DeValue;

use super::document::Document;
use super::key::{Key, Kind, wants};
use super::problem::Problem;
use super::section::Value;
use super::{brackets, encoding, provider, suggest, tables};
use crate::audience::Separator;

/// What is wrong with a value that cannot stand there, whatever it says.
pub(super) fn complaint(doc: &Document, key: &Key, value: &Value<'_>) -> Option<Problem> {
    if let Some(problem) = needless_brackets(doc, value).filter(|_| !takes_a_list(key.kind)) {
        return Some(problem);
    }
    if let (Kind::Tables, DeValue::Array(_)) = (key.kind, value.get_ref()) {
        return Some(nameless(doc, key, value));
    }
    if let Some(culprit) = misfit(key.kind, value) {
        return Some(wrong_type(doc, key, culprit));
    }
    let bad_value = |message| Problem::error("bad-value", message, doc.place(value.span(), ""));
    match (key.kind, value.get_ref()) {
        (Kind::Text | Kind::Path | Kind::Names, DeValue::String(text))
            if text.trim().is_empty() && key.table() != "account.*.rule" =>
        {
            Some(empty(doc, key, value))
        }
        (Kind::Names | Kind::Texts, DeValue::Array(list)) if key.name() != "command" => {
            let is_blank =
                |it: &&Value<'_>| it.get_ref().as_str().is_some_and(|it| it.trim().is_empty());
            list.iter().find(is_blank).map(|it| empty(doc, key, it))
        }
        (Kind::Choice(words), DeValue::String(word)) => one_of(doc, key, word, words, value),
        (Kind::Choices(words), DeValue::String(word)) => one_of(doc, key, word, words, value),
        (Kind::Choices(words), DeValue::Array(list)) => list.iter().find_map(|item| {
            let word = item.get_ref().as_str().unwrap_or_default();
            one_of(doc, key, word, words, item)
        }),
        (Kind::Provider, DeValue::String(word)) => {
            one_of(doc, key, word, &provider::names(), value)
        }
        (Kind::CountOrTable(_), DeValue::Table(_)) => None,
        (Kind::CountOrTable(least), number) => match whole_number(number) {
            Some(number) if number >= least => None,
            _ => Some(out_of_range(doc, key, value, least, u64::MAX)),
        },
        (Kind::Count(least, most), number) => match whole_number(number) {
            Some(number) if (least..=most).contains(&number) => None,
            _ => Some(out_of_range(doc, key, value, least, most)),
        },
        (Kind::Separator, DeValue::String(text)) => {
            let fault = text.parse::<Separator>().err()?;
            let message = format!("`{}` cannot be `{text}`", key.name());
            Some(bad_value(message).note(fault.to_string()))
        }
        (Kind::Encoding, DeValue::String(name)) if encoding::named(name).is_none() => {
            let problem = bad_value(format!("no text encoding is called `{name}`"));
            Some(problem.help(
                "write `encoding = \"gb18030\"` for files from a Chinese spreadsheet, or \
                 \"windows-1252\"; UTF-8 and UTF-16 need no key",
            ))
        }
        _ => None,
    }
}

/// Whether tables may stand there in a list.
fn takes_a_list(kind: Kind) -> bool {
    matches!(kind, Kind::TableList | Kind::OneOrMoreTables)
}

fn empty(doc: &Document, key: &Key, value: &Value<'_>) -> Problem {
    let message = format!("there is nothing in the quotes of `{}`", key.name());
    let place = doc.place(value.span(), "write something, or take it out");
    Problem::error("bad-value", message, place)
}

/// A whole number that is not negative.
pub(super) fn whole_number(value: &DeValue<'_>) -> Option<u64> {
    let number = value.as_integer()?;
    u64::from_str_radix(number.as_str(), number.radix()).ok()
}

/// The value, or the one in its list, that has the wrong type.
fn misfit<'a>(kind: Kind, value: &'a Value<'a>) -> Option<&'a Value<'a>> {
    use DeValue as V;
    let fits = match (kind, value.get_ref()) {
        (
            Kind::Text
            | Kind::Path
            | Kind::Zone
            | Kind::Cron
            | Kind::Mailbox
            | Kind::Separator
            | Kind::Encoding
            | Kind::Choice(_)
            | Kind::Choices(_)
            | Kind::Provider
            | Kind::Duration
            | Kind::Span
            | Kind::SpanOrNever
            | Kind::Rates
            | Kind::Names
            | Kind::Days
            | Kind::Hours
            | Kind::NameOrFalse
            | Kind::Share,
            V::String(_),
        ) => true,
        (Kind::Flag, V::Boolean(_)) | (Kind::NameOrFalse, V::Boolean(false)) => true,
        (Kind::Count(..) | Kind::CountOrTable(_), V::Integer(_)) => true,
        (Kind::CountOrTable(_), V::Table(_)) => true,
        (Kind::Instants | Kind::Bound, V::String(_) | V::Datetime(_)) => true,
        (Kind::Days, V::Datetime(_)) => true,
        (Kind::Secret, V::String(_) | V::Table(_)) => true,
        (Kind::Table | Kind::Tables | Kind::Values | Kind::Headers, V::Table(_)) => true,
        (Kind::Zone, V::Table(_)) => true, // { column = … }, which answers for itself
        (
            Kind::Choices(_) | Kind::Spans | Kind::Rates | Kind::Names | Kind::Texts | Kind::Hours,
            V::Array(list),
        ) => {
            return list.iter().find(|item| !item.get_ref().is_str());
        }
        (Kind::Instants | Kind::Days, V::Array(list)) => {
            return list
                .iter()
                .find(|it| !it.get_ref().is_str() && !it.get_ref().is_datetime());
        }
        (Kind::OneOrMoreTables, V::Table(_)) => true,
        (Kind::TableList | Kind::OneOrMoreTables, V::Array(list)) => {
            return list.iter().find(|item| !item.get_ref().is_table());
        }
        (Kind::Secrets, V::Array(list)) => {
            return list.iter().find(|item| !item.get_ref().is_table());
        }
        (Kind::People | Kind::Attachments, V::Array(_)) => true, // each of them answers for itself
        _ => false,
    };
    (!fits).then_some(value)
}

/// A value, or the one in its list, that has the wrong type.
pub(super) fn wrong_type(doc: &Document, key: &Key, value: &Value<'_>) -> Problem {
    let within_list = matches!(
        key.kind,
        Kind::Choices(_)
            | Kind::Spans
            | Kind::Texts
            | Kind::People
            | Kind::Attachments
            | Kind::Names
            | Kind::Secrets
    ) && !value.get_ref().is_array();
    let what = described(value.get_ref());
    let message = format!("`{}` wants {}, this is {what}", key.name(), wants(key.kind));
    // What a value typed as secret holds is not repeated, not even to mend its quotes.
    let fix = if matches!(key.kind, Kind::Secret | Kind::Secrets) {
        None
    } else {
        fix(doc, key, value, within_list)
    };
    let (label, suggestion) = match fix {
        Some(Fix::Write(text, aside)) => (format!("write {text}{aside}"), Some(text)),
        Some(Fix::Say(text)) => (text, None),
        None => (String::new(), None),
    };
    let mut problem = Problem::error("wrong-type", message, doc.place(value.span(), label));
    problem.suggestion = suggestion;
    problem
}

enum Fix {
    Write(String, &'static str),
    Say(String),
}

fn fix(doc: &Document, key: &Key, value: &Value<'_>, may_be_item: bool) -> Option<Fix> {
    let kind = key.kind;
    let written = &doc.file.text()[doc.file.clamp(value.span())];
    if let Some(fix) = fix_of_meaning(key, value.get_ref(), written) {
        return Some(fix);
    }
    let is_scalar = !value.get_ref().is_array() && !value.get_ref().is_table();
    match (kind, value.get_ref()) {
        (Kind::Share, DeValue::Integer(_) | DeValue::Float(_)) => {
            let text = in_percent(written);
            text.map(|text| Fix::Write(text, ""))
        }
        (Kind::Count(..) | Kind::CountOrTable(_), DeValue::String(text)) => {
            let number: u64 = text.trim().replace('_', "").parse().ok()?;
            Some(Fix::Write(number.to_string(), ", without quotes"))
        }
        (Kind::Flag, DeValue::String(text)) => match text.to_lowercase().as_str() {
            "true" | "yes" | "on" | "1" => Some(Fix::Write("true".into(), ", without quotes")),
            "false" | "no" | "off" | "0" => Some(Fix::Write("false".into(), ", without quotes")),
            _ => None,
        },
        (
            Kind::Choice(_)
            | Kind::Choices(_)
            | Kind::Provider
            | Kind::Instants
            | Kind::Bound
            | Kind::Days
            | Kind::People,
            _,
        ) if is_scalar => None,
        (Kind::Spans | Kind::Texts | Kind::Attachments, DeValue::String(_)) if may_be_item => {
            Some(Fix::Write(format!("[{written}]"), ""))
        }
        (Kind::Flag | Kind::Count(..) | Kind::CountOrTable(_), _) => None,
        (Kind::TableList, DeValue::Table(_)) => Some(Fix::Say(format!("write [{written}]"))),
        (Kind::TableList | Kind::OneOrMoreTables, _) => None,
        (Kind::NameOrFalse, DeValue::Boolean(true)) => {
            Some(Fix::Say("leave it out for the default, or name one".into()))
        }
        (
            Kind::Text
            | Kind::Path
            | Kind::Zone
            | Kind::Mailbox
            | Kind::Names
            | Kind::Texts
            | Kind::Separator
            | Kind::Encoding,
            _,
        ) if is_scalar && !value.get_ref().is_str() => {
            Some(Fix::Write(format!("\"{written}\""), ", with quotes"))
        }
        (_, DeValue::Array(list)) if list.len() == 1 => {
            let only = &doc.file.text()[doc.file.clamp(list[0].span())];
            Some(Fix::Write(only.to_owned(), ", without brackets"))
        }
        _ => None,
    }
}

/// What a number, a time of day or a text lacks to be a duration, a rate, a command.
fn fix_of_meaning(key: &Key, value: &DeValue<'_>, written: &str) -> Option<Fix> {
    // A text with something masked in it is not what was written.
    let shows = |text: &str| written.contains(text);
    match (key.kind, value) {
        (Kind::Texts, DeValue::String(text)) if key.name() == "command" => {
            Some(match shows(text) {
                true => Fix::Write(argv(text), ""),
                false => Fix::Say("write its words apart, [\"program\", \"argument\"]".into()),
            })
        }
        (Kind::Table, DeValue::String(text)) if shows(text) => in_braces(key, text).map(Fix::Say),
        (
            Kind::Duration | Kind::Span | Kind::SpanOrNever | Kind::Spans,
            DeValue::Integer(number),
        ) => Some(Fix::Say(format!(
            "{number} of what? \"{number}s\", \"{number}m\", \"{number}h\" or \"{number}d\""
        ))),
        (
            Kind::Duration | Kind::Span | Kind::SpanOrNever | Kind::Spans,
            DeValue::Datetime(clock),
        ) if clock.date.is_none() => clock.time.map(|time| {
            let minutes = (u32::from(time.hour) * 60 + u32::from(time.minute)).max(1);
            let length = match minutes % 60 {
                0 => format!("{}h", minutes / 60),
                _ => format!("{minutes}m"),
            };
            Fix::Say(format!("how long is it? like \"{length}\""))
        }),
        (Kind::Rates, DeValue::Integer(number)) => Some(Fix::Say(format!(
            "in what time? \"{number}/minute\", \"{number}/hour\" or \"{number}/day\""
        ))),
        _ => None,
    }
}

/// A command line as a program and its arguments.
fn argv(line: &str) -> String {
    let words: Vec<String> = match line.contains(['|', '&', ';', '$', '<', '>', '"', '\'', '*']) {
        true => vec!["sh".into(), "-c".into(), line.into()],
        false => line.split_whitespace().map(str::to_owned).collect(),
    };
    let quoted = words.iter().map(|word| match word.contains(['"', '\\']) {
        true if !word.contains('\'') => format!("'{word}'"),
        _ => format!("{word:?}"),
    });
    format!("[{}]", quoted.collect::<Vec<_>>().join(", "))
}

/// The table that is meant by a text in its place.
fn in_braces(key: &Key, text: &str) -> Option<String> {
    match key.path {
        "daemon.alert" if text.contains('@') => Some(format!(
            "write {{ to = \"{text}\", via = \"…\" }}, with an account"
        )),
        "schedule.*.when" | "daemon.alert" => Some(format!("write {{ command = {} }}", argv(text))),
        _ => None,
    }
}

/// What somebody means who writes 50, or 0.5.
fn in_percent(written: &str) -> Option<String> {
    let number: f64 = written.replace('_', "").parse().ok()?;
    let percent = if number <= 1.0 && written.contains('.') {
        number * 100.0
    } else {
        number
    };
    let is_sane = (1.0..=10_000.0).contains(&percent);
    is_sane.then(|| format!("\"{percent:.0}%\""))
}

/// A header in two brackets made a list of tables where no list belongs.
pub(super) fn needless_brackets(doc: &Document, value: &Value<'_>) -> Option<Problem> {
    let first = value.get_ref().as_array()?.first()?;
    first.get_ref().as_table()?;
    let header = tables::header(doc, first.span());
    let written = &doc.file.text()[header.clone()];
    let inner = written.trim_matches(['[', ']']).len();
    let start = header.start + 2;
    brackets::needless(doc, written, start..start + inner)
}

/// `account = [{ host = "…" }]`
fn nameless(doc: &Document, key: &Key, value: &Value<'_>) -> Problem {
    let kind = key.name();
    let message = format!("every {kind} has a name");
    let first = value
        .get_ref()
        .as_array()
        .and_then(|list| list.first())
        .map(Spanned::span);
    let place = doc.place(
        first.unwrap_or(value.span()),
        format!("write [{}.<name>]", key.path.replace('*', "<name>")),
    );
    Problem::error("wrong-type", message, place)
}

fn described(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a string",
        DeValue::Integer(_) => "a number",
        DeValue::Float(_) => "a number with a point",
        DeValue::Boolean(true) => "`true`",
        DeValue::Boolean(false) => "`false`",
        DeValue::Datetime(date) if date.date.is_none() => "a time of day",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}

fn one_of(
    doc: &Document,
    key: &Key,
    word: &str,
    words: &[&'static str],
    value: &Spanned<DeValue<'_>>,
) -> Option<Problem> {
    if words.contains(&word) {
        return None;
    }
    let message = format!("`{}` cannot be `{word}`", key.name());
    let problem = Problem::error("bad-choice", message, doc.place(value.span(), ""));
    Some(
        problem
            .suggest(suggest::nearest(word, words.iter().copied()))
            .help(format!("`{}` is {}", key.name(), wants(key.kind))),
    )
}

fn out_of_range(doc: &Document, key: &Key, value: &Value<'_>, least: u64, most: u64) -> Problem {
    let written = doc.file.text()[doc.file.clamp(value.span())].to_owned();
    let label = if most == u64::MAX {
        format!("at least {least}")
    } else {
        format!("{least} to {most}")
    };
    let message = format!("`{}` cannot be {written}", key.name());
    Problem::error("out-of-range", message, doc.place(value.span(), label))
}
