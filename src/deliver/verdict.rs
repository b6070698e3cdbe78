//! What a reply or a broken session means: whom it concerns, and whether to try again.
//!
//! The whole failure policy is this file: first the text (servers that say "quota" with a 5xx),
//! then the enhanced code (RFC 3463), then the first digit. Nothing here acts.

use crate::smtp::{Enhanced, Reply, SmtpError, Stage, Trouble};

/// Whom a verdict concerns.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Scope {
    /// This recipient, whatever the message.
    Recipient,
    /// This message.
    Message,
    /// This connection; the message was not judged.
    Session,
    /// The account: its login, its quota, its server.
    Account(Fault),
}

/// What is wrong with an account.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Fault {
    /// The server cannot be reached or does not want us now.
    Server,
    /// It does not accept who we are.
    Login,
    /// It takes no more for now.
    Quota,
}

impl Fault {
    /// What the account's owner can do about it, beside waiting.
    #[must_use]
    pub fn advice(self) -> Option<&'static str> {
        match self {
            Self::Server => None,
            Self::Login => Some(
                "check its `user`, `password` and `from`; the password is read again at each try",
            ),
            Self::Quota => Some("a `rate` below the server's limit avoids this"),
        }
    }
}

/// Whether it is worth trying again.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Decision {
    /// Taken.
    Accept,
    /// Not now.
    Later,
    /// Never.
    Never,
    /// The address does not exist: never, and nothing else either.
    Gone,
}

/// What a refusal says about how the server wants to be used.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Lesson {
    /// This connection has carried as many messages as one may.
    MessagesPerConnection,
    /// There are as many connections as there may be.
    Connections,
}

/// Scope and decision.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Verdict {
    /// Whom it concerns.
    pub scope: Scope,
    /// What to do.
    pub decision: Decision,
    /// What can be learned from it.
    pub lesson: Option<Lesson>,
}

/// Words with which servers say that the account may send no more for now, often with a 5xx.
const QUOTA_WORDS: &[&str] = &[
    "daily message quota",
    "daily user sending",
    "daily sending quota",
    "sending limit",
    "sending quota",
    "maximum credits exceeded",
    "message quota exceeded",
    "messages per day",
    "mi:sfq",
    "frequency limited",
    "too many messages",
    "submissionquotaexceeded",
    "unusual sending activity",
];

/// Words with which servers say that it goes too fast for them.
const RATE_WORDS: &[&str] = &["sending rate exceeded"];

/// Words that concern the connection only.
const SESSION_WORDS: &[&str] = &["mi:dmc", "per connection", "per session"];

/// Judges the reply to a command about one message.
#[must_use]
pub fn judge(stage: Stage, reply: &Reply) -> Verdict {
    let positive = reply.is_positive();
    if positive {
        return Verdict {
            scope: Scope::Message,
            decision: Decision::Accept,
            lesson: None,
        };
    }
    by_text(stage, reply)
        .or_else(|| by_code(stage, reply))
        .unwrap_or_else(|| by_first_digit(stage, reply))
}

fn by_text(stage: Stage, reply: &Reply) -> Option<Verdict> {
    // "Too many messages" in a mailbox (RFC 3463, subjects 1 and 2) is about the recipient.
    let of_mailbox = matches!(reply.enhanced, Some(Enhanced(_, 1 | 2, _)));
    if stage == Stage::Rcpt && of_mailbox {
        return None;
    }
    let text = reply.text.to_lowercase();
    let says = |words: &[&str]| words.iter().any(|word| text.contains(word));
    if says(&["too many concurrent", "too many connections", "hl:icc"]) {
        let lesson = Some(Lesson::Connections);
        Some(Verdict {
            lesson,
            ..later(Scope::Session)
        })
    } else if says(SESSION_WORDS) {
        let lesson = Some(Lesson::MessagesPerConnection);
        Some(Verdict {
            lesson,
            ..later(Scope::Session)
        })
    } else if says(QUOTA_WORDS) {
        Some(later(Scope::Account(Fault::Quota)))
    } else if says(RATE_WORDS) {
        Some(later(Scope::Account(Fault::Server)))
    } else {
        None
    }
}

fn by_code(stage: Stage, reply: &Reply) -> Option<Verdict> {
    match (stage, reply.code, reply.enhanced) {
        // A service that says goodbye, or lost track of who said what: not about the message.
        (_, 421 | 503, _) | (_, 432, Some(Enhanced(4, 3, 2))) => Some(later(Scope::Session)),
        (_, 530 | 534 | 535 | 538, _) => Some(later(Scope::Account(Fault::Login))),
        (_, 552 | 554, Some(Enhanced(5, 3, 4) | Enhanced(5, 2, 3))) => Some(never(Scope::Message)),
        // RFC 1870 section 6.1: larger than it takes.
        (Stage::Mail, 552, None) => Some(never(Scope::Message)),
        // RFC 3463: bad mailbox, bad system, bad syntax, has moved, null MX. Only what is said to
        // RCPT is about the recipient; x.1.7 and x.1.8 blame the sender.
        (Stage::Rcpt, 500..=599, Some(Enhanced(5, 1, 1 | 2 | 3 | 6 | 10))) => Some(Verdict {
            scope: Scope::Recipient,
            decision: Decision::Gone,
            lesson: None,
        }),
        (_, 400..=599, Some(Enhanced(5, 4, 5))) => Some(later(Scope::Account(Fault::Quota))),
        // The sender is refused: that would burn every recipient of the run, one after the other.
        (Stage::Mail, 500..=599, _) => Some(later(Scope::Account(Fault::Login))),
        _ => None,
    }
}

fn by_first_digit(stage: Stage, reply: &Reply) -> Verdict {
    let scope = if stage == Stage::Rcpt {
        Scope::Recipient
    } else {
        Scope::Message
    };
    if reply.is_permanent() {
        never(scope)
    } else {
        later(scope)
    }
}

/// Judges a session that ended. Whether the message is in doubt is in the error itself.
#[must_use]
pub fn judge_error(error: &SmtpError) -> Verdict {
    let opening = matches!(
        error.stage,
        Stage::Connect | Stage::Tls | Stage::Greeting | Stage::Ehlo | Stage::Starttls | Stage::Auth
    );
    match (&error.trouble, error.stage) {
        // 454 (RFC 4954 section 6) is also said after too many logins: knocking on makes it worse.
        (Trouble::Refused(reply), Stage::Auth) if reply.is_permanent() || reply.code == 454 => {
            later(Scope::Account(Fault::Login))
        }
        (Trouble::Refused(reply), Stage::Body | Stage::Dot) => judge(error.stage, reply),
        (Trouble::Missing(_), _) => later(Scope::Account(Fault::Login)),
        _ if opening => later(Scope::Account(Fault::Server)),
        _ => later(Scope::Session),
    }
}

fn later(scope: Scope) -> Verdict {
    Verdict {
        scope,
        decision: Decision::Later,
        lesson: None,
    }
}

fn never(scope: Scope) -> Verdict {
    Verdict {
        scope,
        decision: Decision::Never,
        lesson: None,
    }
}
