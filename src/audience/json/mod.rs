//! Lists in JSON (RFC 8259): an array of people, an array somewhere in a document, or one object a
//! line (JSON Lines).
//!
//! The reader holds one row, and the few first ones that tell the columns, however large the file
//! is; what stands beside the rows of a document is judged as strictly as they are and not held. It
//! ends well only where the document does, so that a file that was cut off is never a short list.
//! (One object a line has no such end: cut off between two lines, it is one that is shorter.)
//!
//! It never judges who can be mailed: an element comes out as the value that it is.

mod element;
pub(super) mod fault;
mod number;
mod outline;
mod path;
mod rows;
mod scan;

use std::collections::VecDeque;
use std::io::BufRead;

use serde_json::Value;

pub use self::path::{RowsPath, RowsPathError};
pub(super) use self::rows::JsonRows;

pub(super) use self::fault::JsonFault;
use self::scan::Scanner;
use super::error::{FileFault, Located};
use super::row::RowFault;

/// Rows that are read ahead for their keys, and the bytes after which no more are.
const AHEAD: usize = 100;
const AHEAD_BYTES: usize = 256 * 1024;

/// One element of the list.
pub(super) struct Element {
    /// Which of them, the first being 1.
    pub(super) number: u64,
    /// The line on which it begins.
    pub(super) line: u64,
    pub(super) value: Result<Value, RowFault>,
}

/// The elements of an open document.
pub(super) struct Elements<R> {
    scanner: Scanner<R>,
    shape: Shape,
    /// What was read to learn the columns, and not handed out yet.
    ahead: VecDeque<Element>,
    /// The arrays of a document that could hold people, if it seems to be one.
    pub(super) arrays: Vec<String>,
    /// How many were read.
    count: u64,
}

enum Shape {
    /// In the array of people, and in the objects that lead to it: their keys, outermost first.
    Array(Vec<String>),
    /// One object a line.
    Lines,
    Ended,
}

impl<R: BufRead> Elements<R> {
    /// Reads up to the first rows, which [`Self::ahead`] shows.
    pub(super) fn open(mut input: R, rows: Option<&RowsPath>) -> Result<Self, Located> {
        let arrays = outline::arrays(input.fill_buf()?);
        let mut scanner = Scanner::new(input);
        let shape = match (scanner.token()?, rows) {
            (None, _) => return Err(FileFault::Json(Box::new(JsonFault::Empty)).into()),
            (Some(b'['), None) => {
                scanner.pass()?;
                Shape::Array(Vec::new())
            }
            (Some(b'['), Some(rows)) => {
                return Err(JsonFault::RowsOfArray(rows.clone()).at(scanner.line()));
            }
            (Some(b'{'), None) => {
                scanner.one_line = true;
                Shape::Lines
            }
            (Some(b'{'), Some(rows)) => {
                descend(&mut scanner, rows, &arrays)?;
                Shape::Array(rows.keys().to_vec())
            }
            (Some(_), _) => return Err(JsonFault::NotAList.at(scanner.line())),
        };
        let mut elements = Self {
            scanner,
            shape,
            ahead: VecDeque::new(),
            arrays,
            count: 0,
        };
        elements.look_ahead()?;
        Ok(elements)
    }

    /// The first rows.
    pub(super) fn ahead(&self) -> impl Iterator<Item = &Element> {
        self.ahead.iter()
    }

    /// Whether it is one object a line.
    pub(super) fn is_lines(&self) -> bool {
        self.scanner.one_line
    }

    pub(super) fn next(&mut self) -> Result<Option<Element>, Located> {
        match self.ahead.pop_front() {
            Some(element) => Ok(Some(element)),
            None => Ok(self.read()?.map(|(element, _)| element)),
        }
    }

    fn look_ahead(&mut self) -> Result<(), Located> {
        let mut bytes = 0;
        while self.ahead.len() < AHEAD && bytes < AHEAD_BYTES {
            let Some((element, size)) = self.read()? else {
                break;
            };
            self.ahead.push_back(element);
            bytes += size;
        }
        Ok(())
    }

