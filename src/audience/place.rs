//! Where a row stands in its list, as a person can find it.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The place of a row. All of a JSON document may stand on one line, so that there it is told which
/// of the people a row is; everywhere else a row has its line.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Place {
    /// Which of the people in a JSON document, the first being 1.
    Person {
        person: u64,
        /// The line on which they begin, as long as it is known: it is not stored.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        line: Option<u64>,
    },
    /// The line of the file on which the row begins, the first being 1; of a list without a file,
    /// the row's place in it, counted from 1.
    Line { line: u64 },
}

impl Place {
    /// A line.
    #[must_use]
    pub fn line(line: u64) -> Self {
        Self::Line { line }
    }

    /// The line, if it is known.
    #[must_use]
    pub fn line_if_known(self) -> Option<u64> {
        match self {
            Self::Person { line, .. } => line,
            Self::Line { line } => Some(line),
        }
    }

    /// Which of the people of a document, if it is one.
    #[must_use]
    pub fn person(self) -> Option<u64> {
        match self {
            Self::Person { person, .. } => Some(person),
            Self::Line { .. } => None,
        }
    }

    /// As one number, which [`Self::stored`] reads: people of a document are below 0.
    #[must_use]
    pub fn to_stored(self) -> i64 {
        let number = |n| i64::try_from(n).unwrap_or(i64::MAX);
        match self {
            Self::Person { person, .. } => -number(person),
            Self::Line { line } => number(line),
        }
    }

    /// What [`Self::to_stored`] made one number of.
    #[must_use]
    pub fn stored(number: i64) -> Self {
        match number {
            ..0 => Self::Person {
                person: number.unsigned_abs(),
                line: None,
            },
            _ => Self::line(number.unsigned_abs()),
        }
    }
}

/// `line 7`, `person 4,001 (line 1)`.
impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Line { line } => write!(f, "line {line}"),
            Self::Person { person, line } => {
                write!(f, "person {}", grouped(*person))?;
                line.map_or(Ok(()), |line| write!(f, " (line {line})"))
            }
        }
    }
}

/// With separators of thousands.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + 4);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_comes_back_from_its_number_and_says_what_it_counts() {
        let person = Place::Person {
            person: 4001,
            line: Some(1),
        };
        assert_eq!(person.to_string(), "person 4,001 (line 1)");
        assert_eq!(
            Place::stored(person.to_stored()).to_string(),
            "person 4,001"
        );
        let line = Place::line(4001);
        assert_eq!(line.to_string(), "line 4001");
        assert_eq!(Place::stored(line.to_stored()), line);
    }

    #[test]
    fn programs_read_a_place_as_the_member_that_it_is() {
        for (place, json) in [
            (Place::line(7), r#"{"line":7}"#),
            (Place::stored(-7), r#"{"person":7}"#),
        ] {
            assert_eq!(serde_json::to_string(&place).unwrap(), json);
            assert_eq!(serde_json::from_str::<Place>(json).unwrap(), place);
        }
    }
}
