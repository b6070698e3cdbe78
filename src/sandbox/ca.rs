//! The throw-away certificate authority that makes TLS to the sandbox verifiable.
//!
//! It vouches for `localhost` and the loopback addresses only, and its certificate says so (name
//! constraints): to trust `ca.pem`, even system-wide, never lets anyone pose as another host. The
//! authority is kept from start to start, so that clients go on trusting it; the server's own
//! certificate is made anew at each start and never stored.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::ToSpan;
use jiff::tz::TimeZone;
use rcgen::{
    BasicConstraints, CertificateParams, CidrSubnet, DnType, ExtendedKeyUsagePurpose,
    GeneralSubtree, IsCa, Issuer, KeyPair, KeyUsagePurpose, NameConstraints, SanType,
    date_time_ymd,
};
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::ServerCertVerifier;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer, ServerName, UnixTime};
use rustls::{RootCertStore, ServerConfig};

use super::SandboxError;
use crate::clock::Timestamp;

/// The authority's certificate, to hand to clients.
const CERTIFICATE: &str = "ca.pem";

/// The authority's key; only its owner may read it.
const KEY: &str = "ca.key";

/// The name every server certificate carries beside the loopback addresses.
const HOST: &str = "localhost";

pub(super) struct Authority {
    pem: String,
    file: Option<PathBuf>,
    key: KeyPair,
}

impl Authority {
    /// The authority of an earlier start in `dir`, or a new one; without a folder, one that lives
    /// as long as this value.
    pub(super) fn open(dir: Option<&Path>, now: Timestamp) -> Result<Self, SandboxError> {
        let Some(dir) = dir else {
            return Self::create();
        };
        fs::create_dir_all(dir).map_err(|source| SandboxError::folder(dir, source))?;
        match fs::read_to_string(dir.join(CERTIFICATE)) {
            Ok(pem) => Self::reopen(dir, pem, now),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let fresh = Self::create()?;
                fresh
                    .store(dir)
                    .map_err(|source| SandboxError::folder(dir, source))?;
                Ok(Self {
                    file: Some(dir.join(CERTIFICATE)),
                    ..fresh
                })
            }
            Err(source) => Err(SandboxError::folder(&dir.join(CERTIFICATE), source)),
        }
    }

    pub(super) fn pem(&self) -> &str {
        &self.pem
    }

    pub(super) fn file(&self) -> Option<&Path> {
        self.file.as_deref()
    }

    /// A TLS configuration with a certificate of today for the loopback names.
    pub(super) fn server_config(&self, now: Timestamp) -> Result<Arc<ServerConfig>, SandboxError> {
        let key = KeyPair::generate()?;
        let certificate = self.issue(&key, loopback()?, now)?;
        let private = PrivatePkcs8KeyDer::from(key.serialize_der());
        let config = ServerConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(vec![certificate], private.into())?;
        Ok(Arc::new(config))
    }

    fn create() -> Result<Self, SandboxError> {
        let key = KeyPair::generate()?;
        let pem = profile().self_signed(&key)?.pem();
        Ok(Self {
            pem,
            file: None,
            key,
        })
    }

    /// Takes an authority that lies in the folder, once it is sure that clients who trust the
    /// certificate will trust what the key signs.
    fn reopen(dir: &Path, pem: String, now: Timestamp) -> Result<Self, SandboxError> {
        let file = dir.join(CERTIFICATE);
        let foreign = || SandboxError::ForeignAuthority { path: file.clone() };
        let key = fs::read_to_string(dir.join(KEY)).map_err(|_| foreign())?;
        let key = KeyPair::from_pem(&key).map_err(|_| foreign())?;
        let authority = Self {
            pem,
            file: Some(file.clone()),
            key,
        };
        authority
            .vouches_for(HOST, loopback()?, now)
            .ok_or_else(foreign)?;
        Ok(authority)
    }

    /// Whether a client that trusts the certificate believes a server with these names that it is
    /// `host`.
    fn vouches_for(&self, host: &str, names: Vec<SanType>, now: Timestamp) -> Option<()> {
        let mut roots = RootCertStore::empty();
        roots
            .add(CertificateDer::from_pem_slice(self.pem.as_bytes()).ok()?)
            .ok()?;
        let verifier = WebPkiServerVerifier::builder_with_provider(roots.into(), provider());
        let certificate = self.issue(&self.key, names, now).ok()?;
        let name = ServerName::try_from(host).ok()?;
        let today = u64::try_from(now.as_second()).unwrap_or(0);
        let today = UnixTime::since_unix_epoch(std::time::Duration::from_secs(today));
        let verifier = verifier.build().ok()?;
        verifier
            .verify_server_cert(&certificate, &[], &name, &[], today)
            .ok()
            .map(drop)
    }

    fn issue(
        &self,
        key: &KeyPair,
        names: Vec<SanType>,
        now: Timestamp,
    ) -> Result<CertificateDer<'static>, rcgen::Error> {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, HOST);
        params.subject_alt_names = names;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.use_authority_key_identifier_extension = true;
        // Apple's clients refuse certificates that live for more than 825 days.
        let today = now.to_zoned(TimeZone::UTC).date();
        let day = |date: jiff::civil::Date| {
            date_time_ymd(
                date.year().into(),
                date.month().unsigned_abs(),
                date.day().unsigned_abs(),
            )
        };
        params.not_before = day(today.saturating_sub(30.days()));
        params.not_after = day(today.saturating_add(730.days()));
        let issuer = Issuer::new(profile(), &self.key);
        Ok(params.signed_by(key, &issuer)?.der().clone())
    }

    /// The key goes first and the certificate by rename: where `ca.pem` is, its key is.
    fn store(&self, dir: &Path) -> io::Result<()> {
        write_new(&dir.join(KEY), &self.key.serialize_pem(), 0o600)?;
        write_new(&dir.join(CERTIFICATE), &self.pem, 0o644)
    }
}

