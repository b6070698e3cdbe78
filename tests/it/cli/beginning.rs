//! From nothing to a first message, with the real binary: `config init`, `check`, `account test`,
//! `send --test`.

use std::fs;
use std::io::Write;
use std::os::unix::fs::{MetadataExt, chown};
use std::path::Path;
use std::process::{Command, Stdio};

use postroom::clock::Clock;
use postroom::config::PROVIDERS;
use postroom::sandbox::{Options, Sandbox};
use tempfile::TempDir;
use tokio::runtime::Runtime;

use super::secrets::at_a_terminal;
use crate::world::skip::skip;
use crate::world::workspace::folder;

/// A home with nothing in it.
struct Newcomer(TempDir);

impl Newcomer {
    fn new() -> Self {
        Self(folder())
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn types(&self, args: &[&str], input: &str) -> (Option<i32>, String) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_postroom"));
        for foreign in ["STATE_DIRECTORY", "RUNTIME_DIRECTORY", "POSTROOM_CONFIG"] {
            command.env_remove(foreign);
        }
        for place in ["XDG_STATE_HOME", "XDG_CONFIG_HOME"] {
            command.env_remove(place);
        }
        let command = command.args(args).current_dir(self.path());
        let command = command.env("HOME", self.path()).stdin(Stdio::piped());
        let command = command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
        let output = child.wait_with_output().unwrap();
        let said = [output.stdout, output.stderr].concat();
        (output.status.code(), String::from_utf8(said).unwrap())
    }

    #[track_caller]
    fn has_nothing(&self) {
        let left: Vec<_> = fs::read_dir(self.path()).unwrap().collect();
        assert!(left.is_empty(), "{left:?}");
    }

    #[track_caller]
    fn manages(&self, args: &[&str], input: &str) -> String {
        let (code, said) = self.types(args, input);
        assert_eq!(code, Some(0), "{args:?}: {said}");
        said
    }
}

#[test]
fn a_newcomer_sends_a_first_message_with_four_commands() {
    let newcomer = Newcomer::new();
    let runtime = Runtime::new().unwrap();
    let options = Options {
        dir: Some(newcomer.path().join("box")),
        login: Some(("ada@example.org".to_owned(), "hunter2".to_owned())),
        ..Options::default()
    };
    let sandbox = runtime
        .block_on(Sandbox::start(options, Clock::system()))
        .unwrap();
    let host = format!("localhost:{}", sandbox.address().port());
    let said = newcomer.manages(
        &[
            "config",
            "init",
            "--address",
            "Ada <ada@example.org>",
            "--host",
            &host,
            "--ca",
            "box/ca.pem",
            "--password-stdin",
        ],
        "hunter2\n",
    );
    assert!(!said.contains("hunter2"), "{said}");
    let mut steps = Vec::new();
    for line in said
        .lines()
        .filter_map(|it| it.trim().strip_prefix("postroom "))
    {
        steps.push(line.split("  ").next().unwrap().to_owned());
    }
    assert_eq!(
        steps,
        [
            "check",
            "account test main",
            "send hello --test ada@example.org"
        ]
    );
    for step in &steps {
        let args: Vec<&str> = step.split(' ').collect();
        newcomer.manages(&args, "");
    }
    let said = newcomer.manages(&["check", "--lists", "--connect", "--strict"], "");
    assert!(said.contains("postroom.toml: no problems\n"), "{said}");
    let mail = fs::read_dir(newcomer.path().join("box/mail/new")).unwrap();
    let mail: Vec<_> = mail
        .map(|it| fs::read_to_string(it.unwrap().path()).unwrap())
        .collect();
    assert_eq!(mail.len(), 1);
    assert!(
        mail[0].contains("\nSubject: [test] Hello, Ada\r\n"),
        "{}",
        mail[0].replace('\r', "")
    );
    let text = fs::read_to_string(newcomer.path().join("postroom.toml")).unwrap();
    assert!((20..=30).contains(&text.lines().count()), "{text}");
    for (name, mode) in [
        ("postroom.toml", 0o640),
        ("secrets", 0o750),
        ("templates/hello", 0o750),
        ("lists/people.csv", 0o640),
    ] {
        let found = newcomer.path().join(name).metadata().unwrap().mode() & 0o777;
        assert_eq!(found, mode, "{name}");
    }
    let secret = newcomer
        .path()
        .join("secrets/main")
        .metadata()
        .unwrap()
        .mode();
    assert_eq!(secret & 0o137, 0, "{secret:o}");
}

