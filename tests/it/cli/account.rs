//! `postroom account test` against the sandbox, with the real binary.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use mail_parser::MessageParser;
use postroom::clock::Clock;
use postroom::sandbox::{Options, Sandbox};
use serde_json::Value;
use tempfile::TempDir;
use tokio::runtime::Runtime;

use crate::world::workspace::{Workspace, folder};

const USER: &str = "canary-user@example.org";
const PASSWORD: &str = "canary pässword";
const WRONG: &str = "canary wrong";

/// A sandbox on all three kinds of port.
struct Server {
    _runtime: Runtime,
    sandbox: Sandbox,
    folder: TempDir,
}

impl Server {
    fn start(pipelining: bool) -> Self {
        let (runtime, folder) = (Runtime::new().unwrap(), folder());
        let any = Options::default().listen;
        let options = Options {
            dir: Some(folder.path().to_owned()),
            starttls: Some(any),
            plain: Some(any),
            accept_log: Some(folder.path().join("accepted")),
            login: Some((USER.to_owned(), PASSWORD.to_owned())),
            pipelining,
            ..Options::default()
        };
        let sandbox = Sandbox::start(options, Clock::system());
        let sandbox = runtime.block_on(sandbox).unwrap();
        Self {
            _runtime: runtime,
            sandbox,
            folder,
        }
    }

    /// An account of each kind: three that work, three that do not.
    fn workspace(&self) -> Workspace {
        let ca = format!("ca = {:?}\n", self.sandbox.ca_file().unwrap());
        let login = format!("user = {USER:?}\npassword = {{ file = \"password\" }}\n");
        let wrong = format!("user = {USER:?}\npassword = {{ file = \"wrong\" }}\n");
        let tls = self.sandbox.address().port();
        let starttls = self.sandbox.starttls_address().unwrap().port();
        let plain = self.sandbox.plain_address().unwrap().port();
        let account = |name: &str, port: u16, more: &[&str]| {
            let more = more.concat();
            format!(
                "[account.{name}]\nhost = \"localhost\"\nport = {port}\n\
                 from = \"Ada <ada@example.org>\"\n{more}\n"
            )
        };
        let workspace = Workspace::new(
            &[
                account("implicit", tls, &[&ca, &login, "rate = [\"2/second\"]\n"]),
                account(
                    "starttls",
                    starttls,
                    &[&ca, &login, "tls = \"starttls\"\nchaining = false\n"],
                ),
                account("plain", plain, &[&login, "tls = \"none\"\n"]),
                account("bad-login", tls, &[&ca, &wrong]),
                account("bad-trust", tls, &[&login]),
                account("bad-port", 1, &[&ca, &login]),
            ]
            .concat(),
        );
        for (name, content) in [("password", PASSWORD), ("wrong", WRONG)] {
            workspace.write(name, content);
            let private = fs::Permissions::from_mode(0o600);
            fs::set_permissions(workspace.path(name), private).unwrap();
        }
        workspace
    }
}

/// Both streams and the exit code.
fn test(workspace: &Workspace, args: &[&str]) -> (String, String, Option<i32>) {
    let args = [&["account", "test"], args].concat();
    let output = workspace.postroom(&args).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (
        text(output.stdout),
        text(output.stderr),
        output.status.code(),
    )
}

/// What a row says; the rows after it without a label belong to it.
#[track_caller]
fn row(said: &str, label: &str) -> String {
    let start = format!("  {label:12} ");
    let mut lines = said.lines().skip_while(|line| !line.starts_with(&start));
    let first = lines.next().unwrap_or_else(|| panic!("{label}?\n{said}"));
    let more = lines.take_while(|line| line.starts_with("               "));
    let all: Vec<&str> = std::iter::once(first).chain(more).collect();
    all.iter()
        .map(|line| &line[15..])
        .collect::<Vec<_>>()
        .join("\n")
}

