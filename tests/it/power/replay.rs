//! What a disk holds after a power cut: of each file everything up to its last completed sync, and
//! of what came later nothing, or whatever the disk got to.
//!
//! The order of changes binds a disk in two ways only: a sync of a file makes its own changes
//! durable, and the entry of a file that was made; a sync of the directory makes all entries so.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// Files by name.
pub(super) type Files = BTreeMap<String, Vec<u8>>;

/// Torn writes end at a sector.
const SECTOR: usize = 512;

/// A line of the log of `disk.c`.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Record {
    Create {
        inode: u64,
        name: String,
    },
    Change {
        inode: u64,
        change: Change,
    },
    Sync {
        inode: u64,
        name: String,
    },
    /// The sync said that it failed: what it was for may be there or not, and nobody will try it
    /// again.
    FailedSync {
        inode: u64,
        name: String,
    },
    /// A write failed as it was asked to, wholly or in part.
    Refused {
        name: String,
    },
    Unlink {
        name: String,
    },
    Rename {
        from: String,
        to: String,
    },
}

/// Something done to the bytes of a file.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Change {
    Write { at: usize, bytes: Vec<u8> },
    Length(usize),
}

/// The log's records; one that is torn, as the process was killed over it, did not happen.
pub(super) fn records(mut log: &[u8]) -> Vec<Record> {
    let mut records = Vec::new();
    while let Some((head, rest)) = log.split_first_chunk::<32>() {
        let number = |n: usize| {
            let bytes = head[n * 8..][..8].try_into().expect("eight octets");
            u64::from_ne_bytes(bytes)
        };
        let length = usize::try_from(number(3)).unwrap();
        let Some((bytes, rest)) = rest.split_at_checked(length) else {
            break;
        };
        log = rest;
        if number(0) == u64::from(b'X') {
            records.pop();
        } else {
            records.push(record([number(0), number(1), number(2)], bytes));
        }
    }
    records
}

fn record([kind, inode, offset]: [u64; 3], bytes: &[u8]) -> Record {
    let offset = usize::try_from(offset).unwrap();
    let text = || String::from_utf8(bytes.to_vec()).unwrap();
    let change = |change| Record::Change { inode, change };
    match u8::try_from(kind).unwrap() {
        b'C' => Record::Create {
            inode,
            name: text(),
        },
        b'W' => change(Change::Write {
            at: offset,
            bytes: bytes.to_vec(),
        }),
        b'L' => change(Change::Length(offset)),
        b'S' => Record::Sync {
            inode,
            name: text(),
        },
        b'F' => Record::FailedSync {
            inode,
            name: text(),
        },
        b'E' => Record::Refused { name: text() },
        b'U' => Record::Unlink { name: text() },
        b'R' => {
            let text = text();
            let (from, to) = text.split_once('/').unwrap();
            Record::Rename {
                from: from.to_owned(),
                to: to.to_owned(),
            }
        }
        other => panic!("the log has a record of kind {other}"),
    }
}

/// What a disk keeps of what was not synced.
pub(super) enum Kept<'a> {
    /// Nothing.
    Nothing,
    /// Some of it, in any order, writes torn at sectors.
    Some(&'a mut fastrand::Rng),
    /// Everything up to a moment, and nothing of what came later, as if nothing had been synced:
    /// a disk that writes back late, in order. The share of the log that was kept.
    OlderThan(f64),
}

/// A file's bytes as they are on the disk, and what came later.
#[derive(Clone, Default)]
struct Content {
    durable: Vec<u8>,
    later: Vec<Change>,
}

/// The entries of the directory: which file has which name.
type Names = BTreeMap<String, usize>;

#[derive(Clone)]
enum Entry {
    Link(String, usize),
    Unlink(String),
    Rename(String, String),
}

/// The disk while it is told.
#[derive(Clone, Default)]
pub(super) struct Replay {
    contents: Vec<Content>,
    inodes: HashMap<u64, usize>,
    names: Names,
    later: Vec<Entry>,
}

impl Replay {
    /// The directory as it lies there, all of it on the disk.
    pub(super) fn of(dir: &Path) -> Self {
        let mut replay = Self::default();
        for (name, durable) in super::disk::read(dir) {
            let inode = fs::metadata(dir.join(&name)).unwrap().ino();
            replay.inodes.insert(inode, replay.contents.len());
            replay.names.insert(name, replay.contents.len());
            let later = Vec::new();
            replay.contents.push(Content { durable, later });
        }
        replay
    }

