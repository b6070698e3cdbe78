//! Copies of the outbox: made while it is used, checked, and put back.
//!
//! A copy is marked as one. Whoever puts it back, with this module or with `cp`, finds everything
//! on hold, as nobody knows what was sent since it was made. Nothing is overwritten: a backup is a
//! new directory, and the database that a restore replaces is moved aside.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use rusqlite::{Connection, ErrorCode, OpenFlags};
use serde::{Deserialize, Serialize};

use super::integrity::{self, Check};
use super::schema::{self, Found};
use super::store::DATABASE;
use super::{Outbox, OutboxError, stamp};
use crate::clock::{Clock, Timestamp};

/// The copy of the configuration file in a backup.
const CONFIG: &str = "postroom.toml";

/// What a copy of the outbox holds.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Holdings {
    /// Runs of all times.
    pub runs: i64,
    /// Runs that are not over.
    pub open: i64,
    /// Deliveries, whatever became of them.
    pub deliveries: i64,
    /// Deliveries that a daemon would still send or decide about.
    pub waiting: i64,
    /// Size of the database file.
    pub bytes: u64,
    /// When the copy was made, in milliseconds; not known of one that postroom did not make.
    pub copied_at: Option<i64>,
}

/// What a restore did.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Restored {
    /// What the outbox holds now.
    pub holdings: Holdings,
    /// Where the database is that was there before, if there was one.
    pub before: Option<PathBuf>,
    /// Why everything is on hold now.
    pub hold: String,
}

/// Why there is no backup, or why it was not put back.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// The directory of the backup exists.
    #[error("{} is there already: a backup is a new directory, name another one", .0.display())]
    Exists(PathBuf),
    /// No backup is there.
    #[error("there is no backup at {}: it has no `postroom.db`", .0.display())]
    Missing(PathBuf),
    /// A backup that cannot be trusted.
    #[error(
        "the backup {} is damaged ({reason}): use another one; nothing was changed",
        .path.display()
    )]
    Damaged {
        /// Its database file.
        path: PathBuf,
        /// What was found.
        reason: String,
    },
    /// No room for the copy.
    #[error(
        "the disk of {} is full: nothing was changed, and no part of a copy was left",
        .0.display()
    )]
    Full(PathBuf),
    /// A file cannot be read or written.
    #[error("cannot use {}: {reason}", .path.display())]
    File {
        /// Which one.
        path: PathBuf,
        /// What the system said.
        reason: String,
    },
    /// The database to be copied cannot be used, or one was made by another program.
    #[error(transparent)]
    Outbox(#[from] OutboxError),
}

/// Copies the outbox below `state`, which may be in use, and the file `config` into a new
/// directory. Verified, the copy is read from end to end and counted anew.
///
/// # Errors
/// The directory exists, the disk is full, the outbox cannot be read, or the copy is no good.
pub fn back_up(
    state: &Path,
    config: &Path,
    to: &Path,
    verify: bool,
    clock: &Clock,
) -> Result<Holdings, BackupError> {
    if fs::symlink_metadata(to).is_ok() {
        return Err(BackupError::Exists(to.to_owned()));
    }
    let from = state.join(DATABASE);
    if !from.exists() {
        return Err(OutboxError::Open {
            path: from,
            reason: "there is no outbox yet".to_owned(),
        }
        .into());
    }
    let mut unfinished = to.as_os_str().to_owned();
    unfinished.push(".unfinished");
    let unfinished = Unfinished::new(unfinished.into())?;
    let folder = &unfinished.0;
    copy(&from, &folder.join(DATABASE), clock.now()).map_err(of_the_outbox)?;
    let holdings = if verify {
        verified(&folder.join(DATABASE))?
    } else {
        held(&folder.join(DATABASE))?.0
    };
    copy_file(config, &folder.join(CONFIG))?;
    sync(folder)?;
    fs::rename(folder, to).map_err(|e| file(to, &e))?;
    sync(parent(to))?;
    Ok(holdings)
}

/// Reads a backup, or the database of one, from end to end. Nothing is changed.
///
/// # Errors
/// It is no backup, was made by a newer postroom, or is damaged.
pub fn verify_backup(backup: &Path) -> Result<Holdings, BackupError> {
    verified(&database_of(backup)?)
}

