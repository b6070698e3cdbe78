//! A reload that is refused changes nothing, and nobody has to look for it.

use std::ffi::OsString;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixDatagram;
use std::time::Duration;

use super::{configuration, ended, hang_up};
use crate::world::patience::wait_for;
use crate::world::workspace::Workspace;

const GOOD: &str = "[daemon]\nstate = \"state\"\ntimezone = \"UTC\"\n\
                    alert = { command = [\"./tell\"] }\n\
                    [account.ops]\nhost = \"127.0.0.1\"\nport = 9\ntls = \"none\"\n\
                    from = \"ops@example.org\"\n\
                    [list.people]\ninline = [\"ada@example.org\"]\n\
                    [schedule.hello]\nsend = \"hello\"\nto = \"people\"\nvia = \"ops\"\n";

fn workspace() -> Workspace {
    let workspace = Workspace::new("");
    workspace.write("postroom.toml", GOOD);
    workspace.write("templates/hello/subject.txt", "Hello");
    workspace.write("templates/hello/body.txt", "Hello\n");
    let script = "#!/bin/sh\ncd \"$(dirname \"$0\")\"\necho \"$POSTROOM_EVENT\" >> told\n\
                  cat >> told\n";
    workspace.write("tell", script);
    let mode = std::fs::Permissions::from_mode(0o700);
    std::fs::set_permissions(workspace.path("tell"), mode).unwrap();
    workspace
}

/// `via` names nobody.
fn bad() -> String {
    GOOD.replace("via = \"ops\"", "via = \"osp\"")
}

#[test]
fn it_shows_in_the_exit_code_the_log_the_status_and_an_alert_until_one_is_not() {
    let workspace = workspace();
    let daemon = workspace.daemon();
    workspace.write("postroom.toml", bad());
    for args in [&["reload"][..], &["reload", "--dry-run"]] {
        let (code, said) = ended(&workspace, args);
        assert_eq!(code, Some(78), "{said}");
        assert!(said.contains("error[unknown-name]"), "{said}");
        assert!(said.contains("no account is called `osp`"), "{said}");
        let running = "Nothing was changed; the configuration of ";
        assert!(said.contains(running), "{said}");
        assert!(
            said.trim_end().ends_with(" keeps running (1 schedule)"),
            "{said}"
        );
    }
    let log = daemon.log();
    let path = workspace.path("postroom.toml");
    let line = format!("{}:15:7: no account is called `osp`", path.display());
    assert!(log.contains(&line), "{log}");
    assert!(!log.contains("-->"), "no drawings:\n{log}");

    let standing = configuration(&workspace);
    assert_eq!(standing.generation, 1);
    let refused = standing.refused.expect("it says so");
    assert_eq!(
        (refused.errors, refused.text.as_str()),
        (1, "1 error in postroom.toml")
    );
    workspace.write("postroom.toml", GOOD); // for the command's own look at it
    let status = workspace.said(&["status"]);
    assert!(status.contains("! reload refused "), "{status}");
    assert!(
        status.contains("1 error in postroom.toml (postroom check)"),
        "{status}"
    );

    let told = || std::fs::read_to_string(workspace.path("told")).ok();
    let told = wait_for("the alert", || told().filter(|it| it.contains("Mend")));
    assert!(told.starts_with("reload-refused\n"), "{told}");
    assert_eq!(told.matches("reload-refused").count(), 1);

    let said = workspace.said(&["reload"]);
    assert!(said.starts_with("nothing changed in /"), "{said}");
    assert_eq!(configuration(&workspace).refused, None);
    let status = workspace.said(&["status"]);
    assert!(!status.contains("! reload"), "{status}");
    assert!(
        status.lines().next().unwrap().ends_with(" (ok)"),
        "{status}"
    );
    assert!(daemon.stop().success());
}

/// What systemd hears, on its socket.
struct Systemd(UnixDatagram);

impl Systemd {
    fn new(workspace: &Workspace) -> (Self, OsString) {
        let path = workspace.path("notify");
        let socket = UnixDatagram::bind(&path).unwrap();
        socket
            .set_read_timeout(Some(Duration::from_millis(50)))
            .unwrap();
        (Self(socket), path.into_os_string())
    }

    /// The next message of which `look` takes something.
    fn next<T>(&self, mut look: impl FnMut(&str) -> Option<T>) -> T {
        let mut heard = [0; 4096];
        wait_for("a message", || {
            let length = self.0.recv(&mut heard).ok()?;
            look(&String::from_utf8_lossy(&heard[..length]))
        })
    }

