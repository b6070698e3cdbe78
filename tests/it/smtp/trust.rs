//! Certificates that nobody vouches for but the account, over loopback.

use std::sync::Arc;

use postroom::config::Tls;
use postroom::smtp::{Session, SmtpError, Target, TlsClient, connect};
use rcgen::{BasicConstraints, Certificate, CertificateParams, IsCa, KeyPair};
use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;

use crate::world::script::target;

/// A certificate that signs itself, as `openssl req -x509` makes one.
struct SelfSigned {
    key: KeyPair,
    certificate: Certificate,
}

impl SelfSigned {
    fn new(name: &str, change: impl FnOnce(&mut CertificateParams)) -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        change(&mut params);
        let certificate = params.self_signed(&key).unwrap();
        Self { key, certificate }
    }

    /// Connects, with `ca`, to a server that shows this certificate.
    async fn dial(&self, ca: &Self) -> Result<Session, SmtpError> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let key = PrivateKeyDer::Pkcs8(self.key.serialize_der().into());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![self.certificate.der().clone()], key)
            .unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let serving = async move {
            let (stream, _) = listener.accept().await.unwrap();
            let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
            if let Ok(mut stream) = acceptor.accept(stream).await {
                let _ = stream.write_all(b"220 hi\r\n").await;
                let mut ehlo = [0; 64];
                let _ = tokio::io::AsyncReadExt::read(&mut stream, &mut ehlo).await;
                let _ = stream.write_all(b"250 mx\r\n").await;
                let _ = tokio::io::AsyncReadExt::read(&mut stream, &mut ehlo).await;
            }
        };
        tokio::spawn(serving);
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("cert.pem");
        std::fs::write(&path, ca.certificate.pem()).unwrap();
        let target = Target {
            host: "127.0.0.1".to_owned(),
            port,
            tls: Tls::Implicit,
            client: TlsClient::new(Some(&path)).unwrap(),
            ..target()
        };
        connect(&target, None).await
    }

    async fn refused_for(&self, ca: &Self) -> String {
        self.dial(ca)
            .await
            .err()
            .expect("it is refused")
            .to_string()
    }
}

#[tokio::test]
async fn a_server_whose_own_certificate_is_named_is_trusted() {
    let server = SelfSigned::new("127.0.0.1", |_| ());
    let session = server.dial(&server).await;
    assert!(session.is_ok(), "{:?}", session.err());
    let modest = SelfSigned::new("127.0.0.1", |params| params.is_ca = IsCa::NoCa);
    let session = modest.dial(&modest).await;
    assert!(session.is_ok(), "{:?}", session.err());
}

/// B34: expired, and for another host, although it is named.
#[tokio::test]
async fn it_is_trusted_for_its_name_and_its_time_only() {
    let other_name = SelfSigned::new("mx.example.org", |_| ());
    let told = other_name.refused_for(&other_name).await;
    assert!(told.contains("is for another name"), "{told}");
    let expired = SelfSigned::new("127.0.0.1", |params| {
        params.not_after = rcgen::date_time_ymd(2020, 1, 1);
    });
    let told = expired.refused_for(&expired).await;
    assert!(told.contains("has expired"), "{told}");
}

/// B34: The same name, another key.
#[tokio::test]
async fn another_certificate_that_signs_itself_is_a_stranger() {
    let server = SelfSigned::new("127.0.0.1", |_| ());
    let named = SelfSigned::new("127.0.0.1", |_| ());
    let told = server.refused_for(&named).await;
    assert!(told.contains("is not signed by an authority in "), "{told}");
    let modest = SelfSigned::new("127.0.0.1", |params| params.is_ca = IsCa::NoCa);
    let told = modest.refused_for(&named).await;
    assert!(told.contains("is not signed by an authority in "), "{told}");
}
