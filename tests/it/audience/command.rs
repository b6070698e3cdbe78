//! Lists that a program prints. Programs run in real time, so these tests do, too.

use std::io::Read as _;
use std::path::Path;
use std::time::Duration;

use postroom::audience::{Care, CommandOutput, List, ListError, Rows, Source};
use postroom::program::Program;
use tempfile::TempDir;

use crate::world::patience::wait_for;

const SOON: Duration = Duration::from_millis(300);
const LONG: Duration = Duration::from_secs(300);

fn shell(script: &str, limit: Duration) -> Program {
    Program {
        argv: ["/bin/sh", "-c", script].map(str::to_owned).to_vec(),
        limit,
    }
}

fn printed(program: Program) -> List {
    List {
        source: Source::Command(CommandOutput {
            program,
            encoding: None,
            separator: None,
            rows: None,
        }),
        ..super::list(Path::new("builds"))
    }
}

pub(super) fn by(script: &str) -> List {
    printed(shell(script, LONG))
}

fn addresses(list: &List) -> Vec<String> {
    let rows = list.read().unwrap_or_else(|error| panic!("{error}"));
    let row = |row: Result<postroom::audience::Row, ListError>| row.unwrap().raw_address;
    rows.map(row).collect()
}

/// What is said of the list on opening it or at any row.
pub(super) fn error(list: &List) -> ListError {
    let found = list.read().map(|mut rows| {
        let error = rows.find_map(Result::err).expect("the list is refused");
        assert!(rows.next().is_none(), "there are no rows after an error");
        error
    });
    found.unwrap_or_else(|error| error)
}

#[test]
fn what_a_program_prints_is_read_as_a_file_is() {
    let list =
        by("printf 'email;name\\r\\nada@example.org;Ada, Countess\\r\\n\"bo@example.org\";Bo'");
    let rows: Rows = list.read().unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(rows.columns(), ["email", "name"]);
    let rows: Vec<_> = rows.map(Result::unwrap).collect();
    assert_eq!(
        (
            rows[0].place.line_if_known().unwrap(),
            rows[1].place.line_if_known().unwrap()
        ),
        (2, 3)
    );
    let ada = rows[0].recipient.as_ref().unwrap();
    assert_eq!(ada.mailbox.name.as_deref(), Some("Ada, Countess"));
    assert!(list.runs_a_program());
}

/// What the program prints begins like JSON, or the configuration says what it is.
#[test]
fn json_that_a_program_prints_is_read_as_a_file_is() {
    let array = r#"[{"email": "ada@example.org"}, {"email": "bo@example.org", "seats": 2}]"#;
    let lines = "{\"email\": \"ada@example.org\"}\n{\"email\": \"bo@example.org\", \"seats\": 2}\n";
    let document = format!("{{\"data\": {{\"people\": {array}}}}}");
    let within = |list: &mut CommandOutput| list.rows = "data.people".parse().ok();
    for (text, change) in [
        (array, None),
        (&format!("\u{feff} \n{array}"), None),
        (lines, None),
        (&document, Some(&within)),
    ] {
        let mut list = by(&format!("cat <<'END'\n{text}\nEND"));
        if let (Source::Command(output), Some(change)) = (&mut list.source, change) {
            change(output);
        }
        let rows = list.read().unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(rows.columns(), ["email", "seats"], "{text}");
        let rows: Vec<_> = rows.map(Result::unwrap).collect();
        let seats = &rows[1].recipient.as_ref().unwrap().fields["seats"];
        assert_eq!((rows.len(), seats), (2, &serde_json::json!(2)), "{text}");
    }
    let mut list = by("echo '[x];email'; echo 'y;ada@example.org'");
    if let Source::Command(output) = &mut list.source {
        output.separator = ";".parse().ok();
    }
    assert_eq!(addresses(&list), ["ada@example.org"]);
}

#[test]
fn half_a_document_is_no_list_however_the_program_ends() {
    let begun = "echo '[{\"email\": \"ada@example.org\"},'";
    let cut = error(&by(begun));
    assert!(
        cut.to_string().contains("of what `/bin/sh` printed: "),
        "{cut}"
    );
    assert!(cut.line.is_some() && !cut.message.contains("file"), "{cut}");
    let failed = error(&by(&format!("{begun}; exit 1")));
    assert_eq!(failed.code(), "failed-command");
    let whole = "echo '[{\"email\": \"ada@example.org\"}]'; exit 1";
    assert_eq!(error(&by(whole)).code(), "failed-command");
}

