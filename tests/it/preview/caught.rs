//! The mail that a sandbox catches, on its page.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;

use serde_json::Value;

use super::served::Served;
use crate::world::patience::wait_for;
use crate::world::workspace::{Workspace, folder};

/// Says a line and hears the reply to it.
fn say(stream: &mut BufReader<TcpStream>, line: &str) -> String {
    stream
        .get_mut()
        .write_all(format!("{line}\r\n").as_bytes())
        .unwrap();
    hear(stream)
}

fn hear(stream: &mut BufReader<TcpStream>) -> String {
    let mut line = String::new();
    loop {
        line.clear();
        stream.read_line(&mut line).unwrap();
        if line.as_bytes().get(3) != Some(&b'-') {
            return line;
        }
    }
}

/// Sends a mail to the sandbox as a program would, and hears its last reply.
pub(super) fn send(port: u16, to: &str, subject: &str) -> String {
    let mut stream = BufReader::new(TcpStream::connect(("127.0.0.1", port)).unwrap());
    hear(&mut stream);
    say(&mut stream, "EHLO test.example");
    say(&mut stream, "MAIL FROM:<a@example.org>");
    let answer = say(&mut stream, &format!("RCPT TO:<{to}>"));
    if !answer.starts_with('2') {
        return answer;
    }
    say(&mut stream, "DATA");
    say(
        &mut stream,
        &format!(
            "From: Ann <a@example.org>\r\nTo: {to}\r\nSubject: {subject}\r\nDate: Tue, 24 Nov 2026 \
             08:00:00 +0000\r\nMessage-ID: <1@example.org>\r\nMIME-Version: 1.0\r\nContent-Type: \
             text/html; charset=utf-8\r\n\r\n<p>caught <b>this</b></p>\r\n."
        ),
    )
}

pub(super) fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

#[test]
fn what_a_sandbox_takes_and_refuses_appears_on_its_page() {
    let (workspace, folder, port) = (Workspace::new(""), folder(), free_port());
    let plain = format!("127.0.0.1:{port}");
    let dir = folder.path().to_str().unwrap();
    let args = [
        "sandbox",
        "--dir",
        dir,
        "--listen",
        "127.0.0.1:0",
        "--plain",
        &plain,
        "--serve",
        "127.0.0.1:0",
        "--json",
    ];
    let served = Served::by(workspace.postroom(&args), "page");
    assert_eq!(served.overview()["caught"], serde_json::json!([]));
    let taken = send(port, "ada@example.org", "<i>One</i>");
    assert!(taken.starts_with("250"), "{taken}");
    let refused = send(port, "5xx@example.org", "Two");
    assert!(refused.starts_with('5'), "{refused}");
    let caught = wait_for("the mail on the page", || {
        let caught = served.overview()["caught"].as_array().unwrap().clone();
        (caught.len() == 2).then_some(caught)
    });
    let kept = caught.iter().find(|it| it["id"].is_string()).unwrap();
    assert_eq!(kept["subject"], "<i>One</i>");
    assert_eq!(kept["from"], "Ann <a@example.org>");
    assert_eq!(kept["to"], "ada@example.org");
    let other = caught.iter().find(|it| it["id"].is_null()).unwrap();
    let told = other["refused"].as_str().unwrap();
    assert_eq!(told, refused.trim_end());
    assert_eq!(other["to"], "5xx@example.org");
    let path = format!("/v1/caught/{}", kept["id"].as_str().unwrap());
    let shown: Value = served.get(&path).json();
    let html = shown["view"]["html"].as_str().unwrap();
    assert_eq!(html.trim_end(), "<p>caught <b>this</b></p>");
    // Another process shows the same folder.
    let beside = workspace.postroom(&[
        "preview",
        "--serve",
        "127.0.0.1:0",
        "--caught",
        dir,
        "--json",
    ]);
    let beside = Served::by(beside, "url");
    assert_eq!(beside.overview()["caught"].as_array().unwrap().len(), 2);
    assert_eq!(served.interrupt().code(), Some(0));
}
