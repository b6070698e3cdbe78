//! `dsn`: which delivery status notifications are asked for (RFC 3461 section 4.1).

use super::problem::Problem;
use super::section::Section;

/// The words that may stand in `dsn`.
pub(super) const WORDS: &[&str] = &["failure", "delay", "success", "never"];

/// What the servers on the way are asked to report to the sender. Nothing of all is NOTIFY=NEVER;
/// an account without `dsn` does not ask, and they do as they please.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Dsn {
    /// That a mail could not be delivered.
    pub failure: bool,
    /// That a mail is under way for long.
    pub delay: bool,
    /// That a mail was delivered.
    pub success: bool,
}

/// Reads the words. RFC 3461 section 4.1: NEVER stands alone.
pub(super) fn read(section: &Section<'_>) -> Option<Dsn> {
    let words = section.some_texts("dsn")?;
    let says = |word: &str| words.iter().any(|text| text.text == word);
    if says("never") && words.iter().any(|text| text.text != "never") {
        let message = "`never` and notices exclude each other";
        let place = section.value_place("dsn", "write `dsn = \"never\"`, or leave `never` out");
        section.report(Problem::error("only-one-of", message, place).key(section.path("dsn")));
        return None;
    }
    (!words.is_empty()).then(|| Dsn {
        failure: says("failure"),
        delay: says("delay"),
        success: says("success"),
    })
}