    /// The next STATUS= that begins so.
    fn status(&self, beginning: &str) -> String {
        self.next(|text| {
            let lines = text.lines().filter_map(|line| line.strip_prefix("STATUS="));
            let mut fits = lines.filter(|line| line.starts_with(beginning));
            fits.next().map(str::to_owned)
        })
    }
}

#[test]
fn systemd_is_told_what_was_refused_and_what_runs() {
    let workspace = workspace();
    let (systemd, path) = Systemd::new(&workspace);
    let daemon = workspace.daemon_with(&[("NOTIFY_SOCKET", path)]);
    let status = systemd.status("1 account, 1 schedule");
    assert!(status.contains("; config of "), "{status}");
    workspace.write("postroom.toml", bad());
    hang_up(&daemon);
    let begins = systemd.next(|it| it.contains("RELOADING=1").then(|| it.to_owned()));
    assert!(begins.contains("\nMONOTONIC_USEC="), "in one: {begins}");
    let status = systemd.status("reload refused ");
    assert!(
        status.contains(": 1 error in postroom.toml; running config of "),
        "{status}"
    );
    workspace.write("postroom.toml", GOOD);
    hang_up(&daemon);
    systemd.status("1 account, 1 schedule");
    assert!(daemon.stop().success());
}

#[test]
fn the_files_that_were_good_last_are_kept() {
    let workspace = workspace();
    let more = "[list.more]\ninline = [\"bob@example.org\"]\n";
    workspace.write("conf.d/more.toml", more);
    let whole = GOOD.replace("[daemon]", "include = [\"conf.d/*.toml\"]\n[daemon]");
    workspace.write("postroom.toml", &whole);
    let daemon = workspace.daemon();
    let kept = |name: &str| workspace.path("state/config.last-good").join(name);
    let read = |name: &str| std::fs::read_to_string(kept(name)).unwrap();
    let text = wait_for("the copy", || {
        std::fs::read_to_string(kept("postroom.toml")).ok()
    });
    assert_eq!(text, whole);
    assert_eq!(read("conf.d/more.toml"), more);
    let mode = |name: &str| std::fs::metadata(kept(name)).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(""), mode("conf.d")), (0o700, 0o700));
    assert_eq!(
        (mode("postroom.toml"), mode("conf.d/more.toml")),
        (0o600, 0o600)
    );

    workspace.write("postroom.toml", bad());
    assert_eq!(ended(&workspace, &["reload"]).0, Some(78));
    assert_eq!(read("postroom.toml"), whole, "a bad one is not kept");
    let renamed = GOOD.replace("schedule.hello", "schedule.hey");
    workspace.write("postroom.toml", &renamed);
    workspace.said(&["reload"]);
    assert_eq!(read("postroom.toml"), renamed);
    assert!(!kept("conf.d").exists(), "it is not included any more");
    assert!(daemon.stop().success());
}

#[test]
fn the_copy_that_failed_is_made_with_the_next_reload() {
    let workspace = workspace();
    workspace.write("state/config.last-good.new", "no folder");
    let daemon = workspace.daemon();
    let failed = || daemon.log().contains("is not kept in").then_some(());
    wait_for("the failure", failed);
    std::fs::remove_file(workspace.path("state/config.last-good.new")).unwrap();
    let said = workspace.said(&["reload"]);
    assert!(said.starts_with("nothing changed in /"), "{said}");
    let kept = workspace.path("state/config.last-good/postroom.toml");
    assert_eq!(std::fs::read_to_string(kept).unwrap(), GOOD);
    assert!(daemon.stop().success());
}

#[test]
fn a_refusal_names_the_files_that_are_wrong() {
    let workspace = workspace();
    let whole = GOOD.replace("[daemon]", "include = [\"conf.d/*.toml\"]\n[daemon]");
    workspace.write("postroom.toml", &whole);
    workspace.write("conf.d/a.toml", "");
    let daemon = workspace.daemon();
    let refused = || {
        assert_eq!(ended(&workspace, &["reload"]).0, Some(78));
        configuration(&workspace).refused.expect("it says so").text
    };
    workspace.write("conf.d/a.toml", "[list.a]\ninlin = []\n");
    assert_eq!(refused(), "1 error in conf.d/a.toml");
    workspace.write("templates/hello/body.txt", "{{#if a}}\n");
    assert_eq!(refused(), "2 errors in conf.d/a.toml and 1 other file");
    assert!(daemon.stop().success());
}
