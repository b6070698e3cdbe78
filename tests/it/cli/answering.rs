//! How `check` says what it found, and how every command ends, with the real binary.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Stdio;

use postroom::clock::Clock;
use postroom::sandbox::{Options, Sandbox};
use serde_json::Value;
use tokio::runtime::Runtime;

use crate::world::workspace::Workspace;

const GOOD: &str = "\
[account.main]
host = \"smtp.example.org\"
from = \"me@example.org\"

[list.readers]
csv = \"readers.csv\"

[list.team]
inline = [\"Ada <ada@example.org>\", \"bo@example.org\"]

[schedule.news]
send = \"note\"
to = [\"readers\", \"team\"]
via = \"main\"
cron = \"0 9 * * Mon\"
";

fn workspace(config: &str) -> Workspace {
    let workspace = Workspace::new(config);
    workspace.write("templates/note/subject.txt", "Hello");
    workspace.write("templates/note/body.txt", "Hello\n");
    workspace.write("readers.csv", "email\ncy@example.org\ndi(at)example.org\n");
    workspace
}

fn run(workspace: &Workspace, args: &[&str]) -> (Option<i32>, String, String) {
    let output = workspace.postroom(args).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (
        output.status.code(),
        text(output.stdout),
        text(output.stderr),
    )
}

#[test]
fn a_good_file_is_told_with_what_is_in_it_and_what_comes_next() {
    let workspace = workspace(GOOD);
    let (code, said, _) = run(&workspace, &["check"]);
    assert_eq!(code, Some(0), "{said}");
    let path = workspace.path("postroom.toml");
    let lines: Vec<&str> = said.lines().collect();
    assert_eq!(lines[0], format!("{}: no problems", path.display()));
    assert_eq!(
        lines[1],
        "  1 account   2 lists (2 people, 1 not read: --lists reads them)   1 template   1 schedule"
    );
    assert!(lines[2].starts_with("  next: news  Mon "), "{said}");
    let (code, said, _) = run(&workspace, &["check", "--lists"]);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("2 lists (3 people)"), "{said}");
    let name = workspace.path("readers.csv").display().to_string();
    for words in [
        "warning[bad-row]: 1 of 2 rows of list `readers` is unusable and will be skipped",
        &format!("--> {name}:3:1"),
        "3 | di(at)example.org",
        "no @ in the address",
    ] {
        assert!(said.contains(words), "{words}\n{said}");
    }
    let (code, _, _) = run(&workspace, &["check", "--lists", "--strict"]);
    assert_eq!(code, Some(65));
}

#[test]
fn a_list_that_cannot_be_sent_to_is_an_error_at_its_schedule_and_told_once() {
    let refusing = GOOD.to_owned() + "bad_rows = \"refuse\"\n";
    let workspace = workspace(&refusing);
    let (code, said, _) = run(&workspace, &["check", "--lists", "--format", "short"]);
    assert_eq!(code, Some(65));
    let path = workspace.path("postroom.toml").display().to_string();
    let start = format!("{path}:17:6: error[not-sendable]: schedule `news` would not be sent: ");
    let errors: Vec<&str> = said.lines().filter(|it| it.contains("error[")).collect();
    assert_eq!(errors.len(), 1, "{said}");
    assert!(errors[0].starts_with(&start), "{said}");
    assert!(
        errors[0].contains("readers line 3: no @ in the address"),
        "{said}"
    );
    // A list that is not there has been told already.
    fs::remove_file(workspace.path("readers.csv")).unwrap();
    let (code, said, _) = run(&workspace, &["check", "--lists", "--format", "short"]);
    assert_eq!((code, said.lines().count()), (Some(65), 1), "{said}");
    assert!(!said.contains("not-sendable"), "{said}");
}

#[test]
fn a_list_that_is_missing_does_not_speak_for_one_whose_name_begins_its_own() {
    for other in ["readers-eu", "\"readers.eu\""] {
        let list = format!("[list.{other}]\ncsv = \"missing.csv\"\n\n[schedule.news]");
        let schedule = format!(
            "\n[schedule.eu]\nsend = \"note\"\nto = {}\nvia = \"main\"\n",
            format!("\"{other}\"").replace("\"\"", "\"")
        );
        let text = GOOD
            .replace("[schedule.news]", &list)
            .replace(", \"team\"]", "]")
            + &schedule;
        let workspace = workspace(&text);
        workspace.write("readers.csv", "email\n");
        let (code, said, _) = run(&workspace, &["check", "--lists", "--format", "short"]);
        assert_eq!(code, Some(65), "{said}");
        let told = |code: &str| said.matches(&format!("error[{code}]")).count();
        assert_eq!(
            (told("missing-file"), told("not-sendable")),
            (1, 1),
            "{said}"
        );
        assert!(said.contains("schedule `news` would not be sent"), "{said}");
    }
}

#[test]
fn editors_programs_and_workflows_get_the_same_problems() {
    let workspace = workspace(&GOOD.replace("cron =", "jiter = \"100%, or so: 5m\"\ncrn ="));
    let path = workspace.path("postroom.toml").display().to_string();
    let (code, short, _) = run(&workspace, &["check", "--format", "short"]);
    assert_eq!(code, Some(78));
    let lines: Vec<&str> = short.lines().collect();
    assert_eq!(lines.len(), 2, "{short}");
    let first = format!("{path}:19:1: error[unknown-key]: unknown key `jiter` in schedule `news`");
    assert_eq!(lines[0], first);

    let mut command = workspace.postroom(&["check", "--format", "github"]);
    let output = command.current_dir(workspace.path("")).output().unwrap();
    let github = String::from_utf8(output.stdout).unwrap();
    let first = "::error file=postroom.toml,line=19,col=1,endLine=19,endColumn=6,\
                 title=unknown-key::unknown key `jiter` in schedule `news`%0Adid you mean \
                 `jitter`?";
    assert_eq!(github.lines().next(), Some(first));
    assert_eq!(github.lines().count(), 2);

    for form in [&["check", "--json"][..], &["check", "--format", "json"]] {
        let (code, json, _) = run(&workspace, form);
        assert_eq!(code, Some(78));
        let json: Value = serde_json::from_str(&json).unwrap();
        assert_eq!(json["errors"], 2);
        assert_eq!(json["included"], serde_json::json!([]));
        assert_eq!(json["problems"][0]["code"], "unknown-key");
        assert_eq!(json["problems"][0]["suggestion"], "jitter");
        assert_eq!(json["found"], Value::Null);
    }
}

#[test]
fn what_a_workflow_command_would_misread_is_escaped() {
    let workspace = Workspace::new("");
    workspace.write("odd, 50%: name.toml", "[account.main]\nhost = \"a%b\"\n");
    let path = workspace.path("odd, 50%: name.toml");
    let mut command = workspace.postroom(&["check", "--format", "github", "-c"]);
    let output = command
        .arg(&path)
        .current_dir(workspace.path(""))
        .output()
        .unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    let line = said.lines().find(|line| line.contains("bad-host")).unwrap();
    assert!(
        line.contains("file=odd%2C 50%25%3A name.toml,line=2"),
        "{line}"
    );
    assert!(
        line.contains("::`a%25b` is not the name of a server%0A"),
        "{line}"
    );
}

#[test]
fn what_only_the_service_sees_is_noted_and_not_judged_outside_of_it() {
    let login = "user = \"me@example.org\"\npassword = { credential = \"fastmail\" }\n";
    let workspace = workspace(&GOOD.replace("from =", &[login, "from ="].concat()));
    let mut command = workspace.postroom(&["check", "--strict"]);
    let output = command
        .env_remove("CREDENTIALS_DIRECTORY")
        .output()
        .unwrap();
    let (said, noted) = (output.stdout, output.stderr);
    assert_eq!(
        output.status.code(),
        Some(0),
        "{}",
        String::from_utf8_lossy(&said)
    );
    let note = "note: 1 credential is only visible to the service; `postroom reload --dry-run` \
                checks it\n";
    assert_eq!(String::from_utf8(noted).unwrap(), note);

    let mut command = workspace.postroom(&["check", "--connect"]);
    let output = command
        .env_remove("CREDENTIALS_DIRECTORY")
        .output()
        .unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(0), "{said}");
    assert!(
        said.contains("main was not tried: only the service has"),
        "{said}"
    );

    let mut command = workspace.postroom(&["check"]);
    let output = command
        .env("CREDENTIALS_DIRECTORY", "/nowhere")
        .output()
        .unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(65), "{said}");
    assert!(
        said.contains("systemd passed no credential called `fastmail`"),
        "{said}"
    );
}

