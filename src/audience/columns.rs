//! Names of columns, for people. Where a key of JSON is somebody's address or text it is data, and
//! gets into no message.

/// More than this are counted, not named.
pub(super) const NAMED: usize = 12;
/// A longer one is somebody's data.
const LONGEST: usize = 64;

/// Whether it may be shown to people.
pub(super) fn is_nameable(column: &str) -> bool {
    column.len() <= LONGEST && !column.contains('@') && !column.contains(char::is_control)
}

/// The column, or another word for it where its name is data.
pub(super) fn named(column: &str) -> &str {
    match is_nameable(column) {
        true => column,
        false => "…",
    }
}

/// The first of them, and how many there are besides: `email, plan and 3 more`.
#[must_use]
pub fn enumerated(columns: &[String]) -> String {
    let named = columns.iter().filter(|it| is_nameable(it)).take(NAMED);
    let named: Vec<&str> = named.map(String::as_str).collect();
    match (columns.len() - named.len(), named.is_empty()) {
        (0, _) => named.join(", "),
        (more, true) => format!("{more} whose names are left out here"),
        (more, false) => format!("{} and {more} more", named.join(", ")),
    }
}
