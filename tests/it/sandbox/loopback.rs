//! Over real sockets: certificates that verify, STARTTLS, and Python's smtplib as the client.

use std::fs;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use postroom::clock::Clock;
use postroom::sandbox::{Options, Sandbox, SandboxError};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::process::Command;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::world::skip::lacks_python;

async fn start(options: Options) -> Sandbox {
    Sandbox::start(options, Clock::system()).await.unwrap()
}

fn every_port(dir: &Path) -> Options {
    let any: SocketAddr = "127.0.0.1:0".parse().unwrap();
    Options {
        dir: Some(dir.to_owned()),
        starttls: Some(any),
        plain: Some(any),
        ..Options::default()
    }
}

async fn tls(stream: TcpStream, ca_pem: &str, name: &str) -> std::io::Result<TlsStream<TcpStream>> {
    let mut roots = RootCertStore::empty();
    roots
        .add(CertificateDer::from_pem_slice(ca_pem.as_bytes()).unwrap())
        .unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::try_from(name.to_owned()).unwrap();
    TlsConnector::from(Arc::new(config))
        .connect(name, stream)
        .await
}

async fn greeting(sandbox: &Sandbox, ca_pem: &str, name: &str) -> std::io::Result<String> {
    let stream = TcpStream::connect(sandbox.address()).await?;
    let mut line = String::new();
    BufReader::new(tls(stream, ca_pem, name).await?)
        .read_line(&mut line)
        .await?;
    Ok(line)
}

#[tokio::test]
async fn the_certificate_verifies_for_every_loopback_name_and_no_other() {
    let sandbox = start(Options::default()).await;
    for name in ["localhost", "127.0.0.1", "::1"] {
        let greeting = greeting(&sandbox, sandbox.ca_pem(), name).await.unwrap();
        assert!(greeting.starts_with("220 "), "{name}: {greeting}");
    }
    assert!(
        greeting(&sandbox, sandbox.ca_pem(), "example.org")
            .await
            .is_err()
    );
    let other = start(Options::default()).await;
    assert!(
        greeting(&sandbox, other.ca_pem(), "localhost")
            .await
            .is_err()
    );
}

#[tokio::test]
async fn clients_go_on_trusting_the_authority_after_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let options = Options {
        dir: Some(dir.path().into()),
        ..Options::default()
    };
    let sandbox = start(options.clone()).await;
    let before = fs::read_to_string(sandbox.ca_file().unwrap()).unwrap();
    let key = fs::metadata(dir.path().join("ca.key"))
        .unwrap()
        .permissions();
    assert_eq!(key.mode() & 0o777, 0o600);
    sandbox.stop().await;

    let sandbox = start(options.clone()).await;
    assert_eq!(sandbox.ca_pem(), before);
    assert!(greeting(&sandbox, &before, "localhost").await.is_ok());
    sandbox.stop().await;

    // A key without its certificate is what a crash between the two leaves.
    fs::remove_file(dir.path().join("ca.pem")).unwrap();
    let sandbox = start(options.clone()).await;
    assert_ne!(sandbox.ca_pem(), before);
    sandbox.stop().await;

    fs::write(dir.path().join("ca.pem"), before).unwrap();
    let error = Sandbox::start(options, Clock::system())
        .await
        .err()
        .unwrap();
    assert!(
        matches!(&error, SandboxError::ForeignAuthority { .. }),
        "{error}"
    );
}

#[tokio::test]
async fn an_address_that_is_taken_is_named() {
    let sandbox = start(Options::default()).await;
    let options = Options {
        listen: sandbox.address(),
        ..Options::default()
    };
    let error = Sandbox::start(options, Clock::system())
        .await
        .err()
        .unwrap()
        .to_string();
    assert!(error.contains(&sandbox.address().to_string()), "{error}");
}

