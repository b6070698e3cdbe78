//! Headers in two brackets where one is right: `[[account.main]]`.

use std::ops::Range;

use super::document::Document;
use super::key::{KEYS, Key, Kind};
use super::problem::Problem;
use super::unknown;

/// What is wrong with this header, if it has two brackets and one is right, or is no header at
/// all. `at` is where the header stands.
pub(super) fn needless(doc: &Document, header: &str, at: Range<usize>) -> Option<Problem> {
    let inner = header.trim().strip_prefix("[[")?.split(']').next()?.trim();
    let parts = unknown::parts_of(header)?;
    let is = |path: &str| {
        let wanted: Vec<&str> = path.split('.').collect();
        let same = |(part, wanted): (&String, &&str)| *wanted == "*" || part == wanted;
        parts.len() == wanted.len() && parts.iter().zip(&wanted).all(same)
    };
    let key = KEYS.iter().find(|key| is(key.path));
    let named = || KEYS.iter().map(Key::table).find(|table| is(table));
    let (message, label) = match key.map(|key| key.kind) {
        Some(Kind::TableList | Kind::OneOrMoreTables | Kind::Planned) => return None,
        Some(Kind::Tables) => {
            let kind = parts.last()?;
            let message = format!("every {kind} has a name, and single brackets");
            (message, format!("write [{inner}.<name>]"))
        }
        Some(Kind::Table | Kind::CountOrTable(_) | Kind::Values | Kind::Headers) => {
            let message = format!(
                "there is one `{}`: single brackets are right",
                parts.last()?
            );
            (message, format!("write [{inner}]"))
        }
        Some(_) if parts.len() == 1 => {
            let message = format!("`{inner}` is a key, not a table");
            let label = format!("write {inner} = … above the first [table]");
            (message, label)
        }
        Some(_) => {
            let name = parts.last()?;
            let message = format!("`{name}` is a key, not a table");
            (message, format!("write {name} = … in its table"))
        }
        None => {
            let kind = named()?.trim_end_matches(".*").rsplit('.').next()?;
            let message = format!("a {kind} has single brackets, and its name in them");
            let message = message.replacen("a account", "an account", 1);
            (message, format!("write [{inner}]"))
        }
    };
    let place = doc.place(at, label);
    Some(Problem::error("wrong-type", message, place).key(parts.join(".")))
}
