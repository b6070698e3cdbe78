//! What a word means: a key, a code, a topic.

use serde_json::{Value, json};

use super::codes::{Code, codes};
use super::layout::{indented, paragraph, two_columns};
use super::topics::{TOPICS, Topic};
use super::{kind, place};
use crate::config::key::{KEYS, Key, foreign, keys_of};
use crate::config::suggest;

/// What was found under a word.
#[derive(Debug)]
pub enum Explained {
    /// Keys, and a topic of the same name.
    Keys(Vec<&'static Key>, Option<&'static Topic>),
    /// A code.
    Code(&'static Code),
    /// A topic.
    Topic(&'static Topic),
}

/// Nothing is called so.
#[derive(Debug, PartialEq)]
pub struct Unknown {
    /// What was most likely meant.
    pub suggestion: Option<&'static str>,
}

/// Looks a word up: a key with its tables or without (`account.main.port`, `port`), a code, a
/// topic.
///
/// # Errors
/// If nothing is called so.
pub fn explain(word: &str) -> Result<Explained, Unknown> {
    let topic = TOPICS.iter().find(|it| it.names.contains(&word));
    let keys = called(word);
    if !keys.is_empty() {
        return Ok(Explained::Keys(keys, topic));
    }
    if let Some(code) = codes().find(|it| it.code == word) {
        return Ok(Explained::Code(code));
    }
    topic.map(Explained::Topic).ok_or_else(|| Unknown {
        suggestion: meant(word),
    })
}

fn meant(word: &str) -> Option<&'static str> {
    let last = word.rsplit('.').next().unwrap_or(word);
    let keys = || KEYS.iter().filter(|key| key.is_built()).map(Key::name);
    let words = codes()
        .map(|it| it.code)
        .chain(TOPICS.iter().map(Topic::name));
    foreign(last)
        .or_else(|| suggest::nearest(word, keys().chain(words)))
        .or_else(|| suggest::nearest(last, keys()))
}

/// The keys that somebody may call so: by the name, or by the path, without the names that a person
/// chose or with any in their places.
fn called(word: &str) -> Vec<&'static Key> {
    let Some((table, name)) = word.rsplit_once('.') else {
        let named = KEYS.iter().filter(|key| key.names().any(|it| it == word));
        return named.collect();
    };
    let table = unquoted(table);
    let written: Vec<&str> = table.split('.').collect();
    let named = || KEYS.iter().filter(|key| key.names().any(|it| it == name));
    let without = |key: &&Key| {
        key.table()
            .split('.')
            .filter(|it| *it != "*")
            .eq(written.clone())
    };
    let with = |key: &&Key| {
        let known: Vec<&str> = key.table().split('.').collect();
        let mut pairs = known.iter().zip(&written);
        known.len() == written.len() && pairs.all(|(one, other)| one == other || *one == "*")
    };
    let found: Vec<_> = named().filter(without).collect();
    if found.is_empty() {
        return named().filter(with).collect();
    }
    found
}

/// Without the dots of names that stand in quotes.
fn unquoted(table: &str) -> String {
    let parts = table.split('"').enumerate();
    let parts = parts.map(|(index, part)| if index % 2 == 1 { "*" } else { part });
    parts.collect()
}

impl Explained {
    /// The page.
    #[must_use]
    pub fn text(&self) -> String {
        match self {
            Self::Keys(keys, topic) => {
                let pages: Vec<_> = keys.iter().map(|key| page_of_key(key)).collect();
                let topic = topic
                    .map(|it| format!("\n{}", it.page()))
                    .unwrap_or_default();
                pages.join("\n") + &topic
            }
            Self::Code(code) => page_of_code(code),
            Self::Topic(topic) => topic.page(),
        }
    }

    /// The same for programs: ignore members that you do not know.
    #[must_use]
    pub fn to_json(&self) -> Value {
        match self {
            Self::Keys(keys, _) => {
                json!({ "keys": keys.iter().map(|it| key_to_json(it)).collect::<Value>() })
            }
            Self::Code(code) => json!({ "codes": [code_to_json(code)] }),
            Self::Topic(topic) => json!({ "topics": [topic_to_json(topic)] }),
        }
    }
}

