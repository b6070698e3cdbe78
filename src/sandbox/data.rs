//! The message that follows DATA, taken off the wire byte for byte.
//!
//! Only `CR LF . CR LF` ends it, and only a dot after `CR LF` is unstuffed (RFC 5321, section
//! 4.5.2): a lone LF or CR never begins a line, so nothing can be smuggled past it. A message that
//! holds one is read to its end and then refused, as is one that is too large.

use memchr::{memchr2, memmem};

/// Why a message that was read to its end is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    TooLarge,
    /// A LF without a CR before it, on this line (the first is 1).
    BareLf(usize),
    /// A CR without a LF after it, on this line (the first is 1).
    BareCr(usize),
}

/// Where in a line the last chunk stopped.
#[derive(Clone, Copy, Debug)]
enum State {
    LineStart,
    /// After a dot that begins a line; it is not content yet, or never.
    Dot,
    DotCr,
    Middle,
    Cr,
}

/// A message that is being read.
#[derive(Debug)]
pub(super) struct Body {
    bytes: Vec<u8>,
    limit: usize,
    state: State,
    lines: usize,
    fault: Option<Fault>,
}

impl Body {
    /// An empty message of at most `limit` octets.
    pub(super) fn new(limit: usize) -> Self {
        let bytes = Vec::with_capacity(limit.min(8 * 1024));
        Self {
            bytes,
            limit,
            state: State::LineStart,
            lines: 0,
            fault: None,
        }
    }

    /// Takes what came off the wire. Returns how much of `chunk` belongs to the message once its
    /// end is reached, and nothing before.
    pub(super) fn feed(&mut self, chunk: &[u8]) -> Option<usize> {
        let mut at = 0;
        while let Some(&byte) = chunk.get(at) {
            match (self.state, byte) {
                (State::LineStart, b'.') => {
                    self.state = State::Dot;
                    at += 1;
                }
                (State::Dot, b'\r') => {
                    self.state = State::DotCr;
                    at += 1;
                }
                (State::DotCr, b'\n') => return Some(at + 1),
                (State::DotCr, _) => {
                    self.keep(b"\r");
                    self.state = State::Cr;
                }
                (State::Cr, b'\n') => {
                    self.keep(b"\n");
                    self.lines += 1;
                    self.state = State::LineStart;
                    at += 1;
                }
                (State::Cr, _) => {
                    self.blame(Fault::BareCr(self.lines + 1));
                    self.state = State::Middle;
                }
                (State::LineStart | State::Dot, _) => self.state = State::Middle,
                (State::Middle, _) => at += self.take_text(&chunk[at..]),
            }
        }
        None
    }

    /// The message without its dots, or why it is refused.
    pub(super) fn into_message(self) -> Result<Vec<u8>, Fault> {
        self.fault.map_or(Ok(self.bytes), Err)
    }

    /// Takes text up to and with the next CR or LF; returns its length.
    fn take_text(&mut self, text: &[u8]) -> usize {
        let Some(end) = memchr2(b'\r', b'\n', text) else {
            self.keep(text);
            return text.len();
        };
        self.keep(&text[..=end]);
        if text[end] == b'\r' {
            self.state = State::Cr;
        } else {
            self.blame(Fault::BareLf(self.lines + 1));
        }
        end + 1
    }

    fn keep(&mut self, bytes: &[u8]) {
        if self.bytes.len() + bytes.len() > self.limit {
            self.blame(Fault::TooLarge);
        }
        if self.fault.is_none() {
            self.bytes.extend_from_slice(bytes);
        }
    }

    /// The first fault is the one to tell; what follows it is not worth the memory.
    fn blame(&mut self, fault: Fault) {
        self.fault.get_or_insert(fault);
    }
}

/// A message up to the empty line that ends its header.
pub(super) fn header(message: &[u8]) -> &[u8] {
    if message.starts_with(b"\r\n") {
        return &[];
    }
    let end = memmem::find(message, b"\r\n\r\n").unwrap_or(message.len());
    &message[..end]
}