#[test]
fn an_account_that_works_is_told_with_all_that_it_has() {
    let server = Server::start(true);
    let workspace = server.workspace();
    let (said, errors, code) = test(&workspace, &["implicit"]);
    assert_eq!((code, errors.as_str()), (Some(0), ""), "{said}");
    let port = server.sandbox.address().port();
    assert!(
        said.starts_with("implicit  Ada <ada@example.org>\n"),
        "{said}"
    );
    assert_eq!(
        row(&said, "server"),
        format!("localhost:{port} at 127.0.0.1")
    );
    let encryption = "TLS 1.3, TLS13_AES_256_GCM_SHA384";
    assert_eq!(row(&said, "encryption"), encryption);
    let certificate = row(&said, "certificate");
    let lines: Vec<&str> = certificate.lines().collect();
    assert_eq!(lines[0], "localhost, 127.0.0.1, ::1");
    assert!(lines[1].starts_with("issued by postroom sandbox"), "{said}");
    assert!(lines[2].ends_with(", in 729 days"), "{said}");
    assert_eq!(
        row(&said, "offers"),
        "PIPELINING, SMTPUTF8, SIZE 52 MB, AUTH PLAIN LOGIN XOAUTH2 OAUTHBEARER"
    );
    assert_eq!(row(&said, "login"), format!("PLAIN as {USER}"));
    assert!(row(&said, "round trip").ends_with(" ms (median of 3 RSET)"));
    assert!(row(&said, "cost").starts_with("1 round trip a message, about "));
    let speed = row(&said, "speed");
    assert!(
        speed.starts_with("3 connections: at most about "),
        "{speed}"
    );
    assert!(speed.ends_with("; `rate` allows 2/second"), "{speed}");
    assert!(said.ends_with("\nimplicit works\n"), "{said}");

    // It is no business of the outbox, and no mail.
    assert!(!workspace.path("state").exists());
    assert_eq!(server.sandbox.counts().accepted, 0);
}

#[test]
fn every_kind_of_encryption_and_every_mode_is_told() {
    let cases = [
        (true, "implicit", "chained", 1),
        (true, "starttls", "grouped", 2),
        (true, "plain", "chained", 1),
        (false, "starttls", "lockstep", 4),
    ];
    for (pipelining, account, mode, round_trips) in cases {
        let workspace = Server::start(pipelining);
        let told: Value = workspace.workspace().json(&["account", "test", account]);
        let encrypted = account != "plain";
        assert_eq!(told["tls"].is_object(), encrypted, "{told}");
        assert_eq!(told["certificate"].is_object(), encrypted, "{told}");
        assert_eq!(told["offers"]["pipelining"], pipelining);
        let cost = &told["cost"];
        assert_eq!(cost["mode"], mode, "{account}");
        assert_eq!(cost["round_trips"], round_trips, "{account}");
        assert_eq!(told["login"]["ok"], true);
    }
}

#[test]
fn what_json_says_keeps_its_names() {
    let server = Server::start(true);
    let workspace = server.workspace();
    let args = ["implicit", "--json", "--transcript"];
    let (said, ..) = test(
        &workspace,
        &[&args[..], &["--send-to", "bo@example.org"]].concat(),
    );
    let told: Value = serde_json::from_str(&said).unwrap();
    let names = |value: &Value| {
        value
            .as_object()
            .unwrap()
            .keys()
            .cloned()
            .collect::<Vec<_>>()
    };
    let of = |name: &str| names(&told[name]).join(" ");
    assert_eq!(
        names(&told).join(" "),
        "account ok from host port address encryption tls certificate offers login opening_ms \
         round_trip_ms round_trip_of cost message error transcript"
    );
    assert_eq!(of("tls"), "version cipher");
    assert_eq!(
        of("certificate"),
        "trusted subject names issuer not_before not_after days_left"
    );
    let offers = "pipelining size dsn smtputf8 mail_max rcpt_max auth lines";
    assert_eq!(of("offers"), offers);
    assert_eq!(of("login"), "user mechanism ok");
    let cost = "mode round_trips ms connections per_connection per_second rate";
    assert_eq!(of("cost"), cost);
    assert_eq!(of("message"), "message_id subject bytes recipients");
    let recipient = names(&told["message"]["recipients"][0]).join(" ");
    assert_eq!(recipient, "address ok stage code text in_doubt");
    assert_eq!(names(&told["transcript"][0]).join(" "), "ms from text");
    assert_eq!(told["address"], "127.0.0.1");
    assert_eq!(told["error"], Value::Null);
}

