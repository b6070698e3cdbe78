//! `[list.<name>]` and `[template.<name>]`: who gets it, and how it looks.

use mail_parser::MessageParser;

use super::stage::{MINUTE, Scenery, Stage};
use super::toml::{base, list};

/// A stage with this list in `people.csv`, after a run was sent.
async fn sent(lines: &str, files: &[(&str, &str)]) -> Stage {
    let stage = Stage::among(Scenery::with_files(files), list(lines));
    stage.open().unwrap();
    stage.pass(MINUTE).await;
    stage
}

/// The names that letters are addressed to.
fn names(stage: &Stage) -> Vec<String> {
    let names = stage.mails().into_iter().map(|mail| {
        let message = MessageParser::default().parse(&mail.text).unwrap();
        let to = message.to().unwrap().first().unwrap();
        to.name().unwrap_or_default().to_owned()
    });
    names.collect()
}

#[tokio::test(start_paused = true)]
pub(super) async fn inline_are_the_people_themselves() {
    for (inline, readers) in [
        ("[\"Bob <bob@example.org>\"]", vec!["bob@example.org"]),
        (
            "[{ email = \"cy@example.org\" }, \"dee@example.org\"]",
            vec!["cy@example.org", "dee@example.org"],
        ),
    ] {
        let toml = list(&format!("inline = {inline}"));
        let stage = Stage::new(toml.without("[list.people]", "csv"));
        stage.open().unwrap();
        stage.pass(MINUTE).await;
        assert_eq!(stage.readers(), readers);
    }
}

#[tokio::test(start_paused = true)]
pub(super) async fn csv_is_the_file_that_is_read() {
    let files = [
        ("one.csv", "email\nbob@example.org\n"),
        ("two.csv", "email\ncy@example.org\n"),
    ];
    for (csv, reader) in [
        ("one.csv", "bob@example.org"),
        ("two.csv", "cy@example.org"),
    ] {
        let stage = sent(&format!("csv = \"{csv}\""), &files).await;
        assert_eq!(stage.readers(), [reader]);
    }
}

/// A stage with this JSON file as its list, after a run was sent.
async fn sent_json(lines: &str, files: &[(&str, &str)]) -> Stage {
    let toml = list(lines).without("[list.people]", "csv");
    let stage = Stage::among(Scenery::with_files(files), toml);
    stage.open().unwrap();
    stage.pass(MINUTE).await;
    stage
}

/// The bodies of all mails.
fn bodies(stage: &Stage) -> Vec<String> {
    let mails = stage.mails().into_iter();
    let bodies = mails.map(|mail| mail.text.split_once("\r\n\r\n").unwrap().1.to_owned());
    bodies.collect()
}

#[tokio::test(start_paused = true)]
pub(super) async fn json_is_the_file_that_is_read() {
    let bob = r#"[{"email": "bob@example.org", "n": [1, 0.1, 12345678901234567890, 1e400, true]}]"#;
    let cy = r#"{"email": "cy@example.org", "n": [12.50, "x"]}"#;
    let files = [
        ("one.json", bob),
        ("two.json", cy),
        (
            "templates/hello/body.txt",
            "{{#each n}}{{this}};{{/each}}\n",
        ),
    ];
    for (json, reader, body) in [
        (
            "one.json",
            "bob@example.org",
            "1;0.1;12345678901234567890;1e400;true;",
        ),
        ("two.json", "cy@example.org", "12.5;x;"),
    ] {
        let stage = sent_json(&format!("json = \"{json}\""), &files).await;
        assert_eq!(stage.readers(), [reader]);
        assert_eq!(bodies(&stage), [body]);
    }
}

#[tokio::test(start_paused = true)]
pub(super) async fn rows_says_where_in_the_document_the_people_are() {
    let document = r#"{"old": [{"email": "ada@example.org"}],
        "data": {"people": [{"email": "bob@example.org"}]}}"#;
    for (rows, reader) in [
        ("old", "ada@example.org"),
        ("data.people", "bob@example.org"),
    ] {
        let lines = format!("json = \"people.json\"\nrows = \"{rows}\"");
        let stage = sent_json(&lines, &[("people.json", document)]).await;
        assert_eq!(stage.readers(), [reader]);
    }
}

