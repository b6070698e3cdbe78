//! The shape of an expression before its fields are read: `@macros`, and five fields exactly.

use super::fault::{CronError, Token};
use super::field::Field;
use super::unit::{Unit, WEEKDAYS};

const FIELDS: &str = "the fields are minute, hour, day of month, month, day of week";

/// crontab(5)'s nicknames; `@reboot` is none of ours.
const NICKNAMES: [(&str, &str); 7] = [
    ("@yearly", "0 0 1 1 *"),
    ("@annually", "0 0 1 1 *"),
    ("@monthly", "0 0 1 * *"),
    ("@weekly", "0 0 * * 0"),
    ("@daily", "0 0 * * *"),
    ("@midnight", "0 0 * * *"),
    ("@hourly", "0 * * * *"),
];

const UNITS: [Unit; 5] = [
    Unit::Minute,
    Unit::Hour,
    Unit::Day,
    Unit::Month,
    Unit::Weekday,
];

/// The five fields of `text`, or of what its nickname stands for.
pub(super) fn five_fields(text: &str) -> Result<[Token<'_>; 5], CronError> {
    let tokens = tokens(text);
    match tokens.as_slice() {
        [] => Err(
            CronError::new(0..text.len(), "the cron expression is empty", "").help(
                "write `cron = \"0 9 * * Mon\"`, or leave `cron` out: `postroom send` still sends",
            ),
        ),
        [nickname, rest @ ..] if nickname.text.starts_with('@') => stands_for(*nickname, rest),
        [minute, hour, day, month, weekday] => Ok([*minute, *hour, *day, *month, *weekday]),
        _ => Err(wrong_number(text, &tokens)),
    }
}

impl CronError {
    /// The fault of a field, told about the whole expression.
    pub(super) fn within(self, expression: &str) -> Self {
        let message = format!("`{expression}`: {}", self.message);
        let note = self.note.or_else(|| Some(FIELDS.to_owned()));
        Self {
            message,
            note,
            ..self
        }
    }
}

fn tokens(text: &str) -> Vec<Token<'_>> {
    let mut tokens = Vec::new();
    let mut rest = text;
    while let Some(word) = rest.split_whitespace().next() {
        let begin = rest.find(word).unwrap_or(0);
        tokens.push(Token {
            text: word,
            at: text.len() - rest.len() + begin,
        });
        rest = &rest[begin + word.len()..];
    }
    tokens
}

fn stands_for<'a>(nickname: Token<'a>, rest: &[Token<'a>]) -> Result<[Token<'a>; 5], CronError> {
    let known = NICKNAMES
        .iter()
        .find(|(name, _)| nickname.text.eq_ignore_ascii_case(name));
    match (known, rest) {
        (Some((_, fields)), []) => {
            let fields = tokens(fields);
            Ok([fields[0], fields[1], fields[2], fields[3], fields[4]])
        }
        (Some((name, _)), [first, .., last] | [first @ last]) => {
            let span = first.at..last.span().end;
            let message = format!("`{name}` stands alone");
            Err(CronError::new(span, message, "leave this out"))
        }
        (None, _) => Err(unknown_nickname(nickname)),
    }
}

fn unknown_nickname(nickname: Token<'_>) -> CronError {
    let text = nickname.text;
    match text.to_ascii_lowercase().as_str() {
        "@reboot" => {
            return nickname
                .fault("`@reboot` is not a time", "a schedule needs one")
                .note(
                    "a service starts again after every crash and update, and would send each time",
                )
                .help("to send once by hand: `postroom send SCHEDULE`");
        }
        "@every" => {
            return nickname
                .fault("`@every` is not a time of crontab", "no such nickname")
                .help("a step says it too: `*/15 * * * *` is every 15 minutes");
        }
        _ => {}
    }
    let closest = NICKNAMES
        .iter()
        .map(|(name, _)| (strsim::damerau_levenshtein(text, name), name))
        .filter(|(distance, _)| *distance <= (text.chars().count() / 3).max(1))
        .min_by_key(|(distance, _)| *distance);
    let label = match closest {
        Some((_, name)) => format!("did you mean `{name}`?"),
        None => "there are @hourly, @daily, @weekly, @monthly and @yearly".to_owned(),
    };
    nickname.fault(format!("`{text}` is not a time"), label)
}