#[test]
fn a_program_gets_its_arguments_as_they_are_and_nothing_to_read() {
    let mut program = shell("printf 'email\\n%s@example.org\\n' \"$1\"; cat", LONG);
    program.argv.extend(["sh", "$HOME;x*"].map(str::to_owned));
    assert_eq!(addresses(&printed(program)), ["$HOME;x*@example.org"]);
}

#[test]
fn a_program_that_does_not_end_well_prints_no_list() {
    let row = "echo email; echo ada@example.org";
    for (script, words) in [
        (
            format!("{row}; exit 1"),
            "list `people`: the command `/bin/sh` failed (exit status: 1)",
        ),
        (
            "exit 3".to_owned(),
            "list `people`: the command `/bin/sh` failed (exit status: 3)",
        ),
        (
            format!("{row}; echo 'no database' >&2; echo '  at all ' >&2; exit 2"),
            "list `people`: the command `/bin/sh` failed (exit status: 2): no database / at all",
        ),
        (
            format!("{row}; kill -9 $$"),
            "list `people`: the command `/bin/sh` failed (signal: 9 (SIGKILL))",
        ),
        (
            // Neither people nor passwords get into messages, nor what would steer a terminal.
            "printf 'bad\\033[2J row ada@example.org of postgres://me:hunter2@db\\n' >&2; exit 1"
                .to_owned(),
            "list `people`: the command `/bin/sh` failed (exit status: 1): bad[2J row \
             a***@example.org of p***@db",
        ),
        (
            format!("{row}; printf bo@example.o; exit 1"),
            "list `people`: the command `/bin/sh` failed (exit status: 1)",
        ),
    ] {
        let error = error(&by(&script));
        assert_eq!(error.to_string(), words, "{script}");
        assert_eq!(error.code(), "failed-command");
        assert_eq!((error.path, error.line), (None, None));
    }
}

#[test]
fn what_a_program_prints_wrongly_is_told_with_its_line() {
    for (script, words) in [
        (
            "printf 'email,name\\nada@example.org,Ada\\nbo@examp'",
            "list `people`: line 3 of what `/bin/sh` printed: the list ends inside this row, which \
             has fewer fields than the header; was it cut off?",
        ),
        (
            "printf 'email,name\\nada@example.org,\"Ad'",
            "list `people`: line 2 of what `/bin/sh` printed: the list ends inside the quoted cell",
        ),
        (
            "printf 'email\\nada@example.org\\n\\377\\n'",
            "list `people`: line 3 of what `/bin/sh` printed: this line is not UTF-8 text; let it \
             print UTF-8, or say what it prints: encoding = ",
        ),
        (
            "echo ada@example.org",
            "list `people`: line 1 of what `/bin/sh` printed: the header line names no columns: it \
             has an @ in it, so it looks like a row; let it print a line before",
        ),
        (
            "true",
            "list `people`: the command `/bin/sh` printed nothing, not even a header line; a list \
             without people still has a header",
        ),
        (
            "echo; echo",
            "list `people`: the command `/bin/sh` printed nothing",
        ),
    ] {
        let said = error(&by(script)).to_string();
        assert!(said.starts_with(words), "expected {words}\ngot      {said}");
    }
}

#[test]
fn a_program_that_cannot_be_started_is_named() {
    let named = |name: &Path| {
        let argv = vec![name.display().to_string()];
        let said = error(&printed(Program { argv, limit: LONG })).to_string();
        said.replace(&format!("{}/", name.parent().unwrap().display()), "")
    };
    let missing = Path::new("/no/such/program");
    assert_eq!(
        named(missing),
        "list `people`: the command `program` does not exist or may not be run"
    );
    let folder = tempfile::tempdir().unwrap();
    let script = folder.path().join("script");
    std::fs::write(&script, "echo email\n").unwrap();
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(&script, mode).unwrap();
    let said = named(&script);
    assert!(
        said.ends_with("; a script begins with a line like #!/bin/sh"),
        "{said}"
    );
}

#[test]
fn whatever_a_program_says_beside_a_list_does_no_harm_if_it_ends_well() {
    let flood = "head -c 100000000 /dev/zero | tr '\\0' 'x' >&2";
    for script in ["echo warning >&2", flood] {
        let list = by(&format!("echo email; {script}; echo ada@example.org"));
        assert_eq!(addresses(&list), ["ada@example.org"], "{script}");
    }
}

#[test]
fn the_end_of_what_a_program_says_is_told_and_no_more() {
    let said = error(&by("seq 1 1000000 >&2; exit 1")).message;
    assert!(said.ends_with(" / 999999 / 1000000"), "{said}");
    assert!(said.contains("(exit status: 1): …"), "{said}");
    assert!((380..480).contains(&said.chars().count()), "{said}");
}

