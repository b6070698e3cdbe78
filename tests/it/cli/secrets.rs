//! `postroom secret set`, with the real binary.

use std::fs;
use std::io::Write;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::Path;
use std::process::{Command, Stdio};

use crate::world::skip::skip;
use crate::world::workspace::Workspace;

/// An account with this line for its password.
fn workspace(password: &str) -> Workspace {
    let account = "[account.relay]\nhost = \"smtp.example.org\"\nuser = \"me@example.org\"\n";
    let rest = "\n[list.team]\ninline = [\"ada@example.org\"]\n\n[schedule.news]\nsend = \"note\"\n\
                to = \"team\"\nvia = \"relay\"\n";
    let workspace = Workspace::new(&[account, password, rest].concat());
    workspace.write("templates/note/subject.txt", "Hello");
    workspace.write("templates/note/body.txt", "Hello\n");
    let path = workspace.path("postroom.toml");
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
    workspace
}

fn set(workspace: &Workspace, name: &str, typed: &str) -> (Option<i32>, String) {
    let mut command = workspace.postroom(&["secret", "set", name]);
    let pipes = command.stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = pipes.stderr(Stdio::piped()).spawn().unwrap();
    let _ = child.stdin.take().unwrap().write_all(typed.as_bytes());
    let output = child.wait_with_output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8(said).unwrap())
}

fn names(folder: &Path) -> Vec<String> {
    let files = fs::read_dir(folder).unwrap();
    let names = files.map(|it| it.unwrap().file_name().into_string().unwrap());
    names.collect()
}

const FILE: &str = "password = { file = \"secrets/relay\" }\n";

#[test]
fn a_password_from_a_pipe_gets_into_the_file_that_the_configuration_names() {
    let workspace = workspace(FILE);
    let (folder, file) = (workspace.path("secrets"), workspace.path("secrets/relay"));
    let check = || workspace.postroom(&["check"]).output().unwrap();
    let said = String::from_utf8(check().stdout).unwrap();
    assert!(
        said.contains("create it with `postroom secret set relay`"),
        "{said}"
    );
    for (name, typed, held) in [
        ("relay", "hünter 2\n", "hünter 2\n"),
        ("account.relay", "hunter3", "hunter3\n"),
        (
            "account.relay.password",
            "hunter4\r\nand more\n",
            "hunter4\n",
        ),
    ] {
        let (code, said) = set(&workspace, name, typed);
        assert_eq!(code, Some(0), "{said}");
        assert!(!said.contains("nter"), "{said}");
        assert_eq!(fs::read_to_string(&file).unwrap(), held);
        assert_eq!(
            file.metadata().unwrap().mode() & 0o7137,
            0,
            "only owner and group"
        );
        assert_eq!(folder.metadata().unwrap().mode() & 0o777, 0o750);
        assert_eq!(names(&folder), ["relay"], "nothing is left beside it");
    }
    assert_eq!(check().status.code(), Some(0));
}

#[test]
fn whoever_runs_the_service_may_enter_every_folder_that_is_made_and_its_group_may_not() {
    if !rustix::process::geteuid().is_root() {
        return skip("this is not root", "a secret for a service");
    }
    let workspace = workspace("password = { file = \"deep/down/relay\" }\n");
    let (service, users) = (12345, 100);
    fs::create_dir(workspace.path("state")).unwrap();
    chown(workspace.path("state"), Some(service), Some(users)).unwrap();
    let (code, said) = set(&workspace, "relay", "hunter2\n");
    assert_eq!(code, Some(0), "{said}");
    for (name, mode) in [
        ("deep", 0o750),
        ("deep/down", 0o750),
        ("deep/down/relay", 0o600),
    ] {
        let found = workspace.path(name).metadata().unwrap();
        assert_eq!(found.mode() & 0o777, mode, "{name}");
        assert_eq!((found.uid(), found.gid()), (service, 0), "{name}");
    }
}

#[test]
fn what_is_no_password_changes_nothing() {
    let workspace = workspace(FILE);
    set(&workspace, "relay", "hunter2\n");
    let long = "x".repeat(70_000);
    for typed in ["", "\n", "a\u{1b}[Ab\n", long.as_str()] {
        let (code, said) = set(&workspace, "relay", typed);
        assert_eq!(code, Some(65), "{said}");
    }
    let held = fs::read_to_string(workspace.path("secrets/relay")).unwrap();
    assert_eq!(held, "hunter2\n");
}

