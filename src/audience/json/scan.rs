//! Finds where each value of a JSON text begins and ends (RFC 8259), holding no more of it than the
//! one value that is wanted. Everything is judged strictly, kept or not: no trailing comma, no
//! comment, no NaN, no lone surrogate, nothing that just stops.
//!
//! [`Scanner::kept`] is the wanted value as JSON without white space between its tokens, and fit
//! for a parser of numbers as computers hold them: a number that would lose digits there stands in
//! it as text, see [`super::number`].

use std::io::BufRead;

use super::fault::JsonFault;
use super::number;
use crate::audience::error::Located;

const VALUE_BYTES_MAX: usize = 1024 * 1024;
/// Well below what would exhaust a stack, and below what `serde_json` refuses.
const DEPTH_MAX: usize = 100;

pub(super) struct Scanner<R> {
    input: R,
    line: u64,
    kept: Vec<u8>,
    keeping: bool,
    /// The line on which the kept value begins.
    begun: u64,
    /// Whether a kept value must end on the line on which it began.
    pub(super) one_line: bool,
    /// No kept value is larger, in bytes.
    pub(super) most: usize,
}

impl<R: BufRead> Scanner<R> {
    pub(super) fn new(input: R) -> Self {
        Self {
            input,
            line: 1,
            kept: Vec::new(),
            keeping: false,
            begun: 1,
            one_line: false,
            most: VALUE_BYTES_MAX,
        }
    }

    /// The line of the next byte, the first being 1.
    pub(super) fn line(&self) -> u64 {
        self.line
    }

    /// The next value, as it was kept.
    pub(super) fn keep(&mut self) -> Result<&[u8], Located> {
        self.kept.clear();
        self.begun = self.line;
        self.keeping = true;
        let end = self.value(DEPTH_MAX);
        self.keeping = false;
        end.map(|()| &self.kept[..])
    }

    /// Passes over the next value.
    pub(super) fn skip(&mut self) -> Result<(), Located> {
        self.value(DEPTH_MAX)
    }

    /// The next key of an object, and past its colon.
    pub(super) fn key(&mut self) -> Result<String, Located> {
        self.want(b'"', "a key in double quotes")?;
        let key = self.keep()?;
        let key = serde_json::from_slice(key).expect("it was seen to be a JSON text");
        self.colon()?;
        Ok(key)
    }

    /// The next byte that is not white space, left where it is.
    pub(super) fn token(&mut self) -> Result<Option<u8>, Located> {
        loop {
            let byte = self.peek()?;
            match byte {
                Some(b'\n') if self.keeping && self.one_line => {
                    return Err(JsonFault::OverLines.at(self.line));
                }
                Some(b'\n') => self.line += 1,
                Some(b' ' | b'\t' | b'\r') => {}
                _ => return Ok(byte),
            }
            self.input.consume(1);
        }
    }

    /// Passes over the byte that [`Self::token`] has shown.
    pub(super) fn pass(&mut self) -> Result<(), Located> {
        if let Some(byte) = self.peek()? {
            self.put(&[byte])?;
            self.input.consume(1);
        }
        Ok(())
    }

    /// Whether another item of a list follows: past the comma to it, or past the end.
    pub(super) fn another(&mut self, first: bool, end: u8) -> Result<bool, Located> {
        let wanted = match (end, first) {
            (b']', true) => "a value or `]`",
            (_, true) => "a key or `}`",
            (b']', false) => "`,` or `]`",
            (_, false) => "`,` or `}`",
        };
        match self.token()? {
            Some(byte) if byte == end => self.pass().map(|()| false),
            Some(b',') if !first => self.pass().map(|()| true),
            Some(_) if first => Ok(true),
            found => Err(self.unexpected(found, wanted)),
        }
    }

    /// Another byte than the one that must stand here, or the end.
    pub(super) fn unexpected(&self, found: Option<u8>, wanted: &'static str) -> Located {
        match found {
            None => JsonFault::Cut.at(self.line),
            Some(found) => JsonFault::Unexpected { found, wanted }.at(self.line),
        }
    }

    fn value(&mut self, depth: usize) -> Result<(), Located> {
        match self.token()? {
            Some(b'{' | b'[') if depth == 0 => Err(JsonFault::TooDeep.at(self.line)),
            Some(b'{') => self.object(depth - 1),
            Some(b'[') => self.array(depth - 1),
            Some(b'"') => self.text(),
            Some(b'-' | b'0'..=b'9') => self.number(),
            Some(b't') => self.word(b"true"),
            Some(b'f') => self.word(b"false"),
            Some(b'n') => self.word(b"null"),
            found => Err(self.unexpected(found, "a value")),
        }
    }

    fn object(&mut self, depth: usize) -> Result<(), Located> {
        self.pass()?;
        let mut first = true;
        while self.another(first, b'}')? {
            self.want(b'"', "a key in double quotes")?;
            self.text()?;
            self.colon()?;
            self.value(depth)?;
            first = false;
        }
        Ok(())
    }

    fn array(&mut self, depth: usize) -> Result<(), Located> {
        self.pass()?;
        let mut first = true;
        while self.another(first, b']')? {
            self.value(depth)?;
            first = false;
        }
        Ok(())
    }