/// What an expression with too many fields may be: how many it has, which is the first of the five,
/// and why.
const LONGER_FORMS: [(usize, usize, &str); 3] = [
    (6, 1, "looks like a seconds field in front"),
    (6, 0, "looks like a year, or a user, at the end"),
    (7, 1, "looks like seconds in front and a year at the end"),
];

fn wrong_number(text: &str, tokens: &[Token<'_>]) -> CronError {
    let span = tokens[0].at..tokens[tokens.len() - 1].span().end;
    let count = match tokens.len() {
        1 => "one field".to_owned(),
        number @ 2..=9 => {
            let words = [
                "two", "three", "four", "five", "six", "seven", "eight", "nine",
            ];
            format!("{} fields", words[number - 2])
        }
        number => format!("{number} fields"),
    };
    let message = format!("`{}` has {count}, a cron expression has five", text.trim());
    let words: Vec<&str> = tokens.iter().map(|token| token.text).collect();
    if let Some(label) = days_apart(&words) {
        return CronError::new(span, message, label).note(FIELDS);
    }
    for (count, first, label) in LONGER_FORMS {
        if count == words.len()
            && let Some(help) = readable(&words[first..first + 5])
        {
            return CronError::new(span, message, label).help(help);
        }
    }
    CronError::new(span, message, meant_nickname(&words)).note(FIELDS)
}

/// `0 9 * * Mon Tue`: what to write if names of weekdays, and nothing else, follow one.
fn days_apart(words: &[&str]) -> Option<String> {
    let (_, days) = words.split_at_checked(4)?;
    let is_day = |text: &&str| {
        let at = 0;
        text.starts_with(char::is_alphabetic) && Unit::Weekday.value(Token { text, at }).is_ok()
    };
    let days: Vec<&str> = days.iter().map(|day| day.trim_matches(',')).collect();
    let all = days.len() > 1 && days.iter().all(is_day);
    all.then(|| {
        format!(
            "write {} without spaces: `{}`",
            if days.len() == 2 {
                "both days"
            } else {
                "the days"
            },
            days.join(",")
        )
    })
}

/// `daily` for `@daily`.
fn meant_nickname(words: &[&str]) -> String {
    let [word] = words else { return String::new() };
    let nickname = format!("@{}", word.to_ascii_lowercase());
    match NICKNAMES.iter().find(|(name, _)| *name == nickname) {
        Some((name, _)) => format!("did you mean `{name}`?"),
        None => String::new(),
    }
}

/// Says what to write if these five words make an expression, once Quartz's `?` is put right.
fn readable(words: &[&str]) -> Option<String> {
    let words: Vec<&str> = words
        .iter()
        .map(|word| if *word == "?" { "*" } else { word })
        .collect();
    let valid = |(unit, text): (&Unit, &&str)| Field::parse(*unit, Token { text, at: 0 }).is_ok();
    if !UNITS.iter().zip(&words).all(valid) {
        return None;
    }
    let write = format!("write `cron = \"{}\"`", words.join(" "));
    Some(match in_words(&words) {
        Some(meaning) => format!("for {meaning} {write}"),
        None => write,
    })
}

/// `Mondays at 09:00`, for the simplest of expressions only.
fn in_words(words: &[&str]) -> Option<String> {
    let [minute, hour, "*", "*", weekday] = words else {
        return None;
    };
    let minute: u8 = minute.parse().ok()?;
    let hour: u8 = hour.parse().ok()?;
    let days = match Unit::Weekday.value(Token {
        text: weekday,
        at: 0,
    }) {
        Ok(weekday) => format!("{}s", WEEKDAYS[weekday as usize % 7]),
        Err(_) if *weekday == "*" => "every day".to_owned(),
        Err(_) => return None,
    };
    Some(format!("{days} at {hour:02}:{minute:02}"))
}
