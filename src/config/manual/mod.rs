//! The manual: what the table of keys, the table of codes and the presets say to people and to
//! editors.
//!
//! Nothing here is written twice: the JSON Schema, `explain`, the man page and the README's
//! reference are four drawings of the same rows that the validator reads. It reads no file and no
//! clock.

mod codes;
mod explain;
mod layout;
mod man;
mod reference;
mod schema;
mod topics;

use super::key::{KEYS, Key, Kind, wants};

pub use codes::{Code, codes};
pub use explain::{Explained, Unknown, contents, contents_to_json, explain};
pub use man::man_page;
pub use reference::reference;
pub use schema::schema;
pub use topics::{CHECK_A_TOKEN, TOPICS, Topic};

/// What may stand there, in words that follow "wants", with the range of a number.
fn kind(key: &Key) -> String {
    match key.kind {
        Kind::Count(least, u64::MAX) => format!("a number, at least {least}"),
        Kind::Count(least, most) => format!("a number from {least} to {most}"),
        Kind::Cron => "a crontab expression in quotes".to_owned(),
        Kind::Mailbox => "an address in quotes, or \"Name <address>\"".to_owned(),
        Kind::Path => "a path in quotes, relative to the file that names it".to_owned(),
        Kind::Secret => format!("{}, or the text itself", wants(key.kind)),
        Kind::Zone if key.table() == "daemon" => "a name like \"Europe/Berlin\"".to_owned(),
        Kind::Zone => "a name like \"Europe/Berlin\", or { column = \"…\" }".to_owned(),
        kind => wants(kind),
    }
}

/// The key's place, as one would say it: `account.<name>.port`.
fn place(key: &Key) -> String {
    with_names(key.path)
}

/// The tables, and what may be one.
fn tables() -> impl Iterator<Item = &'static Key> {
    let may_be = |key: &&Key| key.is_table() || matches!(key.kind, Kind::CountOrTable(_));
    KEYS.iter().filter(|key| key.is_built()).filter(may_be)
}

/// The line that a table begins with: `[account.<name>]`.
fn heading(table: &Key) -> String {
    let path = with_names(&path_within(table));
    match table.kind {
        Kind::TableList => format!("[[{path}]]"),
        _ => format!("[{path}]"),
    }
}

/// The path of the keys that stand in a table.
fn path_within(table: &Key) -> String {
    match table.kind {
        Kind::Tables => format!("{}.*", table.path),
        _ => table.path.to_owned(),
    }
}

fn with_names(path: &str) -> String {
    path.replace("domain.*", "domain.\"<domain>\"")
        .replace('*', "<name>")
}