#[test]
fn a_program_that_takes_too_long_is_refused_with_all_that_it_printed() {
    for script in [
        // It hangs before, between and after its rows.
        "sleep 600",
        "echo email; echo ada@example.org; echo waiting for the database >&2; sleep 600",
        "exec 1>&-; sleep 600",
        // It lives on in what it started.
        "echo email; sleep 600 &",
        // Not even a new session lets it keep the reader waiting.
        "echo email; setsid sleep 20 &",
        // It does not listen.
        "trap '' TERM INT HUP; echo email; while :; do sleep 600; done",
    ] {
        let error = error(&printed(shell(script, SOON)));
        let words = "the command `/bin/sh` did not end within 300ms";
        assert!(error.message.starts_with(words), "{script}: {error}");
        assert_eq!(
            error.message.ends_with(": waiting for the database"),
            script.contains("database")
        );
        assert_eq!(
            error.help.as_deref(),
            Some("`timeout` says how long it may take")
        );
    }
}

/// A script that leaves its own process number and that of a child in two files, then runs on.
struct Family(TempDir);

impl Family {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn script(&self, then: &str) -> String {
        let folder = self.0.path().display();
        format!(
            "trap '' TERM; sleep 600 & echo $! > {folder}/child; echo $$ > {folder}/parent\n{then}"
        )
    }

    fn is_alive(&self, name: &str) -> bool {
        let id = std::fs::read_to_string(self.0.path().join(name)).unwrap();
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", id.trim()));
        let state = stat.map(|it| it.rsplit(')').next().unwrap().trim().to_owned());
        state.is_ok_and(|it| !it.starts_with('Z'))
    }

    /// The program itself is gone at once; what it started is killed in the same moment.
    fn assert_gone(&self) {
        assert!(!self.is_alive("parent"));
        wait_for("the child's end", || {
            (!self.is_alive("child")).then_some(())
        });
    }
}

#[test]
fn a_program_ends_with_all_that_it_started_when_nobody_reads_any_more() {
    let family = Family::new();
    let script = family.script("echo email; yes ada@example.org");
    let mut rows = by(&script).read().unwrap_or_else(|error| panic!("{error}"));
    assert!(rows.next().unwrap().is_ok());
    assert!(family.is_alive("parent") && family.is_alive("child"));
    drop(rows);
    family.assert_gone();
}

#[test]
fn a_program_ends_with_all_that_it_started_at_the_deadline() {
    let family = Family::new();
    let script = family.script("echo email; yes");
    // Whoever reads slowly, or not at all, has no more time.
    let rows = printed(shell(&script, SOON)).read();
    wait_for("the end", || (!family.is_alive("parent")).then_some(()));
    family.assert_gone();
    let error = rows.ok().unwrap().find_map(Result::err).unwrap();
    assert!(error.message.contains("did not end within"), "{error}");
}

#[test]
fn a_program_that_prints_without_end_is_stopped_at_the_cap() {
    let family = Family::new();
    let program = shell(&family.script("yes"), LONG);
    let most = 3 * 1024 * 1024;
    let mut read = Vec::new();
    let error = program.stream(most).unwrap().read_to_end(&mut read);
    assert_eq!(
        error.unwrap_err().to_string(),
        "the command `/bin/sh` printed more than 3 MB"
    );
    assert!(read.len() <= most);
    family.assert_gone();
}

#[test]
fn as_much_as_the_cap_allows_may_be_printed() {
    for (bytes, is_good) in [(300_000, true), (300_001, false)] {
        let program = shell(&format!("head -c {bytes} /dev/zero"), LONG);
        let mut read = Vec::new();
        let end = program.stream(300_000).unwrap().read_to_end(&mut read);
        assert_eq!(end.is_ok(), is_good);
        assert!(!is_good || read.len() == 300_000);
    }
}

#[test]
fn after_a_bad_end_no_read_succeeds() {
    let mut output = shell("echo email; exit 1", LONG).stream(100).unwrap();
    let mut read = [0; 100];
    assert_eq!(output.read(&mut read).unwrap(), 6);
    for _ in 0..3 {
        assert!(output.read(&mut read).is_err());
    }
}

#[test]
fn a_program_runs_once_for_each_reading() {
    let folder = tempfile::tempdir().unwrap();
    let count = folder.path().join("count");
    let list = by(&format!("echo >> {}; echo email; seq 1 9", count.display()));
    for times in 1..=2 {
        let rows = list.read_with(&Care::Readable);
        assert_eq!(rows.unwrap_or_else(|error| panic!("{error}")).count(), 9);
        assert_eq!(std::fs::read(&count).unwrap().len(), times);
    }
}
