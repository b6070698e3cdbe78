//! Whether the database went back in time: put back from a copy, or without what was written last.
//!
//! The table `stamp` and the file of that name beside the database say which outbox this is and how
//! often it was written to. The database counts inside each transaction, the file is overwritten
//! after it, so that a crash at any time leaves a file that is behind. A file that is ahead, or is
//! another outbox's, or missing, means that mail may have been sent of which this database knows
//! nothing: everything is on hold then, before the first claim, until a person releases it.
//!
//! A copy of the whole directory that is put back whole cannot be told from one that never left.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;

use rusqlite::{Connection, OptionalExtension, params};

use super::query::{Reader, failed};
use super::schema::Found;
use super::{OutboxError, store};

const FILE: &str = "stamp";
/// Who puts an outbox on hold that went back in time.
pub(super) const AUTHOR: &str = "postroom";

/// The file, open for as long as the outbox is.
pub(super) struct Stamp {
    file: File,
    outbox: String,
    /// Whether nobody ended without a word since the database was last known to be sound.
    pub(super) closed_well: bool,
}

/// What the table says.
struct Row {
    outbox: String,
    commits: u64,
    closed: bool,
    copied_at: Option<i64>,
}

/// What the file says.
struct Mark {
    outbox: String,
    commits: u64,
}

/// How a database went back in time.
enum Doubt {
    Copy,
    Behind(u64),
    Another,
    NoFile,
}

impl Stamp {
    /// Compares the two, puts everything on hold if they say that the database went back in time,
    /// and notes that the outbox is open from now on.
    pub(super) fn open(
        conn: &Connection,
        dir: &Path,
        found: Found,
        now: i64,
    ) -> Result<Self, OutboxError> {
        let (database, path) = (dir.join(store::DATABASE), dir.join(FILE));
        let sql = |e: rusqlite::Error| OutboxError::open(&database, &e);
        let row = Row::read(conn).map_err(sql)?;
        let mark = Mark::read(&path).map_err(|e| OutboxError::file(&path, &e))?;
        let doubt = doubt(&row, mark.as_ref(), found);
        let own = mark.filter(|mark| mark.outbox == row.outbox);
        let file = Mark::open(&path).map_err(|e| OutboxError::file(&path, &e))?;
        let stamp = Self {
            file,
            outbox: row.outbox.clone(),
            closed_well: row.closed,
        };
        if doubt.is_none() && own.is_none() {
            // Before the first commit: a crash between the two must not look like a lost file.
            stamp
                .write_synced(dir, row.commits)
                .map_err(|e| OutboxError::file(&path, &e))?;
        }
        // Higher than any count before, so that both histories stay behind this one.
        let commits = own.map_or(0, |mark| mark.commits).max(row.commits) + 1;
        begin(conn, doubt.as_ref(), commits, now).map_err(sql)?;
        stamp
            .write_synced(dir, commits)
            .map_err(|e| OutboxError::file(&path, &e))?;
        Ok(stamp)
    }

    /// Writes the count of a commit that is durable.
    pub(super) fn write(&self, commits: u64) -> io::Result<()> {
        let text = Mark::text(&self.outbox, commits);
        self.file.write_all_at(text.as_bytes(), 0)
    }

    fn write_synced(&self, dir: &Path, commits: u64) -> io::Result<()> {
        self.write(commits)?;
        self.file
            .set_len(Mark::text(&self.outbox, commits).len() as u64)?;
        self.file.sync_all()?;
        // As SQLite does it: on a file system with a journal the entry is there with the file.
        let _ = File::open(dir).and_then(|dir| dir.sync_all());
        Ok(())
    }
}

/// Refuses an empty database where the file says that it was written to: its log was taken away
/// before anything of it was moved into the database.
///
/// # Errors
/// It was.
pub(super) fn not_emptied(dir: &Path) -> Result<(), OutboxError> {
    let path = dir.join(FILE);
    let mark = Mark::read(&path).map_err(|e| OutboxError::file(&path, &e))?;
    match mark {
        Some(mark) if mark.commits > 0 => Err(OutboxError::Damaged {
            path: dir.join(store::DATABASE),
            reason: format!("it is empty, and was written to {} times", mark.commits),
        }),
        _ => Ok(()),
    }
}

/// Counts a transaction, inside it. Gives the count to be written once it is durable.
pub(super) fn count(conn: &Connection) -> rusqlite::Result<u64> {
    conn.prepare_cached("UPDATE stamp SET commits = commits + 1 RETURNING commits")?
        .query_row([], |row| row.get(0))
}

/// Notes that the outbox is closed in order, and that the whole of it is sound.
pub(super) fn close(conn: &Connection) -> rusqlite::Result<u64> {
    conn.query_row(
        "UPDATE stamp SET commits = commits + 1, closed = 1 RETURNING commits",
        [],
        |row| row.get(0),
    )
}

