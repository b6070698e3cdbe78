//! One message of the demo, read from its file as a mail program would.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use mail_parser::{Addr, Message, MessageParser};

use super::super::exit;
use super::Trouble;
use super::account::Told;
use crate::outbox::DeliveryRow;

/// A message as its reader sees it.
pub(super) struct Letter {
    /// Whom it went to.
    pub(super) address: String,
    heads: Vec<(&'static str, String)>,
    text: String,
}

/// The message of somebody whose name has no Latin letter in it.
pub(super) fn choose(rows: &[Told], mail: &Path) -> Result<Option<Letter>, Trouble> {
    let foreign = |row: &&DeliveryRow| {
        let mut letters = row.name.iter().flat_map(|name| name.chars());
        row.state == "accepted" && row.name.is_some() && letters.all(|c| !c.is_ascii())
    };
    let Some(row) = rows.iter().map(|it| &it.row).find(foreign) else {
        return Ok(None);
    };
    let start = format!("{}@", row.id);
    for path in kept(mail)? {
        let bytes = fs::read(&path).map_err(|error| unreadable(&path, &error))?;
        let message = MessageParser::default().parse(&bytes);
        let wanted = |message: &Message<'_>| {
            let id = message.message_id();
            id.is_some_and(|id| id.starts_with(&start))
        };
        if let Some(message) = message.filter(wanted) {
            return Ok(Some(Letter::of(row, &message)));
        }
    }
    Ok(None)
}

/// The files of a Maildir's folder, oldest first.
pub(super) fn kept(mail: &Path) -> Result<Vec<PathBuf>, Trouble> {
    let list = || -> io::Result<Vec<PathBuf>> {
        let entries = fs::read_dir(mail)?;
        entries.map(|entry| Ok(entry?.path())).collect()
    };
    let mut files = list().map_err(|error| unreadable(mail, &error))?;
    files.sort();
    Ok(files)
}

fn unreadable(path: &Path, error: &io::Error) -> Trouble {
    Trouble::new(
        exit::IO,
        format!("{} cannot be read: {error}", path.display()),
    )
}

impl Letter {
    fn of(row: &DeliveryRow, message: &Message<'_>) -> Self {
        let person = |address: Option<&mail_parser::Address<'_>>| {
            address
                .and_then(|it| it.first())
                .map(mailbox)
                .unwrap_or_default()
        };
        let date = message.date().map(mail_parser::DateTime::to_rfc822);
        Self {
            address: row.address.clone(),
            heads: vec![
                ("From", person(message.from())),
                ("To", person(message.to())),
                ("Date", date.unwrap_or_default()),
                ("Subject", message.subject().unwrap_or_default().to_owned()),
            ],
            text: message.body_text(0).unwrap_or_default().into_owned(),
        }
    }

    /// The message behind a margin.
    pub(super) fn lines(&self) -> Vec<String> {
        let heads = self.heads.iter();
        let mut lines: Vec<String> = heads
            .map(|(name, value)| format!("  | {:9} {value}", format!("{name}:")))
            .collect();
        lines.push("  |".to_owned());
        let text = self.text.trim_end().lines();
        lines.extend(text.map(|line| format!("  | {line}").trim_end().to_owned()));
        lines
    }
}

fn mailbox(address: &Addr<'_>) -> String {
    let email = address.address().unwrap_or_default();
    match address.name() {
        Some(name) => format!("{name} <{email}>"),
        None => email.to_owned(),
    }
}