    /// What is there as long as the power is: also what a sync has failed to keep.
    pub(super) fn live(mut self, told: &[Record]) -> Files {
        told.iter()
            .filter(|record| !matches!(record, Record::FailedSync { .. }))
            .for_each(|record| self.take(record, &mut Kept::Nothing));
        for entry in std::mem::take(&mut self.later) {
            enter(&mut self.names, entry);
        }
        for content in &mut self.contents {
            for change in std::mem::take(&mut content.later) {
                make(&mut content.durable, &change);
            }
        }
        self.files()
    }

    /// What is there after a power cut.
    pub(super) fn after(mut self, told: &[Record], keeps: &mut Kept<'_>) -> Files {
        if let Kept::OlderThan(share) = keeps {
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_precision_loss,
                clippy::cast_sign_loss,
                reason = "a share of a log's length"
            )]
            let kept = (told.len() as f64 * *share) as usize;
            return self.live(&told[..kept]);
        }
        told.iter().for_each(|record| self.take(record, keeps));
        let entries = std::mem::take(&mut self.later);
        let kept = match keeps {
            Kept::Some(dice) => dice.usize(..=entries.len()),
            _ => 0,
        };
        for entry in entries.into_iter().take(kept) {
            enter(&mut self.names, entry);
        }
        for content in &mut self.contents {
            content.lose(keeps);
        }
        self.files()
    }

    fn files(self) -> Files {
        let files = self.names.into_iter();
        files
            .map(|(name, file)| (name, self.contents[file].durable.clone()))
            .collect()
    }

    fn take(&mut self, record: &Record, keeps: &mut Kept<'_>) {
        match record {
            Record::Create { inode, name } => {
                let file = self.contents.len();
                self.contents.push(Content::default());
                self.inodes.insert(*inode, file);
                self.later.push(Entry::Link(name.clone(), file));
            }
            Record::Change { inode, change } => self.file(*inode).later.push(change.clone()),
            Record::Sync { name, .. } if name == "." => {
                for entry in self.later.drain(..) {
                    enter(&mut self.names, entry);
                }
            }
            Record::Sync { inode, .. } => self.sync(*inode),
            Record::FailedSync { name, .. } if name == "." => {}
            Record::Refused { .. } => {}
            Record::FailedSync { inode, .. } => self.file(*inode).lose(keeps),
            Record::Unlink { name } => self.later.push(Entry::Unlink(name.clone())),
            Record::Rename { from, to } => {
                self.later.push(Entry::Rename(from.clone(), to.clone()));
            }
        }
    }

    /// The entry of a new file becomes durable with it, and those before it, as the journals of
    /// file systems are in order.
    fn sync(&mut self, inode: u64) {
        let number = self.inodes[&inode];
        let content = &mut self.contents[number];
        for change in content.later.drain(..) {
            make(&mut content.durable, &change);
        }
        let linked = |entry: &Entry| matches!(entry, Entry::Link(_, it) if *it == number);
        if let Some(last) = self.later.iter().rposition(linked) {
            for entry in self.later.drain(..=last) {
                enter(&mut self.names, entry);
            }
        }
    }

    fn file(&mut self, inode: u64) -> &mut Content {
        &mut self.contents[self.inodes[&inode]]
    }
}

impl Content {
    /// Of what was not synced there is now what the disk has kept.
    fn lose(&mut self, keeps: &mut Kept<'_>) {
        let later = std::mem::take(&mut self.later);
        let Kept::Some(dice) = keeps else { return };
        // The first ones only, or some here and there.
        let first = if dice.bool() {
            dice.usize(..=later.len())
        } else {
            0
        };
        let rest = if first == 0 { dice.f64() } else { 0.0 };
        for (n, change) in later.iter().enumerate() {
            if n < first {
                make(&mut self.durable, change);
            } else if dice.f64() < rest {
                tear(&mut self.durable, change, dice);
            }
        }
    }
}

fn enter(names: &mut Names, entry: Entry) {
    match entry {
        Entry::Link(name, file) => drop(names.insert(name, file)),
        Entry::Unlink(name) => drop(names.remove(&name)),
        Entry::Rename(from, to) => {
            if let Some(file) = names.remove(&from) {
                names.insert(to, file);
            }
        }
    }
}

fn make(bytes: &mut Vec<u8>, change: &Change) {
    match change {
        Change::Write { at, bytes: written } => {
            let end = at + written.len();
            if bytes.len() < end {
                bytes.resize(end, 0);
            }
            bytes[*at..end].copy_from_slice(written);
        }
        Change::Length(length) => bytes.resize(*length, 0),
    }
}

