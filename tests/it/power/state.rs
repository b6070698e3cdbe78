//! The state directory was changed behind the daemon's back, or is not one to be trusted: it ends
//! at once with a word that says what to do, or sends nothing, and leaves the files as they are.

use std::fs;
use std::os::unix::fs::chown;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use jiff::{Timestamp, ToSpan};
use rusqlite::{Connection, OpenFlags};

use super::disk;
use crate::world::patience::wait_for;
use crate::world::sandbox::Catcher;
use crate::world::skip::skip;
use crate::world::small_disk::SmallDisk;
use crate::world::workspace::{Daemon, Workspace};
use crate::world::{letter, people};

/// What sysexits.h calls an I/O error, a failure that passes, a lack of permission.
const IO: i32 = 74;
const LATER: i32 = 75;
const PERMISSION: i32 = 77;

const DATABASE: &str = "state/postroom.db";

/// A workspace whose run is due at some time, and its server.
fn due_in(span: jiff::Span, latency: u64, people: usize) -> (Workspace, Catcher) {
    let catcher = Catcher::start(Duration::from_millis(latency));
    let (file, _) = people::list(people);
    let at = Timestamp::now() + span;
    (letter::due_at(at, &catcher, "", &file), catcher)
}

/// An outbox that was used and closed, in a workspace with nothing to do.
fn used() -> (Workspace, Catcher) {
    let (workspace, catcher) = due_in(1.hours(), 0, 3);
    assert!(workspace.daemon().stop().success());
    (workspace, catcher)
}

/// The daemon ends at once with this exit code, and its last words have all of these.
#[track_caller]
fn refused(workspace: &Workspace, code: i32, words: &[&str]) {
    let _ = fs::remove_file(workspace.path("daemon.log"));
    let mut daemon = workspace.begin(&[]);
    ends(&mut daemon, code, words);
}

#[track_caller]
fn ends(daemon: &mut Daemon, code: i32, words: &[&str]) {
    let status = wait_for("the daemon's end", || daemon.ended());
    let said = daemon.log();
    assert_eq!(status.code(), Some(code), "{said}");
    for word in words {
        assert!(said.contains(word), "no {word:?} in {said}");
    }
}

/// A18: what cannot be written is not started on, whether an outbox is there or not.
#[test]
fn a_state_directory_that_cannot_be_written_is_refused() {
    let (workspace, _catcher) = due_in(1.hours(), 0, 3);
    let Some(disk) = SmallDisk::mount_at(&workspace.path("state"), "16m") else {
        return;
    };
    let words = ["cannot use the state directory", "Read-only file system"];
    disk.read_only(true);
    refused(&workspace, PERMISSION, &words);
    disk.read_only(false);
    assert!(workspace.daemon().stop().success());
    disk.read_only(true);
    refused(&workspace, PERMISSION, &words);
    disk.read_only(false);
    assert!(workspace.daemon().stop().success());
}

/// A18: files of one user are not mixed with those of another, who could not read them later.
#[test]
fn a_state_directory_of_another_user_is_refused() {
    if !rustix::process::geteuid().is_root() {
        return skip("only root gives files away", "another user's state");
    }
    let (workspace, _catcher) = used();
    let files = disk::read(&workspace.path("state"));
    chown(workspace.path("state"), Some(65_534), None).unwrap();
    let words = ["belongs to another user (uid 65534)", "as that user"];
    refused(&workspace, PERMISSION, &words);
    assert!(disk::read(&workspace.path("state")) == files, "untouched");
}

/// A19: what is no outbox, or none any more, or a later one, is refused and left as it is.
#[test]
fn a_database_that_is_not_the_outbox_is_refused_and_left_as_it_is() {
    type Spoil = fn(&Path);
    let spoils: [(&str, Spoil, &[&str]); 6] = [
        (
            "empty",
            |db| fs::write(db, "").unwrap(),
            &["it is empty", "postroom restore"],
        ),
        ("truncated", truncate, &["is damaged", "postroom restore"]),
        (
            "overwritten",
            overwrite,
            &["is damaged", "postroom restore"],
        ),
        (
            "garbage",
            |db| fs::write(db, "Dear diary, ".repeat(999)).unwrap(),
            &["is not a postroom outbox", "move it away"],
        ),
        (
            "foreign",
            replace,
            &["is not a postroom outbox", "move it away"],
        ),
        ("newer", age, &["newer postroom", "install that version"]),
    ];
    let (workspace, _catcher) = used();
    let state = workspace.path("state");
    let good = disk::read(&state);
    for (name, spoil, words) in spoils {
        disk::write(&state, &good);
        spoil(&workspace.path(DATABASE));
        let spoiled = fs::read(workspace.path(DATABASE)).unwrap();
        refused(&workspace, IO, &[words, &["untouched"]].concat());
        let left = fs::read(workspace.path(DATABASE)).unwrap();
        assert!(left == spoiled, "{name}: the file was touched");
        let log = fs::read(workspace.path("state/postroom.db-wal"));
        assert!(log.unwrap_or_default().is_empty(), "{name}: its log too");
    }
    disk::write(&state, &good);
    assert!(workspace.daemon().stop().success());
}