/// Makes the file fit no outbox, so that the next start puts all on hold, whatever it finds.
pub(super) fn distrust(dir: &Path) -> io::Result<()> {
    let file = Mark::open(&dir.join(FILE))?;
    let nobody = "0".repeat(32);
    file.write_all_at(Mark::text(&nobody, 0).as_bytes(), 0)?;
    file.sync_all()
}

impl Row {
    fn read(conn: &Connection) -> rusqlite::Result<Self> {
        conn.query_row(
            "SELECT outbox, commits, closed, copied_at FROM stamp",
            [],
            |row| {
                Ok(Self {
                    outbox: row.get(0)?,
                    commits: row.get(1)?,
                    closed: row.get(2)?,
                    copied_at: row.get(3)?,
                })
            },
        )
    }
}

impl Mark {
    fn open(path: &Path) -> io::Result<File> {
        OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .mode(0o600)
            .custom_flags(i32::try_from(rustix::fs::OFlags::NOFOLLOW.bits()).unwrap_or(0))
            .open(path)
    }

    /// Of one length, so that it is overwritten in place, in one piece.
    fn text(outbox: &str, commits: u64) -> String {
        format!("{outbox} {commits:020}\n")
    }

    /// `None` if there is none, or nothing that could be one.
    fn read(path: &Path) -> io::Result<Option<Self>> {
        let text = match fs::read(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            read => read?,
        };
        let text = String::from_utf8(text).unwrap_or_default();
        let parsed = text.trim_end().split_once(' ').and_then(|(outbox, count)| {
            let commits = count.parse().ok().filter(|_| count.len() == 20)?;
            let outbox = outbox.to_owned();
            (outbox.len() == 32).then_some(Self { outbox, commits })
        });
        Ok(parsed)
    }
}

fn doubt(row: &Row, mark: Option<&Mark>, found: Found) -> Option<Doubt> {
    if found == Found::Nothing {
        return None; // it holds nothing that could have been sent
    }
    if row.copied_at.is_some() {
        return Some(Doubt::Copy);
    }
    match mark {
        None if row.commits == 0 => None, // version 1 had no such file
        None => Some(Doubt::NoFile),
        Some(mark) if mark.outbox != row.outbox => Some(Doubt::Another),
        Some(mark) if mark.commits > row.commits => Some(Doubt::Behind(mark.commits - row.commits)),
        Some(_) => None,
    }
}

impl Doubt {
    fn reason(&self) -> String {
        let what = match self {
            Self::Copy => "this outbox was put back from a copy: what was done since it was made \
                           is not in it"
                .to_owned(),
            Self::Behind(n) => format!(
                "this outbox was put back from a copy, or lost what was written last: {n} commits \
                 that were made since are not in it"
            ),
            Self::Another => "this is not the outbox that was here before: what that one sent is \
                              not in it"
                .to_owned(),
            Self::NoFile => {
                "the file `stamp` beside this outbox is missing or damaged: nobody can \
                             tell whether this is an older copy"
                    .to_owned()
            }
        };
        format!(
            "{what}, so some of what it has as waiting may have been sent. Look at `postroom \
             status` and `postroom queue`, cancel what was sent (`postroom queue cancel --run \
             RUN`), then `postroom release --all`"
        )
    }
}

/// The first transaction of a process.
fn begin(conn: &Connection, doubt: Option<&Doubt>, commits: u64, now: i64) -> rusqlite::Result<()> {
    let tx = conn.unchecked_transaction()?;
    tx.execute(
        "UPDATE stamp SET commits = ?1, closed = 0, copied_at = NULL",
        [commits],
    )?;
    if let Some(doubt) = doubt {
        let reason = doubt.reason();
        tx.execute(
            "INSERT INTO hold (scope, name, reason, author, created_at)
               VALUES ('all', '', ?1, ?2, ?3)
             ON CONFLICT (scope, name) DO UPDATE SET author = excluded.author, ends_at = NULL,
               created_at = excluded.created_at, reason = CASE hold.author
                 WHEN excluded.author THEN excluded.reason
                 ELSE excluded.reason || ' (on hold before, by ' || hold.author || ': '
                   || hold.reason || ')' END",
            params![reason, AUTHOR, now],
        )?;
        tx.execute(
            "INSERT INTO audit (at, author, action, detail) VALUES (?1, ?2, 'hold', ?3)",
            params![now, AUTHOR, format!("all: {reason}")],
        )?;
    }
    tx.commit()
}

impl Reader {
    /// Why everything is on hold, if that is because the outbox went back in time.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn went_back(&self) -> Result<Option<String>, OutboxError> {
        self.conn
            .prepare_cached("SELECT reason FROM hold WHERE scope = 'all' AND author = ?1")
            .and_then(|mut query| query.query_row([AUTHOR], |row| row.get(0)).optional())
            .map_err(failed)
    }
}
