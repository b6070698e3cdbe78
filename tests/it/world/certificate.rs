//! A throw-away authority, and a certificate of it for `localhost`.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use rcgen::{
    BasicConstraints, CertificateParams, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};

/// The authority's certificate, to hand to clients.
pub(crate) const CA: &str = "ca.pem";
pub(crate) const CERTIFICATE: &str = "server.pem";
pub(crate) const KEY: &str = "server.key";

/// Writes the three files into a folder.
pub(crate) fn certify(folder: &Path) {
    let authority_key = KeyPair::generate().unwrap();
    let mut authority = CertificateParams::default();
    authority.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    authority.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    let root = authority.self_signed(&authority_key).unwrap();
    let key = KeyPair::generate().unwrap();
    let mut server = CertificateParams::new(["localhost".to_owned()]).unwrap();
    server.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    let issuer = Issuer::new(authority, &authority_key);
    let certificate = server.signed_by(&key, &issuer).unwrap();
    fs::write(folder.join(CA), root.pem()).unwrap();
    fs::write(folder.join(CERTIFICATE), certificate.pem()).unwrap();
    let mut options = OpenOptions::new();
    let file = options.write(true).create_new(true).mode(0o600); // others may not read it
    let mut file = file.open(folder.join(KEY)).unwrap();
    file.write_all(key.serialize_pem().as_bytes()).unwrap();
}
