//! `postroom preview --all`: everybody's message in a folder, and an index of who has none.
//!
//! Rows are read, rendered and written one after the other: a list of any length takes the same
//! memory, but for eight bytes a row by which an address is known that was there before.

use std::collections::HashSet;
use std::fs::{self, File};
use std::hash::{BuildHasher, RandomState};
use std::io::{self, ErrorKind, Write};
use std::path::Path;

use super::super::exit::{self, Exit};
use super::super::out::{Out, count, counted};
use super::Trouble;
use super::letter::Head;
use crate::audience::Place;
use crate::plan::{Person, Roll, RollError};

const INDEX: &str = "index.csv";
/// So many characters of an address are part of a file's name.
const LONGEST: usize = 80;

/// Writes them. The folder is made if it is not there.
pub(super) fn write(
    roll: &Roll<'_>,
    head: &Head<'_>,
    folder: &Path,
    out: &Out,
) -> Result<Exit, Trouble> {
    make_empty(folder)?;
    let mut writer = Writer::new(folder).map_err(|error| failed(folder, &error))?;
    if roll.is_together() {
        let all = roll.together();
        let all = all.map_err(|error| Trouble::new((&error).into(), error))?;
        let letter = head.finish(all.rendered, &all.enclosures, &all.addressees);
        let letter = letter.map_err(|error| Trouble::new(exit::DATA, error))?;
        let subject = &letter.rendered.subject;
        let written = writer
            .keep("all.eml", &letter.bytes)
            .and_then(|()| writer.index(["(all)", "all.eml", subject, ""]));
        written.map_err(|error| failed(folder, &error))?;
    } else {
        let called = roll.call::<Stop>(|person| Ok(writer.person(roll, head, &person)?));
        called.map_err(|stop| match stop {
            Stop::Roll(error) => Trouble::new((&error).into(), error),
            Stop::Io(error) => failed(folder, &error),
        })?;
    }
    let (written, without) = (writer.written, writer.without);
    writer.end().map_err(|error| failed(folder, &error))?;
    if out.json {
        out.value(&serde_json::json!({
            "folder": folder, "written": written, "without": without,
        }));
        return Ok(exit::DONE);
    }
    let rest = match without {
        0 => String::new(),
        n => format!("; {} of the rows have none, {INDEX} says why", count(n)),
    };
    let messages = counted(written, "message", "messages");
    out.line(format!("{messages} in {}{rest}", folder.display()));
    Ok(exit::DONE)
}

fn make_empty(folder: &Path) -> Result<(), Trouble> {
    let made = fs::create_dir_all(folder).and_then(|()| fs::read_dir(folder));
    let mut entries = made.map_err(|error| failed(folder, &error))?;
    match entries.next() {
        None => Ok(()),
        Some(_) => {
            let text = format!("{} is not empty: name a new folder", folder.display());
            Err(Trouble::new(exit::CANNOT_CREATE, text))
        }
    }
}

fn failed(folder: &Path, error: &io::Error) -> Trouble {
    let exit = match error.kind() {
        ErrorKind::PermissionDenied | ErrorKind::NotADirectory => exit::CANNOT_CREATE,
        _ => exit::IO,
    };
    Trouble::new(
        exit,
        format!("cannot write into {}: {error}", folder.display()),
    )
}

struct Writer<'a> {
    folder: &'a Path,
    index: csv::Writer<File>,
    hasher: RandomState,
    seen: HashSet<u64>,
    written: u64,
    without: u64,
}

impl<'a> Writer<'a> {
    fn new(folder: &'a Path) -> io::Result<Self> {
        let mut index = csv::Writer::from_writer(File::create_new(folder.join(INDEX))?);
        index.write_record(["address", "file", "subject", "reason"])?;
        Ok(Self {
            folder,
            index,
            hasher: RandomState::new(),
            seen: HashSet::new(),
            written: 0,
            without: 0,
        })
    }

