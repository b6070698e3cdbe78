//! Files that go along: what is frozen with a run, and what refuses a row or all of it.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::symlink;
use std::process::{Command, Stdio};

use postroom::deliver::recompose;

use super::{Desk, hello};
use crate::world::skip::lacks_python;

/// A desk whose list has a number of an invoice for each person.
fn invoices(rows: &[(&str, &str)]) -> Desk {
    let desk = Desk::new();
    let rows: String = rows
        .iter()
        .map(|(to, invoice)| format!("{to},{invoice}\n"))
        .collect();
    desk.house
        .write("people.csv", &format!("email,invoice\n{rows}"));
    desk.house.write("invoices/7.pdf", "seven");
    desk
}

const EACH: &str = "attachments = [\"invoices/{{invoice}}.pdf\"]";

/// State and reason of each row of a run of invoices.
fn outcome(desk: &Desk, lines: &str) -> Vec<(String, String)> {
    let folder = desk.state().display().to_string();
    let opening = desk.carry_out(&hello(lines), &desk.by_hand()).unwrap();
    let told = desk.told(&opening.run).into_iter();
    told.map(|(_, _, state, reason)| (state, reason.replace(&folder, "DIR")))
        .collect()
}

fn fault(why: &str) -> (String, String) {
    let reason = format!("attachment `{{{{invoice}}}}.pdf`: {why}");
    ("invalid".to_owned(), reason)
}

fn fine() -> (String, String) {
    ("queued".to_owned(), String::new())
}

#[test]
fn a_path_that_leads_elsewhere_makes_its_row_invalid_and_the_others_go() {
    let desk = invoices(&[
        ("ada@example.org", "7"),
        ("bob@example.org", "../people.csv#"),
        ("cy@example.org", "/etc/shadow"),
        ("dee@example.org", "../../etc/shadow"),
        ("eve@example.org", "8"),
        ("fay@example.org", "out"),
        ("gus@example.org", "folder"),
        ("hal@example.org", "pipe"),
        ("ida@example.org", ""),
        ("jim@example.org", "in"),
    ]);
    let dir = desk.state().join("invoices");
    fs::write(desk.state().join("secret"), "no").unwrap();
    symlink("../secret", dir.join("out.pdf")).unwrap();
    symlink("7.pdf", dir.join("in.pdf")).unwrap();
    fs::create_dir(dir.join("folder.pdf")).unwrap();
    let (mode, kind) = (rustix::fs::Mode::RUSR, rustix::fs::FileType::Fifo);
    rustix::fs::mknodat(rustix::fs::CWD, dir.join("pipe.pdf"), kind, mode, 0).unwrap();
    let told = outcome(&desk, EACH);
    let at = |name: &str, why: &str| fault(&format!("DIR/invoices/{name}.pdf: {why}"));
    let expected = [
        fine(),
        at("../people.csv#", "its path leads elsewhere"),
        at("/etc/shadow", "its path has a step without a name"),
        at("../../etc/shadow", "its path leads elsewhere"),
        fault("there is no file DIR/invoices/8.pdf"),
        at("out", "a symbolic link leads out of its folder"),
        at("folder", "it is a folder"),
        at("pipe", "it is no file but a pipe, a socket or a device"),
        fault("the field `invoice` is empty for this person"),
        fine(),
    ];
    // A path that begins with a slash replaces the folder where it is told.
    let told = told.into_iter().map(|(state, reason)| {
        (
            state,
            reason.replace(": /etc/shadow.pdf:", ": DIR/invoices//etc/shadow.pdf:"),
        )
    });
    assert_eq!(told.collect::<Vec<_>>(), expected);
}

#[test]
fn a_file_that_may_be_missing_keeps_nobody_from_their_mail() {
    let desk = invoices(&[
        ("ada@example.org", "7"),
        ("bob@example.org", "8"),
        ("cy@example.org", ""),
        ("dee@example.org", "../7"),
    ]);
    let optional = "attachments = [{ file = \"invoices/{{invoice}}.pdf\", optional = true }]";
    let told = outcome(&desk, optional);
    let states: Vec<_> = told.iter().map(|(state, _)| state.as_str()).collect();
    assert_eq!(states, ["queued", "queued", "queued", "invalid"]);
}

#[test]
fn a_file_for_all_that_cannot_be_sent_refuses_the_run() {
    let desk = Desk::new();
    fs::create_dir(desk.state().join("folder")).unwrap();
    let large = fs::File::create(desk.state().join("large.bin")).unwrap();
    large.set_len(30 << 20).unwrap();
    for name in ["a.bin", "b.bin"] {
        let half = fs::File::create(desk.state().join(name)).unwrap();
        half.set_len(13 << 20).unwrap();
    }
    let folder = desk.state().display().to_string();
    for (attachments, told) in [
        (
            "\"none.pdf\"",
            "an attachment of schedule `hello` cannot be sent: DIR/none.pdf: there is no such file",
        ),
        (
            "\"folder\"",
            "an attachment of schedule `hello` cannot be sent: DIR/folder: it is a directory, not \
             a file; give the path of a regular file, or of a link to one",
        ),
        (
            "\"large.bin\"",
            "an attachment of schedule `hello` cannot be sent: DIR/large.bin: it is larger than \
             25 MiB",
        ),
        (
            "\"a.bin\", \"b.bin\"",
            "the attachments of schedule `hello` have 26 MiB together, and a mail may carry 25",
        ),
    ] {
        let lines = format!("attachments = [{attachments}]");
        let error = desk.turned_down(&hello(&lines), &desk.by_hand());
        assert_eq!(error.to_string().replace(&folder, "DIR"), told);
    }
}

