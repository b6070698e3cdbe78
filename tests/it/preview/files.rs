//! Messages on the terminal and in files.

use std::fs;

use mail_parser::MessageParser;
use serde_json::{Value, json};

use crate::world::workspace::Workspace;

const CONFIG: &str = "[account.main]\nhost = \"mail.example.org\"\n\
    from = \"Post <a@example.org>\"\n\
    \n[list.staff]\ncsv = \"staff.csv\"\n\n\
    [schedule.news]\nsend = \"news\"\nto = \"staff\"\nvia = \"main\"\nbad_rows = \"skip\"\n";

fn workspace() -> Workspace {
    let workspace = Workspace::new(CONFIG);
    let rows = "email,town\nada@example.org,London\nnobody,Nowhere\nbob@example.org,\n\
                ADA@example.org,Paris\n\"\"\"=x/../y\"\"@example.org\",Rome\n";
    workspace.write("staff.csv", rows);
    workspace.write("templates/news/subject.txt", "=News from {{town}}\n");
    workspace.write("templates/news/body.txt", "Hello from {{town}}\n");
    workspace.write("templates/news/body.html", "<p>Hello from {{town}}</p>");
    workspace
}

#[test]
fn a_message_is_shown_as_its_reader_has_it() {
    let workspace = workspace();
    let said = workspace.said(&["preview", "news"]);
    for line in [
        "From     Post <a@example.org>\n",
        "To       ada@example.org\n",
        "Subject  =News from London\n",
        "\nHello from London\n",
    ] {
        assert!(said.contains(line), "{line}: {said}");
    }
    let json: Value = workspace.json(&["preview", "news"]);
    assert_eq!((&json["line"], &json["files"]), (&json!(2), &json!([])));
    assert_eq!(json["text"], "Hello from London\n");
    let headers = json["headers"].as_array().unwrap();
    assert!(
        headers.contains(&json!(["Subject", "=News from London"])),
        "{json}"
    );
}

#[test]
fn its_html_goes_into_a_file_or_to_standard_output() {
    let workspace = workspace();
    let file = workspace.path("news.html");
    let said = workspace.said(&["preview", "news", "--html", file.to_str().unwrap()]);
    assert_eq!(said, "");
    let written = fs::read_to_string(&file).unwrap();
    assert_eq!(written.trim_end(), "<p>Hello from London</p>");
    let said = workspace.said(&["preview", "news", "--html", "-"]);
    assert_eq!(said, written);
    let nowhere = workspace.path("no/news.html");
    let refused = ["preview", "news", "--html", nowhere.to_str().unwrap()];
    let output = workspace.postroom(&refused).output().unwrap();
    assert_eq!(output.status.code(), Some(73), "{output:?}");
}

#[test]
fn everybody_has_a_file_or_a_reason() {
    let workspace = workspace();
    let folder = workspace.path("all");
    let all = ["preview", "news", "--all", folder.to_str().unwrap()];
    let said = workspace.said(&all);
    assert!(said.starts_with("2 messages in "), "{said}");
    assert!(said.contains("; 3 of the rows have none"), "{said}");
    let mut index = csv::Reader::from_path(folder.join("index.csv")).unwrap();
    let rows: Vec<[String; 4]> = index.deserialize().map(Result::unwrap).collect();
    let addresses: Vec<&str> = rows.iter().map(|it| &*it[0]).collect();
    let wanted = [
        "ada@example.org",
        "nobody",
        "bob@example.org",
        "ADA@example.org",
        "\"=x/../y\"@example.org",
    ];
    assert_eq!(addresses, wanted);
    assert_eq!(rows[0][1], "staff-000002-ada@example.org.eml");
    assert_eq!(
        rows[0][2], "'=News from London",
        "a spreadsheet would take it for a formula"
    );
    assert!(rows[2][3].contains("town"), "{rows:?}");
    assert_eq!(rows[3][3], "the same address as a row before");
    let mut files = 1; // the index
    for [_, file, subject, reason] in &rows {
        assert_eq!(file.is_empty(), !reason.is_empty(), "{rows:?}");
        if file.is_empty() {
            continue;
        }
        let bytes = fs::read(folder.join(file)).unwrap();
        let message = MessageParser::default().parse(&bytes).unwrap();
        assert_eq!(message.subject(), subject.strip_prefix('\''));
        files += 1;
    }
    assert_eq!(fs::read_dir(&folder).unwrap().count(), files);
    let output = workspace.postroom(&all).output().unwrap();
    let told = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(73), "{told}");
    assert!(told.contains("is not empty"), "{told}");
}