#[test]
fn nothing_is_overwritten_and_nobody_is_waited_for() {
    let newcomer = Newcomer::new();
    let (code, said) = newcomer.types(&["config", "init"], "");
    assert_eq!(code, Some(64), "{said}");
    assert!(said.contains("needed: --address ADDR"), "{said}");
    let address = ["config", "init", "--address", "ada@example.org"];
    let (code, said) = newcomer.types(&address, "");
    assert_eq!(code, Some(64), "{said}");
    assert!(
        said.contains("needed: --host SERVER, or --provider NAME with one of 126"),
        "{said}"
    );
    assert_eq!(
        fs::read_dir(newcomer.path()).unwrap().count(),
        0,
        "nothing was written"
    );

    fs::create_dir(newcomer.path().join("lists")).unwrap();
    fs::write(newcomer.path().join("lists/people.csv"), "mine\n").unwrap();
    let (code, said) = newcomer.types(&["config", "init", "--address", "ada@qq.com"], "");
    assert_eq!(code, Some(73), "{said}");
    assert!(said.contains("lists/people.csv is there already"), "{said}");
    assert!(!newcomer.path().join("postroom.toml").exists());

    newcomer.manages(&["config", "init", "mail", "--address", "ada@qq.com"], "");
    let text = fs::read_to_string(newcomer.path().join("mail/postroom.toml")).unwrap();
    assert!(text.contains("provider = \"qq\""), "{text}");
    let (code, _) = newcomer.types(&["config", "init", "mail", "--address", "bo@qq.com"], "");
    assert_eq!(code, Some(73));
    let again = fs::read_to_string(newcomer.path().join("mail/postroom.toml")).unwrap();
    assert_eq!(again, text);
}

#[test]
fn without_a_password_the_next_step_asks_for_it() {
    let newcomer = Newcomer::new();
    let said = newcomer.manages(&["config", "init", "--address", "ada@gmail.com"], "");
    assert!(said.contains("  postroom secret set main  "), "{said}");
    assert_eq!(newcomer.types(&["check"], "").0, Some(65));
    newcomer.manages(&["secret", "set", "main"], "hunter2\n");
    newcomer.manages(&["check", "--lists"], "");
}

#[test]
fn every_provider_can_be_begun_with() {
    for provider in PROVIDERS {
        let newcomer = Newcomer::new();
        fs::write(
            newcomer.path().join("ca.pem"),
            "-----BEGIN CERTIFICATE-----\n",
        )
        .unwrap();
        let mut args = vec![
            "config",
            "init",
            "--address",
            "ada@example.org",
            "--password-stdin",
        ];
        args.extend(["--provider", provider.name]);
        if provider.name == "ses" {
            let (code, said) = newcomer.types(&args, "x\n");
            assert_eq!(code, Some(64), "{said}");
            assert!(
                said.contains("--region NAME, one of ap-northeast-1"),
                "{said}"
            );
            args.extend(["--region", "eu-west-1"]);
        }
        if provider.own_certificate.is_some() {
            let (code, said) = newcomer.types(&args, "x\n");
            assert_eq!(code, Some(64), "{said}");
            args.extend(["--ca", "ca.pem"]);
        }
        newcomer.manages(&args, "hunter2\n");
        let said = newcomer.manages(&["check", "--lists", "--strict"], "");
        assert!(said.contains(": no problems"), "{}: {said}", provider.name);
    }
}

#[test]
fn at_a_terminal_it_asks_for_little_and_guesses_the_rest() {
    let newcomer = Newcomer::new();
    let mut init = Command::new(env!("CARGO_BIN_EXE_postroom"));
    init.args(["config", "init", "mail"])
        .current_dir(newcomer.path());
    let typed = "ada@fastmail.com||||hunter2|hunter2";
    let (code, said) = at_a_terminal(&init, typed);
    assert_eq!(code, Some(0), "{said}");
    for words in [
        "The address that the mail is from: ",
        "The mail provider, or its server [fastmail]: ",
        "The name to log in with [ada@fastmail.com]: ",
        "Who gets the first tests [ada@fastmail.com]: ",
        "Fastmail wants an app password",
        "postroom -c mail/postroom.toml send hello --test ada@fastmail.com",
    ] {
        assert!(said.contains(words), "{words}\n{said}");
    }
    assert!(!said.contains("hunter2"), "{said}");
    let held = fs::read_to_string(newcomer.path().join("mail/secrets/main")).unwrap();
    assert_eq!(held, "hunter2\n");
    let said = newcomer.manages(&["-c", "mail/postroom.toml", "check", "--strict"], "");
    assert!(said.contains(": no problems"), "{said}");
}

/// Somebody who is not in the service's group, in numbers that name nobody.
const SERVICE: u32 = 12345;
/// The group of all people of a machine.
const USERS: u32 = 100;

