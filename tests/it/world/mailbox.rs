//! A Maildir, read by Python's `email` package: other code than the one that wrote the messages.

use std::path::Path;
use std::process::{Command, Stdio};

use serde::Deserialize;

const READER: &str = include_str!("mailbox.py");

/// A message as its reader sees it. What could not be read is empty, and `defects` says why.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Mail {
    /// Without angle brackets.
    pub(crate) message_id: String,
    /// The recipient that the server was told.
    pub(crate) envelope: String,
    pub(crate) to_address: String,
    pub(crate) to_name: String,
    /// The sender's name.
    pub(crate) from_name: String,
    pub(crate) subject: String,
    pub(crate) text: String,
    pub(crate) html: String,
    /// Of the message without what the server put before it.
    pub(crate) sha256: String,
    pub(crate) defects: Vec<String>,
}

/// Every message in a Maildir.
pub(crate) fn read(maildir: &Path) -> Vec<Mail> {
    let output = Command::new("python3")
        .args(["-c", READER])
        .arg(maildir)
        .stderr(Stdio::inherit())
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "python3 cannot read {}",
        maildir.display()
    );
    let text = String::from_utf8(output.stdout).unwrap();
    let mail = |line| serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}"));
    text.lines().map(mail).collect()
}