/// Some sectors of a write, or all of it.
fn tear(bytes: &mut Vec<u8>, change: &Change, dice: &mut fastrand::Rng) {
    let Change::Write { at, bytes: written } = change else {
        return make(bytes, change);
    };
    let whole = dice.bool();
    let mut from = 0;
    while from < written.len() {
        let to = written
            .len()
            .min((at + from) / SECTOR * SECTOR + SECTOR - at);
        if whole || dice.bool() {
            let at = at + from;
            let bytes_of_sector = written[from..to].to_vec();
            make(
                bytes,
                &Change::Write {
                    at,
                    bytes: bytes_of_sector,
                },
            );
        }
        from = to;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(inode: u64, at: usize, text: &str) -> Record {
        let bytes = text.as_bytes().to_vec();
        let change = Change::Write { at, bytes };
        Record::Change { inode, change }
    }

    fn create(inode: u64, name: &str) -> Record {
        let name = name.to_owned();
        Record::Create { inode, name }
    }

    fn sync(inode: u64, name: &str) -> Record {
        let name = name.to_owned();
        Record::Sync { inode, name }
    }

    fn files(of: &[(&str, &str)]) -> Files {
        let files = of.iter();
        files
            .map(|(name, text)| ((*name).to_owned(), text.as_bytes().to_vec()))
            .collect()
    }

    fn after(told: &[Record]) -> Files {
        Replay::default().after(told, &mut Kept::Nothing)
    }

    #[test]
    fn what_was_synced_is_kept_and_what_was_not_is_lost() {
        let told = [
            create(1, "a"),
            write(1, 0, "one"),
            sync(1, "a"),
            write(1, 1, "nce more"),
            create(2, "b"),
            write(2, 0, "two"),
        ];
        assert_eq!(after(&told), files(&[("a", "one")]));
        assert_eq!(
            Replay::default().live(&told),
            files(&[("a", "once more"), ("b", "two")])
        );
        let half = Replay::default().after(&told, &mut Kept::OlderThan(0.7));
        assert_eq!(half, files(&[("a", "once more")]));
    }

    #[test]
    fn an_entry_is_kept_from_the_sync_of_its_file_or_of_the_directory() {
        let unlink = Record::Unlink {
            name: "a".to_owned(),
        };
        let mut told = vec![create(1, "a"), write(1, 0, "x"), sync(1, "a"), unlink];
        assert_eq!(after(&told), files(&[("a", "x")]), "it is back");
        told.push(sync(9, "."));
        assert_eq!(after(&told), files(&[]));
        // The same inode, another file.
        told.extend([create(1, "a"), sync(9, "."), write(1, 0, "y")]);
        assert_eq!(after(&told), files(&[("a", "")]));
        let rename = Record::Rename {
            from: "a".to_owned(),
            to: "b".to_owned(),
        };
        told.extend([sync(1, "a"), rename]);
        assert_eq!(after(&told), files(&[("a", "y")]));
        assert_eq!(Replay::default().live(&told), files(&[("b", "y")]));
    }

    #[test]
    fn what_a_failed_sync_was_for_is_lost_even_if_the_next_one_succeeds() {
        let failed = Record::FailedSync {
            inode: 1,
            name: "a".to_owned(),
        };
        let told = [
            create(1, "a"),
            write(1, 0, "one"),
            sync(1, "a"),
            write(1, 0, "two"),
            failed,
            sync(1, "a"),
        ];
        assert_eq!(after(&told), files(&[("a", "one")]));
    }

    #[test]
    fn a_disk_keeps_some_of_the_rest_and_tears_what_it_keeps() {
        let page = "x".repeat(4 * SECTOR);
        let told = [create(1, "a"), sync(1, "a"), write(1, 0, &page)];
        let kept: Vec<usize> = (0..200)
            .map(|seed| {
                let mut dice = fastrand::Rng::with_seed(seed);
                let files = Replay::default().after(&told, &mut Kept::Some(&mut dice));
                files["a"].iter().filter(|byte| **byte == b'x').count()
            })
            .collect();
        for sectors in 0..=4 {
            assert!(kept.contains(&(sectors * SECTOR)), "{sectors}: {kept:?}");
        }
        assert!(kept.iter().all(|count| count % SECTOR == 0));
    }

    #[test]
    fn a_log_reads_as_it_was_written() {
        let line = |kind: u8, inode: u64, offset: u64, bytes: &[u8]| {
            let head = [u64::from(kind), inode, offset, bytes.len() as u64];
            [&head.map(u64::to_ne_bytes).concat(), bytes].concat()
        };
        let mut log = [
            line(b'C', 7, 0, b"a"),
            line(b'W', 7, 3, b"xyz"),
            line(b'W', 7, 6, b"not done"),
            line(b'X', 7, 0, b""),
            line(b'S', 7, 0, b"a"),
        ]
        .concat();
        let all = [create(7, "a"), write(7, 3, "xyz"), sync(7, "a")];
        assert_eq!(records(&log), all);
        log.extend(&line(b'W', 7, 3, b"torn")[..34]);
        assert_eq!(records(&log), all);
    }
}
