//! Keys that are not ours: what was meant instead, or that it does not exist yet.

use std::collections::BTreeSet;
use std::ops::Range;

use toml::Spanned;
use toml::de::DeString;

use super::document::Document;
use super::key::{KEYS, Key, Kind, foreign, keys_of};
use super::problem::Problem;
use super::section::Section;
use super::suggest;

/// Reports a key that does not belong here: first what is nearly so called here, then where it
/// would belong, then what other programs call so. Answers the key that was meant.
pub(super) fn report(section: &Section<'_>, key: &Spanned<DeString<'_>>) -> Option<&'static str> {
    let name: &str = key.get_ref();
    if let Some(problem) = two_kinds_of_tls(section, name) {
        problem
            .into_iter()
            .for_each(|problem| section.report(problem));
        return Some("tls");
    }
    if let Some(problem) = path_from_the_top(section, key) {
        section.report(problem);
        return None;
    }
    let here: Vec<&'static str> = built(section.table()).map(Key::name).collect();
    let near = suggest::nearest(name, here.iter().copied());
    let homes = KEYS
        .iter()
        .filter(|known| known.name() == name && known.is_built());
    // What stands with one thing is meant for one; what stands above all, for all.
    let is_nested = !section.kind().is_empty();
    let home = homes.min_by_key(|known| (known.table() == "daemon") == is_nested);
    // `login` beside a user is no second one.
    let ours = match foreign(name) {
        Some("user") if section.has("user") => Some("password"),
        ours => ours,
    };
    let ours = ours.filter(|ours| here.contains(ours));
    let message = if !is_nested && section.holds_table(name) {
        format!("unknown table [{name}]")
    } else if near.is_none() && home.is_some() && is_nested {
        format!("`{name}` is not a key of {}", article(section.table()))
    } else {
        format!("unknown key `{name}` in {}", section.title())
    };
    let problem = Problem::error("unknown-key", message, section.doc.place(key.span(), ""))
        .key(section.path(name));
    section.report(match (near.or(ours), home) {
        (Some(better), _) => problem.suggest(Some(better)),
        (None, Some(home)) => problem.help(move_to(home)),
        (None, None) => problem.help(format!("the keys here are {}", here.join(", "))),
    });
    near.or(ours)
}

/// `account.second.host = …` under another header.
fn path_from_the_top(section: &Section<'_>, key: &Spanned<DeString<'_>>) -> Option<Problem> {
    let name: &str = key.get_ref();
    let is_table = keys_of("").any(|known| known.name() == name && known.is_table());
    if section.kind().is_empty() || !is_table || !section.holds_table(name) {
        return None;
    }
    let (title, span) = (section.title(), key.span());
    let message = format!("`{name}.…` under a header counts from it, here within {title}");
    let place = section.doc.place(span, "not from the top of the file");
    let problem = Problem::error("unknown-key", message, place).key(section.path(name));
    let heading = match KEYS
        .iter()
        .any(|it| it.path == name && it.kind == Kind::Tables)
    {
        true => format!("[{name}.<name>]"),
        false => format!("[{name}]"),
    };
    Some(problem.help(format!(
        "move it above the first [header] of the file, or write its keys below {heading}"
    )))
}

/// A key of the design that this version does not have.
pub(super) fn not_yet(
    section: &Section<'_>,
    key: &Spanned<DeString<'_>>,
    meaning: &str,
) -> Problem {
    let name = key.get_ref();
    let version = env!("CARGO_PKG_VERSION");
    let message = format!("`{name}` is planned, but postroom {version} does not have it");
    Problem::error(
        "not-yet",
        message,
        section.doc.place(key.span(), "take it out"),
    )
    .note(format!("it will mean: {meaning}"))
    .key(section.path(name))
}

/// A header that is missing: keys of another table stand where they mean nothing.
pub(super) struct LostHeader<'a> {
    pub(super) problem: Problem,
    /// The keys that stand under it.
    pub(super) keys: Vec<&'a str>,
}

/// Whether the keys of a table, in their order, look like those of two: from one on, several have
/// no meaning here, and all of these have one in the same other table.
pub(super) fn lost_header<'a>(
    doc: &Document,
    table: &str,
    keys: &[(&'a str, Range<usize>)],
) -> Option<LostHeader<'a>> {
    // A former name of a key here may be today's name of a key there.
    let today = |name: &str| keys_of(table).any(|key| key.name() == name);
    let ever = |name: &str| keys_of(table).any(|key| key.names().any(|it| it == name));
    lost(doc, table, keys, today).or_else(|| lost(doc, table, keys, ever))
}

fn lost<'a>(
    doc: &Document,
    table: &str,
    keys: &[(&'a str, Range<usize>)],
    here: impl Fn(&str) -> bool,
) -> Option<LostHeader<'a>> {
    let strangers: Vec<_> = keys.iter().filter(|(name, _)| !here(name)).collect();
    let [(_, first), _, ..] = strangers.as_slice() else {
        return None;
    };
    let has_all = |table: &str| {
        let has = |name: &str| built(table).any(|key| key.name() == name);
        strangers.iter().all(|(name, _)| has(name))
    };
    let tables: BTreeSet<&str> = KEYS.iter().map(Key::table).collect();
    let mut homes: Vec<&str> = tables
        .into_iter()
        .filter(|it| !it.is_empty() && has_all(it))
        .collect();
    let is_within = |home: &&str| !table.is_empty() && home.starts_with(table);
    if homes.iter().any(is_within) {
        homes.retain(|home| is_within(home));
    }
    let home = homes.first()?;
    let names: Vec<&str> = strangers.iter().map(|(name, _)| *name).collect();
    let message = format!("{} are no keys of {}", enumerated(&names), article(table));
    let place = doc.place(first.clone(), "from here on");
    let problem = Problem::error("unknown-key", message, place);
    let headings: Vec<_> = homes.iter().map(|home| heading(home)).collect();
    let headings = headings.join(" or ");
    let help = format!(
        "they belong to {}: is the header {headings} missing above them?",
        article(home)
    );
    let (problem, keys) = (problem.help(help), names);
    Some(LostHeader { problem, keys })
}