/// Puts a backup in the place of the outbox below `state`, moves that one aside, and puts all that
/// the backup has as waiting on hold. The caller holds the lock of the state directory.
///
/// # Errors
/// As [`verify_backup`], or the disk is full. The outbox is as it was, unless the disk failed.
pub fn restore(state: &Path, backup: &Path, clock: &Clock) -> Result<Restored, BackupError> {
    let from = database_of(backup)?;
    let mut holdings = verified(&from)?;
    let staged = Unfinished::at(state.join("postroom.db.restoring"));
    let copied = copy(&from, &staged.0, clock.now())?;
    let place = state.join(DATABASE);
    if copied != Found::Ours {
        // It bears no mark: the next start must not take it for the outbox that was here.
        stamp::distrust(state).map_err(|e| file(state, &e))?;
    }
    let before = move_aside(&place, clock.now())?;
    fs::rename(&staged.0, &place).map_err(|e| file(&place, &e))?;
    sync(state)?;
    // Puts all on hold, and brings an earlier version to this one.
    let outbox = Outbox::open(state, clock.clone())?;
    let hold = outbox.reader()?.went_back();
    outbox.close();
    holdings.bytes = size(&place)?;
    Ok(Restored {
        holdings,
        before,
        hold: hold?.unwrap_or_default(),
    })
}

/// Moves the database with its log to a name of its own. The log goes first: no other database may
/// ever find it.
fn move_aside(place: &Path, now: Timestamp) -> Result<Option<PathBuf>, BackupError> {
    if !place.exists() {
        return Ok(None);
    }
    let beside = |path: &Path, end: &str| {
        let mut name = path.as_os_str().to_owned();
        name.push(end);
        PathBuf::from(name)
    };
    let stem = beside(
        place,
        &now.strftime(".before-restore-%Y%m%dT%H%M%SZ").to_string(),
    );
    let mut aside = stem.clone();
    for n in 2.. {
        if fs::symlink_metadata(&aside).is_err() {
            break;
        }
        aside = beside(&stem, &format!("-{n}"));
    }
    for end in ["-wal", "-journal", ""] {
        let (from, to) = (beside(place, end), beside(&aside, end));
        match fs::rename(&from, &to) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(file(&from, &error));
            }
            _ => {}
        }
    }
    let _ = fs::remove_file(beside(place, "-shm")); // an index of the log, made anew
    Ok(Some(aside))
}

/// A file or directory that is removed unless it was given its name.
struct Unfinished(PathBuf);

impl Unfinished {
    /// What a try before left is removed.
    fn at(path: PathBuf) -> Self {
        let it = Self(path);
        it.remove();
        it
    }

    fn new(path: PathBuf) -> Result<Self, BackupError> {
        let it = Self::at(path);
        let mut builder = fs::DirBuilder::new();
        let made = builder.mode(0o700).create(&it.0);
        made.map_err(|e| file(&it.0, &e))?;
        Ok(it)
    }

    fn remove(&self) {
        let _ = fs::remove_file(&self.0).or_else(|_| fs::remove_dir_all(&self.0));
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        self.remove();
    }
}

/// Copies a database as it is at this moment, whoever writes to it meanwhile, and marks the copy.
fn copy(from: &Path, to: &Path, now: Timestamp) -> Result<Found, BackupError> {
    private(to)?;
    let found = schema::whose(from)?;
    let source = reading(from).map_err(|e| trouble(from, to, &e))?;
    source
        .execute("VACUUM INTO ?1", [to.to_string_lossy()])
        .map_err(|e| trouble(from, to, &e))?;
    if found == Found::Ours {
        mark(to, now).map_err(|e| trouble(to, to, &e))?;
    }
    sync(to)?;
    Ok(found)
}

/// No log beside it: a backup is one file, and can be read where nothing can be written.
fn mark(copy: &Path, now: Timestamp) -> rusqlite::Result<()> {
    let conn = Connection::open(copy)?;
    conn.pragma_update_and_check(None, "journal_mode", "DELETE", |_| Ok(()))?;
    conn.execute(
        "UPDATE stamp SET copied_at = ?1, closed = 1",
        [now.as_millisecond()],
    )?;
    conn.close().map_err(|(_, error)| error)
}