/// The names that the server's certificate is for.
fn loopback() -> Result<Vec<SanType>, rcgen::Error> {
    Ok(vec![
        SanType::DnsName(HOST.try_into()?),
        SanType::IpAddress(Ipv4Addr::LOCALHOST.into()),
        SanType::IpAddress(Ipv6Addr::LOCALHOST.into()),
    ])
}

/// What the authority's certificate says; it must stay as it is for as long as stored ones live.
fn profile() -> CertificateParams {
    let mut params = CertificateParams::default();
    params
        .distinguished_name
        .push(DnType::OrganizationName, "postroom");
    params
        .distinguished_name
        .push(DnType::CommonName, "postroom sandbox, loopback only");
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params.name_constraints = Some(NameConstraints {
        permitted_subtrees: vec![
            GeneralSubtree::DnsName(HOST.to_owned()),
            GeneralSubtree::IpAddress(subnet(Ipv4Addr::LOCALHOST.into(), 8)),
            GeneralSubtree::IpAddress(subnet(Ipv6Addr::LOCALHOST.into(), 128)),
        ],
        excluded_subtrees: Vec::new(),
    });
    // Constrained to loopback, it does no harm by living long; a short life would break clients
    // that were told once to trust it.
    params.not_before = date_time_ymd(2020, 1, 1);
    params.not_after = date_time_ymd(2099, 12, 31);
    params
}

fn subnet(address: IpAddr, prefix: u8) -> CidrSubnet {
    CidrSubnet::from_addr_prefix(address, prefix)
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

fn write_new(path: &Path, text: &str, mode: u32) -> io::Result<()> {
    let draft = path.with_extension("new");
    // An earlier start may have died half-way; a file that is left may also have another mode.
    match fs::remove_file(&draft) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(mode)
        .open(&draft)?;
    file.write_all(text.as_bytes())?;
    fs::rename(&draft, path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_authority_vouches_for_loopback_and_for_no_other_host() {
        let now = "2026-11-01T12:00:00Z".parse().unwrap();
        let authority = Authority::open(None, now).unwrap();
        let believed = |host: &str, name| authority.vouches_for(host, vec![name], now).is_some();
        let dns = |name: &str| SanType::DnsName(name.try_into().unwrap());
        let ip = |address: &str| SanType::IpAddress(address.parse().unwrap());
        assert!(believed("localhost", dns("localhost")));
        assert!(believed("127.0.0.1", ip("127.0.0.1")));
        assert!(believed("::1", ip("::1")));
        assert!(!believed("smtp.example.org", dns("smtp.example.org")));
        assert!(!believed("192.0.2.1", ip("192.0.2.1")));
        assert!(!believed("2001:db8::1", ip("2001:db8::1")));
    }
}