/// Everything that there is to explain, a line each.
#[must_use]
pub fn contents() -> String {
    let mut text = String::from("KEYS\n");
    let top = keys_of("").filter(|key| !key.is_table() && key.is_built());
    text.push_str(&two_columns(&rows(top), 2));
    for table in super::tables() {
        text.push_str(&format!("\n  {}\n", super::heading(table)));
        text.push_str(&paragraph(table.doc, 4));
        let within = super::path_within(table);
        let keys = keys_of(&within).filter(|key| !key.is_table() && key.is_built());
        text.push_str(&two_columns(&rows(keys), 4));
    }
    let codes = codes().map(|it| (it.code.to_owned(), it.means.to_owned()));
    text.push_str("\nCODES OF PROBLEMS\n");
    text.push_str(&two_columns(&codes.collect::<Vec<_>>(), 2));
    let topics = TOPICS
        .iter()
        .map(|it| (it.name().to_owned(), it.about.to_owned()));
    text.push_str("\nTOPICS\n");
    text.push_str(&two_columns(&topics.collect::<Vec<_>>(), 2));
    text.push_str("\n`postroom explain WORD` says more about each of them.\n");
    text
}

/// The same for programs: ignore members that you do not know.
#[must_use]
pub fn contents_to_json() -> Value {
    let keys = KEYS.iter().filter(|key| key.is_built());
    json!({
        "keys": keys.map(key_to_json).collect::<Value>(),
        "codes": codes().map(code_to_json).collect::<Value>(),
        "topics": TOPICS.iter().map(topic_to_json).collect::<Value>(),
    })
}

fn rows<'k>(keys: impl Iterator<Item = &'k Key>) -> Vec<(String, String)> {
    keys.map(|key| (key.name().to_owned(), key.doc.to_owned()))
        .collect()
}

fn page_of_key(key: &Key) -> String {
    let mut text = match key.is_table() {
        true => format!("{}\n", super::heading(key)),
        false => format!("{}\n", place(key)),
    };
    text.push_str(&paragraph(key.doc, 2));
    if !key.is_built() {
        let version = env!("CARGO_PKG_VERSION");
        text.push_str(&paragraph(
            &format!("Planned: postroom {version} does not have it."),
            2,
        ));
        return text;
    }
    if !key.is_table() {
        text.push_str(&two_columns(&facts(key), 2));
    }
    let path = super::path_within(key);
    let within = rows(keys_of(&path).filter(|it| it.is_built()));
    if !within.is_empty() {
        text.push('\n');
        text.push_str(&two_columns(&within, 4));
    }
    text
}

/// What there is to know about a key besides its meaning, as rows.
fn facts(key: &Key) -> Vec<(String, String)> {
    let mut facts = Vec::new();
    let mut fact = |name: &str, value: String| facts.push((name.to_owned(), value));
    fact("wants", kind(key));
    match (key.required, key.default) {
        (true, _) => fact("left out", "an error".to_owned()),
        (false, "") => {}
        (false, default) => fact("left out", default.to_owned()),
    }
    fact("example", format!("{} = {}", key.name(), key.example));
    if !key.formerly.is_empty() {
        fact("formerly", key.formerly.join(", "));
    }
    if key.restart {
        fact("changes", "need a restart".to_owned());
    }
    facts
}

fn page_of_code(code: &Code) -> String {
    let Code {
        code,
        means,
        example,
        mend,
    } = code;
    let (means, mend) = (paragraph(means, 2), paragraph(mend, 2));
    format!("{code}\n{means}\n{}\n{mend}", indented(example, 4))
}

fn key_to_json(key: &Key) -> Value {
    json!({
        "key": key.path,
        "means": key.doc,
        "wants": if key.is_table() { "a table".to_owned() } else { kind(key) },
        "default": (!key.default.is_empty()).then_some(key.default),
        "example": (!key.example.is_empty()).then_some(key.example),
        "required": key.required,
        "formerly": key.formerly,
        "restart": key.restart,
        "planned": !key.is_built(),
    })
}

fn code_to_json(code: &Code) -> Value {
    json!({
        "code": code.code,
        "means": code.means,
        "example": code.example,
        "mend": code.mend,
    })
}

fn topic_to_json(topic: &Topic) -> Value {
    json!({ "topic": topic.name(), "about": topic.about, "page": topic.page() })
}
