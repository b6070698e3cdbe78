//! Signatures, verified by dkimpy: other code, by other people, with the public keys that DNS would
//! hold.

mod bulk;
mod keys;
mod making;
mod properties;
mod sending;
mod shapes;

use std::collections::BTreeMap;
use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use postroom::clock::Timestamp;
use postroom::compose::dkim::{Signer, SigningKey, sign};
use serde_json::json;

use crate::world::skip::skip;

const VERIFY: &str = include_str!("verify.py");
const PACKAGES: [(&str, &str); 2] = [("dkimpy", "1.1.8"), ("PyNaCl", "1.5.0")];
/// The private key of RFC 8463, appendix A.2.
pub(crate) const SEED: &str = "nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A=";

/// What `openssl` prints.
fn openssl(arguments: &[&str], input: &[u8]) -> Option<String> {
    let mut child = Command::new("openssl")
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .ok()?;
    child.stdin.take().unwrap().write_all(input).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "openssl {arguments:?}");
    Some(String::from_utf8(output.stdout).unwrap())
}

/// An RSA key as openssl makes it, one for all tests.
pub(crate) fn rsa(untried: &str) -> Option<&'static str> {
    static KEY: OnceLock<Option<String>> = OnceLock::new();
    let made = KEY.get_or_init(|| {
        let size = ["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"];
        openssl(&[&["genpkey"], &size[..]].concat(), b"")
    });
    if made.is_none() {
        skip("there is no openssl", untried);
    }
    made.as_deref()
}

fn signer(selector: &str, key: &str) -> Signer {
    let key = SigningKey::parse(key).unwrap();
    Signer::new("example.org".to_owned(), selector.to_owned(), key)
}

/// What DNS says of these.
fn records(signers: &[Signer]) -> BTreeMap<String, String> {
    let records = signers.iter().map(Signer::record);
    records.map(|it| (it.name, it.value)).collect()
}

/// Two keys, Ed25519 first, for what comes out has its own order.
fn both(untried: &str) -> Option<Vec<Signer>> {
    Some(vec![signer("ed", SEED), signer("rsa", rsa(untried)?)])
}

fn date() -> Timestamp {
    "2026-11-24T09:00:00Z".parse().unwrap()
}

fn signed(signers: &[Signer], message: &[u8]) -> Vec<u8> {
    [&sign(signers, message, date()).unwrap(), message].concat()
}

/// dkimpy's judgement on each signature of each message.
fn verify(python: &PathBuf, records: &BTreeMap<String, String>, all: &[Vec<u8>]) -> Vec<Vec<bool>> {
    let messages: Vec<String> = all.iter().map(|it| STANDARD.encode(it)).collect();
    let question = json!({ "records": records, "messages": messages }).to_string();
    let mut child = Command::new(python)
        .args(["-c", VERIFY])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    let writer = std::thread::spawn(move || input.write_all(question.as_bytes()));
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap().unwrap();
    assert!(output.status.success());
    let lines = String::from_utf8(output.stdout).unwrap();
    let judged: Vec<_> = lines
        .lines()
        .map(|it| serde_json::from_str(it).unwrap())
        .collect();
    assert_eq!(judged.len(), all.len());
    judged
}

/// A Python that has dkimpy: a virtual environment of the tests' own, made if it is not there.
fn python_with_dkimpy(untried: &str) -> Option<&'static PathBuf> {
    static PYTHON: OnceLock<Option<PathBuf>> = OnceLock::new();
    let python = PYTHON.get_or_init(installed);
    if python.is_none() {
        skip("dkimpy cannot be installed", untried);
    }
    python.as_ref()
}

fn installed() -> Option<PathBuf> {
    let name = format!("dkimpy-{}", PACKAGES[0].1);
    let home = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    let python = home.join("bin/python");
    let run = |program: &str, arguments: &[&str]| {
        let mut run = Command::new(program);
        run.args(arguments)
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        run.status().is_ok_and(|status| status.success())
    };
    let wanted: Vec<String> = PACKAGES
        .iter()
        .map(|(name, it)| format!("{name}=={it}"))
        .collect();
    let checks = PACKAGES.map(|(name, it)| format!("assert m.version('{name}') == '{it}'"));
    let import = format!(
        "import dkim, nacl, importlib.metadata as m; {}",
        checks.join("; ")
    );
    let has_it = || run(&python.to_string_lossy(), &["-c", &import]);
    if !has_it() {
        let install = ["-m", "pip", "install", "-q", &wanted[0], &wanted[1]];
        let made = run("python3", &["-m", "venv", &home.to_string_lossy()])
            && run(&python.to_string_lossy(), &install);
        if !made || !has_it() {
            return None;
        }
    }
    Some(python)
}