#[test]
fn every_account_is_tried_and_no_mail_is_begun() {
    let runtime = Runtime::new().unwrap();
    let folder = crate::world::workspace::folder();
    let options = Options {
        dir: Some(folder.path().to_owned()),
        login: Some(("me@example.org".to_owned(), "right".to_owned())),
        accept_log: Some(folder.path().join("accepted")),
        ..Options::default()
    };
    let sandbox = runtime
        .block_on(Sandbox::start(options, Clock::system()))
        .unwrap();
    let account = |name: &str, password: &str| {
        format!(
            "[account.{name}]\nhost = \"localhost\"\nport = {}\nca = \"{}\"\nuser = \
             \"me@example.org\"\npassword = {{ file = \"{password}\" }}\n\n",
            sandbox.address().port(),
            folder.path().join("ca.pem").display(),
        )
    };
    let list = "[list.team]\ninline = [\"ada@example.org\"]\n\n[schedule.news]\nsend = \"note\"\n\
                to = \"team\"\nvia = [\"good\", \"bad\"]\n";
    let config = [&account("good", "right"), &account("bad", "wrong"), list].concat();
    let workspace = workspace(&config);
    for password in ["right", "wrong"] {
        workspace.write(password, password);
        let mode = fs::Permissions::from_mode(0o600);
        fs::set_permissions(workspace.path(password), mode).unwrap();
    }
    let (code, said, _) = run(&workspace, &["check", "--connect"]);
    assert_eq!(code, Some(1), "{said}");
    for words in [
        "error[account-fails]: account `bad` does not work: localhost refused the login of",
        "failed at AUTH",
        "= help: check `user` and `password`",
        &format!(
            "good works: localhost:{}, TLS 1.3, PLAIN as",
            sandbox.address().port()
        ),
    ] {
        assert!(said.contains(words), "{words}\n{said}");
    }
    let (code, said, _) = run(&workspace, &["check", "--connect", "--json"]);
    assert_eq!(code, Some(1));
    let told: Value = serde_json::from_str(&said).unwrap();
    assert_eq!(told["accounts"][0]["account"], "bad");
    assert_eq!(told["accounts"][0]["error"]["stage"], "AUTH");
    assert_eq!(told["accounts"][1]["ok"], true);
    assert_eq!(told["problems"][0]["key"], "account.bad.password");
    let accepted = fs::read_to_string(folder.path().join("accepted")).unwrap_or_default();
    assert_eq!(accepted, "");
    let (code, _, _) = run(&workspace, &["check"]);
    assert_eq!(code, Some(0), "only --connect tries them");
}

