//! HTTP by hand, so that a test can say what no client would.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};

use serde_json::Value;

/// What was answered.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) head: String,
    pub(super) body: String,
}

impl Answer {
    #[track_caller]
    pub(super) fn json(&self) -> Value {
        let fault = |e| panic!("{e}: {} {}", self.status, self.body);
        serde_json::from_str(&self.body).unwrap_or_else(fault)
    }

    /// The value of a header, which is there once.
    #[track_caller]
    pub(super) fn header(&self, name: &str) -> &str {
        let lines = self.head.lines().filter_map(|line| line.split_once(':'));
        let mut found = lines.filter(|(it, _)| it.eq_ignore_ascii_case(name));
        let value = found
            .next()
            .unwrap_or_else(|| panic!("no {name}: {}", self.head));
        assert!(found.next().is_none(), "{name} twice: {}", self.head);
        value.1.trim()
    }
}

/// Asks with these headers and no others but the length of the body.
#[track_caller]
pub(super) fn ask(address: SocketAddr, line: &str, headers: &[(&str, &str)], body: &str) -> Answer {
    let mut stream = TcpStream::connect(address).unwrap();
    let mut request = format!("{line} HTTP/1.1\r\nConnection: close\r\n");
    for (name, value) in headers {
        request.push_str(&format!("{name}: {value}\r\n"));
    }
    request.push_str(&format!("Content-Length: {}\r\n\r\n{body}", body.len()));
    stream.write_all(request.as_bytes()).unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).unwrap();
        head.push(byte[0]);
    }
    let head = String::from_utf8(head).unwrap();
    let mut answer = Answer {
        status: head.split(' ').nth(1).unwrap().parse().unwrap(),
        head,
        body: String::new(),
    };
    let length = answer.head.to_lowercase().contains("content-length:");
    let mut bytes = Vec::new();
    if length {
        bytes.resize(answer.header("content-length").parse().unwrap(), 0);
        stream.read_exact(&mut bytes).unwrap();
    } else {
        stream.read_to_end(&mut bytes).unwrap();
    }
    answer.body = String::from_utf8_lossy(&bytes).into_owned();
    answer
}

/// A text as a part of a query.
pub(super) fn quoted(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02x}")).collect()
}