    /// The next element and its size in bytes.
    fn read(&mut self) -> Result<Option<(Element, usize)>, Located> {
        let has_more = match &self.shape {
            Shape::Ended => return Ok(None),
            Shape::Array(_) => self.scanner.another(self.count == 0, b']')?,
            Shape::Lines => self.another_line()?,
        };
        if !has_more {
            self.end()?;
            return Ok(None);
        }
        self.scanner.token()?;
        let line = self.scanner.line();
        let json = match self.scanner.keep() {
            Ok(json) => json,
            Err(found) if self.count == 0 && is_over_lines(&found) => {
                let arrays = std::mem::take(&mut self.arrays);
                return Err(JsonFault::Document { arrays }.at(line));
            }
            Err(found) => return Err(found),
        };
        self.count += 1;
        let (value, twice) = element::read(json);
        let size = json.len();
        let value = match twice {
            Some(key) => Err(RowFault::Twice(key)),
            None => Ok(value),
        };
        let element = Element {
            number: self.count,
            line,
            value,
        };
        Ok(Some((element, size)))
    }

    /// Whether there is another line that is not blank.
    fn another_line(&mut self) -> Result<bool, Located> {
        let line = self.scanner.line();
        let found = self.scanner.token()?;
        if found.is_some() && self.count > 0 && self.scanner.line() == line {
            return Err(JsonFault::TwoOnALine.at(line));
        }
        Ok(found.is_some())
    }

    /// What stands behind the array of people, to the end.
    fn end(&mut self) -> Result<(), Located> {
        if let Shape::Array(keys) = std::mem::replace(&mut self.shape, Shape::Ended) {
            for level in (0..keys.len()).rev() {
                while self.scanner.another(false, b'}')? {
                    let key = self.scanner.key()?;
                    if key == keys[level] {
                        let path = keys[..=level].join(".");
                        return Err(JsonFault::RowsTwice(path).at(self.scanner.line()));
                    }
                    self.scanner.skip()?;
                }
            }
        }
        match self.scanner.token()? {
            None => Ok(()),
            Some(_) => Err(JsonFault::After.at(self.scanner.line())),
        }
    }
}

/// A whole document as one value of at most so many bytes, as its kept form has them.
pub(super) fn document<R: BufRead>(input: R, most: usize) -> Result<Value, Located> {
    let mut scanner = Scanner::new(input);
    scanner.most = most;
    if scanner.token()?.is_none() {
        return Err(FileFault::Json(Box::new(JsonFault::Empty)).into());
    }
    let begun = scanner.line();
    let (value, twice) = element::read(scanner.keep()?);
    if scanner.token()?.is_some() {
        return Err(JsonFault::After.at(scanner.line()));
    }
    match twice {
        Some(key) => Err(FileFault::Twice(key).at(begun)),
        None => Ok(value),
    }
}

fn is_over_lines(found: &Located) -> bool {
    matches!(&found.fault, FileFault::Json(fault) if matches!(**fault, JsonFault::OverLines))
}

/// Goes to the first of the people that `rows` leads to.
fn descend<R: BufRead>(
    scanner: &mut Scanner<R>,
    rows: &RowsPath,
    arrays: &[String],
) -> Result<(), Located> {
    let keys = rows.keys();
    for level in 0..keys.len() {
        find(scanner, &keys[..=level])?;
        let is_last = level + 1 == keys.len();
        let (bracket, wanted) = match is_last {
            true => (b'[', "an array of people"),
            false => (b'{', "an object"),
        };
        let path = keys[..=level].join(".");
        let is = match scanner.token()? {
            Some(found) if found == bracket => continue,
            Some(b'{') => "an object",
            Some(b'[') => "an array",
            Some(b'"') => "a text",
            Some(b't' | b'f') => "true or false",
            Some(b'n') => "null",
            Some(b'-' | b'0'..=b'9') => "a number",
            found => return Err(scanner.unexpected(found, "a value")),
        };
        let arrays = arrays.to_vec();
        let fault = JsonFault::RowsOther {
            path,
            is,
            wanted,
            arrays,
        };
        return Err(fault.at(scanner.line()));
    }
    scanner.pass()
}

/// Goes into the object that is next, to the value of the last of these keys.
fn find<R: BufRead>(scanner: &mut Scanner<R>, keys: &[String]) -> Result<(), Located> {
    let (wanted, above) = keys.split_last().expect("a path has a key");
    let line = scanner.line();
    let mut there = Vec::new();
    scanner.pass()?;
    let mut first = true;
    while scanner.another(first, b'}')? {
        let key = scanner.key()?;
        if key == *wanted {
            return Ok(());
        }
        fault::name(&mut there, &key);
        scanner.skip()?;
        first = false;
    }
    let near = fault::nearest(wanted, &there);
    let near = near.map(|near| [above, &[near]].concat().join("."));
    let path = keys.join(".");
    let keys = there;
    Err(JsonFault::RowsNowhere { path, keys, near }.at(line))
}