#[test]
fn an_answer_that_cannot_be_written_is_no_success() {
    let workspace = workspace(GOOD);
    for args in [
        &["check"][..],
        &["check", "--json"],
        &["config", "show"],
        &["next"],
    ] {
        let full = fs::OpenOptions::new()
            .write(true)
            .open("/dev/full")
            .unwrap();
        let output = workspace.postroom(args).stdout(full).output().unwrap();
        assert_eq!(output.status.code(), Some(74), "{args:?}");
        let why = String::from_utf8(output.stderr).unwrap();
        assert!(
            why.contains("the answer cannot be written: No space left"),
            "{why}"
        );
    }
    for args in [&["--help"][..], &["check", "--help"], &["--version"]] {
        let full = fs::OpenOptions::new()
            .write(true)
            .open("/dev/full")
            .unwrap();
        let status = workspace.postroom(args).stdout(full).status().unwrap();
        assert_eq!(status.code(), Some(74), "{args:?}");
    }
    // A reader who has seen enough is no trouble.
    for args in ["check", "--help"] {
        let mut command = workspace.postroom(&[args]);
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        drop(child.stdout.take());
        assert_eq!(child.wait().unwrap().code(), Some(0), "{args}");
    }
}

#[test]
fn what_does_not_load_is_shown_to_others_without_its_words() {
    let wrong = GOOD
        .replace("me@example.org", "ACME")
        .replace("cron =", "jiter = \"acme\"\ncron =");
    let acme = wrong
        .replace("readers", "acme-readers")
        .replace("news", "acme-news");
    let workspace = workspace(&acme);
    workspace.write("conf.d/acme.toml", "[account.acme]\nacme = \"acme\"\n");
    let path = workspace.path("postroom.toml");
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, "include = [\"conf.d/*.toml\"]\n".to_owned() + &text).unwrap();
    for args in [&["--redacted"][..], &["--redacted", "--json"]] {
        let (code, said, why) = run(&workspace, &[&["config", "show"], args].concat());
        assert_eq!((code, said.as_str()), (Some(78), ""), "{why}");
        for words in [
            "postroom.toml:8:9: error[bad-address] account.*.from",
            "postroom.toml:20:1: error[unknown-key]",
            "included:2:1: error[unknown-key]",
            "`postroom check` says it in full",
        ] {
            assert!(why.contains(words), "`{words}` is missing in {why}");
        }
        let why = why.to_lowercase();
        assert!(!why.contains("acme") && !why.contains("jiter"), "{why}");
    }
    let (code, _, why) = run(&workspace, &["config", "show"]);
    assert_eq!(code, Some(78));
    assert!(why.contains("jiter"), "the owner sees it all: {why}");
}

