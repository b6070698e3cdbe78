//! Who changes something: the user of the process at the other end of the control socket, or of
//! this one.

use axum::extract::connect_info::Connected;
use axum::serve::IncomingStream;
use tokio::net::UnixListener;

/// The other end of a connection to the control socket.
#[derive(Clone, Debug)]
pub(super) struct Peer {
    /// As the audit and the log name it.
    pub(super) author: String,
}

impl Connected<IncomingStream<'_, UnixListener>> for Peer {
    fn connect_info(stream: IncomingStream<'_, UnixListener>) -> Self {
        let author = match stream.io().peer_cred() {
            Ok(peer) => named(peer.uid()),
            Err(_) => "an unknown user".to_owned(),
        };
        Self { author }
    }
}

/// The user of this process.
#[must_use]
pub fn myself() -> String {
    named(rustix::process::getuid().as_raw())
}

/// "uid 1000 (ada)"; without the name where the system's file of users has none.
fn named(uid: u32) -> String {
    let users = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
    let name = users.lines().find_map(|line| {
        let mut parts = line.split(':');
        let name = parts.next()?;
        (parts.nth(1)?.parse() == Ok(uid)).then_some(name)
    });
    name.map_or_else(
        || format!("uid {uid}"),
        |name| format!("uid {uid} ({name})"),
    )
}