fn truncate(db: &Path) {
    let bytes = fs::read(db).unwrap();
    fs::write(db, &bytes[..bytes.len() / 2]).unwrap();
}

/// All pages but the first, which says whose it is.
fn overwrite(db: &Path) {
    let mut bytes = fs::read(db).unwrap();
    bytes[4096..].fill(0x55);
    fs::write(db, bytes).unwrap();
}

fn replace(db: &Path) {
    fs::remove_file(db).unwrap();
    let other = Connection::open(db).unwrap();
    other.execute_batch("CREATE TABLE song (title)").unwrap();
}

fn age(db: &Path) {
    let sql = Connection::open(db).unwrap();
    sql.pragma_update(None, "user_version", 99).unwrap();
}

/// A20: what was in the log is lost, and with it who got what: nobody is mailed by a guess.
#[test]
fn a_log_that_was_deleted_while_the_daemon_was_stopped_sends_nothing() {
    let (workspace, catcher) = due_in(1.hours(), 20, 300);
    assert!(workspace.daemon().stop().success());
    let daemon = workspace.daemon();
    // As long as somebody looks at it as it was, nothing of the log can be moved away.
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY;
    let onlooker = Connection::open_with_flags(workspace.path(DATABASE), flags).unwrap();
    let look = "BEGIN; SELECT count(*) FROM run";
    onlooker.execute_batch(look).unwrap();
    workspace.said(&["send", letter::SCHEDULE, "--yes"]);
    wait_for("some messages", || (catcher.taken() >= 20).then_some(()));
    daemon.kill();
    let may_be = catcher.taken() + letter::CONNECTIONS as u64; // what it still has of the dead
    fs::remove_file(workspace.path("state/postroom.db-wal")).unwrap();
    drop(onlooker);

    let daemon = workspace.daemon();
    let said = daemon.log();
    for word in ["nothing is sent", "lost what was written last"] {
        assert!(said.contains(word), "no {word:?} in {said}");
    }
    assert!(
        workspace
            .said(&["status"])
            .contains("lost what was written last")
    );
    assert!(daemon.stop().success());
    assert!(catcher.taken() <= may_be, "some was sent");
    assert!(workspace.daemon().log().contains("release --all"));
    assert!(
        catcher.taken() <= may_be,
        "some was sent after another start"
    );
}

/// A21: `SQLite` would go on writing to a file that nobody will find again.
#[test]
fn a_database_that_is_deleted_or_replaced_under_the_daemon_ends_it() {
    for replaced in [false, true] {
        let (workspace, catcher) = due_in(1.hours(), 20, 300);
        let mut daemon = workspace.daemon();
        workspace.said(&["send", letter::SCHEDULE, "--yes"]);
        wait_for("some messages", || (catcher.taken() >= 20).then_some(()));
        let (database, copy) = (workspace.path(DATABASE), workspace.path("state/copy"));
        fs::copy(&database, &copy).unwrap();
        fs::remove_file(&database).unwrap();
        if replaced {
            fs::rename(&copy, &database).unwrap();
        }
        let told = "was deleted or replaced while postroom ran";
        ends(
            &mut daemon,
            IO,
            &[told, "Nothing is sent that cannot be recorded"],
        );
        assert!(catcher.taken() < 290, "it went on sending");
    }
}

/// A23: the second is told who the first is, and the kernel frees the place of a dead one.
#[test]
fn a_second_daemon_ends_at_once_and_names_the_first() {
    let (workspace, _catcher) = due_in(1.hours(), 0, 3);
    let first = workspace.daemon();
    let pid = format!("pid {}", first.id());
    let second = workspace
        .postroom(&["daemon"])
        .stderr(Stdio::piped())
        .output();
    let second = second.unwrap();
    let said = String::from_utf8(second.stderr).unwrap();
    assert_eq!(second.status.code(), Some(LATER), "{said}");
    for word in ["another postroom uses", &pid, "postroom.toml"] {
        assert!(said.contains(word), "no {word:?} in {said}");
    }
    assert!(
        workspace.said(&["status"]).contains(&pid),
        "the first goes on"
    );
    first.kill();
    assert!(workspace.daemon().stop().success());
}