#[test]
fn a_list_without_the_field_of_a_path_refuses_the_run() {
    let desk = Desk::new();
    desk.house.write("invoices/7.pdf", "seven");
    let error = desk.turned_down(
        // A list of a program tells its columns when it runs.
        &hello(EACH)
            .replace("csv = \"people.csv\"", "command = [\"cat\", \"PATH\"]")
            .replace(
                "PATH",
                &desk.state().join("people.csv").display().to_string(),
            ),
        &desk.by_hand(),
    );
    assert_eq!(
        error.to_string(),
        "attachment `{{invoice}}.pdf` uses `invoice`, which list `people` does not have: it has \
         email"
    );
}

#[test]
fn a_preview_carries_what_the_run_does() {
    let desk = invoices(&[("ada@example.org", "7")]);
    let config = desk.config(&format!("[daemon]\nstate = \".\"\n{}", hello(EACH)));
    let roll = postroom::plan::Roll::of(&config, "hello").unwrap();
    let fields = serde_json::json!({ "email": "ada@example.org", "invoice": "7" });
    let enclosed = roll.enclosures(fields.as_object().unwrap()).unwrap();
    let told: Vec<_> = enclosed
        .iter()
        .map(|it| (it.name.as_str(), it.media_type.as_str(), it.content.len()))
        .collect();
    assert_eq!(told, [("7.pdf", "application/pdf", 5)]);
}

/// What would be sent to a person of a run.
fn composed(desk: &Desk, run: &str, to: &str) -> Result<Vec<u8>, String> {
    let reader = desk.outbox.reader().unwrap();
    let made = recompose(&reader, run, to, &[]);
    made.map(|it| it.bytes).map_err(|error| error.to_string())
}

#[test]
fn what_changes_after_the_run_opened_changes_no_message() {
    let desk = invoices(&[("ada@example.org", "7"), ("bob@example.org", "8")]);
    desk.house.write("invoices/8.pdf", "eight");
    desk.house.write("terms.pdf", "the terms");
    desk.house.write("report.json", "{\"total\": 7}");
    desk.house
        .write("templates/hello/lines.csv", "{{email}},{{data.total}}\n");
    desk.house
        .write("templates/hello/body.txt", "Total {{data.total}}\n");
    let lines = "data = { file = \"report.json\" }\nattachments = [\"terms.pdf\", \
                 \"invoices/{{invoice}}.pdf\", { template = \"lines.csv\" }]";
    let run = desk.carry_out(&hello(lines), &desk.by_hand()).unwrap().run;
    let before = composed(&desk, &run, "ada@example.org").unwrap();
    for name in ["terms.pdf", "report.json", "templates/hello/lines.csv"] {
        desk.house.write(name, "{\"total\": 8}");
    }
    desk.house.write("invoices/8.pdf", "EIGHT");
    assert_eq!(composed(&desk, &run, "ada@example.org").unwrap(), before);
    let changed = composed(&desk, &run, "bob@example.org").unwrap_err();
    let told = format!(
        "the message cannot be made again: the attachment {}/invoices/8.pdf: it was changed after \
         the run opened, and what it was then is what was checked",
        desk.state().display()
    );
    assert_eq!(changed, told);
    fs::remove_file(desk.state().join("invoices/8.pdf")).unwrap();
    let gone = composed(&desk, &run, "bob@example.org").unwrap_err();
    assert!(gone.ends_with("it is not there any more"), "{gone}");
}

/// Writes the content of each attachment of a message, in hexadecimal digits, with its name.
const READER: &str = "
import email, email.policy, json, sys
policy = email.policy.default.clone(raise_on_defect=True)
mail = email.message_from_bytes(sys.stdin.buffer.read(), policy=policy)
print(json.dumps([[part.get_filename(), part.get_content_type(),
    part.get_payload(decode=True).hex()] for part in mail.iter_attachments()]))
";

#[test]
fn python_reads_the_bytes_of_the_files() {
    if lacks_python("no attachment was read back") {
        return;
    }
    let desk = Desk::new();
    let all: Vec<u8> = (0..=255_u8).cycle().take(100_003).collect();
    fs::write(desk.state().join("所有字节.pdf"), &all).unwrap();
    fs::write(desk.state().join("empty.bin"), b"").unwrap();
    desk.house
        .write("templates/hello/lines.csv", "名,谁\nx,{{email}}\n");
    let lines = "attachments = [\"所有字节.pdf\", \"empty.bin\", { template = \"lines.csv\", \
                 name = \"Für {{email}}.csv\" }]";
    let run = desk.carry_out(&hello(lines), &desk.by_hand()).unwrap().run;
    let bytes = composed(&desk, &run, "ada@example.org").unwrap();
    let mut python = Command::new("python3")
        .args(["-c", READER])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    python.stdin.take().unwrap().write_all(&bytes).unwrap();
    let read = python.wait_with_output().unwrap();
    assert!(read.status.success());
    let read: Vec<(String, String, String)> = serde_json::from_slice(&read.stdout).unwrap();
    let hex = |bytes: &[u8]| bytes.iter().map(|b| format!("{b:02x}")).collect::<String>();
    let made = "\u{feff}名,谁\nx,ada@example.org\n";
    let expected = [
        ("所有字节.pdf", "application/pdf", hex(&all)),
        ("empty.bin", "application/octet-stream", String::new()),
        ("Für ada@example.org.csv", "text/csv", hex(made.as_bytes())),
    ];
    let expected = expected.map(|(a, b, c)| (a.to_owned(), b.to_owned(), c));
    assert_eq!(read, expected);
}
