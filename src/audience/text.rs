//! Turns the bytes of a file into UTF-8 text, strictly: a byte that its encoding does not allow is
//! an error with its line, never a replacement character that ends up in somebody's name.

use std::io::{self, BufRead, ErrorKind, Read};
use std::ops::Range;

use encoding_rs::{Decoder, DecoderResult, Encoding, UTF_8};

use crate::audience::error::{FileFault, Located};

const CHUNK: usize = 64 * 1024;
/// How packed files begin, those of spreadsheets among them.
const PACKED: &[u8] = b"PK\x03\x04";

/// A reader of `input` that yields well-formed UTF-8 without NUL bytes and without the byte order
/// mark. It may split a character between two reads.
pub(super) struct Text<R> {
    input: R,
    decoder: Decoder,
    raw: Box<[u8]>,
    /// What of `raw` is not decoded yet.
    undecoded: Range<usize>,
    input_ended: bool,
    text: Box<[u8]>,
    /// What of `text` is not consumed yet.
    unread: Range<usize>,
    /// Line feeds in everything decoded before what `text` holds.
    lines: u64,
    /// Whether there are others than ASCII characters in that.
    is_wide: bool,
    ended: bool,
}

impl<R: Read> Text<R> {
    /// Reads as the byte order mark says, else as `stated`, else as UTF-8.
    pub(super) fn new(mut input: R, stated: Option<&'static Encoding>) -> io::Result<Self> {
        let mut raw = vec![0; CHUNK].into_boxed_slice();
        let filled = fill(&mut input, &mut raw)?;
        if raw.starts_with(PACKED) {
            return Err(Located::from(FileFault::Packed).into());
        }
        let (encoding, mark) =
            Encoding::for_bom(&raw[..filled]).unwrap_or((stated.unwrap_or(UTF_8), 0));
        Ok(Self {
            input,
            decoder: encoding.new_decoder_without_bom_handling(),
            undecoded: mark..filled,
            input_ended: filled < raw.len(),
            raw,
            text: vec![0; CHUNK].into_boxed_slice(),
            unread: 0..0,
            lines: 0,
            is_wide: false,
            ended: false,
        })
    }

    pub(super) fn input(&self) -> &R {
        &self.input
    }

    /// What it is read as.
    pub(super) fn encoding(&self) -> &'static str {
        self.decoder.encoding().name()
    }

    /// Decodes the next piece of text, which is empty at the end only.
    fn refill(&mut self) -> io::Result<()> {
        self.lines += line_feeds(&self.text[..self.unread.end]);
        self.is_wide = self.is_wide || !self.text[..self.unread.end].is_ascii();
        self.unread = 0..0;
        while self.unread.is_empty() && !self.ended {
            if self.undecoded.is_empty() && !self.input_ended {
                let filled = fill(&mut self.input, &mut self.raw)?;
                self.undecoded = 0..filled;
                self.input_ended = filled < self.raw.len();
            }
            self.decode()?;
        }
        Ok(())
    }

    fn decode(&mut self) -> io::Result<()> {
        let (result, read, written) = self.decoder.decode_to_utf8_without_replacement(
            &self.raw[self.undecoded.clone()],
            &mut self.text,
            self.input_ended,
        );
        let first = self.undecoded.start;
        self.undecoded.start += read;
        self.unread = 0..written;
        let encoding = self.decoder.encoding().name();
        // Text of another encoding has NUL bytes before what cannot be decoded; they say more.
        if let Some(nul) = memchr::memchr(0, &self.text[..written]) {
            let raw = memchr::memchr(0, &self.raw[first..]);
            let is_first_half = raw.is_some_and(|at| (first + at).is_multiple_of(2));
            let fault = FileFault::Nul {
                encoding,
                is_first_half,
            };
            return Err(self.fault(fault, nul));
        }
        match result {
            DecoderResult::InputEmpty => self.ended = self.input_ended,
            DecoderResult::OutputFull => {}
            DecoderResult::Malformed(..) => {
                let above = memchr::memrchr(b'\n', &self.text[..written]).unwrap_or(0);
                let is_mixed = self.is_wide || !self.text[..above].is_ascii();
                return Err(self.fault(FileFault::NotText { encoding, is_mixed }, written));
            }
        }
        Ok(())
    }

    fn fault(&self, fault: FileFault, at: usize) -> io::Error {
        fault
            .at(self.lines + line_feeds(&self.text[..at]) + 1)
            .into()
    }
}

impl<R: Read> BufRead for Text<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.unread.is_empty() {
            self.refill()?;
        }
        Ok(&self.text[self.unread.clone()])
    }

    fn consume(&mut self, count: usize) {
        self.unread.start += count;
    }
}

impl<R: Read> Read for Text<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.fill_buf()?.read(buffer)?;
        self.consume(count);
        Ok(count)
    }
}

/// Reads until the buffer is full or the input ends; less than full means that it ended.
fn fill(input: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match input.read(&mut buffer[filled..]) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

fn line_feeds(text: &[u8]) -> u64 {
    memchr::memchr_iter(b'\n', text).count() as u64
}