#[tokio::test(start_paused = true)]
pub(super) async fn fields_are_the_same_for_everybody() {
    let files = [
        ("people.csv", "email\nada@example.org\nbob@example.org\n"),
        (
            "templates/hello/body.txt",
            "{{team}} {{#if (gt seats 2)}}many{{else}}few{{/if}}\n",
        ),
    ];
    for (fields, body) in [
        ("{ team = \"ops\", seats = 3 }", "ops many"),
        ("{ team = \"sales\", seats = 2 }", "sales few"),
    ] {
        let stage = sent(&format!("fields = {fields}"), &files).await;
        assert_eq!(bodies(&stage), [body, body]);
    }
}

#[tokio::test(start_paused = true)]
pub(super) async fn defaults_are_what_blank_cells_count_as() {
    let csv = "email,first_name\nada@example.org,\nbob@example.org,Bob\n";
    let files = [
        ("people.csv", csv),
        (
            "templates/hello/body.txt",
            "Dear {{first_name}} of {{city}}\n",
        ),
    ];
    for (name, city) in [("friend", "Rome"), ("colleague", "Paris")] {
        let defaults = format!("{{ first_name = \"{name}\", city = \"{city}\" }}");
        let stage = sent(&format!("defaults = {defaults}"), &files).await;
        let mut bodies = bodies(&stage);
        bodies.sort();
        let mut expected = [name, "Bob"].map(|name| format!("Dear {name} of {city}"));
        expected.sort();
        assert_eq!(bodies, expected);
    }
}

/// A stage with a list that this shell script prints.
fn printed(script: &str, lines: &str) -> Stage {
    let command = format!("command = [\"/bin/sh\", \"-c\", \"{script}\"]\n{lines}");
    Stage::new(list(&command).without("[list.people]", "csv"))
}

#[tokio::test(start_paused = true)]
pub(super) async fn command_is_the_program_that_prints_it() {
    for reader in ["bob@example.org", "cy@example.org"] {
        let stage = printed(&format!("echo email; echo {reader}"), "");
        stage.open().unwrap();
        stage.pass(MINUTE).await;
        assert_eq!(stage.readers(), [reader]);
    }
    let stage = printed(
        "echo email; echo bob@example.org; echo no database >&2; exit 1",
        "",
    );
    let refused = stage.open().unwrap_err().to_string();
    assert_eq!(
        refused,
        "list `people`: the command `/bin/sh` failed (exit status: 1): no database"
    );
    assert!(stage.rows().is_empty());
    assert_eq!(stage.runs()[0].reason.as_deref(), Some(&*refused));
}

#[tokio::test(start_paused = true)]
async fn a_run_runs_the_program_of_a_list_once() {
    let scenery = Scenery::default();
    let count = scenery.house.path().join("count");
    let script = format!(
        "echo >> {}; echo email; echo bob@example.org",
        count.display()
    );
    let command = format!("command = [\"/bin/sh\", \"-c\", \"{script}\"]");
    let stage = Stage::among(scenery, list(&command).without("[list.people]", "csv"));
    stage.open().unwrap();
    stage.pass(MINUTE).await;
    assert_eq!(stage.readers(), ["bob@example.org"]);
    assert_eq!(std::fs::read(count).unwrap().len(), 1);
}

/// The program runs in real time, whatever the clock of the stage says.
#[tokio::test(start_paused = true)]
pub(super) async fn timeout_of_a_list_is_how_long_its_program_may_take() {
    let script = "echo email; echo bob@example.org; sleep 1";
    for (timeout, is_time_enough) in [("5m", true), ("50ms", false)] {
        let stage = printed(script, &format!("timeout = \"{timeout}\""));
        let opened = stage.open();
        assert_eq!(opened.is_ok(), is_time_enough, "{timeout}");
        if let Err(error) = opened {
            assert!(
                error.to_string().contains("did not end within 50ms"),
                "{error}"
            );
        }
    }
}

#[tokio::test(start_paused = true)]
pub(super) async fn max_age_refuses_an_older_file() {
    for (max_age, is_young_enough) in [("3h", true), ("1h", false)] {
        let stage = Stage::new(list(&format!("max_age = \"{max_age}\"")));
        let path = stage.house.path().join("people.csv");
        let file = std::fs::OpenOptions::new().write(true).open(path).unwrap();
        let now = std::time::SystemTime::from(stage.clock.now());
        file.set_modified(now - 120 * MINUTE).unwrap();
        let opened = stage.open().map_err(|error| error.to_string());
        assert_eq!(opened.is_ok(), is_young_enough, "{max_age}");
        if let Err(error) = opened {
            assert!(error.contains("it was last changed 2 h ago"), "{error}");
        }
    }
}

