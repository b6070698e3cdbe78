//! `[template.<name>]`: whose words these are.

use super::stage::{MINUTE, Scenery, Stage};
use super::toml::{Toml, base, list};

/// What each reader got, in the order of the list: subject and text.
async fn got(toml: Toml, files: &[(&str, &str)]) -> Vec<(String, String)> {
    let stage = Stage::among(Scenery::with_files(files), toml);
    stage.open().unwrap();
    stage.pass(MINUTE).await;
    let mails = stage.mails().into_iter().map(|mail| {
        let subject = mail.header("Subject").unwrap_or_default().to_owned();
        let (_, body) = mail.text.split_once("\r\n\r\n").unwrap();
        (subject, body.trim_end().to_owned())
    });
    mails.collect()
}

fn hello(lines: &str) -> Toml {
    base().with("[template.hello]", lines)
}

/// People who read German and French, and the template in German.
const GERMAN: &[(&str, &str)] = &[
    (
        "people.csv",
        "email,language,tongue\nada@example.org,de,fr\nbob@example.org,fr,de-AT\n",
    ),
    ("templates/hello/subject.txt", "{{text_language}}"),
    ("templates/hello/body.txt", "Hello"),
    ("templates/hello/body.de.txt", "Hallo"),
];

#[tokio::test(start_paused = true)]
pub(super) async fn subject_stands_for_the_file() {
    for (subject, shown) in [("Good morning", "Good morning"), ("To {{plan}}", "To pro")] {
        let files = [
            ("templates/note/body.txt", "Hello"),
            ("people.csv", "email,plan\nada@example.org,pro\n"),
        ];
        let toml = base()
            .with("[template.note]", &format!("subject = \"{subject}\""))
            .with("[schedule.hello]", "send = \"note\"");
        assert_eq!(got(toml, &files).await[0].0, shown);
    }
}

#[tokio::test(start_paused = true)]
pub(super) async fn markdown_is_the_source_of_both_bodies() {
    let files = [
        ("templates/one.md", "Dear *{{email}}*\n"),
        ("templates/two.md", "Bye **{{email}}**\n"),
        ("templates/two.de.md", "Auf Wiedersehen\n"),
    ];
    for (markdown, words) in [
        ("templates/one.md", ["Dear", "<em>ada@example.org</em>"]),
        (
            "templates/two.md",
            ["Bye", "<strong>ada@example.org</strong>"],
        ),
    ] {
        let toml = base()
            .with(
                "[template.note]",
                &format!("subject = \"x\"\nmarkdown = \"{markdown}\""),
            )
            .with("[schedule.hello]", "send = \"note\"");
        let got = got(toml, &files).await;
        assert!(words.iter().all(|it| got[0].1.contains(it)), "{got:?}");
    }
}

#[tokio::test(start_paused = true)]
pub(super) async fn language_is_the_field_that_chooses_the_texts() {
    for (field, hellos) in [
        ("language", ["Hallo", "Hello"]),
        ("tongue", ["Hello", "Hallo"]),
    ] {
        let got = got(hello(&format!("language = \"{field}\"")), GERMAN).await;
        let bodies: Vec<&str> = got.iter().map(|it| it.1.as_str()).collect();
        assert_eq!(bodies, hellos, "{field}");
    }
    let toml = hello("language = \"tounge\"");
    let told = Stage::among(Scenery::with_files(GERMAN), toml).open();
    let told = told.map(drop).expect_err("no such column").to_string();
    assert!(told.contains("the language from `tounge`"), "{told}");
}

#[tokio::test(start_paused = true)]
pub(super) async fn language_of_the_daemon_is_that_of_texts_without_one() {
    for (language, tags) in [("en", ["de", "en"]), ("fr-CA", ["de", "fr"])] {
        let toml = list("").with("[daemon]", &format!("language = \"{language}\""));
        let got = got(toml, GERMAN).await;
        let subjects: Vec<&str> = got.iter().map(|it| it.0.as_str()).collect();
        assert_eq!(subjects, tags, "{language}");
    }
}

/// The values of a header, in the order of the list.
async fn headers(stage: &Stage, name: &str) -> Vec<Option<String>> {
    stage.pass(MINUTE).await;
    let mails = stage.mails();
    let values = mails.iter().map(|it| it.header(name).map(str::to_owned));
    values.collect()
}

fn owned(values: &[Option<&str>]) -> Vec<Option<String>> {
    values.iter().map(|it| it.map(str::to_owned)).collect()
}

#[tokio::test(start_paused = true)]
pub(super) async fn headers_are_added_to_each_mail() {
    for (written, ada, bob) in [
        ("{ X-Team = \"ops\" }", Some("ops"), Some("ops")),
        (
            "{ x-team = \"{{upper language}}, {{text_language}}\" }",
            Some("DE, de"),
            Some("FR, en"),
        ),
        (
            "{ X-Team = \" {{#if (eq language 'de')}}Fürs Büro{{/if}} \" }",
            Some("=?utf-8?q?F=C3=BCrs_B=C3=BCro?="),
            None,
        ),
        ("{}", None, None),
    ] {
        let toml = hello(&format!("headers = {written}"));
        let stage = Stage::among(Scenery::with_files(GERMAN), toml);
        stage.open().unwrap();
        let name = if written.contains("x-team") {
            "x-team"
        } else {
            "X-Team"
        };
        assert_eq!(headers(&stage, name).await, owned(&[ada, bob]), "{written}");
    }
    let toml = hello("headers = { X-Team = \"{{tounge}}\" }");
    let told = Stage::among(Scenery::with_files(GERMAN), toml).open();
    let told = told.map(drop).expect_err("no such column").to_string();
    assert!(told.contains("uses `tounge`"), "{told}");
}

/// Who has no value for it, or one that would begin a header of its own, gets no mail; the others
/// do.
#[tokio::test(start_paused = true)]
async fn a_value_that_no_header_can_have_makes_its_row_invalid() {
    let people = "email,team\nada@example.org,ops\nbob@example.org,\n\
                  eve@example.org,\"ops\nBcc: all@example.org\"\n";
    let toml = hello("headers = { X-Team = \"{{team}}\" }");
    let stage = Stage::among(Scenery::with_files(&[("people.csv", people)]), toml);
    stage.open().unwrap();
    assert_eq!(headers(&stage, "X-Team").await, owned(&[Some("ops")]));
    let told: Vec<_> = stage
        .rows()
        .into_iter()
        .map(|row| (row.state, row.reason.unwrap_or_default()))
        .collect();
    assert_eq!(told[0].0, "accepted");
    for (row, why) in [
        (&told[1], "the field `team` is empty"),
        (&told[2], "the header `X-Team` has a line break in it"),
    ] {
        assert_eq!(row.0, "invalid");
        assert!(row.1.contains(why), "{told:?}");
    }
}