    fn colon(&mut self) -> Result<(), Located> {
        self.want(b':', "`:`")?;
        self.pass()
    }

    fn want(&mut self, byte: u8, wanted: &'static str) -> Result<(), Located> {
        match self.token()? {
            Some(found) if found == byte => Ok(()),
            found => Err(self.unexpected(found, wanted)),
        }
    }

    fn text(&mut self) -> Result<(), Located> {
        self.pass()?;
        loop {
            let read = self.input.fill_buf()?;
            let special = |byte: &u8| matches!(byte, b'"' | b'\\' | 0..0x20);
            let plain = read.iter().position(special).unwrap_or(read.len());
            if self.keeping {
                let room = self.most.saturating_sub(self.kept.len());
                if plain > room {
                    return Err(JsonFault::TooLong.at(self.begun));
                }
                self.kept.extend_from_slice(&read[..plain]);
            }
            self.input.consume(plain);
            match self.peek()? {
                None => return Err(JsonFault::Cut.at(self.line)),
                Some(b'"') => return self.pass(),
                Some(b'\\') => self.escape()?,
                Some(0..0x20) => return Err(JsonFault::Control.at(self.line)),
                Some(_) => {}
            }
        }
    }

    /// RFC 8259, section 7. Half of a surrogate pair is no character, and could not be mailed.
    fn escape(&mut self) -> Result<(), Located> {
        self.pass()?;
        match self.peek()? {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => self.pass(),
            Some(b'u') => match self.unit()? {
                0xDC00..0xE000 => Err(JsonFault::Surrogate.at(self.line)),
                0xD800..0xDC00 => self.low_surrogate(),
                _ => Ok(()),
            },
            None => Err(JsonFault::Cut.at(self.line)),
            Some(_) => Err(JsonFault::Escape.at(self.line)),
        }
    }

    fn low_surrogate(&mut self) -> Result<(), Located> {
        self.half(b'\\')?;
        self.pass()?;
        self.half(b'u')?;
        match self.unit()? {
            0xDC00..0xE000 => Ok(()),
            _ => Err(JsonFault::Surrogate.at(self.line)),
        }
    }

    /// The byte with which the other half of a pair goes on.
    fn half(&mut self, wanted: u8) -> Result<(), Located> {
        match self.peek()? {
            Some(found) if found == wanted => Ok(()),
            None => Err(JsonFault::Cut.at(self.line)),
            Some(_) => Err(JsonFault::Surrogate.at(self.line)),
        }
    }

    /// The four digits after the `u` that is next.
    fn unit(&mut self) -> Result<u32, Located> {
        self.pass()?;
        let mut unit = 0;
        for _ in 0..4 {
            let digit = match self.peek()? {
                Some(byte) => char::from(byte).to_digit(16),
                None => return Err(JsonFault::Cut.at(self.line)),
            };
            unit = unit * 16 + digit.ok_or_else(|| JsonFault::Escape.at(self.line))?;
            self.pass()?;
        }
        Ok(unit)
    }

    /// RFC 8259, section 6.
    fn number(&mut self) -> Result<(), Located> {
        let start = self.kept.len();
        self.pass_if(|byte| byte == b'-')?;
        if !self.pass_if(|byte| byte == b'0')? {
            self.digits()?;
        }
        if self.pass_if(|byte| byte == b'.')? {
            self.digits()?;
        }
        if self.pass_if(|byte| matches!(byte, b'e' | b'E'))? {
            self.pass_if(|byte| matches!(byte, b'+' | b'-'))?;
            self.digits()?;
        }
        if self.keeping && !number::is_exact(&self.kept[start..]) {
            self.kept.insert(start, b'"');
            self.kept.push(b'"');
        }
        Ok(())
    }

    fn digits(&mut self) -> Result<(), Located> {
        if !self.pass_if(|byte| byte.is_ascii_digit())? {
            let found = self.peek()?;
            return Err(self.unexpected(found, "a digit"));
        }
        while self.pass_if(|byte| byte.is_ascii_digit())? {}
        Ok(())
    }

    fn pass_if(&mut self, fits: impl Fn(u8) -> bool) -> Result<bool, Located> {
        let fits = self.peek()?.is_some_and(fits);
        if fits {
            self.pass()?;
        }
        Ok(fits)
    }

    fn word(&mut self, word: &[u8]) -> Result<(), Located> {
        for byte in word {
            match self.peek()? {
                Some(found) if found == *byte => self.pass()?,
                found => return Err(self.unexpected(found, "`true`, `false` or `null`")),
            }
        }
        Ok(())
    }

    fn peek(&mut self) -> Result<Option<u8>, Located> {
        Ok(self.input.fill_buf()?.first().copied())
    }

    fn put(&mut self, bytes: &[u8]) -> Result<(), Located> {
        if self.keeping {
            if self.kept.len() + bytes.len() > self.most {
                return Err(JsonFault::TooLong.at(self.begun));
            }
            self.kept.extend_from_slice(bytes);
        }
        Ok(())
    }
}
