//! What mails carry besides their texts.

use std::time::Duration;

use mail_parser::{MessageParser, MimeHeaders as _};

use super::stage::{MINUTE, Scenery, Stage};
use super::toml::{Toml, base};

/// Where both keys may stand.
const HEADINGS: [&str; 2] = ["[template.hello]", "[schedule.hello]"];

fn stage(toml: Toml, files: &[(&str, &str)]) -> Stage {
    Stage::among(Scenery::with_files(files), toml)
}

/// Names and contents of what the only mail carries.
async fn carried(stage: &Stage) -> Vec<(String, String)> {
    stage.open().unwrap();
    stage.pass(MINUTE).await;
    let mail = stage.mails().remove(0).text;
    let mail = MessageParser::default().parse(mail.as_bytes()).unwrap();
    let files = mail.attachments().map(|part| {
        let name = part.attachment_name().unwrap_or_default().to_owned();
        (name, String::from_utf8(part.contents().to_vec()).unwrap())
    });
    files.collect()
}

fn owned(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    let pairs = pairs.iter();
    pairs
        .map(|(a, b)| ((*a).to_owned(), (*b).to_owned()))
        .collect()
}

#[tokio::test(start_paused = true)]
pub(super) async fn attachments_go_along_with_each_mail() {
    let files = [
        ("files/terms.txt", "Terms"),
        ("files/ada@example.org.txt", "Ada's"),
        ("templates/hello/lines.csv", "to\n{{email}}\n"),
    ];
    for heading in HEADINGS {
        for (written, expected) in [
            ("[]", &[][..]),
            ("[\"files/terms.txt\"]", &[("terms.txt", "Terms")]),
            (
                "[{ file = \"files/{{email}}.txt\", name = \"Own.txt\" }]",
                &[("Own.txt", "Ada's")],
            ),
            (
                "[{ template = \"lines.csv\" }]",
                &[("lines.csv", "to\nada@example.org\n")],
            ),
        ] {
            let toml = base().with(heading, &format!("attachments = {written}"));
            let stage = stage(toml, &files);
            assert_eq!(
                carried(&stage).await,
                owned(expected),
                "{heading} {written}"
            );
        }
    }
    let both = base()
        .with("[template.hello]", "attachments = [\"files/terms.txt\"]")
        .with(
            "[schedule.hello]",
            "attachments = [\"files/ada@example.org.txt\"]",
        );
    let both = carried(&stage(both, &files)).await;
    let names: Vec<_> = both.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["terms.txt", "ada@example.org.txt"]);
}

/// The row of whoever's file is another one now fails, and no other content is sent.
#[tokio::test(start_paused = true)]
async fn a_file_that_changed_after_the_run_opened_is_not_sent() {
    let toml = base().with(HEADINGS[1], "attachments = [\"files/{{email}}.txt\"]");
    let stage = stage(toml, &[("files/ada@example.org.txt", "Ada's")]);
    stage.open().unwrap();
    stage.house.write("files/ada@example.org.txt", "Bob's");
    stage.pass(MINUTE).await;
    assert_eq!(stage.mails().len(), 0);
    let row = stage.rows().remove(0);
    assert_eq!(row.state, "invalid");
    let reason = row.reason.unwrap();
    assert!(
        reason.contains("it was changed after the run opened"),
        "{reason}"
    );
}

/// The text of the only mail, which shows a value of the data.
async fn shown(toml: Toml, files: &[(&str, &str)]) -> Result<String, String> {
    let mut all = vec![("templates/hello/body.txt", "Total {{data.total}}.\n")];
    all.extend(files);
    let stage = stage(toml, &all);
    stage.open().map_err(|error| error.to_string())?;
    stage.pass(MINUTE).await;
    let mail = stage.mails().remove(0).text;
    Ok(mail.split("\r\n\r\n").nth(1).unwrap().trim().to_owned())
}

fn with_data(heading: &str, data: &str) -> Toml {
    base().with(heading, &format!("data = {{ {data} }}"))
}

#[tokio::test(start_paused = true)]
pub(super) async fn file_of_data_is_where_the_values_are() {
    let files = [("a.json", "{\"total\": 7}"), ("b.json", "{\"total\": 8}")];
    for heading in HEADINGS {
        for (file, text) in [("a.json", "Total 7."), ("b.json", "Total 8.")] {
            let toml = with_data(heading, &format!("file = \"{file}\""));
            assert_eq!(shown(toml, &files).await.as_deref(), Ok(text));
        }
    }
    let both = with_data("[template.hello]", "file = \"a.json\"")
        .with("[schedule.hello]", "data = { file = \"b.json\" }");
    assert_eq!(shown(both, &files).await.as_deref(), Ok("Total 8."));
}

#[tokio::test(start_paused = true)]
pub(super) async fn command_of_data_prints_the_values() {
    for heading in HEADINGS {
        for total in [7, 8] {
            let print = format!("command = [\"echo\", '{{\"total\": {total}}}']");
            let shown = shown(with_data(heading, &print), &[]).await;
            assert_eq!(shown, Ok(format!("Total {total}.")));
        }
        let failing = with_data(heading, "command = [\"sh\", \"-c\", \"echo {}; exit 3\"]");
        let error = shown(failing, &[]).await.unwrap_err();
        assert!(error.contains("the data of schedule `hello`"), "{error}");
        assert!(error.contains("failed"), "{error}");
    }
}

#[tokio::test(start_paused = true)]
pub(super) async fn timeout_of_data_is_how_long_its_program_may_take() {
    let script = "command = [\"sh\", \"-c\", \"echo '{\\\"total\\\": 7}'; sleep 1\"]";
    for heading in HEADINGS {
        for (timeout, is_time_enough) in [("5m", true), ("50ms", false)] {
            let data = format!("{script}, timeout = \"{timeout}\"");
            let shown = shown(with_data(heading, &data), &[]).await;
            assert_eq!(shown.is_ok(), is_time_enough, "{shown:?}");
            if let Err(error) = shown {
                assert!(error.contains("did not end within 50ms"), "{error}");
            }
        }
    }
}

#[tokio::test(start_paused = true)]
pub(super) async fn max_age_of_data_refuses_an_older_file() {
    for heading in HEADINGS {
        for (max_age, is_young_enough) in [("3h", true), ("1h", false)] {
            let data = format!("file = \"a.json\", max_age = \"{max_age}\"");
            let stage = stage(with_data(heading, &data), &[("a.json", "{}")]);
            let path = stage.house.path().join("a.json");
            let file = std::fs::OpenOptions::new().write(true).open(path).unwrap();
            let now = std::time::SystemTime::from(stage.clock.now());
            file.set_modified(now - Duration::from_secs(2 * 3600))
                .unwrap();
            let opened = stage.open().map_err(|error| error.to_string());
            assert_eq!(opened.is_ok(), is_young_enough, "{max_age}");
            if let Err(error) = opened {
                assert!(error.contains("it was last changed 2 h ago"), "{error}");
            }
        }
    }
}
