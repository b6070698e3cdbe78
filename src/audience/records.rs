//! Finds where each record of a CSV file begins and ends, and refuses what the csv crate would let
//! pass: that crate always finds *a* reading. A quote that is never closed would end the list early
//! or swallow rows, silently, and grow a record without bound. The last row need not end its line
//! (RFC 4180, section 2); one that also lacks cells is where the file was cut.
//!
//! [`Records`] sits under the csv reader and hands it at most one record for each read, so
//! [`Records::record_line`] is always the line of the record that the csv reader returned last.

use std::io::{self, BufRead, Read};

use crate::audience::error::{FileFault, Located};
use crate::audience::separator::Separator;

const RECORD_BYTES_MAX: usize = 1024 * 1024;
const COLUMNS_MAX: usize = 1_000;

pub(super) struct Records<R> {
    input: R,
    scan: Scan,
}

impl<R: BufRead> Records<R> {
    /// Records below so many lines that are none.
    pub(super) fn new(input: R, separator: Separator, lines_above: u64) -> Self {
        let mut scan = Scan::new(separator);
        scan.line += lines_above;
        Self { input, scan }
    }

    /// The line on which the latest record begins, the first line of the file being 1.
    pub(super) fn record_line(&self) -> u64 {
        self.scan.record_line
    }
}

impl<R: BufRead> Read for Records<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let text = self.input.fill_buf()?;
        if text.is_empty() {
            self.scan.end()?;
            return Ok(0);
        }
        let text = &text[..text.len().min(buffer.len())];
        let count = self.scan.record(text)?;
        buffer[..count].copy_from_slice(&text[..count]);
        self.input.consume(count);
        Ok(count)
    }
}

/// The state of RFC 4180, section 2, between two bytes.
#[derive(Clone, Copy, Debug)]
enum State {
    /// Before the first byte of a record.
    Start,
    /// Before the first byte of a cell that is not the record's first.
    Cell,
    /// In a cell without quotes; a quote in it is a character like any other.
    Bare,
    Quoted,
    /// After a quote in a quoted cell: it closed the cell, or is the first of a doubled one.
    Closed,
    /// After a carriage return that ends a line.
    Return,
}

struct Scan {
    separator: u8,
    state: State,
    line: u64,
    /// Whether the current line is part of a record; blank lines are not.
    in_record: bool,
    record_line: u64,
    record_bytes: usize,
    columns: usize,
    /// How many the header has: the first record, once its line has ended.
    header_columns: usize,
    quote_line: u64,
}

impl Scan {
    fn new(separator: Separator) -> Self {
        Self {
            separator: separator.byte(),
            state: State::Start,
            line: 1,
            in_record: false,
            record_line: 1,
            record_bytes: 0,
            columns: 0,
            header_columns: 0,
            quote_line: 1,
        }
    }

    /// How many of these bytes, at least one, belong to the record at hand.
    fn record(&mut self, text: &[u8]) -> Result<usize, Located> {
        for (at, byte) in text.iter().enumerate() {
            self.record_bytes += 1;
            if self.record_bytes > RECORD_BYTES_MAX {
                return Err(FileFault::RecordTooLong.at(self.record_line));
            }
            if self.step(*byte)? {
                return Ok(at + 1);
            }
        }
        Ok(text.len())
    }

    /// Takes one byte; true when it ends a record.
    fn step(&mut self, byte: u8) -> Result<bool, Located> {
        use State::{Bare, Cell, Closed, Quoted, Return, Start};
        self.state = match (self.state, byte) {
            (Quoted, b'"') => Closed,
            (Closed, b'"') => Quoted,
            (Quoted, byte) => {
                self.line += u64::from(byte == b'\n');
                Quoted
            }
            (_, b'\n') => return Ok(self.end_line()),
            (Return, _) => return Err(FileFault::LoneReturn.at(self.line)),
            (_, b'\r') => Return,
            (state, byte) => {
                if let Start = state {
                    self.begin_record();
                }
                match (state, byte) {
                    (_, byte) if byte == self.separator => self.begin_cell()?,
                    (Start | Cell, b'"') => {
                        self.quote_line = self.line;
                        Quoted
                    }
                    (Closed, _) => {
                        let begun = self.quote_line;
                        return Err(FileFault::TextAfterQuote { begun }.at(self.line));
                    }
                    _ => Bare,
                }
            }
        };
        Ok(false)
    }

    fn begin_record(&mut self) {
        self.in_record = true;
        self.record_line = self.line;
        self.record_bytes = 1;
        self.columns = 1;
    }

    fn begin_cell(&mut self) -> Result<State, Located> {
        self.columns += 1;
        if self.columns > COLUMNS_MAX {
            return Err(FileFault::TooManyColumns.at(self.record_line));
        }
        Ok(State::Cell)
    }

    fn end_line(&mut self) -> bool {
        self.line += 1;
        self.state = State::Start;
        self.record_bytes = 0;
        if self.in_record && self.header_columns == 0 {
            self.header_columns = self.columns;
        }
        std::mem::take(&mut self.in_record)
    }

    fn end(&self) -> Result<(), Located> {
        match self.state {
            State::Quoted => Err(FileFault::OpenQuote.at(self.quote_line)),
            State::Return => Err(FileFault::LoneReturn.at(self.line)),
            _ if self.in_record && self.columns < self.header_columns => {
                Err(FileFault::Cut.at(self.record_line))
            }
            State::Start | State::Cell | State::Bare | State::Closed => Ok(()),
        }
    }
}
