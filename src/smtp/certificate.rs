//! What a server's certificate says of itself, for people. What it is worth, rustls says.

use rustls::pki_types::CertificateDer;
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::FromDer as _;
use x509_parser::x509::X509Name;

use super::reply::readable;
use crate::clock::Timestamp;

/// A certificate (RFC 5280), as far as a person asks for it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Certificate {
    /// Whom it is about: a common name, or else an organisation; empty if it has neither.
    pub subject: String,
    /// The host names and addresses it holds for.
    pub names: Vec<String>,
    /// Who signed it: common name and organisation.
    pub issuer: String,
    /// It holds from then on.
    pub not_before: Timestamp,
    /// It ends then.
    pub not_after: Timestamp,
}

impl Certificate {
    /// Reads it; `None` if it is not one, or its dates are none.
    pub(super) fn read(der: &CertificateDer<'_>) -> Option<Self> {
        let (_, certificate) = X509Certificate::from_der(der).ok()?;
        let names = certificate.subject_alternative_name().ok().flatten();
        let names = names.map_or(&[][..], |it| &it.value.general_names);
        let validity = certificate.validity();
        let time = |seconds| Timestamp::from_second(seconds).ok();
        Some(Self {
            subject: parts(certificate.subject())
                .into_iter()
                .next()
                .unwrap_or_default(),
            names: names.iter().filter_map(name).collect(),
            issuer: parts(certificate.issuer()).join(", "),
            not_before: time(validity.not_before.timestamp())?,
            not_after: time(validity.not_after.timestamp())?,
        })
    }
}

/// The common name and the organisation, as far as there are any.
fn parts(name: &X509Name<'_>) -> Vec<String> {
    let common = name.iter_common_name().next();
    let organisation = name.iter_organization().next();
    let parts = [common, organisation].into_iter().flatten();
    parts
        .filter_map(|it| it.as_str().ok())
        .map(|it| readable(it.as_bytes()))
        .collect()
}

fn name(name: &GeneralName<'_>) -> Option<String> {
    match name {
        GeneralName::DNSName(name) => Some(readable(name.as_bytes())),
        GeneralName::IPAddress(bytes) => {
            let v4 = <[u8; 4]>::try_from(*bytes).map(|it| std::net::IpAddr::from(it).to_string());
            let v6 = <[u8; 16]>::try_from(*bytes).map(|it| std::net::IpAddr::from(it).to_string());
            v4.or(v6).ok()
        }
        _ => None,
    }
}
