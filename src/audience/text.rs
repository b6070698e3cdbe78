//! Turns the bytes of a file into UTF-8 text, strictly: a byte that its encoding does not allow is
//! an error with its line, never a replacement character that ends up in somebody's name.

use std::io::{self, BufRead, ErrorKind, Read};
use std::ops::Range;

use encoding_rs::{Decoder, DecoderResult, Encoding, UTF_8};

use crate::audience::error::FileFault;

const CHUNK: usize = 64 * 1024;

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
    ended: bool,
}

impl<R: Read> Text<R> {
    /// Reads as the byte order mark says, else as `stated`, else as UTF-8.
    pub(super) fn new(mut input: R, stated: Option<&'static Encoding>) -> io::Result<Self> {
        let mut raw = vec![0; CHUNK].into_boxed_slice();
        let filled = fill(&mut input, &mut raw)?;
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
        self.undecoded.start += read;
        self.unread = 0..written;
        let encoding = self.decoder.encoding().name();
        // Text of another encoding has NUL bytes before what cannot be decoded; they say more.
        if let Some(nul) = memchr::memchr(0, &self.text[..written]) {
            return Err(self.fault(FileFault::Nul { encoding }, nul));
        }
        match result {
            DecoderResult::InputEmpty => self.ended = self.input_ended,
            DecoderResult::OutputFull => {}
            DecoderResult::Malformed(..) => {
                return Err(self.fault(FileFault::NotText { encoding }, written));
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
