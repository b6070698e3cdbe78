//! What may stand as a value, in words.

use super::Kind::{
    self, Attachments, Bound, Choice, Choices, Count, CountOrTable, Cron, Days, Duration, Encoding,
    Flag, Headers, Hours, Instants, Mailbox, NameOrFalse, Names, Path, People, Provider, Rates,
    Secret, Separator, Share, Span, SpanOrNever, Spans, Text, Texts, Values, Zone,
};
use crate::config::provider;

/// What may stand there, in words that follow "wants".
pub(in crate::config) fn wants(kind: Kind) -> String {
    match kind {
        Text | Path | Zone | Cron | Mailbox | Separator | Encoding => "a text in quotes".into(),
        Flag => "true or false".into(),
        Count(..) => "a number".into(),
        Choice(words) => one_of(words),
        Choices(words) => format!("{}, or a list of them", one_of(words)),
        Provider => one_of(&provider::names()),
        Instants => "a date with a time, or a list of them".into(),
        Bound => "a date, or a date with a time".into(),
        Days => "a list of dates and .ics files, like [2026-12-24, \"holidays.ics\"]".into(),
        Hours => "hours in quotes, like \"08:00-18:00 Mon-Fri\", or a list of them".into(),
        Duration | Span => "a duration in quotes, like \"5m\"".into(),
        Spans => "a list of durations, like [\"1m\", \"5m\"]".into(),
        Rates => "a rate in quotes, like \"100/minute\", or a list of them".into(),
        SpanOrNever => "a duration in quotes, like \"6h\", or \"never\"".into(),
        Names => "a name in quotes, or a list of names".into(),
        Texts => "a list of texts, like [\"a\", \"b\"]".into(),
        People => "a list of people, like [\"Ada <ada@example.org>\"]".into(),
        Values => "names with values, like { team = \"ops\" }".into(),
        Headers => "names with texts, like { X-Team = \"ops\" }".into(),
        Attachments => "a list of files, like [\"files/terms.pdf\"]".into(),
        Secret => {
            "{ file = \"…\" }, { credential = \"…\" }, { command = [\"…\"] } or { env = \"…\" }"
                .into()
        }
        Kind::Secrets => "a list of sources, like [{ file = \"…\" }]".into(),
        NameOrFalse => "a name in quotes, or false".into(),
        Share => "a share in quotes, like \"50%\"".into(),
        CountOrTable(_) => "a number, or a table like { people = 20, wait = \"10m\" }".into(),
        Kind::Table | Kind::Tables => "a table".into(),
        Kind::TableList => "tables, each under a heading in [[two brackets]]".into(),
        Kind::OneOrMoreTables => {
            "a table like { selector = \"pr1\", key = { file = \"…\" } }, or a list of them".into()
        }
        Kind::Planned => "nothing yet".into(),
    }
}

fn one_of(words: &[&str]) -> String {
    let quoted: Vec<_> = words.iter().map(|word| format!("\"{word}\"")).collect();
    match quoted.split_last() {
        Some((last, first)) if !first.is_empty() => format!("{} or {last}", first.join(", ")),
        _ => quoted.concat(),
    }
}
