//! The mail that a sandbox keeps, and what it refused.

use std::collections::HashMap;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::super::opened::Opened;
use crate::clock::Timestamp;

/// So many are listed, the latest first.
const LISTED: usize = 300;
/// No larger file is opened.
const LARGEST: u64 = 64 << 20;
/// Where `sandbox --serve` writes down what it refused.
pub(in crate::cli) const REFUSALS: &str = "refused.jsonl";

/// A folder of caught mail, and what is known of it already.
#[derive(Default)]
pub(super) struct Caught {
    known: HashMap<String, Entry>,
}

/// One mail of the list.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Entry {
    /// The name of its file; nothing was kept of one that was refused.
    id: Option<String>,
    /// In milliseconds since 1970.
    time: Option<i64>,
    from: String,
    to: String,
    subject: String,
    size: u64,
    files: usize,
    /// The server's words, where it was refused.
    refused: Option<String>,
}

#[derive(Deserialize)]
struct Refusal {
    time_us: i64,
    reply: String,
    #[serde(default)]
    to: Vec<String>,
}

impl Caught {
    /// The mail of a sandbox's folder (or of a Maildir), the latest first, and how much there is.
    pub(super) fn list(&mut self, folder: &Path) -> (Vec<Entry>, usize) {
        let mut files = files(folder);
        let all = files.len();
        files.sort_by(|a, b| b.file_name().cmp(&a.file_name()));
        files.truncate(LISTED);
        let mut known = HashMap::new();
        let mut entries = Vec::new();
        for path in files {
            let Some(id) = path
                .file_name()
                .and_then(|it| it.to_str())
                .map(str::to_owned)
            else {
                continue;
            };
            let entry = self.known.remove(&id).or_else(|| entry(&id, &path));
            let Some(entry) = entry else { continue };
            known.insert(id, entry.clone());
            entries.push(entry);
        }
        self.known = known;
        entries.extend(refused(folder));
        entries.sort_by_key(|it| std::cmp::Reverse(it.time));
        entries.truncate(LISTED);
        (entries, all)
    }
}

/// The bytes of one, by the name of its file.
pub(super) fn read(folder: &Path, id: &str) -> Option<Vec<u8>> {
    let mut all = files(folder).into_iter();
    let path = all.find(|it| it.file_name().is_some_and(|it| it == id))?;
    let about = fs::symlink_metadata(&path).ok()?;
    (about.is_file() && about.len() <= LARGEST).then(|| fs::read(&path).ok())?
}

/// What is another one when there is new mail.
pub(super) fn places(folder: &Path) -> Vec<PathBuf> {
    let mut places: Vec<PathBuf> = maildirs(folder).into();
    places.push(folder.join(REFUSALS));
    places
}

/// A sandbox's folder has a Maildir `mail` in it; a Maildir has `new` and `cur`.
fn maildirs(folder: &Path) -> [PathBuf; 4] {
    ["mail/new", "mail/cur", "new", "cur"].map(|it| folder.join(it))
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = maildirs(folder).into_iter();
    let entries = entries.flat_map(|it| fs::read_dir(it).into_iter().flatten().flatten());
    let files = entries.filter(|it| it.file_type().is_ok_and(|it| it.is_file()));
    files.map(|it| it.path()).collect()
}

fn entry(id: &str, path: &Path) -> Option<Entry> {
    let about = fs::metadata(path).ok().filter(|it| it.len() <= LARGEST)?;
    let opened = Opened::of(&fs::read(path).ok()?);
    let header = |name: &str| opened.header(name).unwrap_or_default().to_owned();
    let time = about.modified().ok();
    let time = time.and_then(|it| Timestamp::try_from(it).ok());
    // The envelope says whom it came to; who a mail names may be others.
    let delivered = opened.headers.iter().filter(|it| it.0 == "Delivered-To");
    let delivered: Vec<&str> = delivered.map(|it| it.1.as_str()).collect();
    Some(Entry {
        id: Some(id.to_owned()),
        time: time.map(Timestamp::as_millisecond),
        from: header("From"),
        to: match delivered.is_empty() {
            true => header("To"),
            false => delivered.join(", "),
        },
        subject: header("Subject"),
        size: about.len(),
        files: opened.files.iter().filter(|it| !it.is_inline()).count(),
        refused: None,
    })
}

fn refused(folder: &Path) -> Vec<Entry> {
    let Ok(file) = fs::File::open(folder.join(REFUSALS)) else {
        return Vec::new();
    };
    let lines = BufReader::new(file).lines().map_while(Result::ok);
    let refusals = lines.filter_map(|line| serde_json::from_str::<Refusal>(&line).ok());
    let entries = refusals.map(|it| Entry {
        id: None,
        time: Some(it.time_us / 1000),
        from: String::new(),
        to: it.to.join(", "),
        subject: String::new(),
        size: 0,
        files: 0,
        refused: Some(it.reply),
    });
    let mut entries: Vec<Entry> = entries.collect();
    let before = entries.len().saturating_sub(LISTED);
    entries.drain(..before);
    entries
}
