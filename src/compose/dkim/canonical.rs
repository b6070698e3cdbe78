//! What is signed of a message, in the form that changes on the way leave alone (RFC 6376 section
//! 3.4): the relaxed header fields in the order of `h=`, and the digest of the relaxed body.

use memchr::memmem::Finder;
use memchr::{memchr, memmem};
use ring::digest::{Context, Digest, SHA256};

/// How often a field is named in `h=` beyond how often it is there (RFC 6376 section 8.15).
#[derive(Clone, Copy, PartialEq, Eq)]
enum Over {
    /// Once, so that nobody adds another one; also where there is none.
    Always,
    /// Once, where there is one. Services on the way add theirs where there is none, which counts
    /// for nothing unless somebody signs it (RFC 8058 section 4).
    Present,
    /// It is signed as it is.
    Never,
}

/// The fields that are signed, in the order of `h=`, in lower case: those that say who speaks to
/// whom and about what (RFC 6376 section 5.4.1), how to read it, and how to be rid of it.
const SIGNED: [(&str, Over); 27] = [
    ("from", Over::Always),
    ("to", Over::Always),
    ("cc", Over::Always),
    ("subject", Over::Always),
    ("date", Over::Always),
    ("message-id", Over::Always),
    ("reply-to", Over::Always),
    ("mime-version", Over::Always),
    ("content-type", Over::Always),
    ("content-transfer-encoding", Over::Never),
    ("content-language", Over::Never),
    ("list-unsubscribe", Over::Present),
    ("list-unsubscribe-post", Over::Present),
    ("list-id", Over::Never),
    ("list-help", Over::Never),
    ("list-owner", Over::Never),
    ("list-post", Over::Never),
    ("list-archive", Over::Never),
    ("list-subscribe", Over::Never),
    ("feedback-id", Over::Never),
    ("auto-submitted", Over::Never),
    ("precedence", Over::Never),
    ("sender", Over::Never),
    ("in-reply-to", Over::Never),
    ("references", Over::Never),
    ("organization", Over::Never),
    ("x-postroom-id", Over::Never),
];

/// The signed part of a message's head.
pub(super) struct Head {
    /// The fields named in `h=`, one name for each time.
    pub(super) names: Vec<&'static str>,
    /// The same fields in their canonical form, each with its CRLF.
    pub(super) text: Vec<u8>,
}

/// The head with the line end of its last field, and the body.
pub(super) fn split(message: &[u8]) -> (&[u8], &[u8]) {
    match memmem::find(message, b"\r\n\r\n") {
        Some(at) => (&message[..at + 2], &message[at + 4..]),
        None => (message, &[]),
    }
}

/// Picks the fields to sign. Of several with one name the last is signed first (section 5.4.2).
pub(super) fn head(head: &[u8]) -> Head {
    let mut fields: Vec<(usize, &[u8])> = Vec::with_capacity(32);
    for field in (Fields { rest: head }) {
        let Some(colon) = memchr(b':', field) else {
            continue;
        };
        let name = field[..colon].trim_ascii_end();
        let is_it = |known: &(&str, Over)| known.0.as_bytes().eq_ignore_ascii_case(name);
        if let Some(known) = SIGNED.iter().position(is_it) {
            fields.push((known, &field[colon + 1..]));
        }
    }
    let mut signed = Head {
        names: Vec::with_capacity(32),
        text: Vec::with_capacity(head.len()),
    };
    for (known, (name, over)) in SIGNED.iter().enumerate() {
        let before = signed.names.len();
        for (_, value) in fields.iter().rev().filter(|it| it.0 == known) {
            signed.names.push(name);
            signed.text.extend_from_slice(name.as_bytes());
            signed.text.push(b':');
            relax(value, &mut signed.text);
            signed.text.extend_from_slice(b"\r\n");
        }
        let is_there = signed.names.len() > before;
        if *over == Over::Always || (*over == Over::Present && is_there) {
            signed.names.push(name);
        }
    }
    signed
}

/// The fields of a head, folded as they are.
struct Fields<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for Fields<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        if self.rest.is_empty() {
            return None;
        }
        let mut end = 0;
        while let Some(at) = memchr(b'\n', &self.rest[end..]) {
            end += at + 1;
            if !matches!(self.rest.get(end), Some(b' ' | b'\t')) {
                break;
            }
        }
        let end = if end == 0 { self.rest.len() } else { end };
        let (field, rest) = self.rest.split_at(end);
        self.rest = rest;
        Some(field)
    }
}

/// A value unfolded, each run of white space as one space, none at its ends (section 3.4.2).
fn relax(value: &[u8], out: &mut Vec<u8>) {
    let is_space = |byte: &u8| matches!(byte, b' ' | b'\t' | b'\r' | b'\n');
    let words = value.split(is_space).filter(|word| !word.is_empty());
    for (at, word) in words.enumerate() {
        if at > 0 {
            out.push(b' ');
        }
        out.extend_from_slice(word);
    }
}

