//! Keys that have another name than they had.

use toml::Spanned;
use toml::de::DeString;

use super::key::Key;
use super::problem::Problem;
use super::section::Section;

/// The version that takes the former names away.
const UNTIL: &str = "2.0";

/// Reports a key that is written under a name it had before: a warning, since it works, or an error
/// if its name of today stands there too.
pub(super) fn report(section: &Section<'_>, known: &Key, written: &Spanned<DeString<'_>>) {
    let (now, former): (_, &str) = (known.name(), written.get_ref());
    if former == now {
        return;
    }
    let place = |label: String| section.doc.place(written.span(), label);
    let problem = if section.written_as(now) == Some(former) {
        let message = format!("`{former}` is now called `{now}`");
        let label = format!("works until postroom {UNTIL}");
        let help = format!("write `{now}`; nothing else changes");
        Problem::warning("renamed-key", message, place(label))
            .help(help)
            .suggest(Some(now))
    } else {
        let message = format!("`{former}` and `{now}` are one key of {}", section.title());
        let label = "its former name: take it out".to_owned();
        Problem::error("only-one-of", message, place(label)).and(section.key_place(now, "its name"))
    };
    section.report(problem.key(section.path(former)));
}