#[test]
fn a_failure_is_told_with_its_stage_its_reason_and_what_was_seen_before() {
    let server = Server::start(true);
    let workspace = server.workspace();

    let (said, _, code) = test(&workspace, &["bad-login"]);
    assert_eq!(code, Some(1));
    assert_eq!(row(&said, "login"), format!("PLAIN as {USER}: refused"));
    assert_eq!(row(&said, "certificate").lines().count(), 3, "{said}");
    let end = format!(
        "\nbad-login failed at AUTH: localhost refused the login of {USER}: 535 5.7.8 Wrong user \
         name or password\n  check `user` and `password`\n"
    );
    assert!(said.ends_with(&end), "{said}");

    let (said, _, code) = test(&workspace, &["bad-trust"]);
    assert_eq!(code, Some(1));
    let certificate = row(&said, "certificate");
    assert!(certificate.contains("issued by postroom sandbox"), "{said}");
    assert!(certificate.ends_with("it does not hold here"), "{said}");
    let end = "bad-trust failed at TLS: the certificate of localhost:";
    assert!(said.contains(end), "{said}");
    assert!(said.contains(" is not signed by an authority "), "{said}");

    let (said, _, code) = test(&workspace, &["bad-port"]);
    assert_eq!(code, Some(1));
    assert!(said.contains("bad-port failed at connect: "), "{said}");
    assert!(said.contains("nobody listens there"), "{said}");

    fs::remove_file(workspace.path("wrong")).unwrap();
    let (said, _, code) = test(&workspace, &["bad-login"]);
    assert_eq!(code, Some(1));
    assert!(
        said.contains("bad-login failed: the password cannot be had"),
        "{said}"
    );
}

#[test]
fn all_accounts_are_tried_also_after_one_that_fails() {
    let server = Server::start(true);
    let workspace = server.workspace();
    let (said, _, code) = test(&workspace, &["--all"]);
    assert_eq!(code, Some(1), "{said}");
    for works in ["implicit", "starttls", "plain"] {
        assert!(said.contains(&format!("\n{works} works\n")), "{said}");
    }
    let summary = "\n6 accounts, trouble with bad-login, bad-port, bad-trust\n";
    assert!(said.ends_with(summary), "{said}");

    let (said, _, code) = test(&workspace, &["--all", "--json"]);
    assert_eq!(code, Some(1));
    let told: Value = serde_json::from_str(&said).unwrap();
    assert_eq!(told["ok"], false);
    let failed = serde_json::json!(["bad-login", "bad-port", "bad-trust"]);
    assert_eq!(told["failed"], failed);
    assert_eq!(told["accounts"].as_array().unwrap().len(), 6);
    assert_eq!(told["accounts"][0]["error"]["stage"], "AUTH");
}

