//! TLS with verified certificates: the machine's roots, and those that an account adds.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{
    AlertDescription, CertificateError, ClientConfig, ClientConnection, ProtocolVersion,
    RootCertStore,
};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use super::trust::{self, Trust};
use super::{SmtpError, Stage, Stream, Target, Transcript, Trouble};
use crate::config::read_certificates;

/// What connections of one account share: trust, and tickets that make the next handshake short.
#[derive(Clone)]
pub struct TlsClient {
    config: Arc<ClientConfig>,
    trust: Trust,
    /// The file with further roots.
    ca: Option<PathBuf>,
}

/// What a handshake agreed on, for people.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct TlsFacts {
    /// `TLS 1.3`
    pub version: String,
    /// The cipher suite by its IANA name.
    pub cipher: String,
}

impl TlsFacts {
    fn of(connection: &ClientConnection) -> Self {
        let version = match connection.protocol_version() {
            Some(ProtocolVersion::TLSv1_3) => "TLS 1.3".to_owned(),
            Some(ProtocolVersion::TLSv1_2) => "TLS 1.2".to_owned(),
            other => format!("{other:?}"),
        };
        let cipher = connection.negotiated_cipher_suite();
        Self {
            version,
            cipher: cipher
                .and_then(|it| it.suite().as_str())
                .unwrap_or_default()
                .to_owned(),
        }
    }
}

/// Why an account cannot do TLS.
#[derive(Debug, thiserror::Error)]
pub enum TlsSetupError {
    /// The file with further roots cannot be used.
    #[error("cannot use {} as `ca`: {reason}", .path.display())]
    Ca {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// There is nobody to trust.
    #[error(
        "this machine has no root certificates, so no server can be verified: install the \
         `ca-certificates` package, or name a file with `ca`"
    )]
    NoRoots,
}

impl TlsClient {
    /// Trusts the machine's roots and those in the PEM file `ca`, and servers that show one of the
    /// certificates in it.
    ///
    /// # Errors
    /// `ca` cannot be read or holds no certificate; there are no roots at all.
    pub fn new(ca: Option<&Path>) -> Result<Self, TlsSetupError> {
        let (mut roots, mut own) = (RootCertStore::empty(), Vec::new());
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        if let Some(path) = ca {
            let fault = |reason: String| TlsSetupError::Ca {
                path: path.to_owned(),
                reason,
            };
            let pem = read_certificates(path).map_err(|e| fault(e.to_string()))?;
            let certificates: Vec<_> = CertificateDer::pem_slice_iter(&pem)
                .collect::<Result<_, _>>()
                .map_err(|e| fault(e.to_string()))?;
            if certificates.is_empty() {
                return Err(fault("there is no certificate (PEM) in it".to_owned()));
            }
            for certificate in &certificates {
                let added = roots.add(certificate.clone());
                added.map_err(|e| fault(e.to_string()))?;
            }
            own = certificates;
        }
        if roots.is_empty() {
            return Err(TlsSetupError::NoRoots);
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let trust = Trust::new(roots, own, Arc::clone(&provider));
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("ring speaks TLS 1.2 and 1.3")
            .dangerous() // verifies all that webpki does, see there
            .with_custom_certificate_verifier(Arc::new(trust.clone()))
            .with_no_client_auth();
        Ok(Self {
            config: Arc::new(config),
            trust,
            ca: ca.map(Path::to_owned),
        })
    }

    /// Verifies what it always verifies, and tells of the certificate.
    fn telling(&self, transcript: &Transcript) -> Arc<ClientConfig> {
        let mut config = ClientConfig::clone(&self.config);
        let telling = self.trust.telling(transcript);
        config
            .dangerous()
            .set_certificate_verifier(Arc::new(telling));
        Arc::new(config)
    }

    /// Lays TLS over `stream` and verifies that the other side is the target's host.
    pub(super) async fn wrap(
        &self,
        stream: Box<dyn Stream>,
        target: &Target,
    ) -> Result<Box<dyn Stream>, SmtpError> {
        let (host, port) = (target.host.as_str(), target.port);
        let deadlines = &target.deadlines;
        let config = match &target.transcript {
            None => Arc::clone(&self.config),
            Some(transcript) => {
                transcript.cover();
                self.telling(transcript)
            }
        };
        let fault = |text: String| SmtpError::new(Stage::Tls, Trouble::Tls(text));
        let name = ServerName::try_from(host.to_owned())
            .map_err(|_| fault(format!("`{host}` is not a host name that TLS can verify")))?;
        match timeout(
            deadlines.tls,
            TlsConnector::from(config).connect(name, stream),
        )
        .await
        {
            Ok(Ok(stream)) => {
                if let Some(transcript) = &target.transcript {
                    transcript.encrypted(TlsFacts::of(stream.get_ref().1));
                }
                Ok(Box::new(stream))
            }
            Ok(Err(error)) => Err(fault(self.explain(&format!("{host}:{port}"), &error))),
            Err(_) => Err(SmtpError::new(Stage::Tls, Trouble::Timeout(deadlines.tls))),
        }
    }

    /// A failed handshake in the words of the person who edits the account.
    fn explain(&self, server: &str, error: &std::io::Error) -> String {
        let inner = error
            .get_ref()
            .and_then(|inner| inner.downcast_ref::<rustls::Error>());
        match inner {
            Some(stranger) if trust::is_authority(stranger) => {
                format!("the certificate of {server} {}", self.stranger())
            }
            Some(rustls::Error::InvalidCertificate(why)) => {
                format!("the certificate of {server} {}", self.complaint(why))
            }
            Some(rustls::Error::InvalidMessage(_)) => format!(
                "{server} does not speak TLS from the first byte: if it is a STARTTLS port (587), \
                 set `tls = \"starttls\"`"
            ),
            Some(rustls::Error::PeerIncompatible(_)) => too_old(server),
            Some(rustls::Error::AlertReceived(alert)) if refuses_ours(*alert) => too_old(server),
            Some(other) => format!("no TLS with {server}: {other}"),
            None => format!("no TLS with {server}: {error}"),
        }
    }

    fn complaint(&self, why: &CertificateError) -> String {
        match why {
            // An authority of the right name with another key is another authority.
            CertificateError::UnknownIssuer | CertificateError::BadSignature => self.stranger(),
            CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
                "has expired: renew it, or set this machine's clock".to_owned()
            }
            CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
                "is not valid yet: is this machine's clock right?".to_owned()
            }
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
                "is for another name: `host` must be the name that the certificate has".to_owned()
            }
            other => format!("cannot be verified: {other}"),
        }
    }

    fn stranger(&self) -> String {
        match &self.ca {
            None => "is not signed by an authority that this machine trusts: if it is your own, \
                     name its root, or itself, with `ca`"
                .to_owned(),
            Some(ca) => format!(
                "is not signed by an authority in {} (`ca`), nor by one that this machine trusts: \
                 put the root that signed it, or the certificate itself, into that file",
                ca.display()
            ),
        }
    }
}

/// Whether it has no version, or no cipher, in common with us.
fn refuses_ours(alert: AlertDescription) -> bool {
    use AlertDescription::{HandshakeFailure, InsufficientSecurity, ProtocolVersion};
    matches!(
        alert,
        HandshakeFailure | InsufficientSecurity | ProtocolVersion
    )
}

fn too_old(server: &str) -> String {
    format!(
        "{server} has no TLS 1.2 or newer with a cipher that is still safe: its owner has to \
         renew it"
    )
}
