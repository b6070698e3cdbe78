//! The documents hold: every configuration in them loads, every command line in them runs, and
//! what they show as an answer is the answer.
//!
//! Those that belong to the demo's folder are called by the test that runs it, `demo.rs`.

mod markdown;
mod words;

use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use postroom::config::{Severity, load, manual};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;

use self::markdown::{blocks, codes, table_commands};
use self::words::matches;
pub(crate) use self::words::squeezed;

const READMES: [&str; 2] = ["README.md", "README.zh.md"];
/// Commands that go on until they are told to end; the demo runs all three.
const LASTING: [&str; 3] = ["postroom daemon", "postroom sandbox", "postroom demo"];
/// Around the reference of keys, which is generated.
const REFERENCE: [&str; 2] = ["<!-- every key -->\n\n", "\n<!-- so far -->"];
/// What only a daemon can answer: `cli::reloading` asks one.
const ASKS_A_DAEMON: [&str; 1] = ["postroom reload"];

#[test]
fn every_configuration_in_the_readmes_holds() {
    for readme in READMES {
        let found = blocks(readme, "toml");
        assert!(found.len() >= 2, "{readme}");
        for block in found {
            let folder = minimal();
            let template = folder.path().join("templates");
            for example in ["gb18030", "lists", "letters"] {
                let lists = root("examples").join(example).join("lists");
                copy(&lists, &folder.path().join("lists"));
            }
            copy(&root("examples/lists/templates"), &template);
            if block.contains("\"digest\"") {
                copy(&root("templates"), &template);
            }
            copy(&template.join("monday-note"), &template.join("weekly"));
            let file = folder.path().join("postroom.toml");
            fs::write(&file, &block).unwrap();
            let loaded = load(&file).unwrap_or_else(|it| panic!("{}", it.render(false)));
            let problems = loaded.problems.iter().filter(|it| {
                let absent = it.code.starts_with("secret-"); // what systemd would pass
                let fragment = it.severity == Severity::Warning && !block.contains("[schedule.");
                !absent && !fragment
            });
            let problems: Vec<_> = problems.map(|it| &it.message).collect();
            assert!(problems.is_empty(), "{problems:?} in {readme}:\n{block}");
        }
    }
}

#[test]
fn the_smallest_configuration_is_the_one_in_the_examples() {
    let example = text("examples/minimal/postroom.toml");
    assert_eq!(blocks("README.md", "toml")[0], example);
    let listed = blocks("README.zh.md", "toml");
    let listed = listed.iter().find(|it| it.contains("gb18030")).unwrap();
    assert!(text("examples/gb18030/postroom.toml").contains(listed));
}

/// `UPDATE_EXPECTED=1 cargo test` writes it anew.
#[test]
fn the_reference_of_keys_is_the_table_of_keys() {
    let readme = text("README.md");
    let [begin, end] = REFERENCE;
    let from = readme.find(begin).expect("the reference begins") + begin.len();
    let to = from + readme[from..].find(end).expect("the reference ends");
    let reference = manual::reference();
    if std::env::var_os("UPDATE_EXPECTED").is_some() {
        let updated = format!("{}{reference}{}", &readme[..from], &readme[to..]);
        fs::write(root("README.md"), updated).unwrap();
    } else {
        assert!(
            readme[from..to] == reference,
            "the README's reference is not what is generated now; UPDATE_EXPECTED=1 writes it anew"
        );
    }
}

#[test]
fn how_it_works_is_the_sentence_of_the_sources() {
    let head = text("src/lib.rs");
    let head = head.lines().filter_map(|line| line.strip_prefix("//!"));
    let head = head.collect::<Vec<_>>().join(" ");
    let sentence = head.split("When the").nth(1).unwrap();
    let sentence = squeezed(sentence.split("Every bold").next().unwrap());
    assert!(
        squeezed(&text("README.md")).contains(&sentence),
        "{sentence}"
    );
}

#[test]
fn every_block_of_commands_runs() {
    for readme in READMES {
        for block in blocks(readme, "sh") {
            let lines: Vec<&str> = block.lines().collect();
            match lines[..] {
                // This test runs in the one, and demo.rs runs the other's only binary.
                ["cargo run -- demo", "cargo test"] => {}
                // Runs beside the lines of the renewal.
                ["postroom sandbox"] => assert_eq!(readme, "README.zh.md"),
                _ if block.contains("monday-note") => in_minimal(&lines),
                _ if block.contains("renewal") => in_gb18030(&lines),
                _ if block.contains("account test") => in_quickstart(&lines),
                _ => panic!("where should this run?\n{block}"),
            }
        }
    }
}

fn in_minimal(lines: &[&str]) {
    let folder = minimal();
    for line in lines {
        said(line, folder.path());
    }
}