#[test]
fn a_test_message_goes_out_once_to_all_and_belongs_to_no_run() {
    let server = Server::start(true);
    let workspace = server.workspace();
    let to = "Bo <bo@example.org>,5xx@example.org";
    let args = ["implicit", "--send-to", to, "--send-to", "cy@example.org"];
    let (said, _, code) = test(&workspace, &args);
    assert_eq!(code, Some(1), "one of them was refused");
    for start in [
        "bo@example.org: accepted: 250 2.0.0 Accepted as ",
        "5xx@example.org: refused at RCPT TO: 550 5.1.1 No such mailbox, as this address asks",
        "cy@example.org: accepted: 250 2.0.0 Accepted as ",
    ] {
        let start = format!("\n  to           {start}");
        assert!(said.contains(&start), "{start} in\n{said}");
    }
    assert!(said.contains("sent outside of any run"), "{said}");
    assert!(said.ends_with("\nimplicit works, but not for every recipient\n"));

    let log = fs::read_to_string(server.folder.path().join("accepted")).unwrap();
    let lines: Vec<Value> = log
        .lines()
        .map(|it| serde_json::from_str(it).unwrap())
        .collect();
    assert_eq!(lines.len(), 1, "{log}");
    let mail = fs::read_dir(server.folder.path().join("mail/new")).unwrap();
    let mail: Vec<_> = mail
        .map(|it| fs::read(it.unwrap().path()).unwrap())
        .collect();
    let message = MessageParser::default().parse(&mail[0]).unwrap();
    assert_eq!(message.subject(), Some("postroom test: account implicit"));
    let body = message.body_text(0).unwrap();
    for words in [
        "through  localhost:",
        "bo@example.org, 5xx@example.org, cy@example.org",
    ] {
        assert!(body.contains(words), "{words} in {body}");
    }
    assert!(message.date().is_some());
    assert!(!workspace.path("state").exists());

    let (said, _, code) = test(&workspace, &["implicit", "--send-to", "dot5xx@example.org"]);
    assert_eq!(code, Some(1));
    let reason = "to           dot5xx@example.org: refused at end of data: 554 5.7.1 Message";
    assert!(said.contains(reason), "{said}");
    let end = "\nimplicit can be reached, but takes this message for nobody\n";
    assert!(said.ends_with(end), "{said}");
    assert!(!said.contains("sent outside"), "{said}");
}

#[test]
fn nothing_that_is_said_holds_a_secret() {
    let server = Server::start(true);
    let workspace = server.workspace();
    let mut secrets = BTreeSet::new();
    for password in [PASSWORD, WRONG] {
        secrets.insert(password.to_owned());
        for text in [password.to_owned(), format!("\0{USER}\0{password}")] {
            secrets.insert(STANDARD.encode(text));
        }
    }
    for form in [&["--json"][..], &[]] {
        let args = ["--all", "--transcript", "--send-to", "bo@example.org"];
        let (said, errors, _) = test(&workspace, &[&args[..], form].concat());
        let logins = said.matches("AUTH PLAIN ‹hidden›").count();
        assert_eq!(logins, 4, "three that work and one that does not:\n{said}");
        assert_eq!(said.matches("535 5.7.8 Wrong").count(), 2, "and why");
        assert!(said.contains("bytes of a message, and the dot›"), "{said}");
        assert!(
            !said.contains("Somebody typed"),
            "the message's text:\n{said}"
        );
        for secret in &secrets {
            assert!(
                !said.contains(secret) && !errors.contains(secret),
                "{secret}"
            );
        }
    }
}

#[test]
fn it_works_beside_a_daemon() {
    let server = Server::start(true);
    let workspace = server.workspace();
    let daemon = workspace.daemon();
    let (said, errors, code) = test(&workspace, &["starttls"]);
    assert_eq!(code, Some(0), "{said}{errors}");
    assert!(daemon.stop().success());
}

#[test]
fn what_was_typed_wrong_is_said_before_anything_is_tried() {
    let server = Server::start(true);
    let workspace = server.workspace();
    let (_, errors, code) = test(&workspace, &["implicitt"]);
    assert_eq!(code, Some(64));
    assert!(errors.contains("no account is called `implicitt`; there are bad-login"));
    let (said, errors, code) = test(&workspace, &["implicit", "--send-to", "bo@"]);
    assert_eq!((code, said.as_str()), (Some(64), ""));
    assert!(errors.contains("`bo@` is not an address"), "{errors}");
    let (_, _, code) = test(&workspace, &[]);
    assert_eq!(code, Some(64));
}
