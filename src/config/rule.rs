//! `[[account.<name>.rule]]`: what a server's refusals mean, where it means something else by them
//! than other servers do.
//!
//! A rule speaks of refusals only: what a server has taken is taken. 421 and 503 are about the
//! session, so no rule makes them final for a mail (RFC 5321 section 3.8; a 503 is a lost thread).

use std::ops::Range;
use std::str::FromStr;

use toml::de::{DeTable, DeValue};

use super::choice::{SaidTo, Treatment};
use super::problem::Problem;
use super::section::{Section, Text};
use super::tables::header;

const TABLE: &str = "account.*.rule";
/// Codes that are about the session, whatever they are said to.
const OF_THE_SESSION: [u16; 2] = [421, 503];

/// What one kind of refusal means. Of several that fit, the first holds.
#[derive(Clone, Debug, PartialEq)]
pub struct Rule {
    /// Its numbers; any if none are given.
    pub reply: Option<ReplyPattern>,
    /// What it contains, in lower case; anything if nothing is given.
    pub text: Option<String>,
    /// What it answers; anything that concerns a mail if nothing is given.
    pub at: Option<SaidTo>,
    /// What follows from it.
    pub then: Treatment,
}

/// The numbers of a refusal: `551 5.7.1`, `551`, or the digits that it begins with.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ReplyPattern {
    /// One to three digits; the first is 4 or 5.
    code: String,
    enhanced: Option<[u16; 3]>,
}

/// Why a text does not say which replies are meant.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum BadPattern {
    /// Not of this form at all.
    #[error("write a code, its first digits or both codes: \"551\", \"5\" or \"551 5.7.1\"")]
    Form,
    /// With letters for digits that may be anything.
    #[error("the digits that it begins with are enough")]
    Wildcard(String),
    /// Not the code of a refusal.
    #[error("a refusal begins with 4 or 5; what a server has taken is taken")]
    NotARefusal,
    /// The two codes are of different classes, so no reply has both.
    #[error("no reply has both: they begin with the same digit")]
    Classes,
}

impl Rule {
    /// Whether this rule speaks of a refusal. `shown` is all of it, codes and text, in lower case.
    #[must_use]
    pub fn fits(&self, at: SaidTo, code: u16, enhanced: Option<[u16; 3]>, shown: &str) -> bool {
        let about_the_session = OF_THE_SESSION.contains(&code);
        self.at.is_none_or(|wanted| wanted == at)
            && !(about_the_session && self.then.is_final())
            && (self.reply.as_ref()).is_none_or(|wanted| wanted.fits(code, enhanced))
            && (self.text.as_ref()).is_none_or(|wanted| shown.contains(wanted))
    }

    /// Whether whatever fits `other` fits this one too.
    fn covers(&self, other: &Self) -> bool {
        let is_session = |it: &ReplyPattern| OF_THE_SESSION.iter().any(|code| it.names(*code));
        let leaves_some_out = self.then.is_final() && !other.then.is_final();
        self.at.is_none_or(|at| other.at == Some(at))
            && !(leaves_some_out && other.reply.as_ref().is_none_or(is_session))
            && self.reply.as_ref().is_none_or(|mine| {
                let theirs = other.reply.as_ref();
                theirs.is_some_and(|theirs| {
                    let same = mine.enhanced.is_none() || mine.enhanced == theirs.enhanced;
                    same && theirs.code.starts_with(&mine.code)
                })
            })
            && self.text.as_ref().is_none_or(|mine| {
                let theirs = other.text.as_ref();
                theirs.is_some_and(|theirs| theirs.contains(mine))
            })
    }
}

impl Treatment {
    /// Whether the mail is not tried again.
    #[must_use]
    pub fn is_final(self) -> bool {
        matches!(self, Self::Reject | Self::Suppress)
    }
}

