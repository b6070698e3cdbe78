//! Whom a session trusts: whoever an authority vouches for, and servers whose very certificate the
//! account names with `ca`.
//!
//! A certificate that signs itself (`openssl req -x509`, Proton Mail Bridge, many a relay in a
//! cellar) calls itself an authority, and webpki takes no authority for a server. Named in `ca` it
//! is trusted as it stands: that server, that name, that key, until it expires; nobody else.

use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{WebPkiServerVerifier, verify_server_name};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};

use super::{Certificate, Transcript};

/// Judges certificates as webpki does, and takes those in `own` for what they are.
#[derive(Clone, Debug)]
pub(super) struct Trust {
    webpki: Arc<WebPkiServerVerifier>,
    own: Arc<[CertificateDer<'static>]>,
    /// Who is told of a certificate before it is judged: one that is refused says most about why.
    transcript: Option<Transcript>,
}

impl Trust {
    /// Trusts what `roots` vouch for, and servers that show one of `own`.
    pub(super) fn new(
        roots: RootCertStore,
        own: Vec<CertificateDer<'static>>,
        provider: Arc<CryptoProvider>,
    ) -> Self {
        let webpki = WebPkiServerVerifier::builder_with_provider(roots.into(), provider)
            .build()
            .expect("there are roots, and no lists of revoked certificates");
        Self {
            webpki,
            own: own.into(),
            transcript: None,
        }
    }

    /// The same, and tells `transcript`.
    pub(super) fn telling(&self, transcript: &Transcript) -> Self {
        Self {
            transcript: Some(transcript.clone()),
            ..self.clone()
        }
    }
}

impl ServerCertVerifier for Trust {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        if let Some(transcript) = &self.transcript {
            transcript.shown(Certificate::read(end_entity));
        }
        let (webpki, name) = (&self.webpki, server_name);
        let verdict =
            webpki.verify_server_cert(end_entity, intermediates, name, ocsp_response, now);
        match verdict {
            // webpki finds this after it has looked at the dates, and before the name.
            Err(error) if is_authority(&error) && self.own.contains(end_entity) => {
                verify_server_name(&ParsedCertificate::try_from(end_entity)?, name)?;
                Ok(ServerCertVerified::assertion())
            }
            verdict => verdict,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.webpki
            .verify_tls12_signature(message, certificate, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.webpki
            .verify_tls13_signature(message, certificate, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.webpki.supported_verify_schemes()
    }
}

/// Whether a certificate is an authority's, where a server's belongs. rustls hands on webpki's own
/// word for it, and has no type for that.
pub(super) fn is_authority(error: &Error) -> bool {
    match error {
        Error::InvalidCertificate(CertificateError::Other(other)) => {
            other.to_string().contains("CaUsedAsEndEntity")
        }
        _ => false,
    }
}
