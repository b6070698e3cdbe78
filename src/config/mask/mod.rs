//! Blacks out secrets in the text of a configuration.
//!
//! It looks at the text, not at what a parser made of it, since the line with the password may be
//! the very one that cannot be parsed. It is generous: a misspelt `pasword`, a `:` for a `=`, a
//! lost quote and a commented-out line are masked too, and what follows on such a line, and below
//! it up to the next key. References (`{ file = "…" }`) stay readable, but for the arguments of a
//! program. It goes through the text once, from its beginning to its end, and never back: a file of
//! any size and shape takes a time in proportion to its length.

mod path;
mod url;
mod value;
mod words;

use std::ops::Range;

use path::Path;
use value::End;
use words::walk;

/// The same text, byte for byte as long, with every secret value replaced by asterisks.
pub(super) fn secrets(text: &str) -> String {
    let mut scanner = Scanner {
        text,
        masked: text.as_bytes().to_vec(),
        tables: [Table::TOP; 2],
        covered: 0,
    };
    let mut at = 0;
    while at < text.len() {
        at = scanner.line(at);
    }
    for password in url::passwords(text) {
        scanner.cover(password);
    }
    String::from_utf8(scanner.masked).expect("only whole characters are replaced, by ASCII")
}

/// A text that may repeat an address from the configuration, without the password in that.
pub(super) fn passwords_in_urls(text: &mut String) {
    for password in url::passwords(text).into_iter().rev() {
        text.replace_range(password, "***");
    }
}

struct Scanner<'t> {
    text: &'t str,
    masked: Vec<u8>,
    /// Under which header we are, and under which that is commented out.
    tables: [Table; 2],
    /// Up to where comments are covered.
    covered: usize,
}

/// What the last header opened.
#[derive(Clone, Copy)]
struct Table {
    /// In the table of keys, if it is there.
    path: Option<&'static str>,
    is_secret: bool,
}

impl Table {
    const TOP: Self = Self {
        path: Some(""),
        is_secret: false,
    };
}

/// Why somebody may see what a key holds, or not.
#[derive(Clone, Copy, PartialEq)]
enum Held<'t> {
    /// It is a secret, or a table that says where the secret is.
    Secret,
    /// It is where the secret is, in this form.
    Place(&'t str),
}

impl<'t> Scanner<'t> {
    /// Masks a line, and what goes on from it. Answers where the next one begins.
    fn line(&mut self, start: usize) -> usize {
        let mut end = self.line_end(start);
        let (body, is_comment) = self.body(start);
        let mut at = body.min(end);
        let header = path::header(self.text, at..end);
        let mut begins = header.is_none();
        if let Some(header) = header {
            at = header.end;
            self.open(&header, is_comment);
        } else if self.tables[usize::from(is_comment)].is_secret {
            return self.line_of_secret(at..end, is_comment);
        }
        while let Some(path) = path::next(self.text, at..end) {
            let before = self.text[at..path.start].trim_matches([' ', '\t', '"', '\'', '.']);
            let is_first = begins && before.is_empty();
            begins = false;
            at = path.end;
            let Some((value, is_joined)) = self.value_after(&path, is_first) else {
                continue;
            };
            let Some(held) = self.held(&path, is_first, is_comment) else {
                continue;
            };
            if !is_joined {
                self.cover(value..end);
                return end + 1;
            }
            match self.value(value, held, (is_first, is_comment)) {
                End::Line(next) => return next,
                End::Value(behind) => at = behind,
            }
            if at > end {
                end = self.line_end(at);
            }
        }
        end + 1
    }

    fn open(&mut self, header: &Path<'_>, is_comment: bool) {
        let walked = walk(Some(""), &header.parts, true);
        let table = Table {
            path: walked.end,
            is_secret: walked.secret.is_some(),
        };
        if let Some(secret) = walked.secret {
            self.cover(header.ends[secret]..header.end);
        }
        if is_comment {
            self.tables[1] = table;
        } else {
            self.tables = [table; 2];
        }
    }

    /// A line under `[account.main.password]`: nothing but references may be seen.
    fn line_of_secret(&mut self, line: Range<usize>, is_comment: bool) -> usize {
        let rest = &self.text[line.clone()];
        if rest.trim().is_empty() {
            return line.end + 1;
        }
        let path = path::next(self.text, line.clone()).filter(|path| path.parts.len() == 1);
        let key = path.filter(|path| words::is_reference(path.parts[0]));
        if let Some(key) = key
            && self.text[line.start..key.start]
                .trim_matches(['"', '\''])
                .is_empty()
            && let Some((value, true)) = self.value_after(&key, true)
        {
            let held = Held::Place(key.parts[0]);
            return match self.value(value, held, (true, is_comment)) {
                End::Line(next) => next,
                End::Value(behind) => self.line_end(behind) + 1,
            };
        }
        self.spill(line.start, (true, is_comment), false)
    }

