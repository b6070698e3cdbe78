//! Receivers of messages that are libraries or large programs in other languages: Haraka and
//! smtp-server (npm), aiosmtpd (PyPI). `.ci/long` installs them.
//!
//! Each runs with a few lines of ours in `receivers/` that refuse whose name begins with `nobody-`,
//! put every message into a Maildir below a `Delivered-To`, and write a line of JSON for each event
//! to `log`: `connected`, `encrypted`, `login`, `refused` with the address, `closed`, `complaint`.

use std::ffi::OsString;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde::Deserialize;
use tempfile::TempDir;

use super::certificate::{CA, CERTIFICATE, KEY, certify};
use super::loopback::{free_ports, listens};
use super::mailbox;
use super::patience::wait_for;
use super::skip::skip;
use super::testimony::{PASSWORD, Testimony, USER, Witness, account};
use super::workspace::folder;

/// Where they are installed; `.ci/long` says the same.
const TOOLS: &str = "POSTROOM_TEST_TOOLS";
const TOOLS_DEFAULT: &str = "/var/cache/postroom-test-tools";

const AIOSMTPD: &str = include_str!("receivers/aiosmtpd.py");
const SMTP_SERVER: &str = include_str!("receivers/smtp-server.js");
const HARAKA: &str = include_str!("receivers/haraka.js");

/// What Haraka says to a command that came along with a body, to each of them.
const HARAKA_MINDS: &str = "S: 503 Bad sequence of commands - pipelined after end of DATA";

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Kind {
    Haraka,
    SmtpServer,
    Aiosmtpd,
}

/// One of them, running; it ends with this value.
pub(crate) struct Receiver {
    kind: Kind,
    child: Child,
    folder: TempDir,
    port: u16,
}

impl Receiver {
    /// Starts one, or says that `untried` was not tried.
    #[track_caller]
    pub(crate) fn start(kind: Kind, untried: &str) -> Option<Self> {
        let tools = std::env::var_os(TOOLS).unwrap_or_else(|| TOOLS_DEFAULT.into());
        let tools = PathBuf::from(tools);
        if !tools.join("finished").exists() {
            skip(
                &format!("`.ci/long` has not filled {}", tools.display()),
                untried,
            );
            return None;
        }
        let (folder, [port]) = (folder(), free_ports());
        certify(folder.path());
        fs::create_dir_all(folder.path().join("mail/new")).unwrap();
        let program = match kind {
            Kind::Haraka => haraka(&tools, folder.path(), port),
            Kind::SmtpServer => script(
                "node",
                &tools,
                folder.path(),
                port,
                "witness.js",
                SMTP_SERVER,
            ),
            Kind::Aiosmtpd => {
                let python = tools.join("venv/bin/python");
                script(python, &tools, folder.path(), port, "witness.py", AIOSMTPD)
            }
        };
        Some(Self::run(kind, program, folder, port))
    }

    #[track_caller]
    fn run(kind: Kind, mut program: Command, folder: TempDir, port: u16) -> Self {
        let said = folder.path().join("said");
        let out = || {
            File::options()
                .create(true)
                .append(true)
                .open(&said)
                .unwrap()
        };
        let mut child = program
            .stdin(Stdio::piped())
            .stdout(out())
            .stderr(out())
            .spawn()
            .unwrap();
        wait_for("the receiver's port", || {
            let ended = child.try_wait().unwrap();
            assert_eq!(
                ended,
                None,
                "{kind:?}: {}",
                fs::read_to_string(&said).unwrap()
            );
            listens(port).then_some(())
        });
        Self {
            kind,
            child,
            folder,
            port,
        }
    }

    fn events(&self) -> Vec<Event> {
        let log = fs::read_to_string(self.folder.path().join("log")).unwrap();
        let event = |line| serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}"));
        log.lines().map(event).collect()
    }

    /// What Haraka writes about its conversations that nobody should have heard: commands may come
    /// along with a body once, and never again after its first refusal.
    fn heard_again(&self) -> Vec<String> {
        const OF_ONE_GROUP: usize = 3; // MAIL, RCPT and DATA
        let said = fs::read_to_string(self.folder.path().join("said")).unwrap();
        let refusals = said.lines().filter(|line| line.ends_with(HARAKA_MINDS));
        refusals.skip(OF_ONE_GROUP).map(str::to_owned).collect()
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Witness for Receiver {
    fn account(&self) -> String {
        account(self.port, &self.folder.path().join(CA))
    }

    fn testimony(&self) -> Testimony {
        let events = wait_for("every client to be gone", || {
            let events = self.events();
            let count = |name| events.iter().filter(|it| it.event == name).count();
            (count("connected") == count("closed")).then_some(events)
        });
        let count = |name| events.iter().filter(|it| it.event == name).count();
        let texts = |name| {
            let of_it = events.iter().filter(move |it| it.event == name);
            of_it.map(|it| it.text.clone())
        };
        let mut complaints: Vec<String> = texts("complaint").collect();
        if self.kind == Kind::Haraka {
            complaints.extend(self.heard_again());
        }
        Testimony {
            mails: mailbox::read(&self.folder.path().join("mail")),
            refused: texts("refused").collect(),
            connections: count("connected"),
            encrypted: count("encrypted"),
            logins: Some(count("login")),
            complaints,
        }
    }
}

/// A line of the log.
#[derive(Deserialize)]
struct Event {
    event: String,
    text: String,
}

fn script(
    interpreter: impl Into<OsString>,
    tools: &Path,
    folder: &Path,
    port: u16,
    name: &str,
    text: &str,
) -> Command {
    fs::write(folder.join(name), text).unwrap();
    let mut command = Command::new(interpreter.into());
    command
        .arg(folder.join(name))
        .arg(port.to_string())
        .arg(folder)
        .args([USER, PASSWORD]);
    command.env("NODE_PATH", tools.join("node_modules"));
    command
}

fn haraka(tools: &Path, folder: &Path, port: u16) -> Command {
    let write = |name: &str, text: &str| {
        let path = folder.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    };
    let place = |name: &str| folder.join(name).display().to_string();
    let listen = format!("listen=127.0.0.1:{port}\nsmtps_port={port}\n");
    write("config/smtp.ini", &listen);
    let (key, certificate) = (place(KEY), place(CERTIFICATE));
    write(
        "config/tls.ini",
        &format!("key={key}\ncert={certificate}\n"),
    );
    write("config/plugins", "auth/flat_file\nwitness\n");
    let users = format!("[core]\nmethods=PLAIN\n[users]\n{USER}={PASSWORD}\n");
    write("config/auth_flat_file.ini", &users);
    // It does not do without this one.
    let package = tools.join("node_modules/Haraka/config/connection.ini");
    fs::copy(package, folder.join("config/connection.ini")).unwrap();
    write("config/outbound.ini", "disabled=true\n");
    write("config/loglevel", "LOGPROTOCOL\n");
    write("config/me", "mx.example.org\n");
    write("plugins/witness.js", HARAKA);
    write("package.json", "{}\n");
    let mut command = Command::new("node");
    command
        .arg(tools.join("node_modules/Haraka/bin/haraka"))
        .arg("-c")
        .arg(folder);
    command.env("NODE_PATH", tools.join("node_modules"));
    command
}
