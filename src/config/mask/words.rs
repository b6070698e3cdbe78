//! Which keys hold a secret: ours, those people bring from elsewhere, and slips in either.

use std::collections::HashMap;
use std::sync::LazyLock;

use strsim::damerau_levenshtein;

use crate::config::key::{KEYS, Kind, foreign, keys_of};

/// Keys whose values nobody should see.
const SECRET_WORDS: &[&str] = &[
    "password",
    "passwd",
    "passphrase",
    "passcode",
    "kennwort",
    "secret",
    "token",
    "credential",
    "authorisation",
    "authcode",
    "apikey",
    "accesskey",
];
/// The same, too short to allow for slips, or too near to other words: "rows" is no slip for "pwd".
const EXACT_WORDS: &[&str] = &["auth", "bearer", "key", "pass", "pw", "pwd"];
/// What they are called where words have no spaces between them.
const SECRET_SIGNS: &[&str] = &[
    "密码",
    "密碼",
    "授权码",
    "授權碼",
    "口令",
    "令牌",
    "密钥",
    "密鑰",
];
/// The keys of a secret's reference; what they hold is a place, not the secret.
const REFERENCES: &[&str] = &["credential", "file", "command", "env", "keep"];

/// The names of our keys, and whether everybody may see what all of these hold.
static OURS: LazyLock<HashMap<&str, bool>> = LazyLock::new(|| {
    let mut ours = HashMap::new();
    for key in KEYS {
        let is_open = !matches!(key.kind, Kind::Secret | Kind::Secrets | Kind::Planned);
        for name in key.names() {
            *ours.entry(name).or_insert(true) &= is_open;
        }
    }
    ours
});

/// Whether this key of a secret's table says where the secret comes from.
pub(super) fn is_reference(word: &str) -> bool {
    REFERENCES.contains(&word)
}

/// Whether somebody who writes this means a key of ours.
pub(super) fn is_known(word: &str) -> bool {
    OURS.contains_key(word) || foreign(word).is_some() || is_secret(word)
}

/// Where a path of keys leads.
pub(super) struct Walked {
    /// Which of its parts is a key that holds a secret.
    pub(super) secret: Option<usize>,
    /// Where it ends in the table of keys, if it is known there.
    pub(super) end: Option<&'static str>,
}

/// Follows a path from a place in the table of keys. A name that a person chose is no key: in a
/// header always, else if a key of its table follows it.
pub(super) fn walk(start: Option<&'static str>, parts: &[&str], is_header: bool) -> Walked {
    let mut at = start;
    for (index, part) in parts.iter().enumerate() {
        let named = at.and_then(named_in);
        let is_name = named.is_some_and(|table| {
            let mut keys = keys_of(table).flat_map(|key| key.names());
            is_header
                || parts
                    .get(index + 1)
                    .is_some_and(|next| keys.any(|it| it == *next))
        });
        // `[smtp.password]` is no account: others have but one.
        let is_ours = KEYS.iter().any(|key| key.path == parts[0]);
        let stands_for_itself = is_name && (is_ours || !SECRET_WORDS.contains(part));
        if !stands_for_itself && is_secret(part) {
            return Walked {
                secret: Some(index),
                end: None,
            };
        }
        at = at.and_then(|at| named.or_else(|| key_in(at, part)));
        if at.is_none() && parts.len() > index + 1 {
            let rest = &parts[index + 1..];
            let secret = rest.iter().position(|part| is_secret(part));
            return Walked {
                secret: secret.map(|it| it + index + 1),
                end: None,
            };
        }
    }
    Walked {
        secret: None,
        end: at,
    }
}

/// The table under each name, where names stand.
fn named_in(path: &str) -> Option<&'static str> {
    let mut tables = KEYS.iter().map(|key| key.table());
    tables.find(|table| table.strip_suffix(".*") == Some(path))
}

fn key_in(table: &str, part: &str) -> Option<&'static str> {
    let find = |name: &str| {
        let mut keys = keys_of(table);
        keys.find(|key| key.names().any(|it| it == name))
            .map(|key| key.path)
    };
    let borrowed = || foreign(part).filter(|_| table.is_empty()).and_then(find);
    find(part).or_else(borrowed)
}

pub(super) fn is_secret(word: &str) -> bool {
    // Ours are what they are: `then` is no slip for "token".
    !OURS.get(word).copied().unwrap_or(false) && looks_secret(word)
}

fn looks_secret(word: &str) -> bool {
    if word.len() < 2 {
        return false;
    }
    let word = word.to_lowercase();
    let joined = word.replace(['_', '-', '.', ' '], "");
    SECRET_SIGNS.iter().any(|it| word.contains(it))
        || word
            .split(['_', '-', '.', ' '])
            .chain([joined.as_str()])
            .any(is_like_one)
}

fn is_like_one(part: &str) -> bool {
    const SLIPS: usize = 2;
    EXACT_WORDS.contains(&part)
        || SECRET_WORDS.contains(&part)
        || SECRET_WORDS.iter().any(|secret| {
            let could_be = part.chars().count().abs_diff(secret.len()) <= SLIPS;
            could_be && damerau_levenshtein(part, secret) <= SLIPS || part.contains(secret)
        })
}
