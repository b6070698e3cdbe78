//! Where commands print. A reader who goes away (`postroom log | head`) is no error; an answer that
//! cannot be written for another reason (a full disk) is.

use std::io::{self, BufWriter, ErrorKind, IsTerminal, Write};
use std::sync::OnceLock;

use anstyle::{AnsiColor, Style};
use serde::Serialize;

/// The two streams of a command, and whether it speaks JSON.
pub(super) struct Out {
    /// JSON was asked for.
    pub(super) json: bool,
    failed: OnceLock<io::Error>,
}

impl Out {
    pub(super) fn new(json: bool) -> Self {
        let failed = OnceLock::new();
        Self { json, failed }
    }

    /// Why the answer is not whole, unless its reader went away.
    pub(super) fn failure(&self) -> Option<&io::Error> {
        self.failed.get()
    }

    /// Prints a line for people.
    pub(super) fn line(&self, text: impl AsRef<str>) {
        self.written(writeln!(anstream::stdout(), "{}", text.as_ref()));
    }

    /// Prints lines that are one text already.
    pub(super) fn text(&self, text: &str) {
        self.written(write!(anstream::stdout(), "{text}"));
    }

    /// Prints many lines for people, as one piece.
    pub(super) fn lines(&self, lines: &[String]) {
        let mut piece = BufWriter::new(anstream::stdout().lock());
        let written = lines
            .iter()
            .try_for_each(|line| writeln!(piece, "{line}"))
            .and_then(|()| piece.flush());
        self.written(written);
    }

    /// Prints bytes as they are.
    pub(super) fn bytes(&self, bytes: &[u8]) {
        let mut stdout = io::stdout();
        self.written(stdout.write_all(bytes).and_then(|()| stdout.flush()));
    }

    fn written(&self, result: io::Result<()>) {
        if let Err(error) = result
            && error.kind() != ErrorKind::BrokenPipe
        {
            let _ = self.failed.set(error);
        }
    }

    /// Prints a value as JSON, indented on a terminal.
    pub(super) fn value(&self, value: &impl Serialize) {
        let text = if io::stdout().is_terminal() {
            serde_json::to_string_pretty(value)
        } else {
            serde_json::to_string(value)
        };
        self.line(text.expect("answers are plain data"));
    }

    /// Says something beside the answer: a warning, or what goes on.
    pub(super) fn note(&self, text: impl AsRef<str>) {
        let _ = writeln!(anstream::stderr(), "{}", text.as_ref());
    }

    /// Asks something; the answer is typed behind it.
    pub(super) fn prompt(&self, text: &str) {
        let mut stderr = anstream::stderr();
        let _ = write!(stderr, "{text}").and_then(|()| stderr.flush());
    }

    /// Says why the command failed.
    pub(super) fn error(&self, text: &str) {
        if self.json {
            let text = serde_json::json!({ "error": text }).to_string();
            let _ = writeln!(io::stderr(), "{text}");
        } else if text.starts_with("error") || text.starts_with('\u{1b}') {
            self.note(text);
        } else {
            let red = AnsiColor::Red.on_default().bold();
            self.note(format!("{red}error:{red:#} {text}"));
        }
    }
}

/// Whether what is printed is coloured.
pub(super) fn has_colour() -> bool {
    anstream::AutoStream::choice(&io::stdout()) != anstream::ColorChoice::Never
}

/// Whether problems on standard error are coloured.
pub(super) fn errors_have_colour() -> bool {
    anstream::AutoStream::choice(&io::stderr()) != anstream::ColorChoice::Never
}

/// Marks what people look for first.
pub(super) fn bold(text: &str) -> String {
    let style = Style::new().bold();
    format!("{style}{text}{style:#}")
}

/// Leaves to the side.
pub(super) fn dim(text: &str) -> String {
    let style = Style::new().dimmed();
    format!("{style}{text}{style:#}")
}

/// Marks trouble.
pub(super) fn alarming(text: &str) -> String {
    let style = AnsiColor::Yellow.on_default();
    format!("{style}{text}{style:#}")
}

/// Text from outside (names, addresses, servers' words) that cannot steer a terminal.
pub(super) fn plain(text: &str) -> String {
    if !text.chars().any(char::is_control) {
        return text.to_owned();
    }
    text.chars()
        .map(|c| if c.is_control() { '\u{fffd}' } else { c })
        .collect()
}

/// A count with separators of thousands.
pub(super) fn count(n: impl TryInto<i64>) -> String {
    let digits = n.try_into().unwrap_or(i64::MAX).to_string();
    let mut text = String::with_capacity(digits.len() + 4);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A count with its noun: "1 row", "1,234 rows".
pub(super) fn counted(n: impl TryInto<i64>, one: &str, many: &str) -> String {
    let n = n.try_into().unwrap_or(i64::MAX);
    format!("{} {}", count(n), if n == 1 { one } else { many })
}

#[cfg(test)]
mod tests {
    use super::{count, counted};

    #[test]
    fn one_thing_is_singular() {
        assert_eq!(counted(1, "row", "rows"), "1 row");
        assert_eq!(counted(0, "row", "rows"), "0 rows");
        assert_eq!(counted(2_000, "row", "rows"), "2,000 rows");
    }

    #[test]
    fn thousands_are_separated() {
        assert_eq!(count(0), "0");
        assert_eq!(count(999), "999");
        assert_eq!(count(1_000), "1,000");
        assert_eq!(count(1_234_567), "1,234,567");
    }
}
