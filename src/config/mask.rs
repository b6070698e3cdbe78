//! Blacks out secrets in the text of a configuration.
//!
//! It looks at the text, not at what a parser made of it, since the line with the password may be
//! the very one that cannot be parsed. It is generous: a misspelt `pasword`, a `:` for a `=`, a
//! lost quote and a commented-out line are masked too. References (`{ file = "…" }`) stay readable.

use strsim::damerau_levenshtein;

use super::key::{KEYS, Kind};

/// Keys whose values nobody should see, ours and those people bring from elsewhere.
const SECRET_WORDS: &[&str] = &[
    "password",
    "passwd",
    "passphrase",
    "secret",
    "token",
    "apikey",
    "pass",
    "pwd",
    "key",
];
/// The keys of a secret's reference; what they hold is a place, not the secret.
const REFERENCES: &[&str] = &["credential", "file", "command", "env", "keep"];

/// The same text, byte for byte as long, with every secret value replaced by asterisks.
pub(super) fn secrets(text: &str) -> String {
    let mut masked = text.as_bytes().to_vec();
    mask_keys(text, 0..text.len(), is_secret, &mut masked);
    String::from_utf8(masked).expect("only whole characters are replaced, by ASCII")
}

/// Masks the values of the keys that are secret.
fn mask_keys(text: &str, part: Span, is_secret: fn(&str) -> bool, masked: &mut [u8]) {
    let mut at = part.start;
    while let Some(word) = next_word(&text[..part.end], at) {
        at = word.end;
        // Most words are no keys, which is seen sooner than what they look like.
        let is_secret = || is_secret(&text[word.clone()]);
        if let Some(table) = table_under(text, &word) {
            if is_secret() {
                at = table.end;
                mask_keys(text, table, |key| !REFERENCES.contains(&key), masked);
            }
        } else if let Some(value) = value_after(text, &word).filter(|_| is_secret()) {
            at = mask_value(text, value, masked).max(at);
        }
    }
}

/// What stands under a header that ends with this word: `[account.main.password]`.
fn table_under(text: &str, word: &Span) -> Option<Span> {
    let line_start = text[..word.start].rfind('\n').map_or(0, |at| at + 1);
    let ends_header = text[word.end..]
        .trim_start_matches(['"', '\'', ' '])
        .starts_with(']');
    let is_header = text[line_start..].trim_start().starts_with('[') && ends_header;
    let end = text[word.end..]
        .find("\n[")
        .map_or(text.len(), |at| word.end + at);
    is_header.then_some(word.end..end)
}

type Span = std::ops::Range<usize>;

fn next_word(text: &str, from: usize) -> Option<Span> {
    let is_word = |c: char| c.is_alphanumeric() || c == '_' || c == '-';
    let start = from + text[from..].find(is_word)?;
    let length = text[start..]
        .find(|c| !is_word(c))
        .unwrap_or(text.len() - start);
    Some(start..start + length)
}

fn is_secret(word: &str) -> bool {
    // Ours are what they are: `then` is no slip for "token".
    let is_open_key = || {
        let mut ours = KEYS
            .iter()
            .filter(|key| key.names().any(|it| it == word))
            .peekable();
        ours.peek().is_some() && ours.all(|key| is_open(key.kind))
    };
    looks_secret(&word.to_lowercase()) && !is_open_key()
}

fn looks_secret(word: &str) -> bool {
    // "rows" and "user" are as near to "pwd" as a slip would be: short ones must be exact.
    word.split(['_', '-'])
        .chain([word.replace(['_', '-'], "").as_str()])
        .any(|part| {
            SECRET_WORDS.iter().any(|secret| {
                let slips = if secret.len() > 4 { 2 } else { 0 };
                let letters = part.chars().count();
                let could_be = part.len() >= 3 && letters.abs_diff(secret.len()) <= slips;
                could_be && damerau_levenshtein(part, secret) <= slips
                    || secret.len() > 4 && part.contains(secret)
            })
        })
}

/// Whether everybody may see what stands there.
fn is_open(kind: Kind) -> bool {
    !matches!(kind, Kind::Secret | Kind::Planned)
}

/// Where the value begins, if this word is used as a key.
fn value_after(text: &str, word: &Span) -> Option<usize> {
    let line_start = text[..word.start].rfind('\n').map_or(0, |at| at + 1);
    let before = text[line_start..word.start].trim_matches([' ', '\t', '"', '\'', '#', '.']);
    let rest = &text[word.end..];
    let after = rest
        .strip_prefix(['"', '\''])
        .unwrap_or(rest)
        .trim_start_matches([' ', '\t', '\r']);
    let value = text.len() - after.len();
    let begins_line = before.is_empty();
    match after.chars().next()? {
        '=' | ':' => Some(value + 1),
        '"' | '\'' if rest.starts_with([' ', '\t']) => Some(value),
        '.' => {
            let part =
                next_word(text, value).filter(|part| !REFERENCES.contains(&&text[part.clone()]))?;
            value_after(text, &part)
        }
        '\n' | ']' | ',' | '}' => None,
        _ => begins_line.then_some(value),
    }
}

