//! Ports of loopback for servers.

use std::fs;
use std::net::TcpListener;

/// Ports that nothing listens on; held together, so that they differ.
pub(crate) fn free_ports<const N: usize>() -> [u16; N] {
    let listeners = [(); N].map(|()| TcpListener::bind(("127.0.0.1", 0)).unwrap());
    listeners.map(|listener| listener.local_addr().unwrap().port())
}

/// Whether something listens there. Nobody connects to find out, so that a server's log tells of
/// its clients only.
pub(crate) fn listens(port: u16) -> bool {
    const LISTEN: &str = "0A";
    let sockets = fs::read_to_string("/proc/net/tcp").unwrap();
    sockets.lines().any(|line| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let here = fields
            .get(1)
            .is_some_and(|it| it.ends_with(&format!(":{port:04X}")));
        here && fields.get(3) == Some(&LISTEN)
    })
}