impl ReplyPattern {
    fn fits(&self, code: u16, enhanced: Option<[u16; 3]>) -> bool {
        self.names(code) && (self.enhanced.is_none() || self.enhanced == enhanced)
    }

    /// Whether it speaks of a code, alone or among others.
    fn names(&self, code: u16) -> bool {
        code.to_string().starts_with(&self.code)
    }
}

impl FromStr for ReplyPattern {
    type Err = BadPattern;

    fn from_str(text: &str) -> Result<Self, BadPattern> {
        let words: Vec<&str> = text.split_whitespace().collect();
        let (code, enhanced) = match words[..] {
            [only] if only.contains('.') => (only.split('.').next().unwrap_or(""), Some(only)),
            [code] => (code, None),
            [code, enhanced] => (code, Some(enhanced)),
            _ => return Err(BadPattern::Form),
        };
        let digits = code.trim_end_matches(['x', 'X']);
        let are_digits = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
        if !are_digits || code.len() > 3 {
            return Err(BadPattern::Form);
        }
        if !digits.starts_with(['4', '5']) {
            return Err(BadPattern::NotARefusal);
        }
        if digits != code {
            let rest = enhanced.map(|it| format!(" {it}")).unwrap_or_default();
            return Err(BadPattern::Wildcard(format!("{digits}{rest}")));
        }
        let enhanced = enhanced.map(enhanced_code).transpose()?;
        if enhanced.is_some_and(|it| !digits.starts_with(&it[0].to_string())) {
            return Err(BadPattern::Classes);
        }
        Ok(Self {
            code: code.to_owned(),
            enhanced,
        })
    }
}

/// RFC 3463: a class, a subject and a detail.
fn enhanced_code(text: &str) -> Result<[u16; 3], BadPattern> {
    let parts = text.split('.').map(|part| {
        let sane = part.len() <= 3 && part.bytes().all(|b| b.is_ascii_digit());
        part.parse::<u16>().ok().filter(|_| sane)
    });
    let parts: Option<Vec<u16>> = parts.collect();
    parts
        .and_then(|parts| parts.try_into().ok())
        .ok_or(BadPattern::Form)
}

/// Reads the rules of an account. What is wrong with one has been reported.
pub(super) fn read(account: &Section<'_>) -> Vec<Rule> {
    let tables = account.value("rule").and_then(|it| it.get_ref().as_array());
    let mut known: Vec<(Range<usize>, Rule)> = Vec::new();
    for value in tables.into_iter().flatten() {
        let DeValue::Table(entries) = value.get_ref() else {
            continue; // its shape has been reported
        };
        let header = header(account.doc, value.span());
        let section = section(account, header.clone(), entries);
        let Some(rule) = read_one(&section) else {
            continue;
        };
        if let Some((earlier, _)) = known.iter().find(|(_, it)| it.covers(&rule)) {
            let message = "this rule is never reached: the first rule that fits holds";
            let place = section.header_place("put this one first");
            let earlier = section.doc.place(earlier.clone(), "fits all of it already");
            section.report(Problem::warning("unreached-rule", message, place).and(earlier));
        }
        known.push((header, rule));
    }
    known.into_iter().map(|(_, rule)| rule).collect()
}

fn section<'d>(
    account: &Section<'d>,
    header: Range<usize>,
    entries: &'d DeTable<'d>,
) -> Section<'d> {
    Section::open(account.doc, TABLE, account.name, header, entries)
}

fn read_one(section: &Section<'_>) -> Option<Rule> {
    check_is_whole(section);
    let text = section.text("text").map(|text| words(section, &text));
    let reply = section.text("reply").map(|text| pattern(section, &text));
    let then: Treatment = section.choice("then")?;
    let rule = Rule {
        reply: reply.map_or(Some(None), |it| it.map(Some))?,
        text: text.map_or(Some(None), |it| it.map(Some))?,
        at: section.choice("at"),
        then,
    };
    let usable = (section.has("reply") || section.has("text"))
        && is_about_a_mail(section, &rule)
        && suppresses_by_rcpt_only(section, &rule);
    usable.then_some(rule)
}