    fn person(&mut self, roll: &Roll<'_>, head: &Head<'_>, person: &Person) -> io::Result<()> {
        let (address, letter) = match self.letter(roll, head, person) {
            Ok(ready) => ready,
            Err((address, reason)) => {
                self.without += 1;
                return self.index([&address, "", "", &reason]);
            }
        };
        let mut name = file_name(&person.list, person.place, &address);
        if self.folder.join(&name).exists() {
            // Two lists whose names differ only by what no file's name has.
            name = format!("{}-{name}", self.written + 1);
        }
        self.keep(&name, &letter.bytes)?;
        self.index([&address, &name, &letter.rendered.subject, ""])
    }

    /// The message of a person, or why there is none.
    fn letter(
        &mut self,
        roll: &Roll<'_>,
        head: &Head<'_>,
        person: &Person,
    ) -> Result<(String, super::Letter), (String, String)> {
        let mailbox = match &person.mailbox {
            Ok(mailbox) => mailbox.clone(),
            Err(raw) => return Err((raw.clone(), person.fault.clone().unwrap_or_default())),
        };
        let address = mailbox.email.to_string();
        if let Some(reason) = person.fault.as_ref().or(person.left_out.as_ref()) {
            return Err((address, reason.clone()));
        }
        if !self.seen.insert(self.hasher.hash_one(&person.key)) {
            return Err((address, "the same address as a row before".to_owned()));
        }
        match head.write(roll.template(), &person.fields, mailbox) {
            Ok(letter) => Ok((address, letter)),
            Err(fault) => Err((address, fault.to_string())),
        }
    }

    fn keep(&mut self, name: &str, bytes: &[u8]) -> io::Result<()> {
        File::create_new(self.folder.join(name))?.write_all(bytes)?;
        self.written += 1;
        Ok(())
    }

    /// A cell that a spreadsheet would take for a formula gets an apostrophe.
    fn index(&mut self, cells: [&str; 4]) -> io::Result<()> {
        let cells = cells.map(
            |cell| match cell.starts_with(['=', '+', '-', '@', '\t', '\r']) {
                true => format!("'{cell}"),
                false => cell.to_owned(),
            },
        );
        Ok(self.index.write_record(cells)?)
    }

    fn end(mut self) -> io::Result<()> {
        self.index.flush()
    }
}

enum Stop {
    Roll(RollError),
    Io(io::Error),
}

impl From<RollError> for Stop {
    fn from(error: RollError) -> Self {
        Self::Roll(error)
    }
}

impl From<io::Error> for Stop {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// `staff-000007-ada@example.org.eml`: a name in one folder, whatever a list says.
fn file_name(list: &str, place: Place, address: &str) -> String {
    let number = place.person().or(place.line_if_known()).unwrap_or_default();
    let (list, address) = (safe(list), safe(address));
    format!("{list}-{number:06}-{address}.eml")
}

fn safe(text: &str) -> String {
    let fine = |c: char| c.is_ascii_alphanumeric() || "@._+-".contains(c);
    let safe = text.chars().take(LONGEST);
    let safe: String = safe.map(|c| if fine(c) { c } else { '_' }).collect();
    match safe.strip_prefix('.') {
        Some(rest) => format!("_{rest}"),
        None => safe,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_address_leads_out_of_the_folder() {
        for (address, name) in [
            ("ada@example.org", "staff-000007-ada@example.org.eml"),
            ("\"../../etc/x\"@h", "staff-000007-_.._.._etc_x_@h.eml"),
            ("王@example.org", "staff-000007-_@example.org.eml"),
        ] {
            assert_eq!(file_name("staff", Place::line(7), address), name);
        }
        let list = file_name("../x", Place::stored(-3), "a@b");
        assert_eq!(list, "_._x-000003-a@b.eml");
        assert!(file_name("l", Place::line(1), &"a".repeat(500)).len() < 120);
    }
}