/// The table of keys that a header opens: `account.*.domain.*` for `[account.a.domain."b.c"]`.
pub(super) fn table_headed(header: &str) -> Option<&'static str> {
    let parts = parts_of(header)?;
    let fits = |table: &&str| {
        let wanted: Vec<&str> = table.split('.').collect();
        let same = |(part, wanted): (&String, &&str)| *wanted == "*" || part == wanted;
        parts.len() == wanted.len() && parts.iter().zip(&wanted).all(same)
    };
    KEYS.iter().map(Key::table).find(fits)
}

/// The names in a header: `account`, `a`, `domain` and `b.c` of `[account.a.domain."b.c"]`.
pub(super) fn parts_of(header: &str) -> Option<Vec<String>> {
    let inner = header.trim().trim_start_matches('[').split(']').next()?;
    let mut parts = Vec::new();
    for (at, quoted) in inner.split(['"', '\'']).enumerate() {
        match at % 2 {
            0 => {
                let bare = quoted.split('.').map(str::trim);
                parts.extend(bare.filter(|it| !it.is_empty()).map(str::to_owned));
            }
            _ => parts.push(quoted.to_owned()),
        }
    }
    Some(parts)
}

/// "`a`, `b` and `c`", or the first of many.
pub(super) fn enumerated(names: &[&str]) -> String {
    const NAMED: usize = 4;
    let quoted: Vec<_> = names.iter().map(|name| format!("`{name}`")).collect();
    match quoted.split_last() {
        _ if quoted.len() > NAMED + 1 => {
            let more = quoted.len() - NAMED;
            format!("{} and {more} more", quoted[..NAMED].join(", "))
        }
        Some((last, first)) if !first.is_empty() => format!("{} and {last}", first.join(", ")),
        _ => quoted.concat(),
    }
}

fn built(table: &str) -> impl Iterator<Item = &'static Key> {
    keys_of(table).filter(|key| key.is_built())
}

/// What its people call a table: "an account".
fn article(table: &str) -> String {
    let path = table.trim_end_matches(".*");
    match path.rsplit('.').next().unwrap_or(path) {
        "" => "the top of the file".to_owned(),
        "account" => "an account".to_owned(),
        "daemon" | "alert" => format!("[{path}]"),
        part @ ("when" | "canary" | "dkim") => format!("`{part}`"),
        kind => format!("a {kind}"),
    }
}

/// How the header of such a table is written: `[account.<name>]`.
fn heading(table: &str) -> String {
    let is_list = |key: &Key| key.path == table && key.kind == Kind::TableList;
    let name = table.replace('*', "<name>");
    if KEYS.iter().any(is_list) {
        format!("[[{name}]]")
    } else {
        format!("[{name}]")
    }
}

fn move_to(home: &Key) -> String {
    let (name, table) = (home.name(), home.table());
    match table {
        "" => format!("`{name}` stands at the top of the file, before the first [table]"),
        table if table.ends_with(".*") => {
            let (article, heading) = (article(table), heading(table));
            format!("`{name}` belongs to {article}: move it to {heading}")
        }
        table if table.contains('*') => {
            format!("`{name}` belongs to a table of its own, {}", heading(table))
        }
        table => format!("`{name}` belongs to [{table}]: move it there"),
    }
}

/// `ssl`, `smtps`, `starttls`: others have a switch for each kind of TLS. Answers nothing if this
/// is none of them, and no problem if another of them has spoken for both.
fn two_kinds_of_tls(section: &Section<'_>, name: &str) -> Option<Option<Problem>> {
    const IMPLICIT: &[&str] = &["ssl", "smtps", "use_ssl"];
    const STARTTLS: &[&str] = &["starttls", "use_tls", "start_tls"];
    if section.kind() != "account" || !(IMPLICIT.contains(&name) || STARTTLS.contains(&name)) {
        return None;
    }
    let present = |names: &[&'static str]| names.iter().copied().find(|it| section.has(it));
    let help = "postroom has one key for this: `tls = \"implicit\"` or `tls = \"starttls\"`";
    if let (Some(implicit), Some(starttls)) = (present(IMPLICIT), present(STARTTLS)) {
        let message = format!("{} asks for two kinds of TLS", section.title());
        let first = section.key_place(starttls, "TLS after a plain greeting, port 587");
        let second = section.key_place(implicit, "TLS from the first byte, port 465");
        let problem = Problem::error("only-one-of", message, first)
            .and(second)
            .help(help);
        return Some((name == starttls).then_some(problem));
    }
    let message = format!("unknown key `{name}` in {}", section.title());
    let ours = if IMPLICIT.contains(&name) {
        "implicit"
    } else {
        "starttls"
    };
    let place = section.key_place(name, format!("write tls = \"{ours}\""));
    Some(Some(
        Problem::error("unknown-key", message, place)
            .key(section.path(name))
            .help(help),
    ))
}
