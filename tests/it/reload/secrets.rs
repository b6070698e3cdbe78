//! Secrets are read anew at a reload, and once after a login that was refused.

use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use postroom::daemon::api::Status;

use super::ended;
use crate::world::history;
use crate::world::patience::wait_for;
use crate::world::sandbox::Catcher;
use crate::world::workspace::Workspace;

struct Post {
    workspace: Workspace,
    catcher: Catcher,
}

impl Post {
    /// With the password from there.
    fn new(password: &str) -> Self {
        let catcher = Catcher::start(Duration::ZERO);
        let account = catcher
            .account()
            .replace("{ file = \"password\" }", password);
        let workspace = Workspace::new(&format!(
            "[account.main]\nhost = \"localhost\"\nfrom = \"post@example.org\"\n{account}\n\
             [list.people]\ninline = [\"ada@example.org\"]\n\
             [schedule.hello]\nsend = \"hello\"\nto = \"people\"\nvia = \"main\"\n"
        ));
        workspace.write("templates/hello/subject.txt", "Hello");
        workspace.write("templates/hello/body.txt", "Hello\n");
        let post = Self { workspace, catcher };
        post.hold("wrong");
        post
    }

    fn hold(&self, password: &str) {
        self.workspace.write("password", format!("{password}\n"));
        self.mode("password", 0o600);
    }

    fn mode(&self, name: &str, mode: u32) {
        let mode = std::fs::Permissions::from_mode(mode);
        std::fs::set_permissions(self.workspace.path(name), mode).unwrap();
    }

    /// A program that prints the password, and counts how often it was asked.
    fn vault(&self) {
        let script = "#!/bin/sh\ncd \"$(dirname \"$0\")\"\necho x >> readings\ncat password\n";
        self.workspace.write("vault", script);
        self.mode("vault", 0o700);
    }

    fn readings(&self) -> usize {
        let readings = std::fs::read_to_string(self.workspace.path("readings"));
        readings.unwrap_or_default().lines().count()
    }

    fn send(&self) {
        self.workspace.said(&["send", "hello", "--yes"]);
    }

    fn wait_for_trouble(&self) {
        wait_for("the refused login", || {
            let status: Status = self.workspace.json(&["status"]);
            status.accounts[0].trouble.as_ref().map(drop)
        });
    }

    fn wait_for_the_end(&self, taken: u64) {
        wait_for("the end of the run", || {
            history::ended(&self.workspace.reader()?, "hello")
        });
        assert_eq!(self.catcher.taken(), taken);
    }
}

/// An account whose login was refused rests for a minute and more; nobody has to wait for that.
#[test]
fn a_password_that_was_mended_is_tried_at_the_reload() {
    let post = Post::new("{ file = \"password\" }");
    let daemon = post.workspace.daemon();
    post.send();
    post.wait_for_trouble();
    post.hold(Catcher::PASSWORD);
    let said = post.workspace.said(&["reload"]);
    assert!(said.starts_with("nothing changed in /"), "{said}");
    post.wait_for_the_end(1);
    assert!(daemon.stop().success());
}

/// What a command printed is kept for an hour, and not beyond a reload.
#[test]
fn what_a_command_printed_is_forgotten_at_the_reload() {
    let post = Post::new("{ command = [\"./vault\"], keep = \"1h\" }");
    post.vault();
    let daemon = post.workspace.daemon();
    post.send();
    post.wait_for_trouble();
    assert_eq!(post.readings(), 2, "once, and once more after the refusal");
    post.hold(Catcher::PASSWORD);
    post.workspace.said(&["reload"]);
    post.wait_for_the_end(1);
    assert_eq!(post.readings(), 3);
    assert!(daemon.stop().success());
}

/// Many wrong logins lock an account: the same wrong password is not tried again.
#[test]
fn a_reload_does_not_try_a_refused_password_again() {
    let post = Post::new("{ command = [\"./vault\"], keep = \"1h\" }");
    post.vault();
    let daemon = post.workspace.daemon();
    post.send();
    post.wait_for_trouble();
    let trouble = || {
        let status: Status = post.workspace.json(&["status"]);
        status.accounts[0].trouble.clone().unwrap()
    };
    let before = trouble().retry_at;
    post.workspace.said(&["reload"]);
    wait_for("another look at the secret", || {
        (post.readings() == 3).then_some(())
    });
    post.workspace.said(&["reload"]);
    wait_for("and one more", || (post.readings() == 4).then_some(()));
    assert_eq!(trouble().retry_at, before);
    assert!(daemon.stop().success());
}

/// It is said, and stops nobody else.
#[test]
fn a_secret_that_cannot_be_read_leaves_the_others_at_work() {
    let post = Post::new("{ file = \"password\" }");
    post.hold(Catcher::PASSWORD);
    let daemon = post.workspace.daemon();
    std::fs::remove_file(post.workspace.path("password")).unwrap();
    let (code, said) = ended(&post.workspace, &["reload"]);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("error[secret-missing]"), "{said}");
    assert!(
        daemon.log().contains("code=secret-missing"),
        "{}",
        daemon.log()
    );
    post.send();
    post.wait_for_trouble();
    post.hold(Catcher::PASSWORD);
    post.workspace.said(&["reload"]);
    post.wait_for_the_end(1);
    assert!(daemon.stop().success());
}
