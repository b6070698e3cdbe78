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
