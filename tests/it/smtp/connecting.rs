//! From a name to an encrypted stream, over loopback: what is said when it fails.

use std::net::{Ipv4Addr, TcpListener};
use std::path::Path;

use postroom::clock::Clock;
use postroom::config::Tls;
use postroom::sandbox::{Options, Sandbox};
use postroom::smtp::{Stage, Target, TlsClient, connect};

use crate::world::bench::start;
use crate::world::script::target;

async fn sandbox(dir: &Path) -> Sandbox {
    let options = Options {
        dir: Some(dir.to_owned()),
        discard: true,
        ..Options::default()
    };
    Sandbox::start(options, Clock::simulated(start(), 1))
        .await
        .unwrap()
}

/// B2: refused.
#[tokio::test]
async fn an_address_is_named_once_when_nobody_listens() {
    let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = free.local_addr().unwrap().port();
    drop(free);
    let to = |host: &str| Target {
        host: host.to_owned(),
        port,
        ..target()
    };
    let error = connect(&to("127.0.0.1"), None).await.err().unwrap();
    assert_eq!(error.stage, Stage::Connect);
    let refused = "nobody listens there (connection refused)";
    let told = format!("cannot connect to 127.0.0.1:{port}: {refused}");
    assert_eq!(error.to_string(), told);
    let told = connect(&to("localhost"), None).await.err().unwrap();
    let told = told.to_string();
    assert!(
        told.starts_with(&format!("cannot connect to localhost:{port}: "))
            && told.contains(&format!("127.0.0.1: {refused}")),
        "{told}"
    );
}

/// B34: an authority that is not trusted.
#[tokio::test]
async fn a_certificate_that_ca_does_not_sign_is_told_with_the_file() {
    let (ours, theirs) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (server, other) = (sandbox(ours.path()).await, sandbox(theirs.path()).await);
    let dial = |ca: &Path| Target {
        host: "localhost".to_owned(),
        port: server.address().port(),
        tls: Tls::Implicit,
        client: TlsClient::new(Some(ca)).unwrap(),
        ..target()
    };
    let good = dial(server.ca_file().unwrap());
    assert!(connect(&good, None).await.is_ok());
    let ca = other.ca_file().unwrap();
    let error = connect(&dial(ca), None).await.err().unwrap();
    assert_eq!(error.stage, Stage::Tls);
    let told = error.to_string();
    let port = server.address().port();
    let server = format!("the certificate of localhost:{port} is not signed by an authority in ");
    assert!(told.starts_with(&server), "{told}");
    assert!(told.contains(&format!("{} (`ca`)", ca.display())), "{told}");
}