/// The Message-ID of a message without its angle brackets, if it has one.
pub(super) fn message_id(message: &[u8]) -> Option<String> {
    const NAME: &[u8] = b"message-id:";
    let mut lines = message
        .split_inclusive(|&byte| byte == b'\n')
        .take_while(|l| *l != b"\r\n");
    let line =
        lines.find(|l| l.len() > NAME.len() && l[..NAME.len()].eq_ignore_ascii_case(NAME))?;
    let mut value = String::from_utf8_lossy(&line[NAME.len()..]).into_owned();
    // A long id may stand on a folded line of its own.
    for folded in lines.take_while(|l| l.starts_with(b" ") || l.starts_with(b"\t")) {
        value.push_str(&String::from_utf8_lossy(folded));
    }
    let id = value.trim().trim_start_matches('<').trim_end_matches('>');
    (!id.is_empty()).then(|| id.to_owned())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What a client does to a message before it sends it (RFC 5321, section 4.5.2).
    fn stuffed(message: &[u8]) -> Vec<u8> {
        let mut wire = Vec::new();
        for line in message.split_inclusive(|&byte| byte == b'\n') {
            if line.starts_with(b".") {
                wire.push(b'.');
            }
            wire.extend_from_slice(line);
        }
        wire.extend_from_slice(b".\r\n");
        wire
    }

    fn read(wire: &[u8], cuts: &[usize]) -> (Option<usize>, Result<Vec<u8>, Fault>) {
        let mut body = Body::new(1 << 20);
        let mut from = 0;
        let mut ends: Vec<usize> = cuts.iter().map(|cut| cut % (wire.len() + 1)).collect();
        ends.push(wire.len());
        ends.sort_unstable();
        for end in ends {
            if let Some(used) = body.feed(&wire[from..end]) {
                return (Some(from + used), body.into_message());
            }
            from = end;
        }
        (None, body.into_message())
    }

    #[test]
    fn a_lone_lf_never_begins_a_line_that_could_end_the_message() {
        for (wire, fault) in [
            (&b"a\n.\r\n"[..], Fault::BareLf(1)),
            (b"a\r\nb\n.\r\nMAIL FROM:<x@y.org>\r\n", Fault::BareLf(2)),
            (b"a\r.\r\n", Fault::BareCr(1)),
            (b".\rx\r\n", Fault::BareCr(1)),
            (b".\n", Fault::BareLf(1)),
        ] {
            let (end, message) = read(wire, &[]);
            assert_eq!(
                (end, message),
                (None, Err(fault)),
                "{}",
                wire.escape_ascii()
            );
        }
    }

    #[test]
    fn a_message_over_the_limit_is_read_to_its_end_and_refused() {
        let mut body = Body::new(10);
        assert_eq!(body.feed(b"12345678\r\n9\r\n.\r\nQUIT\r\n"), Some(16));
        assert_eq!(body.into_message(), Err(Fault::TooLarge));
        let mut body = Body::new(10);
        assert_eq!(body.feed(b"12345678\r\n.\r\n"), Some(13));
        assert_eq!(body.into_message().unwrap(), b"12345678\r\n");
    }

    #[test]
    fn the_message_id_is_found_in_the_header_only() {
        let id = |text: &str| message_id(text.as_bytes());
        assert_eq!(
            id("A: b\r\nmessage-ID:  <1.2@x.org>\r\n\r\n"),
            Some("1.2@x.org".into())
        );
        assert_eq!(
            id("Message-ID:\r\n <3@x.org>\r\nB: c\r\n\r\n"),
            Some("3@x.org".into())
        );
        assert_eq!(id("A: b\r\n\r\nMessage-ID: <4@x.org>\r\n"), None);
        assert_eq!(id("Message-ID:"), None);
    }

    proptest! {
        #[test]
        fn lines_of_any_bytes_come_out_as_they_went_in_however_they_are_cut(
            lines in proptest::collection::vec(
                "[.]{0,3}".prop_flat_map(|dots| {
                    proptest::collection::vec(any::<u8>(), 0..40).prop_map(move |rest| {
                        let mut line = dots.clone().into_bytes();
                        line.extend(rest.into_iter().filter(|b| !matches!(b, b'\r' | b'\n')));
                        line.extend_from_slice(b"\r\n");
                        line
                    })
                }),
                0..20,
            ),
            cuts in proptest::collection::vec(any::<usize>(), 0..20),
        ) {
            let message = lines.concat();
            let mut wire = stuffed(&message);
            let length = wire.len();
            wire.extend_from_slice(b"MAIL FROM:<>\r\n");
            prop_assert_eq!(read(&wire, &cuts), (Some(length), Ok(message)));
        }

        #[test]
        fn any_bytes_are_read_alike_whole_and_cut(
            wire in proptest::collection::vec(
                proptest::sample::select(&b".\r\nab"[..]), 0..60),
            cuts in proptest::collection::vec(any::<usize>(), 0..20),
        ) {
            prop_assert_eq!(read(&wire, &cuts), read(&wire, &[]));
            let terminated = wire.starts_with(b".\r\n")
                || memmem::find(&wire, b"\r\n.\r\n").is_some();
            prop_assert_eq!(read(&wire, &[]).0.is_some(), terminated);
        }
    }
}
