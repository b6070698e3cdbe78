//! A list whose readers have languages, from the file to their mailboxes, with the real binary.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt as _;
use std::time::Duration;

use mail_parser::MessageParser;
use serde_json::Value;

use crate::world::sandbox::Catcher;
use crate::world::workspace::Workspace;

/// Each reader's address and language, and the first line that is for them.
const READERS: &[(&str, &str, &str)] = &[
    ("en@example.org", "en", "Hello"),
    ("at@example.org", "de-AT", "Hallo"),
    ("cn@example.org", "zh-CN", "你好"),
    ("ar@example.org", "ar", "مرحبا"),
    ("none@example.org", "", "Hello"),
    ("odd@example.org", "Esperanto?", "Hello"),
];

fn workspace(account: &str) -> Workspace {
    let config = format!(
        "[account.main]\nhost = \"localhost\"\nfrom = \"post@example.org\"\n{account}\n\n\
         [list.people]\ncsv = \"people.csv\"\noptional = [\"language\"]\n\n\
         [schedule.news]\nsend = \"news\"\nto = \"people\"\nvia = \"main\"\n"
    );
    let workspace = Workspace::new(&config);
    let rows = READERS.iter();
    let rows: String = rows.map(|(to, tag, _)| format!("{to},{tag}\n")).collect();
    workspace.write("people.csv", format!("email,language\n{rows}"));
    for (file, text) in [
        (
            "layout.html",
            "<html dir=\"{{text_direction}}\">{{{body}}}</html>",
        ),
        ("news/subject.txt", "News ({{text_language}})\n"),
        ("news/body.md", "Hello\n"),
        ("news/body.de.md", "Hallo\n"),
        ("news/subject.zh.txt", "新闻\n"),
        ("news/body.zh.html", "<p>你好</p>\n"),
        ("news/body.ar.html", "<p>مرحبا</p>\n"),
    ] {
        workspace.write(&format!("templates/{file}"), text);
    }
    workspace.write("password", Catcher::PASSWORD);
    let private = std::fs::Permissions::from_mode(0o600);
    std::fs::set_permissions(workspace.path("password"), private).unwrap();
    workspace
}

#[test]
fn each_reader_is_shown_and_sent_the_texts_in_their_language() {
    let catcher = Catcher::keeping(Duration::ZERO);
    let workspace = workspace(&catcher.account());
    for (to, tag, hello) in READERS {
        let shown: Value = workspace.json(&["preview", "news", "--to", to]);
        assert_eq!(shown["text"].as_str().unwrap().trim(), *hello, "{to}");
        let direction = if *tag == "ar" { "rtl" } else { "ltr" };
        let html = shown["html"].as_str().unwrap();
        assert!(
            html.contains(&format!("<html dir=\"{direction}\">")),
            "{html}"
        );
        assert!(html.contains(hello), "{html}");
    }
    let daemon = workspace.daemon();
    workspace.said(&["send", "news", "--yes", "--wait"]);
    assert!(daemon.stop().success());
    let maildir = catcher.maildir().join("new");
    let folder = catcher.shut();
    let mails = std::fs::read_dir(maildir).unwrap().map(|entry| {
        let bytes = std::fs::read(entry.unwrap().path()).unwrap();
        let mail = MessageParser::default().parse(&bytes).unwrap();
        let to = mail.to().unwrap().first().unwrap().address().unwrap();
        let text = mail.body_text(0).unwrap().trim().to_owned();
        (to.to_owned(), (mail.subject().unwrap().to_owned(), text))
    });
    let mails: BTreeMap<String, (String, String)> = mails.collect();
    drop(folder);
    assert_eq!(mails.len(), READERS.len());
    for (to, _, hello) in READERS {
        assert_eq!(mails[*to].1, *hello, "{to}");
    }
    assert_eq!(mails["at@example.org"].0, "News (de-AT)");
    assert_eq!(mails["cn@example.org"].0, "新闻");
    assert_eq!(mails["odd@example.org"].0, "News (en)");
}
