//! Whose database it is, and of which version: made, or brought up to this version.
//!
//! A database that is not ours, or newer than this program, is not written to, down to its journal.
//! A migration is one transaction, and a copy of the database as it was lies in `backups/` before
//! it begins.

use std::fs;
use std::io::Read;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rusqlite::{Connection, OpenFlags};

use super::OutboxError;

/// Identifies our files to `file(1)` and refuses other programs' databases: "post".
const APPLICATION_ID: i32 = 0x706f_7374;
const SCHEMA: &str = include_str!("schema.sql");
/// What leads from each version to the next, the first from 1 to 2.
const MIGRATIONS: [&str; 4] = [
    include_str!("migrations/2.sql"),
    include_str!("migrations/3.sql"),
    include_str!("migrations/4.sql"),
    include_str!("migrations/5.sql"),
];
/// The version that this program reads and writes.
pub(super) const VERSION: i32 = 1 + MIGRATIONS.len() as i32;

/// What lies where the database should be.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Found {
    /// One of ours, of this version.
    Ours,
    /// One of ours, of an earlier version.
    Older(i32),
    /// An empty file.
    Nothing,
}

/// Looks at a database without writing to it.
///
/// # Errors
/// It is not ours, newer, or damaged.
pub(super) fn whose(path: &Path) -> Result<Found, OutboxError> {
    let sql = |e: rusqlite::Error| OutboxError::open(path, &e);
    if was_being_made(path) {
        return Ok(Found::Nothing);
    }
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let conn = Connection::open_with_flags(path, flags).map_err(sql)?;
    let pragma = |name| conn.pragma_query_value(None, name, |row| row.get::<_, i32>(0));
    let (owner, version) = (
        pragma("application_id").map_err(sql)?,
        pragma("user_version").map_err(sql)?,
    );
    let tables: i64 = conn
        .query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))
        .map_err(sql)?;
    match (owner, version, tables) {
        (APPLICATION_ID, VERSION, _) => Ok(Found::Ours),
        (APPLICATION_ID, newer, _) if newer > VERSION => Err(OutboxError::Newer {
            path: path.to_owned(),
            version: newer,
            known: VERSION,
        }),
        (APPLICATION_ID, older, _) if older > 0 => Ok(Found::Older(older)),
        (0, 0, 0) => Ok(Found::Nothing),
        _ => Err(OutboxError::Foreign {
            path: path.to_owned(),
        }),
    }
}

/// Refuses a file of no bytes where a ballast says that it had an outbox in it once.
///
/// # Errors
/// It was emptied.
pub(super) fn not_emptied(path: &Path, ballast: &Path) -> Result<(), OutboxError> {
    let meta = fs::metadata(path).map_err(|e| OutboxError::file(path, &e))?;
    if meta.len() == 0 && ballast.exists() {
        return Err(OutboxError::Damaged {
            path: path.to_owned(),
            reason: "it is empty".to_owned(),
        });
    }
    Ok(())
}

/// Whether a start was cut short that made the database: its rollback journal says that there were
/// no pages before, or the first alone, in which no table is (`SQLite`'s file format, 3.0). Nobody
/// but a writer can take that back, and a finished outbox never has such a journal, as it writes
/// ahead.
fn was_being_made(path: &Path) -> bool {
    const MAGIC: [u8; 8] = [0xd9, 0xd5, 0x05, 0xf9, 0x20, 0xa1, 0x63, 0xd7];
    let mut head = [0; 20];
    fs::File::open(path.with_extension("db-journal"))
        .and_then(|mut journal| journal.read_exact(&mut head))
        .is_ok_and(|()| head[..8] == MAGIC && head[16..19] == [0; 3] && head[19] <= 1)
}

/// Switches the write-ahead log on. To the statement's end, past its row: only there is the switch
/// on the disk, or an error.
pub(super) fn write_ahead(conn: &Connection) -> rusqlite::Result<()> {
    let mut pragma = conn.prepare("PRAGMA journal_mode = WAL")?;
    let mut rows = pragma.query([])?;
    while rows.next()?.is_some() {}
    Ok(())
}

/// Brings what was found to this version.
pub(super) fn make(conn: &Connection, found: Found, dir: &Path) -> rusqlite::Result<()> {
    match found {
        Found::Ours => Ok(()),
        Found::Nothing => create(conn),
        Found::Older(version) => migrate(conn, version, dir),
    }
}

fn create(conn: &Connection) -> rusqlite::Result<()> {
    // Only before the first table: so that space can be given back to the file system.
    conn.pragma_update(None, "auto_vacuum", "INCREMENTAL")?;
    write_ahead(conn)?;
    conn.execute_batch(&format!(
        "BEGIN IMMEDIATE; {SCHEMA}
         INSERT INTO meta VALUES ('hmac-key', randomblob(32));
         INSERT INTO stamp VALUES (1, lower(hex(randomblob(16))), 0, 1, NULL);
         PRAGMA application_id = {APPLICATION_ID};
         PRAGMA user_version = {VERSION}; COMMIT;"
    ))
}

fn migrate(conn: &Connection, from: i32, dir: &Path) -> rusqlite::Result<()> {
    let copy = copy_before(conn, from, dir)?;
    tracing::info!(
        "the outbox is brought from version {from} to {VERSION}; {} is a copy of it as it was",
        copy.display()
    );
    conn.pragma_update(None, "secure_delete", true)?;
    conn.pragma_update(None, "synchronous", "FULL")?;
    // Tables are made anew and take the old one's name: nothing must follow them meanwhile.
    conn.pragma_update(None, "foreign_keys", false)?;
    let known = usize::try_from(from - 1).expect("versions count from 1");
    let steps = MIGRATIONS[known..].concat();
    let moved = conn.execute_batch(&format!(
        "BEGIN IMMEDIATE; {steps} PRAGMA user_version = {VERSION};"
    ));
    if let Err(error) = moved.and_then(|()| no_orphans(conn)) {
        let _ = conn.execute_batch("ROLLBACK");
        return Err(error);
    }
    conn.execute_batch("COMMIT")?;
    conn.pragma_update(None, "auto_vacuum", "INCREMENTAL")?;
    conn.execute_batch("VACUUM")
}

/// A copy of the database as it is, in `backups/`; one that is there from a try before is replaced.
fn copy_before(conn: &Connection, version: i32, dir: &Path) -> rusqlite::Result<PathBuf> {
    let path = dir.join("backups").join(format!("version-{version}.db"));
    let fault = |e: std::io::Error| {
        let text = format!("cannot keep a copy as {}: {e}", path.display());
        rusqlite::Error::ToSqlConversionFailure(text.into())
    };
    let folder = path.parent().expect("it has a folder");
    let mut builder = fs::DirBuilder::new();
    builder
        .recursive(true)
        .mode(0o700)
        .create(folder)
        .map_err(fault)?;
    fs::OpenOptions::new()
        .create(true)
        .truncate(true)
        .write(true)
        .mode(0o600)
        .open(&path)
        .map_err(fault)?;
    conn.execute("VACUUM INTO ?1", [path.to_string_lossy()])?;
    fs::File::open(&path)
        .and_then(|file| file.sync_all())
        .map_err(fault)?;
    Ok(path)
}

fn no_orphans(conn: &Connection) -> rusqlite::Result<()> {
    let orphans: i64 =
        conn.query_row("SELECT count(*) FROM pragma_foreign_key_check", [], |row| {
            row.get(0)
        })?;
    if orphans == 0 {
        return Ok(());
    }
    let text = format!("{orphans} rows belong to nothing");
    Err(rusqlite::Error::ToSqlConversionFailure(text.into()))
}