/// A rule says which replies it is for, and what follows.
fn check_is_whole(section: &Section<'_>) {
    let for_none = section.lacks("reply") && section.lacks("text");
    let (lacking, needs) = match (for_none, section.lacks("then")) {
        (false, false) => return,
        (true, false) => ("which replies it is for", "needs `reply` or `text`"),
        (false, true) => ("what follows", "needs `then`"),
        (true, true) => (
            "which replies it is for, or what follows",
            "needs `then`, and `reply` or `text`",
        ),
    };
    let message = format!("{} does not say {lacking}", section.title());
    let problem = Problem::error("missing-key", message, section.header_place(needs));
    let replies = "write `reply = \"551\"`, or `text = \"…\"` with words of the server's";
    let then = "write `then = \"later\"`, \"reject\", \"suppress\", \"pause\" or \"reconnect\"";
    let problem = problem.key(section.path(if for_none { "reply" } else { "then" }));
    let problem = problem.maybe_help(for_none.then(|| replies.to_owned()));
    section.report(problem.maybe_help(section.lacks("then").then(|| then.to_owned())));
}

fn words(section: &Section<'_>, text: &Text<'_>) -> Option<String> {
    let words = text.text.trim().to_lowercase();
    if words.is_empty() {
        let place = section.value_place("text", "write words of the server's");
        let message = "`text` cannot be empty: every reply would fit";
        section.report(Problem::error("bad-rule", message, place).key(section.path("text")));
        return None;
    }
    Some(words)
}

fn pattern(section: &Section<'_>, text: &Text<'_>) -> Option<ReplyPattern> {
    let fault = match text.text.parse::<ReplyPattern>() {
        Ok(pattern) => return Some(pattern),
        Err(fault) => fault,
    };
    let message = format!("`reply` cannot be `{}`", text.text);
    let place = section.value_place("reply", "");
    let problem = Problem::error("bad-rule", message, place).key(section.path("reply"));
    let problem = match &fault {
        BadPattern::Wildcard(digits) => problem.suggest(Some(digits.clone())),
        _ => problem,
    };
    section.report(problem.note(fault.to_string()));
    None
}

/// Whether a rule leaves it to the session what is about the session.
fn is_about_a_mail(section: &Section<'_>, rule: &Rule) -> bool {
    let named = |code: &u16| (rule.reply.as_ref()).is_some_and(|it| it.code == code.to_string());
    let Some(code) = OF_THE_SESSION.iter().find(|code| named(code)) else {
        return true;
    };
    if !rule.then.is_final() {
        return true;
    }
    let message = format!("a {code} is about the session and never final for a mail");
    let place = section.value_place("then", "would end the mail it happens to answer");
    section.report(
        Problem::error("bad-rule", message, place)
            .and(section.value_place("reply", ""))
            .help("write `then = \"later\"`, or take the rule out")
            .key(section.path("then")),
    );
    false
}

/// Only what is said to RCPT is about an address; anywhere else a person would be lost for good by
/// what a server thinks of one mail.
fn suppresses_by_rcpt_only(section: &Section<'_>, rule: &Rule) -> bool {
    let at_rcpt = rule.at == Some(SaidTo::Rcpt) || section.is_unclear("at");
    if rule.then != Treatment::Suppress || at_rcpt {
        return true;
    }
    let message = "only the answer to RCPT says that an address does not exist";
    let place = section.value_place("then", "the address would get no mail from then on");
    let mut problem = Problem::error("bad-rule", message, place).key(section.path("then"));
    if section.has("at") {
        problem = problem.and(section.value_place("at", "not said about an address"));
    }
    section.report(problem.help("write `at = \"rcpt\"`, or `then = \"reject\"`"));
    false
}