#[tokio::test(start_paused = true)]
pub(super) async fn address_column_says_where_the_addresses_are() {
    let csv = "email,work\nada@example.org,ada@office.example\n";
    for (column, reader) in [("email", "ada@example.org"), ("work", "ada@office.example")] {
        let lines = format!("address_column = \"{column}\"");
        let stage = sent(&lines, &[("people.csv", csv)]).await;
        assert_eq!(stage.readers(), [reader]);
    }
}

#[tokio::test(start_paused = true)]
pub(super) async fn name_column_says_how_people_are_called() {
    let csv = "email,name,nick\nada@example.org,Ada Lovelace,Countess\n";
    for (column, name) in [("name", "Ada Lovelace"), ("nick", "Countess")] {
        let lines = format!("name_column = \"{column}\"");
        let stage = sent(&lines, &[("people.csv", csv)]).await;
        assert_eq!(names(&stage), [name]);
    }
}

#[tokio::test(start_paused = true)]
pub(super) async fn optional_are_the_columns_that_may_be_blank() {
    let files = [
        (
            "people.csv",
            "email,title,city\nada@example.org,,Paris\nbob@example.org,Sir,Rome\n",
        ),
        ("templates/hello/body.txt", "Dear {{title}} in {{city}}\n"),
    ];
    for (optional, state) in [("title", "accepted"), ("city", "invalid")] {
        let stage = sent(&format!("optional = [\"{optional}\"]"), &files).await;
        assert_eq!(stage.states(), [state, "accepted"], "{optional}");
    }
}

#[tokio::test(start_paused = true)]
pub(super) async fn encoding_says_how_the_file_is_read() {
    for (encoding, name) in [("gb18030", "李雷"), ("windows-1252", "ÀîÀ×")] {
        let scenery = Scenery::default();
        let csv = b"email,name\nli@example.org,\xC0\xEE\xC0\xD7\n";
        std::fs::write(scenery.house.path().join("people.csv"), csv).unwrap();
        let lines = format!("encoding = \"{encoding}\"");
        let stage = Stage::among(scenery, list(&lines));
        stage.open().unwrap();
        stage.pass(MINUTE).await;
        assert_eq!(names(&stage), [name]);
    }
}

#[tokio::test(start_paused = true)]
pub(super) async fn separator_says_where_a_field_ends() {
    let csv = "email,old;email\nada@example.org,x;bob@example.org\n";
    for (separator, reader) in [(",", "ada@example.org"), (";", "bob@example.org")] {
        let lines = format!("separator = \"{separator}\"");
        let stage = sent(&lines, &[("people.csv", csv)]).await;
        assert_eq!(stage.readers(), [reader]);
    }
}

#[tokio::test(start_paused = true)]
pub(super) async fn layout_says_what_the_bodies_are_set_into() {
    let files = [
        ("templates/layout.txt", "USUAL {{{body}}}"),
        ("templates/fancy.txt", "FANCY {{{body}}}"),
    ];
    for (layout, start) in [
        ("\"layout\"", "USUAL Hello ada"),
        ("\"fancy\"", "FANCY Hello ada"),
        ("false", "Hello ada"),
    ] {
        let toml = base().with("[template.hello]", &format!("layout = {layout}"));
        let stage = Stage::among(Scenery::with_files(&files), toml);
        stage.open().unwrap();
        stage.pass(MINUTE).await;
        let text = stage.mails().remove(0).text;
        let (_, body) = text.split_once("\r\n\r\n").unwrap();
        assert!(body.starts_with(start), "{layout}: {body}");
    }
}

#[tokio::test(start_paused = true)]
pub(super) async fn max_change_of_a_list_refuses_one_that_has_changed_more() {
    for (share, readers) in [("40%", 4), ("60%", 6)] {
        let toml = list(&format!("max_change = \"{share}\""));
        let stage = Stage::new(toml);
        let people = [
            "a@example.org",
            "b@example.org",
            "c@example.org",
            "d@example.org",
        ];
        stage.send(&people, MINUTE).await;
        stage.house.people(&people[..2]); // half of them
        let told = stage.open().map(drop).map_err(|error| error.to_string());
        assert_eq!(told.is_ok(), readers == 6, "{share}: {told:?}");
        stage.pass(MINUTE).await;
        assert_eq!(stage.mails().len(), readers, "{share}");
    }
}