#[test]
fn what_root_begins_the_service_can_read_and_its_group_cannot() {
    if !rustix::process::geteuid().is_root() {
        return skip("this is not root", "a configuration begun for a service");
    }
    let newcomer = Newcomer::new();
    let state = newcomer.path().join(".local/state/postroom");
    fs::create_dir_all(&state).unwrap();
    chown(&state, Some(SERVICE), Some(USERS)).unwrap();
    let init = ["config", "init", "etc/new", "--address", "ada@gmail.com"];
    newcomer.manages(&[&init[..], &["--password-stdin"]].concat(), "hunter2\n");
    let of = |name: &str| newcomer.path().join(name).metadata().unwrap();
    let secret = of("etc/new/secrets/main");
    assert_eq!(secret.mode() & 0o777, 0o600);
    assert_eq!((secret.uid(), secret.gid()), (SERVICE, 0));
    for folder in ["etc", "etc/new", "etc/new/templates", "etc/new/secrets"] {
        assert_eq!(of(folder).uid(), SERVICE, "{folder}");
        assert_eq!(of(folder).mode() & 0o777, 0o750, "{folder}");
    }
    // Whoever builds in a home of their own shows it to nobody.
    let binary = newcomer.path().join("postroom");
    fs::copy(env!("CARGO_BIN_EXE_postroom"), &binary).unwrap();
    let check = |user: u32| {
        let mut service = Command::new("setpriv");
        let (user, group) = (user.to_string(), USERS.to_string());
        service.args(["--reuid", &user, "--regid", &group, "--clear-groups"]);
        service.arg(&binary).args([
            "-c",
            "etc/new/postroom.toml",
            "check",
            "--lists",
            "--strict",
        ]);
        let output = service
            .current_dir(newcomer.path())
            .env("HOME", newcomer.path());
        let output = output.output().unwrap();
        let said = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
        (output.status.code(), said)
    };
    let (code, said) = check(SERVICE);
    assert_eq!(code, Some(0), "{said}");
    let (code, said) = check(SERVICE + 1);
    assert_eq!(code, Some(78), "a neighbour of its group: {said}");
}

#[test]
fn what_is_no_password_is_not_written() {
    let newcomer = Newcomer::new();
    let init = [
        "config",
        "init",
        "--password-stdin",
        "--address",
        "ada@gmail.com",
    ];
    for typed in ["", "\n", "a\u{1b}[Ab\n"] {
        let (code, said) = newcomer.types(&init, typed);
        assert_eq!(code, Some(65), "{said}");
        newcomer.has_nothing();
    }
    // This machine's own server wants none.
    let init = [
        "config",
        "init",
        "--host",
        "localhost:25",
        "--address",
        "ada@example.org",
    ];
    let (code, said) = newcomer.types(&[&init[..], &["--password-stdin"]].concat(), "hunter2\n");
    assert_eq!(code, Some(64), "{said}");
    assert!(said.contains("this account does not log in"), "{said}");
    newcomer.has_nothing();
    newcomer.manages(&init, "");
    newcomer.manages(&["check", "--lists", "--strict"], "");
}

#[test]
fn at_a_terminal_the_server_of_this_machine_needs_neither_name_nor_password() {
    let newcomer = Newcomer::new();
    let mut init = Command::new(env!("CARGO_BIN_EXE_postroom"));
    init.args(["config", "init"]).current_dir(newcomer.path());
    let (code, said) = at_a_terminal(&init, "ada@example.org|localhost:25|");
    assert_eq!(code, Some(0), "{said}");
    assert!(
        !said.contains("log in with") && !said.contains("password"),
        "{said}"
    );
}

#[test]
fn what_would_not_hold_is_not_written() {
    let newcomer = Newcomer::new();
    let init = [
        "config",
        "init",
        "--address",
        "ada@example.org",
        "--host",
        "mail.example.org:25",
    ];
    let (code, said) = newcomer.types(&[&init[..], &["--tls", "none"]].concat(), "");
    assert_eq!(code, Some(64), "{said}");
    assert!(
        said.contains("would send its password unencrypted"),
        "{said}"
    );
    assert!(said.contains("nothing was written"), "{said}");
    newcomer.has_nothing();
    // Port 25 of another machine can do better.
    newcomer.manages(&[&init[..], &["--password-stdin"]].concat(), "hunter2\n");
    newcomer.manages(&["check", "--lists", "--strict"], "");
}

#[test]
fn a_failure_half_way_leaves_nothing_in_the_way_of_another_try() {
    let newcomer = Newcomer::new();
    fs::write(newcomer.path().join("secrets"), "mine\n").unwrap();
    let init = ["config", "init", "--address", "ada@gmail.com"];
    let (code, said) = newcomer.types(&init, "");
    assert_eq!(code, Some(73), "{said}");
    let left: Vec<_> = fs::read_dir(newcomer.path()).unwrap().collect();
    assert_eq!(left.len(), 1, "{left:?}");
    fs::remove_file(newcomer.path().join("secrets")).unwrap();
    newcomer.manages(&init, "");
}

#[test]
fn two_beginnings_share_no_outbox_unless_it_is_the_users_own() {
    let newcomer = Newcomer::new();
    let state_of = |folder: &str| {
        let args = ["config", "init", folder, "--address", "ada@gmail.com"];
        newcomer.manages(&args, "");
        let file = newcomer.path().join(folder).join("postroom.toml");
        let loaded = postroom::config::load(&file).unwrap();
        (
            loaded.config.daemon.state,
            fs::read_to_string(file).unwrap(),
        )
    };
    let (one, _) = state_of("one");
    let (other, _) = state_of("other");
    assert_eq!(one, newcomer.path().join("one/state"));
    assert_eq!(other, newcomer.path().join("other/state"));
    let (_, usual) = state_of(".config/postroom");
    assert!(!usual.contains("state"), "{usual}");
}
