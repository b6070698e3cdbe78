//! A question to the daemon, without the program's own look at its files.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;

use crate::world::workspace::Workspace;

/// The code and the body of the answer.
pub(super) fn ask(workspace: &Workspace, method: &str, path: &str, body: &str) -> (u16, String) {
    let mut stream = UnixStream::connect(workspace.path("state/postroom.sock")).unwrap();
    let length = body.len();
    let request = format!(
        "{method} {path} HTTP/1.1\r\nHost: postroom\r\nConnection: close\r\n\
         Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
    );
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let code = head.split(' ').nth(1).unwrap().parse().unwrap();
    (code, body.to_owned())
}
