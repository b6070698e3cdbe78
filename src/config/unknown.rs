//! Keys that are not ours: what was meant instead, or that it does not exist yet.

use toml::Spanned;
use toml::de::DeString;

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
    let here: Vec<&'static str> = built(section.table()).map(Key::name).collect();
    let near = suggest::nearest(name, here.iter().copied());
    let homes = KEYS
        .iter()
        .filter(|known| known.name() == name && known.is_built());
    // What stands with one thing is meant for one; what stands above all, for all.
    let is_nested = !section.kind().is_empty();
    let home = homes.min_by_key(|known| (known.table() == "daemon") == is_nested);
    let ours = foreign(name).filter(|ours| here.contains(ours));
    let message = if !is_nested && section.holds_table(name) {
        format!("unknown table [{name}]")
    } else if near.is_none() && home.is_some() && is_nested {
        format!("`{name}` is not a key of {}", article(section.kind()))
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

fn built(table: &str) -> impl Iterator<Item = &'static Key> {
    keys_of(table).filter(|key| key.is_built())
}

fn article(kind: &str) -> String {
    match kind {
        "account" => "an account".to_owned(),
        "daemon" => "[daemon]".to_owned(),
        kind => format!("a {kind}"),
    }
}

fn move_to(home: &Key) -> String {
    let name = home.name();
    match home.table() {
        "" => format!("`{name}` stands at the top of the file, before the first [table]"),
        table if table.ends_with(".*") => {
            let kind = table.trim_end_matches(".*");
            format!(
                "`{name}` belongs to {}: move it to [{kind}.<name>]",
                article(kind)
            )
        }
        table if table.contains('*') => {
            let heading = table.replace('*', "<name>");
            let is_list = |key: &Key| key.path == table && key.kind == Kind::TableList;
            let (left, right) = match KEYS.iter().any(is_list) {
                true => ("[[", "]]"),
                false => ("[", "]"),
            };
            format!("`{name}` belongs to a table of its own, {left}{heading}{right}")
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