#[test]
fn a_link_stays_a_link() {
    let workspace = workspace(FILE);
    workspace.write("vault/relay", "old\n");
    fs::create_dir(workspace.path("secrets")).unwrap();
    std::os::unix::fs::symlink("../vault/relay", workspace.path("secrets/relay")).unwrap();
    assert_eq!(set(&workspace, "relay", "new\n").0, Some(0));
    assert_eq!(
        fs::read_to_string(workspace.path("vault/relay")).unwrap(),
        "new\n"
    );
    assert!(workspace.path("secrets/relay").is_symlink());
}

#[test]
fn what_comes_from_elsewhere_is_set_there() {
    for (password, words) in [
        (
            "password = { env = \"RELAY\" }\n",
            "environment variable `RELAY`",
        ),
        (
            "password = { credential = \"relay\" }\n",
            "LoadCredential=relay:",
        ),
        (
            "password = { command = [\"true\"] }\n",
            "comes from a program (command true)",
        ),
        (
            "password = \"hunter2\"\n",
            "stands in the configuration itself",
        ),
    ] {
        let workspace = workspace(password);
        let (code, said) = set(&workspace, "relay", "new\n");
        assert_eq!(code, Some(64), "{said}");
        assert!(said.contains(words), "{said}");
        assert!(said.contains("{ file = \"secrets/relay\" }"), "{said}");
        assert!(!said.contains("hunter2"), "{said}");
        assert!(!workspace.path("secrets").exists());
    }
    let workspace = workspace(FILE);
    let (code, said) = set(&workspace, "account.relay.token", "new\n");
    assert_eq!(code, Some(64));
    assert!(
        said.contains("account `relay` has a password, not a token"),
        "{said}"
    );
}

/// What somebody at a terminal types, and what they see. Python has pseudo-terminals.
const TERMINAL: &str = "
import os, pty, sys
pid, master = pty.fork()
if pid == 0:
    os.execv(sys.argv[2], sys.argv[2:])
seen, asked = b'', 0
for typed in sys.argv[1].split('|'):
    while b': ' not in seen[asked:]:
        seen += os.read(master, 1000)
    asked = len(seen)
    os.write(master, typed.encode().decode('unicode_escape').encode('latin-1') + b'\\r')
try:
    while True:
        piece = os.read(master, 1000)
        if not piece: break
        seen += piece
except OSError:
    pass
print(seen.decode())
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
";

/// Runs a command at a terminal; what is typed has a `|` at the end of each line.
pub(super) fn at_a_terminal(postroom: &Command, typed: &str) -> (Option<i32>, String) {
    let mut command = Command::new("python3");
    command.args(["-c", TERMINAL, typed]);
    command
        .arg(postroom.get_program())
        .args(postroom.get_args());
    if let Some(folder) = postroom.get_current_dir() {
        command.current_dir(folder);
    }
    let output = command.output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(
        output.stderr.is_empty(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    (output.status.code(), said)
}

#[test]
fn at_a_terminal_it_is_asked_for_twice_and_never_shown() {
    let workspace = workspace(FILE);
    let held = || fs::read_to_string(workspace.path("secrets/relay")).unwrap_or_default();
    let type_in =
        |typed: &str| at_a_terminal(&workspace.postroom(&["secret", "set", "relay"]), typed);
    let (code, said) = type_in("hunter2|hunter2");
    assert_eq!((code, held().as_str()), (Some(0), "hunter2\n"), "{said}");
    assert!(said.contains("The password of account `relay`: "), "{said}");
    assert!(said.contains("The same again: "), "{said}");
    assert!(!said.contains("hunter"), "{said}");
    // Backspace over a letter of two bytes, and a line begun anew.
    let (code, said) = type_in("abc\\xc3\\xbc\\x7fd|wrong\\x15abcd");
    assert_eq!((code, held().as_str()), (Some(0), "abcd\n"), "{said}");
    let (code, said) = type_in("one|two|three|three");
    assert_eq!((code, held().as_str()), (Some(0), "three\n"), "{said}");
    assert!(said.contains("These two differ"), "{said}");
    // Ctrl-C changes nothing.
    let (code, said) = type_in("four\\x03");
    assert_eq!((code, held().as_str()), (Some(1), "three\n"), "{said}");
}