/// A list as a Chinese spreadsheet saves it, from the file to the mail.
fn in_gb18030(lines: &[&str]) {
    let folder = example("gb18030");
    let told = beside_a_sandbox(lines, folder.path()).concat();
    for words in [
        "9 sent, 1 skipped",
        "顾𠮷文 <gu.wen@example.com>",
        "accepted",
    ] {
        assert!(told.contains(words), "`{words}` is missing in\n{told}");
    }
    let mail = fs::read_dir(folder.path().join("sandbox/mail/new")).unwrap();
    let subjects: BTreeSet<String> = mail
        .map(|entry| {
            let bytes = fs::read(entry.unwrap().path()).unwrap();
            let message = mail_parser::MessageParser::default().parse(&bytes);
            message.unwrap().subject().unwrap().to_owned()
        })
        .collect();
    assert_eq!(subjects.len(), 9);
    assert!(
        subjects.contains("赵䶮，您的会员卡 2027-01-12 到期"),
        "{subjects:?}"
    );
}

/// Accounts are tried with the configuration that the demo runs.
fn in_quickstart(lines: &[&str]) {
    let folder = example("quickstart");
    let told = beside_a_sandbox(lines, folder.path()).concat();
    for words in ["sandbox works", "C: EHLO", "sent outside of any run"] {
        assert!(told.contains(words), "`{words}` is missing in\n{told}");
    }
}

/// Each kind of list, somebody who is left out, and one message to several.
#[test]
fn the_example_of_lists_reaches_whom_it_names() {
    let folder = example("lists");
    let shown = said("postroom preview handover", folder.path());
    for words in [
        "To       Lin <lin@lindenhof.example>, Sam <sam@lindenhof.example>",
        "Cc       Office <office@lindenhof.example>",
    ] {
        assert!(shown.contains(words), "{shown}");
    }
    let lines = ["postroom send news --yes", "postroom send handover --yes"];
    let told = beside_a_sandbox(&lines, folder.path());
    assert!(told[0].contains("4 sent"), "{told:?}");
    assert!(told[1].contains("3 sent"), "{told:?}");
    let mail = fs::read_dir(folder.path().join("sandbox/mail/new")).unwrap();
    let seen: BTreeSet<String> = mail
        .map(|entry| {
            let bytes = fs::read(entry.unwrap().path()).unwrap();
            let message = mail_parser::MessageParser::default().parse(&bytes).unwrap();
            let to = message.to().unwrap().iter().map(|it| it.address().unwrap());
            let to = to.collect::<Vec<_>>().join(" ");
            format!("{to}: {}", message.subject().unwrap())
        })
        .collect();
    let wanted = [
        "jo@friends.example: News from our floors",
        "karim@tenants.example: News from your floor",
        "lin@lindenhof.example sam@lindenhof.example: Handover of week 47",
        "mia@tenants.example: News from 2",
        "wei@tenants.example: News from 3",
    ];
    assert_eq!(seen, wanted.map(str::to_owned).into());
}

#[test]
fn every_command_that_is_named_exists() {
    let mut verbs = BTreeSet::new();
    for code in READMES.iter().flat_map(|it| codes(it)) {
        let mut words = code.split_whitespace();
        if words.next() == Some("postroom") {
            verbs.extend(words.next().map(str::to_owned));
        }
    }
    assert!(verbs.len() > 8, "{verbs:?}");
    for verb in verbs {
        let help = postroom(Path::new("/")).args([&verb, "--help"]).output();
        assert!(help.unwrap().status.success(), "there is no `{verb}`");
    }
}

#[test]
fn the_minimal_example_misses_nothing_but_its_password() {
    let folder = example("minimal");
    let check = postroom(folder.path()).args(["check", "--json"]).output();
    let check = check.unwrap();
    assert_eq!(check.status.code(), Some(65));
    let told: Value = serde_json::from_slice(&check.stdout).unwrap();
    let problems = told["problems"].as_array().unwrap();
    let codes: Vec<_> = problems.iter().map(|it| it["code"].as_str()).collect();
    assert_eq!(codes, [Some("secret-missing")]);
}

#[test]
fn the_samples_of_the_shipped_templates_fit_them() {
    let folder = example("quickstart");
    let key = folder.path().join("key");
    fs::write(&key, "0123456789abcdef0123456789abcdef\n").unwrap();
    fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).unwrap();
    let templates = fs::read_dir(root("templates")).unwrap();
    let names = templates.map(|it| it.unwrap().path());
    let names = names.filter(|it| it.join("subject.txt").exists());
    let mut seen = 0;
    for name in names {
        let name = name.file_name().unwrap().to_str().unwrap().to_owned();
        let data = format!("templates/{name}/data.json");
        let data = match folder.path().join(&data).exists() {
            true => format!("data = {{ file = \"{data}\" }}\n"),
            false => String::new(),
        };
        let config = format!(
            "[account.a]\nhost = \"localhost\"\nfrom = \"a@example.org\"\n\
             postal_address = \"12 Linden Street\"\n\
             [unsubscribe]\nurl = \"https://example.org/{{{{token}}}}\"\n\
             key = {{ file = \"key\" }}\n\
             [list.l]\ncsv = \"templates/{name}/sample.csv\"\n\
             optional = [\"language\", \"note\", \"value\", \"todo\", \"link\"]\n\
             [schedule.s]\nsend = \"{name}\"\nto = \"l\"\nvia = \"a\"\n{data}"
        );
        fs::write(folder.path().join("postroom.toml"), config).unwrap();
        let told = said("postroom check --lists --strict --json", folder.path());
        let told: Value = serde_json::from_str(&told).unwrap();
        assert_eq!(told["lists"][0]["invalid"], 0, "{name}: {told}");
        assert!(told["lists"][0]["people"].as_u64().unwrap() > 1, "{name}");
        seen += 1;
    }
    assert!(seen > 0);
}