fn database_of(backup: &Path) -> Result<PathBuf, BackupError> {
    let path = if backup.is_dir() {
        backup.join(DATABASE)
    } else {
        backup.to_owned()
    };
    match fs::metadata(&path) {
        Ok(meta) if meta.is_file() => Ok(path),
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(file(&path, &error)),
        _ => Err(BackupError::Missing(backup.to_owned())),
    }
}

fn verified(path: &Path) -> Result<Holdings, BackupError> {
    let (holdings, conn, found) = held(path)?;
    let mut check = integrity::thoroughly(&conn);
    if found == Found::Ours && matches!(check, Ok(Check::Sound)) {
        check = integrity::tallies(&conn);
    }
    match check.map_err(|e| trouble(path, path, &e))? {
        Check::Damaged(reason) => Err(damaged(path, reason)),
        Check::Sound | Check::Interrupted => Ok(holdings),
    }
}

/// What a copy says of itself, which shows that it can be opened.
fn held(path: &Path) -> Result<(Holdings, Connection, Found), BackupError> {
    let found = match schema::whose(path) {
        Ok(Found::Nothing) => return Err(damaged(path, "it is empty".to_owned())),
        Err(OutboxError::Damaged { path, reason }) => return Err(damaged(&path, reason)),
        found => found?,
    };
    let ask = || -> rusqlite::Result<_> {
        let conn = reading(path)?;
        let number = |sql| conn.query_row(sql, [], |row| row.get::<_, i64>(0));
        let copied_at = match found {
            Found::Ours => conn.query_row("SELECT copied_at FROM stamp", [], |row| row.get(0))?,
            _ => None,
        };
        let holdings = Holdings {
            runs: number("SELECT count(*) FROM run")?,
            open: number("SELECT count(*) FROM run WHERE state IN ('expanding', 'sending')")?,
            deliveries: number("SELECT coalesce(sum(count), 0) FROM tally")?,
            waiting: number(
                "SELECT coalesce(sum(count), 0) FROM tally WHERE state IN
                   ('queued', 'leased', 'armed', 'uncertain', 'deferred')",
            )?,
            bytes: 0,
            copied_at,
        };
        Ok((holdings, conn))
    };
    let (mut holdings, conn) = ask().map_err(|e| trouble(path, path, &e))?;
    holdings.bytes = size(path)?;
    Ok((holdings, conn, found))
}

fn reading(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    Connection::open_with_flags(path, flags)
}

fn copy_file(from: &Path, to: &Path) -> Result<(), BackupError> {
    private(to)?;
    let content = fs::read(from).map_err(|e| file(from, &e))?;
    fs::write(to, content).map_err(|e| file(to, &e))?;
    sync(to)
}

fn private(path: &Path) -> Result<(), BackupError> {
    let made = fs::OpenOptions::new()
        .create_new(true)
        .write(true)
        .mode(0o600)
        .open(path)
        .and_then(|file| file.set_permissions(fs::Permissions::from_mode(0o600)));
    made.map_err(|e| file(path, &e))
}

fn sync(path: &Path) -> Result<(), BackupError> {
    File::open(path)
        .and_then(|file| file.sync_all())
        .map_err(|e| file(path, &e))
}

fn parent(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    }
}

fn size(path: &Path) -> Result<u64, BackupError> {
    let meta = fs::metadata(path).map_err(|e| file(path, &e))?;
    Ok(meta.len())
}

fn file(path: &Path, error: &io::Error) -> BackupError {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            BackupError::Full(path.to_owned())
        }
        _ => BackupError::File {
            path: path.to_owned(),
            reason: error.to_string(),
        },
    }
}

fn damaged(path: &Path, reason: String) -> BackupError {
    BackupError::Damaged {
        path: path.to_owned(),
        reason,
    }
}

/// What is damaged is no backup but the outbox itself.
fn of_the_outbox(error: BackupError) -> BackupError {
    match error {
        BackupError::Damaged { path, reason } => OutboxError::Damaged { path, reason }.into(),
        error => error,
    }
}

/// A statement failed that read one file and wrote another.
fn trouble(from: &Path, to: &Path, error: &rusqlite::Error) -> BackupError {
    match error.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => BackupError::Full(to.to_owned()),
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
            damaged(from, error.to_string())
        }
        _ => OutboxError::open(from, error).into(),
    }
}
