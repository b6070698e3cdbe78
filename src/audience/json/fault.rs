//! What can be wrong with a JSON file as a whole, in the words of the person who owns it.

use super::path::RowsPath;
use crate::audience::columns::{NAMED, is_nameable};
use crate::audience::error::{FileFault, Located};

#[derive(Debug, thiserror::Error)]
pub(in crate::audience) enum JsonFault {
    #[error("the file is empty: it has not even a pair of brackets")]
    Empty,
    #[error("it is no list in JSON: that begins with [ or with {{")]
    NotAList,
    #[error("this is JSON, and no CSV")]
    NotCsv,
    #[error("the file ends here, in the middle of its JSON")]
    Cut,
    #[error("{wanted} must stand here{}", instead(*.found))]
    Unexpected { found: u8, wanted: &'static str },
    #[error("a text has a line break or a control character in it, or does not end on its line")]
    Control,
    #[error("a backslash in a text is followed by what JSON does not know")]
    Escape,
    #[error("a text has one half of a surrogate pair (\\ud800 to \\udfff), which is no character")]
    Surrogate,
    #[error("the value that begins here is larger than 1 MiB")]
    TooLong,
    #[error("brackets stand in brackets, more than 100 deep")]
    TooDeep,
    #[error("something follows the end of the document")]
    After,
    #[error("the object that begins here does not end on its line")]
    OverLines,
    #[error("the object that begins here has several lines: it is a document, not a person")]
    Document { arrays: Vec<String> },
    #[error("something follows the object on this line")]
    TwoOnALine,
    #[error("`rows` is \"{0}\", and the document is itself an array")]
    RowsOfArray(RowsPath),
    #[error("the document has no `{path}`")]
    RowsNowhere {
        path: String,
        /// The keys beside which it would stand.
        keys: Vec<String>,
        near: Option<String>,
    },
    #[error("`{path}` is {is}, not {wanted}")]
    RowsOther {
        path: String,
        is: &'static str,
        wanted: &'static str,
        arrays: Vec<String>,
    },
    #[error("the document has `{0}` a second time")]
    RowsTwice(String),
}

fn instead(found: u8) -> String {
    match found {
        b'`' => ", and not a backtick".to_owned(),
        b'!'..=b'~' => format!(", and not `{}`", char::from(found)),
        _ => String::new(),
    }
}

impl JsonFault {
    pub(super) fn at(self, line: u64) -> Located {
        FileFault::Json(Box::new(self)).at(line)
    }

    pub(in crate::audience) fn code(&self) -> &'static str {
        match self {
            Self::TooLong | Self::TooDeep => "row-too-large",
            Self::Document { .. }
            | Self::RowsOfArray(_)
            | Self::RowsNowhere { .. }
            | Self::RowsOther { .. }
            | Self::RowsTwice(_) => "missing-rows",
            _ => "bad-json",
        }
    }

    pub(in crate::audience) fn help(&self) -> String {
        let help = match self {
            Self::Empty => "was its export interrupted? a list without people is []",
            Self::NotAList => "is it the right file? comma-separated values go under `csv`",
            Self::NotCsv => "call the file .json",
            Self::Cut => "was it cut off?",
            Self::Unexpected { found, .. } => unexpected(*found),
            Self::Control => "was it cut off? inside a text, write \\n for a line break",
            Self::Escape => "a backslash itself is written twice: \\\\",
            Self::Surrogate => "write the character itself, or both halves of it",
            Self::TooLong => {
                "is it the right file? if this is one document, `rows` says where its people are"
            }
            Self::TooDeep => "is it the right file?",
            Self::After => {
                "a file of one object a line (JSON Lines) has neither brackets around all nor \
                 `rows`"
            }
            Self::OverLines => {
                "was it cut off? of one object a line (JSON Lines), each has one line"
            }
            Self::Document { arrays } => return where_people_are(arrays),
            Self::TwoOnALine => "write each on a line of its own, without a comma after it",
            Self::RowsOfArray(_) => "take out `rows`",
            Self::RowsNowhere { keys, near, .. } => return there_is(keys, near.as_deref()),
            Self::RowsOther { arrays, .. } => return where_people_are(arrays),
            Self::RowsTwice(_) => "nobody can tell which of them is meant: mend its export",
        };
        help.to_owned()
    }
}

fn unexpected(found: u8) -> &'static str {
    match found {
        b']' | b'}' => "JSON has no comma after the last one",
        b'/' | b'#' => "JSON has no comments",
        b'\'' => "JSON has double quotes only",
        b'N' | b'I' => "JSON has no NaN and no Infinity: write null",
        b'T' | b'F' => "JSON writes true, false and null in small letters",
        b'{' => "is a comma missing between two rows?",
        _ => "was the file written by hand? a program's JSON export has no such slips",
    }
}

/// Which `rows` to write.
pub(super) fn where_people_are(arrays: &[String]) -> String {
    match arrays {
        [] => "say where its people are: rows = \"data.people\"".to_owned(),
        [one] => format!("say where its people are: rows = \"{one}\""),
        several => {
            let several: Vec<_> = several
                .iter()
                .map(|it| format!("rows = \"{it}\""))
                .collect();
            format!("say where its people are: {}", several.join(" or "))
        }
    }
}

fn there_is(keys: &[String], near: Option<&str>) -> String {
    let there = match keys {
        [] => "there are no keys at all".to_owned(),
        keys => format!("its keys there: {}", keys.join(", ")),
    };
    match near {
        Some(near) => format!("did you mean rows = \"{near}\"? {there}"),
        None => there,
    }
}

/// The key that is written almost alike.
pub(super) fn nearest(wanted: &str, keys: &[String]) -> Option<String> {
    let wanted = wanted.to_lowercase();
    let reach = (wanted.chars().count() / 3).max(1);
    let distance = |key: &String| strsim::damerau_levenshtein(&key.to_lowercase(), &wanted);
    let near = keys.iter().map(|key| (distance(key), key));
    let near = near.filter(|(distance, key)| *distance <= reach && *distance < key.len());
    near.min_by_key(|(distance, _)| *distance)
        .map(|(_, key)| key.clone())
}

/// Adds a key to those that are named.
pub(super) fn name(keys: &mut Vec<String>, key: &str) {
    if keys.len() < NAMED && is_nameable(key) {
        keys.push(key.to_owned());
    }
}