#[test]
fn colour_comes_where_it_is_asked_for() {
    let workspace = workspace("[account.main]\n");
    let said = |args: &[&str], environment: &[(&str, &str)]| {
        let mut command = workspace.postroom(&[&["check"], args].concat());
        for name in ["NO_COLOR", "CLICOLOR", "CLICOLOR_FORCE"] {
            command.env_remove(name);
        }
        let output = command.envs(environment.iter().copied()).output().unwrap();
        String::from_utf8(output.stdout).unwrap().contains('\u{1b}')
    };
    assert!(!said(&[], &[]), "no terminal");
    assert!(said(&["--color", "always"], &[]));
    assert!(said(&["--color", "always"], &[("NO_COLOR", "1")]));
    assert!(said(&[], &[("CLICOLOR_FORCE", "1")]));
    assert!(!said(&["--color", "never"], &[("CLICOLOR_FORCE", "1")]));
}

#[test]
fn a_wrong_command_line_ends_with_64_and_says_what_was_meant() {
    let workspace = workspace(GOOD);
    for (args, words) in [
        (&["chekc"][..], "a similar subcommand exists: 'check'"),
        (&["validate"], "here that is `postroom check`"),
        (
            &["check", "--strcit"],
            "a similar argument exists: '--strict'",
        ),
        (
            &["check", "--format", "jsn"],
            "a similar value exists: 'json'",
        ),
        (&["send"], "<SCHEDULE>"),
        (
            &["secret", "set", "mian"],
            "no account is called `mian`; there are main",
        ),
    ] {
        let (code, said, why) = run(&workspace, args);
        assert_eq!((code, said.as_str()), (Some(64), ""), "{args:?}: {why}");
        assert!(why.contains(words), "{args:?}: {why}");
    }
}

#[test]
fn a_file_that_was_named_and_is_missing_ends_with_66() {
    let workspace = workspace(GOOD);
    for args in [
        &["suppress", "import", "/nowhere.csv"][..],
        &["restore", "/nowhere"],
    ] {
        let (code, _, why) = run(&workspace, args);
        assert_eq!(code, Some(66), "{args:?}: {why}");
    }
    for (args, wanted) in [
        (&["check"][..], 66),
        (&["check", "--json"], 66),
        (&["next"], 66),
        (&["status"], 66),
        (&["hold", "--all"], 66),
        (&["reload"], 66),
        (&["config", "show"], 66),
        (&["config", "show", "--redacted"], 66),
        // A service is not to be started over and over.
        (&["daemon"], 78),
    ] {
        let mut command = workspace.postroom(&[args, &["-c", "/nowhere.toml"]].concat());
        // Nor is there an outbox where it would be.
        command
            .env("HOME", workspace.path(""))
            .env_remove("XDG_STATE_HOME");
        let output = command.output().unwrap();
        let why = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(wanted), "{args:?}: {why}");
    }
    workspace.write("postroom.toml", "[daemon]\ninclude = [\"nowhere.toml\"]\n");
    assert_eq!(
        run(&workspace, &["check"]).0,
        Some(78),
        "it is there, and wrong"
    );
}