#[tokio::test]
async fn starttls_forgets_what_was_said_before_it() {
    let dir = tempfile::tempdir().unwrap();
    let sandbox = start(every_port(dir.path())).await;
    let mut stream = TcpStream::connect(sandbox.starttls_address().unwrap())
        .await
        .unwrap();
    let mut plain = BufReader::new(&mut stream);
    let mut line = String::new();
    for said in ["", "EHLO before.example\r\n", "STARTTLS\r\n"] {
        plain.write_all(said.as_bytes()).await.unwrap();
        line.clear();
        while line.as_bytes().get(3) != Some(&b' ') {
            line.clear();
            plain.read_line(&mut line).await.unwrap();
        }
    }
    assert!(line.starts_with("220 "), "{line}");
    let mut stream = tls(stream, sandbox.ca_pem(), "localhost").await.unwrap();
    stream
        .write_all(b"MAIL FROM:<a@x.org>\r\nSTARTTLS\r\nQUIT\r\n")
        .await
        .unwrap();
    let mut replies = String::new();
    stream.read_to_string(&mut replies).await.unwrap();
    let codes: Vec<&str> = replies.lines().map(|line| &line[..3]).collect();
    assert_eq!(codes, ["503", "503", "221"]);
}

#[tokio::test]
async fn stop_closes_every_connection_and_every_socket() {
    let dir = tempfile::tempdir().unwrap();
    let sandbox = start(every_port(dir.path())).await;
    let addresses = [sandbox.address(), sandbox.starttls_address().unwrap()];
    let plain = sandbox.plain_address().unwrap();
    let mut open = BufReader::new(TcpStream::connect(plain).await.unwrap());
    open.read_line(&mut String::new()).await.unwrap();
    sandbox.stop().await;
    for address in addresses.into_iter().chain([plain]) {
        // Not tokio's: nothing may be left to do after `stop`.
        assert!(std::net::TcpStream::connect(address).is_err(), "{address}");
    }
    let mut rest = [0; 8];
    let ended = tokio::time::timeout(Duration::from_secs(60), open.read(&mut rest)).await;
    assert_eq!(ended.expect("the connection is closed").unwrap_or(0), 0);
}

/// Sends one message over each port, logged in, with the authority verified.
const SMTPLIB: &str = r#"
import smtplib, ssl, sys
ca, implicit, starttls, plain = sys.argv[1], *map(int, sys.argv[2:])
trust = ssl.create_default_context(cafile=ca)
trust.verify_flags |= ssl.VERIFY_X509_STRICT
message = "Subject: =?utf-8?q?gr=C3=BC=C3=9Fe?=\r\nMessage-ID: <%s@py>\r\n\r\n.dot\r\n..\r\n"
def mail(server, name):
    server.login("ada", "secret")
    server.sendmail("ada@example.org", ["bob@example.org"], message % name)
    server.quit()
mail(smtplib.SMTP_SSL("localhost", implicit, context=trust), "implicit")
upgraded = smtplib.SMTP("127.0.0.1", starttls)
upgraded.starttls(context=trust)
mail(upgraded, "starttls")
mail(smtplib.SMTP("127.0.0.1", plain), "plain")
"#;

#[tokio::test]
async fn pythons_smtplib_delivers_over_every_port() {
    if lacks_python("smtplib did not try the sandbox") {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let login = Some(("ada".to_owned(), "secret".to_owned()));
    let sandbox = start(Options {
        login,
        ..every_port(dir.path())
    })
    .await;
    let ports = [
        Some(sandbox.address()),
        sandbox.starttls_address(),
        sandbox.plain_address(),
    ];
    let output = Command::new("python3")
        .args(["-c", SMTPLIB])
        .arg(sandbox.ca_file().unwrap())
        .args(ports.map(|address| address.unwrap().port().to_string()))
        .output()
        .await
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let new = sandbox.maildir().unwrap().join("new");
    let mut files: Vec<_> = fs::read_dir(new)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    assert_eq!(files.len(), 3);
    for (file, (name, protocol)) in files.iter().zip([
        ("implicit", "ESMTPSA"),
        ("starttls", "ESMTPSA"),
        ("plain", "ESMTPA"),
    ]) {
        let kept = fs::read_to_string(file).unwrap();
        let sent = format!(
            "Subject: =?utf-8?q?gr=C3=BC=C3=9Fe?=\r\nMessage-ID: <{name}@py>\r\n\r\n.dot\r\n..\r\n"
        );
        assert!(kept.ends_with(&sent), "{kept}");
        assert!(kept.contains(&format!(" with {protocol} id ")), "{kept}");
    }
    sandbox.stop().await;
}