/// Runs what stands after each `$` in a folder, and compares.
pub(crate) fn console_shows_what_is_said(readme: &str, folder: &Path) {
    let found = blocks(readme, "console");
    assert!(!found.is_empty(), "{readme}");
    for block in found {
        let (command, shown) = block.split_once('\n').unwrap();
        let command = command
            .strip_prefix("$ ")
            .expect("it begins with a command");
        let said = answer(command, folder);
        assert!(
            matches(shown, &said),
            "{readme} shows\n{block}\nbut it is\n{said}"
        );
    }
}

/// Runs the commands of the tables in a folder; those that read also answer in JSON.
pub(crate) fn commands_of_tables_work(readme: &str, folder: &Path) {
    let commands = table_commands(readme);
    assert!(commands.len() >= 5, "{readme}");
    for command in commands {
        if !LASTING.contains(&&*command) && !ASKS_A_DAEMON.contains(&&*command) {
            answer(&command, folder);
            let json = answer(&format!("{command} --json"), folder);
            serde_json::from_str::<Value>(&json).unwrap_or_else(|e| panic!("{command}: {e}"));
        }
    }
}

/// What a line prints that may need a server to talk to.
fn answer(line: &str, folder: &Path) -> String {
    if line.contains(" account test ") {
        beside_a_sandbox(&[line], folder).concat()
    } else {
        said(line, folder)
    }
}

/// What lines print while a sandbox listens where the configuration says; its port is told as the
/// usual one.
fn beside_a_sandbox(lines: &[&str], folder: &Path) -> Vec<String> {
    let sandbox = Sandbox::start(folder);
    let file = folder.join("postroom.toml");
    let config = fs::read_to_string(&file).unwrap();
    let port = config.lines().find(|line| line.starts_with("port "));
    let port = port.expect("where the sandbox listens");
    let moved = format!("port = {}", sandbox.port);
    fs::write(&file, config.replace(port, &moved)).unwrap();
    let run = |line: &&str| said(line, folder).replace(&sandbox.port, "2465");
    let answers = lines.iter().map(run).collect();
    fs::write(&file, config).unwrap();
    sandbox.stop();
    answers
}

/// What a line of a document prints; it must succeed.
#[track_caller]
fn said(line: &str, folder: &Path) -> String {
    let args = line.strip_prefix("postroom ").expect("a command of ours");
    let output = postroom(folder).args(args.split_whitespace()).output();
    let output = output.unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{line}: {errors}");
    String::from_utf8(output.stdout).unwrap()
}

/// The program, in a folder. Nothing of where the tests run leaks in.
pub(crate) fn postroom(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_postroom"));
    for foreign in [
        "POSTROOM_CONFIG",
        "POSTROOM_LOG",
        "STATE_DIRECTORY",
        "RUNTIME_DIRECTORY",
        "CREDENTIALS_DIRECTORY",
        "NOTIFY_SOCKET",
    ] {
        command.env_remove(foreign);
    }
    command.current_dir(folder).stdin(Stdio::null());
    command
}

/// `postroom sandbox` on a free port, so that tests do not meet there.
struct Sandbox {
    child: Child,
    port: String,
}

impl Sandbox {
    fn start(folder: &Path) -> Self {
        let mut sandbox = postroom(folder);
        sandbox.args(["sandbox", "--json", "--listen", "127.0.0.1:0"]);
        sandbox.stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = sandbox.spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        let told: Value = serde_json::from_str(&line).unwrap();
        let (_, port) = told["tls"].as_str().unwrap().rsplit_once(':').unwrap();
        let port = port.to_owned();
        Self { child, port }
    }

    fn stop(mut self) {
        kill_process(Pid::from_child(&self.child), Signal::INT).unwrap();
        assert!(self.child.wait().unwrap().success());
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The smallest configuration with its password, as its reader has it.
fn minimal() -> TempDir {
    let folder = example("minimal");
    for secret in ["qq", "163"] {
        let path = folder.path().join("secrets").join(secret);
        fs::write(&path, "abcdefghijklmnop\n").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    }
    folder
}

/// A copy of a folder of `examples/`.
fn example(name: &str) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    copy(&root("examples").join(name), folder.path());
    folder
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let (from, to) = (entry.path(), to.join(entry.file_name()));
        match from.is_dir() {
            true if ["state", "sandbox"]
                .map(Into::into)
                .contains(&entry.file_name()) => {}
            true => copy(&from, &to),
            false => drop(fs::copy(&from, &to).unwrap()),
        }
    }
}

fn root(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn text(path: &str) -> String {
    fs::read_to_string(root(path)).unwrap()
}