/// Masks the value that begins at `from`; answers where it ends.
fn mask_value(text: &str, from: usize, masked: &mut [u8]) -> usize {
    let blank = text[from..].len()
        - text[from..]
            .trim_start_matches([' ', '\t', '\r', '\n'])
            .len();
    let from = from + blank;
    let line_end = text[from..].find('\n').map_or(text.len(), |at| from + at);
    if text[from..].starts_with('{') {
        return mask_table(text, from, masked);
    }
    for fence in ["\"\"\"", "'''"] {
        if text[from..].starts_with(fence) {
            let inside = from + 3;
            let end = text[inside..]
                .find(fence)
                .map_or(text.len(), |at| inside + at);
            cover(text, inside..end, masked);
            return end;
        }
    }
    let closed = closing_quote(&text[from..line_end]).map(|at| from + at);
    let Some(end) = closed else {
        cover(text, from..line_end, masked);
        return line_end;
    };
    cover(text, from + 1..end, masked);
    if text[end + 1..line_end]
        .trim_start()
        .starts_with([',', '}', ']', '#'])
        || text[end + 1..line_end].trim().is_empty()
    {
        return end + 1;
    }
    // Something follows that does not belong there: perhaps the rest of the secret.
    cover(text, end + 1..line_end, masked);
    line_end
}

/// `{ file = "…" }` is a reference and stays; from the first other key on, nothing does.
fn mask_table(text: &str, from: usize, masked: &mut [u8]) -> usize {
    let rest = &text[from..];
    let ends = [rest.find('}'), rest.find("\n["), rest.find("\n\n")];
    let end = ends
        .into_iter()
        .flatten()
        .min()
        .map_or(text.len(), |at| from + at);
    let mut at = from;
    while let Some(word) = next_word(&text[..end], at) {
        at = word.end;
        let after = text[word.end..end].trim_start_matches(['"', '\'', ' ', '\t']);
        if after.starts_with(['=', ':']) && !REFERENCES.contains(&&text[word]) {
            cover(text, end - after.len() + 1..end, masked);
            return end;
        }
    }
    // Not even one key: whatever this is, it is no reference.
    if !text[from..end].contains('=') {
        cover(text, from + 1..end, masked);
    }
    end
}

/// The byte of the quote that ends the string which begins `text`, if both are there.
fn closing_quote(text: &str) -> Option<usize> {
    let quote = text.chars().next().filter(|c| matches!(c, '"' | '\''))?;
    let mut escaped = false;
    text.char_indices().skip(1).find_map(|(at, c)| {
        let ends = c == quote && !escaped;
        escaped = quote == '"' && c == '\\' && !escaped;
        ends.then_some(at)
    })
}

fn cover(text: &str, span: Span, masked: &mut [u8]) {
    for (at, c) in text[span.clone()].char_indices() {
        if !c.is_whitespace() {
            let start = span.start + at;
            masked[start..start + c.len_utf8()].fill(b'*');
        }
    }
}

#[cfg(test)]
mod tests {
    use super::secrets;

    #[test]
    fn a_password_is_masked_however_its_line_is_broken() {
        for line in [
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
            "password.value = \"hunter2\"",
            "[account.main.password]\nvalue = \"hunter2\"",
            "password = { value =\n  \"hunter2\" }",
            "password =\n  \"hunter2\"",
            "password = \"a\"hunter2\"",
            "password = “hunter2”",
            "auth_token = \"hunter2\"",
        ] {
            let masked = secrets(line);
            assert!(!masked.contains("hunter2"), "{line} became {masked}");
            assert_eq!(masked.len(), line.len());
        }
    }

    #[test]
    fn what_is_not_a_secret_stays_readable() {
        for line in [
            "password = { file = \"secrets/relay\" }",
            "password.file = \"secrets/relay\"",
            "[account.main.password]\nfile = \"secrets/relay\"\n\n[list.a]\ncsv = \"b\"",
            "password = { command = [\"pass\", \"show\", \"relay\"] }",
            "user = \"postroom\"",
            "# the authorisation code, not the login password",
            "csv = \"lists/passengers.csv\"",
            "then = \"later\"",
            "to = [\"monkeys\", \"keynote\"]",
        ] {
            assert_eq!(secrets(line), line);
        }
        assert_eq!(
            secrets("a = { password = \"x\", host = \"h\" } # why"),
            "a = { password = \"*\", host = \"h\" } # why"
        );
    }
}