    /// Where the value begins, if this path is used as a key, and whether a sign says so.
    fn value_after(&self, path: &Path<'_>, is_first: bool) -> Option<(usize, bool)> {
        let rest = &self.text[path.end..];
        let after = rest.trim_start_matches([' ', '\t', '\r']);
        let at = self.text.len() - after.len();
        let below = after.trim_start();
        let below_at = self.text.len() - below.len();
        match after.chars().next()? {
            '=' | ':' => Some((at + 1, true)),
            '"' | '\'' if at > path.end => Some((at, true)),
            '\n' if below.starts_with(['=', ':']) => Some((below_at + 1, true)),
            '\n' if is_first && below.starts_with(['"', '\'']) => Some((below_at, true)),
            '\n' | ']' | ',' | '}' => None,
            _ => is_first.then_some((at, false)),
        }
    }

    /// What the key holds, if that is a secret.
    fn held(&mut self, path: &Path<'t>, is_first: bool, is_comment: bool) -> Option<Held<'t>> {
        if !path.parts.iter().any(|part| words::is_secret(part)) {
            return None;
        }
        let table = self.tables[usize::from(is_comment)].path;
        let walked = walk(table.filter(|_| is_first), &path.parts, false);
        let secret = walked.secret?;
        if let [form] = &path.parts[secret + 1..]
            && words::is_reference(form)
        {
            return Some(Held::Place(form));
        }
        self.cover(path.ends[secret]..path.end);
        Some(Held::Secret)
    }

    /// Where a line's own text begins, behind blanks and the sign of a comment.
    fn body(&self, start: usize) -> (usize, bool) {
        let line = self.text[start..].trim_start_matches([' ', '\t', '\r']);
        let body = line.trim_start_matches([' ', '\t', '\r', '#']);
        (self.text.len() - body.len(), line.starts_with('#'))
    }

    fn line_end(&self, at: usize) -> usize {
        let rest = self.text.get(at..).unwrap_or_default();
        rest.find('\n').map_or(self.text.len(), |end| at + end)
    }

    fn cover(&mut self, span: Range<usize>) {
        for (at, c) in self.text[span.clone()].char_indices() {
            if !c.is_whitespace() {
                let start = span.start + at;
                self.masked[start..start + c.len_utf8()].fill(b'*');
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::secrets;

    const BROKEN: &[&str] = &[
        "password = \"hunter2\"",
        "password = \"hunter2\" x",
        "password=hunter2",
        "password = \"hunter2",
        "password = 'hunter2'",
        "password: hunter2",
        "password \"hunter2\"",
        "password hunter2",
        "pasword = \"hunter2\"",
        "smtp_pass = \"hunter2\"",
        "\"password\" = \"hunter2\"",
        "account.main.password = \"hunter2\"",
        "account.main = { host = \"h\", password = \"hunter2\" }",
        "# password = \"hunter2\"",
        "password = \"\"\"\nhunter2\n\"\"\"",
        "password = { value = \"hunter2\" }",
        "password = { file = \"x\", value = \"hunter2\" }",
        "password = { \"hunter2\" }",
        "password = { \"hunter2\" = 1 }",
        "password = { credential = hunter2 }",
        "password = { file = \"a\"\n\n, value = \"hunter2\" }",
        "password = {\n  value = \"a\",\n  other = \"hunter2\"\n}",
        "password = { command = [\"sh\", \"--token\", \"hunter2\"] }",
        "password = { command = [\"sh --token hunter2\"] }",
        "password = { command = \"sh --token hunter2\" }",
        "password.value = \"hunter2\"",
        "[account.main.password]\nvalue = \"hunter2\"",
        "[account.main.password]\n# hunter2\nfile = \"x\" # hunter2",
        "[account.main.password]\nhunter2 = 1",
        "# [account.main.password]\n# value = \"hunter2\"",
        "[account]\npassword = \"hunter2\"",
        "[account]\npassword.value = \"hunter2\"",
        "[smtp.password]\nvalue = \"hunter2\"",
        "password = { value =\n  \"hunter2\" }",
        "password =\n  \"hunter2\"",
        "password\n= \"hunter2\"",
        "password = # of the relay\n  \"hunter2\"",
        "password =\n{ value = \"hunter2\" }",
        "password = \"a\"hunter2\"",
        "password = \"abc\nhunter2\"",
        "password = \"abc\n\nhunter2==\"",
        "password = \"\"\nhunter2\"\"",
        "password = [\n\"hunter2\"]",
        "password = [\n  { a = \"hunter2\" },\n]",
        "password = (\n\"hunter2\")",
        "password = \"a\" # old one: hunter2",
        "password = { file = \"a\" } # old one: hunter2",
        "a = { password = \"a\", host = \"h\" } # old one: hunter2",
        "password = “hunter2”",
        "auth_token = \"hunter2\"",
        "auth_code = \"hunter2\"",
        "authorization_code = \"hunter2\"",
        "credentials = \"hunter2\"",
        "credential = \"hunter2\"",
        "auth = \"hunter2\"",
        "pw = \"hunter2\"",
        "授权码 = \"hunter2\"",
        "qq_授权码: hunter2",
        "密码 = hunter2",
        "host = \"smtps://me:hunter2@mail.example.org\"",
        "host = smtps://me@example.org:hun/ter2 hunter2@mail.example.org",
    ];

    #[test]
    fn a_password_is_masked_however_its_line_is_broken() {
        for line in BROKEN {
            for line in [
                (*line).to_owned(),
                format!("[account.a]\r\n{line}\r\n[list.b]\r\n"),
            ] {
                let masked = secrets(&line);
                assert!(!masked.contains("hunter2"), "{line} became {masked}");
                assert_eq!(masked.len(), line.len());
            }
        }
    }

    #[test]
    fn what_is_not_a_secret_stays_readable() {
        for line in [
            "password = { file = \"secrets/relay\" }",
            "password = { command = [\"pass\"], keep = \"1h\" }\nhost = \"h\"",
            "password.file = \"secrets/relay\"",
            "[account.main.password]\nfile = \"secrets/relay\"\n\n[list.a]\ncsv = \"b\"",
            "user = \"postroom\"",
            "# the authorisation code, not the login password",
            "csv = \"lists/passengers.csv\"",
            "then = \"later\"",
            "to = [\"monkeys\", \"keynote\"]",
            "[schedule.password-expiry]\nto = \"staff\"\ncrn = \"* * * * *\"",
            "[account.secret-santa]\nhost = \"h\"",
            "[account.secret-santa.domain.\"token.com\"]\nrate = 1",
            "[jobs.password-reset]\ncron = \"* * * * *\"",
            "schedule.token-expiry.cron = \"* * * * *\"",
            "[schedule]\nkey-dates.cron = \"* * * * *\"",
            "see = \"https://example.org:8080/a\"\nto = \"ada@example.org\"",
        ] {
            assert_eq!(secrets(line), line);
        }
        for (text, masked) in [
            (
                "a = { password = \"x\", host = \"h\" } # why",
                "a = { password = \"*\", host = \"h\" } # ***",
            ),
            (
                "password = \"x\"\ncolour = 1\n",
                "password = \"*\"\ncolour = 1\n",
            ),
            (
                "password = \"x\nhost = \"h\"\n",
                "password = \"*\nhost = \"h\"\n",
            ),
            (
                "password = { value = \"x\"\nhost = \"h\"\n",
                "password = { ***** * ***\nhost = \"h\"\n",
            ),
            (
                "password = { file = \"x\"\n[list.a]\nb = 1\n",
                "password = { file = \"x\"\n[list.a]\nb = 1\n",
            ),
            (
                "a = [\n  { b = 1, token = x },\n  { b = 2 },\n]\n",
                "a = [\n  { b = 1, token = * },\n  { b = 2 },\n]\n",
            ),
            (
                "password = { command = [\"pass\", \"show\", \"relay\"] }",
                "password = { command = [\"pass\", \"****\", \"*****\"] }",
            ),
        ] {
            assert_eq!(secrets(text), masked);
        }
    }

    /// Any of these would take hours, or the stack, if it were not read once from end to end.
    #[test]
    fn a_megabyte_of_anything_is_masked_at_once() {
        let one = |n: usize| format!("{{ email = \"ada{n}@example.org\", token = \"x\" }}, ");
        let people: Vec<String> = (0..20_000).map(one).collect();
        let (dots, many) = ("a.".repeat(200_000), 50_000);
        for text in [
            format!("[list.a]\ninline = [{}]\n", people.concat()),
            format!("[list.a]\ninline = [\n{}\n]\n", people.join("\n")),
            format!("# {dots}"),
            format!("{dots}a = 1\n"),
            format!("{dots}password = 1\n"),
            format!("[{dots}a]\n"),
            "password.".repeat(many),
            "password = ".repeat(many),
            "password = \n".repeat(many),
            "password\n".repeat(many),
            "password = [\n".repeat(many),
            "password = {\n".repeat(many),
            "password = { file = ".repeat(many),
            "password = \"\"\"\n'''\n".repeat(many),
            "token = \"x\" # ".repeat(many),
            "token = \"x\", ".repeat(many),
            "[account.a.password]\n".repeat(many),
            "http://a:".repeat(many),
            "\"a.".repeat(many),
            "\"password' ".repeat(many),
            format!("password{}", "\n".repeat(1_000_000)),
            format!("password = [{}", "\n\"x\",".repeat(many)),
            "[".repeat(1_000_000),
            "# ".repeat(500_000),
        ] {
            assert_eq!(secrets(&text).len(), text.len());
        }
    }
}