/// The digest of the relaxed body (section 3.4.4): runs of white space count as one space, those
/// at line ends and empty lines at the end as nothing. It is fed in pieces as they stand.
pub(super) fn body_hash(body: &[u8]) -> Digest {
    let mut hash = Context::new(&SHA256);
    let is_text = |byte: &u8| !matches!(byte, b' ' | b'\t' | b'\r' | b'\n');
    let end = body.iter().rposition(is_text).map_or(0, |last| last + 1);
    let body = &body[..end];
    let (mut spaces, mut at) = (Spaces::of(body), 0);
    while let Some((start, after)) = spaces.next(at) {
        hash.update(&body[at..start]);
        if !body[after..].starts_with(b"\r\n") {
            hash.update(b" ");
        }
        at = after;
    }
    hash.update(&body[at..]);
    if !body.is_empty() {
        hash.update(b"\r\n");
    }
    hash.finish()
}

/// Runs of white space that are not one space within a line: few, in most bodies none. They are
/// looked for by what each must hold, several bytes at a time.
struct Spaces<'a> {
    body: &'a [u8],
    marks: [Finder<'static>; 3],
    /// Where each mark is next; behind the end if nowhere.
    seen: [usize; 3],
}

impl<'a> Spaces<'a> {
    fn of(body: &'a [u8]) -> Self {
        let marks = ["  ", " \r", "\t"].map(Finder::new);
        let mut all = Self {
            body,
            marks,
            seen: [0; 3],
        };
        (0..3).for_each(|mark| all.look(mark, 0));
        all
    }

    fn look(&mut self, mark: usize, from: usize) {
        let found = self.marks[mark].find(&self.body[from..]);
        self.seen[mark] = found.map_or(self.body.len(), |at| from + at);
    }

    /// The first run that begins at or behind `from`, which stands in none: where it begins, and
    /// where it ends.
    fn next(&mut self, from: usize) -> Option<(usize, usize)> {
        for mark in 0..3 {
            if self.seen[mark] < from {
                self.look(mark, from);
            }
        }
        let mark = *self.seen.iter().min()?;
        if mark == self.body.len() {
            return None;
        }
        let is_space = |byte: &u8| matches!(byte, b' ' | b'\t');
        let before = self.body[from..mark].iter().rev();
        let start = mark - before.take_while(|byte| is_space(byte)).count();
        let behind = self.body[mark..].iter();
        let end = mark + behind.take_while(|byte| is_space(byte)).count();
        Some((start, end))
    }
}

#[cfg(test)]
mod tests {
    use ring::digest::{SHA256, digest};

    use super::{body_hash, head};

    /// As the RFC says it, a byte at a time.
    fn plainly(body: &[u8]) -> Vec<u8> {
        let text: Vec<&[u8]> = body.split(|byte| *byte == b'\n').collect();
        let mut lines: Vec<Vec<u8>> = Vec::new();
        for line in text {
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            let mut out: Vec<u8> = Vec::new();
            for byte in line {
                match byte {
                    b' ' | b'\t' if out.last() == Some(&b' ') => {}
                    b' ' | b'\t' => out.push(b' '),
                    byte => out.push(*byte),
                }
            }
            if out.last() == Some(&b' ') {
                out.pop();
            }
            lines.push(out);
        }
        while lines.last().is_some_and(Vec::is_empty) {
            lines.pop();
        }
        lines
            .into_iter()
            .flat_map(|line| [line, b"\r\n".to_vec()].concat())
            .collect()
    }

    #[test]
    fn a_body_is_relaxed_as_the_rfc_says() {
        let mut random = fastrand::Rng::with_seed(8);
        let bits: [&[u8]; 7] = [b" ", b"\t", b"\r\n", b"a", b"bc", b"  ", b" \r\n"];
        for _ in 0..20_000 {
            let length = random.usize(0..12);
            let body: Vec<u8> = (0..length)
                .flat_map(|_| bits[random.usize(0..7)].to_vec())
                .collect();
            let hashed = body_hash(&body);
            let wanted = digest(&SHA256, &plainly(&body));
            assert_eq!(
                hashed.as_ref(),
                wanted.as_ref(),
                "{:?}",
                String::from_utf8_lossy(&body)
            );
        }
    }

    #[test]
    fn the_example_of_the_rfc_comes_out_as_it_says() {
        // RFC 6376 section 3.4.5, example 1.
        assert_eq!(plainly(b" C \r\nD \t E\r\n\r\n\r\n"), b" C\r\nD E\r\n");
    }

    #[test]
    fn the_last_of_several_fields_is_signed_first_and_one_more_is_named() {
        let signed = head(b"To: one\r\nFROM : a\r\n b \r\nTo:\ttwo\r\nX-Other: no\r\n");
        assert_eq!(signed.text, b"from:a b\r\nto:two\r\nto:one\r\n");
        let count = |name| signed.names.iter().filter(|it| **it == name).count();
        assert_eq!(
            (count("from"), count("to"), count("cc"), count("list-id")),
            (2, 3, 1, 0)
        );
        assert_eq!(count("list-unsubscribe"), 0);
    }
}
