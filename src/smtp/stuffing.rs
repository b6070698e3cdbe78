//! Dot-stuffing (RFC 5321 section 4.5.2) without a copy of the message.

use std::io::IoSlice;

use memchr::memmem;

const CRLF: &[u8] = b"\r\n";
/// What ends a message that ends with CRLF (RFC 5321 section 4.1.1.4).
const END: &[u8] = b".\r\n";

/// The pieces of `message` as they go over the wire, with the dots that begin a line doubled and
/// the end of data; and how many bytes they are.
pub(super) fn stuffed(message: &[u8]) -> (Vec<IoSlice<'_>>, usize) {
    let mut pieces = Vec::with_capacity(8);
    let mut from = 0;
    let dots = memmem::find_iter(message, b"\r\n.").map(|at| at + CRLF.len());
    let first = (message.first() == Some(&b'.')).then_some(0);
    for dot in first.into_iter().chain(dots) {
        // The dot goes out with what is before it, and once more with what follows.
        pieces.push(IoSlice::new(&message[from..=dot]));
        from = dot;
    }
    pieces.push(IoSlice::new(&message[from..]));
    if !message.ends_with(CRLF) {
        pieces.push(IoSlice::new(CRLF));
    }
    pieces.push(IoSlice::new(END));
    let length = pieces.iter().map(|piece| piece.len()).sum();
    (pieces, length)
}

#[cfg(test)]
mod tests {
    use super::stuffed;

    fn stuff(message: &[u8]) -> Vec<u8> {
        let (pieces, length) = stuffed(message);
        let bytes: Vec<u8> = pieces.iter().flat_map(|piece| piece.to_vec()).collect();
        assert_eq!(bytes.len(), length);
        bytes
    }

    #[test]
    fn dots_at_the_beginning_of_lines_are_doubled_and_the_end_is_marked() {
        assert_eq!(stuff(b".a\r\n..\r\nb.\r\n"), b"..a\r\n...\r\nb.\r\n.\r\n");
        assert_eq!(stuff(b"no end"), b"no end\r\n.\r\n");
        assert_eq!(stuff(b""), b"\r\n.\r\n");
        assert_eq!(stuff(b"."), b"..\r\n.\r\n");
        assert_eq!(stuff(b"x\r\n.\r\n.\r\n"), b"x\r\n..\r\n..\r\n.\r\n");
    }

    #[test]
    fn nothing_is_copied() {
        let message = b"From: a\r\n\r\nHi\r\n";
        let (pieces, _) = stuffed(message);
        assert_eq!(pieces.len(), 2);
        assert_eq!(pieces[0].as_ptr(), message.as_ptr());
    }
}
