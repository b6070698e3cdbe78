//! What a reply or a broken session means: whom it concerns, and whether to try again.
//!
//! The whole failure policy is this file, and nearly all of it is [`TABLE`]. The rules of the
//! account's owner are asked before it. Nothing here acts, nothing here remembers.
//!
//! Invariant: a mail is accepted by a 2xx to its end of data and by nothing else; 421 and 503 never
//! end a mail; only an answer to RCPT says that an address does not exist.

use Decision::{Accept, Gone, Later, Never};
use Fault::{Login, Quota, Rate, Sender, Server};
use Scope::{Account, Message, Recipient, Session};

use crate::config::{Rule, SaidTo, Treatment};
use crate::smtp::Stage::{Auth, Data, Dot, Ehlo, Greeting, Mail, Rcpt, Starttls};
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
    /// It does not accept whom the mail is from.
    Sender,
    /// It takes no more for now.
    Quota,
    /// It takes more, but not so fast.
    Rate,
    /// The key that signs its mail cannot be had. The server has nothing to do with it.
    Key,
}

impl Fault {
    /// What happens next, and what the account's owner can do about it beside waiting. It follows
    /// the server's words.
    #[must_use]
    pub fn advice(self) -> &'static str {
        match self {
            Self::Server => {
                "it is tried again without end; if it stays so, check `host`, `port` and `tls`"
            }
            Self::Login => {
                "check `user` and `password`; the password is read again at each try, and only one \
                 connection tries, so that the server locks nobody out"
            }
            Self::Sender => {
                "check that `user` may send mail that is `from` this address; no recipient is \
                 given up for it"
            }
            Self::Quota => {
                "its mail waits until the server takes it again; a `rate` below the server's limit \
                 avoids this"
            }
            Self::Rate => "its mail goes on after the rest; a lower `rate` avoids this",
            Self::Key => {
                "no mail leaves unsigned, so all of it waits; the key is read again at each try"
            }
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

/// What a reply teaches about the server's limits. All of them are met by doing less of something,
/// which is better than waiting.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Lesson {
    /// A connection carries so many messages as this one has; the message can go out on a new one
    /// at once.
    MessagesPerConnection,
    /// There are more connections than the server wants.
    Connections,
    /// Messages come faster than the server wants.
    Rate,
    /// A message has more recipients than the server wants. Those that it did not take go into the
    /// next transaction at once, unless it took none; half of those whom it took are tried at once
    /// where it says so only to DATA or to the end of data.
    Recipients,
}

/// Scope and decision, and what can be learned.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Verdict {
    /// Whom it concerns.
    pub scope: Scope,
    /// What to do.
    pub decision: Decision,
    /// What to do otherwise from now on.
    pub lesson: Option<Lesson>,
}

impl Verdict {
    const fn and(self, lesson: Lesson) -> Self {
        Self {
            lesson: Some(lesson),
            ..self
        }
    }
}

/// A row of the table: which replies it speaks of, and what they mean.
#[derive(Debug)]
pub struct Row {
    /// What they answer; the body's refusals are the dot's.
    pub stages: &'static [Stage],
    /// Their numbers, any of these: the code or its first digits; then the enhanced code, `x` for
    /// any number, `-` for none at all.
    pub codes: &'static [&'static str],
    /// Words in them, any of these, in lower case; whatever they say if empty.
    pub words: &'static [&'static str],
    /// What they mean.
    pub verdict: Verdict,
}

const OPENING: &[Stage] = &[Greeting, Ehlo, Starttls, Auth];
const MESSAGE: &[Stage] = &[Mail, Rcpt, Data, Dot];
const BODY: &[Stage] = &[Data, Dot];
const ALL: &[Stage] = &[Greeting, Ehlo, Starttls, Auth, Mail, Rcpt, Data, Dot];
const NO: &[&str] = &["4", "5"];
const SAYING_ANYTHING: &[&str] = &[];

const TOO_MANY_CONNECTIONS: &[&str] = &[
    "too many connections",   // Postfix, anvil
    "too many concurrent",    // Exim, SES
    "concurrent connections", // Microsoft 365, Exchange
    "sender thread limit",    // Microsoft 365: three sessions submit at once
    "hl:icc",                 // NetEase (163, 126)
];

const TOO_MANY_RECIPIENTS: &[&str] = &[
    "too many recipients", // nearly all
    "too much recipient",  // NetEase
    "rp:rcl",              // NetEase
];

/// The table, tried from its top: the first row that fits holds. Who we are; the mailbox, where the
/// words of other rows are about it alone; words; enhanced codes; the first digit.
#[rustfmt::skip]
pub static TABLE: &[Row] = &[
    // RFC 5321 section 4.2.1. The session has seen to it that it is no greeting and no goodbye.
    row(&[Dot], &["2"], SAYING_ANYTHING, verdict(Message, Accept)),

    // RFC 4954 section 6. 454 is also said after too many logins: knocking on makes it worse. QQ's
    // 535 lists all it could be, "login frequency limited" too.
    row(&[Auth], &["5", "432 4.7.12", "454"], SAYING_ANYTHING, later(Account(Login))),
    row(&[Auth], &["4"], &[
        "err.login",                    // NetEase for companies: 460 for a wrong password
        "too much fail authentication", // NetEase
        "too many auth",                // Postfix, anvil
        "too many login",               // Gmail
    ], later(Account(Login))),
    row(MESSAGE, &["530", "534", "535", "538"], SAYING_ANYTHING, later(Account(Login))),
    row(&[Mail, Rcpt], &["5"], &[
        "authentication is required",    // NetEase
        "authentication required",       // many
        "invalid credentials for relay", // Google's relay
        "relay access denied",           // Postfix
        "relaying denied",               // sendmail
        "relay not permitted",           // Exim
        "unable to relay",               // Exchange
        "client host rejected",          // Postfix
        "blocked using",                 // Postfix, with a block list
    ], later(Account(Login))),

    // The sender is refused: that would burn every recipient of the run, one after the other.
    // Postfix says it to RCPT (smtpd_delay_reject), Microsoft and Amazon to the dot.
    row(MESSAGE, &["5"], &[
        "sendasdenied",                       // Microsoft 365: 554 5.2.252
        "not allowed to send as",             // Microsoft 365, others
        "sender address rejected",            // Postfix
        "sender verify failed",               // Exim
        "must be same as authorization user", // QQ: 501
        "must equal authorized user",         // NetEase: 553
        "dt:sum",                             // NetEase: MAIL and From differ
        "relaying disallowed as",             // Zoho: 553
        "email address is not verified",      // SES: 554
    ], later(Account(Sender))),
    row(MESSAGE, &["553"], &["sender rejected"], later(Account(Sender))),
    row(MESSAGE, &["5 5.1.7", "5 5.1.8", "5 5.7.60"], SAYING_ANYTHING, later(Account(Sender))),

    // RFC 3463: bad mailbox, bad system, bad syntax, has moved, null MX. Nothing else suppresses,
    // and what subject 2 says to RCPT is about that mailbox: full, closed, too much mail for it.
    row(&[Rcpt], &["5 5.1.1", "5 5.1.2", "5 5.1.3", "5 5.1.6", "5 5.1.10"], SAYING_ANYTHING,
        verdict(Recipient, Gone)),
    row(&[Rcpt], &["5 5.2.x"], SAYING_ANYTHING, verdict(Recipient, Never)),
    row(&[Rcpt], &["4 4.2.x"], SAYING_ANYTHING, later(Recipient)),

    // The connection has carried all it may.
    row(MESSAGE, NO, &[
        "per connection",     // Yahoo: "Max message per connection reached", others
        "per session",        // several
        "in this connection", // Exim: smtp_accept_max_per_connection, also Verizon, SES
        "in this session",    // several
        "mi:dmc", "rp:drc",   // NetEase
    ], later(Session).and(Lesson::MessagesPerConnection)),
    row(MESSAGE, &["421"], &["too many messages"],
        later(Session).and(Lesson::MessagesPerConnection)),
    // OpenSMTPD says so after 100 mails: "we can pretend we had too many recipients".
    row(&[Mail], &["452 4.5.3"], SAYING_ANYTHING,
        later(Session).and(Lesson::MessagesPerConnection)),

    // There are too many connections. One that is open can go on; one that opens cannot.
    row(MESSAGE, NO, TOO_MANY_CONNECTIONS, later(Session).and(Lesson::Connections)),
    row(MESSAGE, &["432 4.3.2"], SAYING_ANYTHING, later(Session).and(Lesson::Connections)),
    row(OPENING, NO, TOO_MANY_CONNECTIONS, later(Account(Server)).and(Lesson::Connections)),
    row(OPENING, &["432 4.3.2"], SAYING_ANYTHING,
        later(Account(Server)).and(Lesson::Connections)),

    // Too fast.
    row(ALL, NO, &[
        "sending rate exceeded",       // SES: 454
        "message submission rate",     // Exchange: 421 4.4.2
        "too much mail from",          // Postfix, anvil
        "too many recipients from",    // Postfix, anvil: in a time, not in a message
        "too many new tls sessions",   // Postfix, anvil
        "rate limit exceeded",         // several
        "hl:ifc",                      // NetEase
    ], later(Account(Rate)).and(Lesson::Rate)),
    // Postfix: smtpd_hard_error_limit, which is about this session.
    row(MESSAGE, &["421"], &["too many errors"], later(Session)),
    // Gmail: "Try again later, closing connection"; many others.
    row(ALL, &["421 4.7.x"], SAYING_ANYTHING, later(Account(Rate)).and(Lesson::Rate)),
    // Gmail; Microsoft: "Excessive message rate from sender".
    row(ALL, &["4 4.7.28", "5 5.7.28", "450 4.5.127"], SAYING_ANYTHING,
        later(Account(Rate)).and(Lesson::Rate)),

    // The account has sent what it may, often with a 5xx.
    row(ALL, NO, &[
        "sending limit", "sending quota",    // Gmail: 550 5.4.5; its relay: 550 5.7.1
        "daily limit", "daily message",      // Microsoft 365: 550 5.1.90; SES: 454; NetEase
        "messages per day",                  // several
        "message quota exceeded",            // several
        "too many messages",                 // several
        "submissionquotaexceeded",           // Microsoft 365: 554 5.2.0, 10,000 recipients a day
        "submission.exception:quotaexceeded", // Microsoft 365: 554 5.2.2, our mailbox is full
        "sender throttled due to",           // Microsoft 365: 550 5.2.251 to 5.2.255
        "unusual sending activity",          // Zoho: 550 5.4.6
        "frequency limited",                 // QQ: 550
        "maximum credits exceeded",          // SendGrid: 451, to AUTH too
        "mi:sfq", "mi:stc",                  // NetEase: mails in 15 minutes, in a day
        "rp:qrc", "rp:trc",                  // NetEase: recipients in a while, in a day
        "hl:itc",                            // NetEase: an IP address, in a day
    ], later(Account(Quota))),
    row(MESSAGE, &["5 5.4.5", "5 5.1.90"], SAYING_ANYTHING, later(Account(Quota))),
    // Before there is a recipient that could be greylisted, RFC 3463's "security or policy" is ours.
    row(&[Mail], &["4 4.7.x"], SAYING_ANYTHING, later(Account(Rate)).and(Lesson::Rate)),

    // Too many recipients in one transaction. RFC 5321 section 4.5.3.1.10: 552 to RCPT is a 452.
    row(&[Rcpt], &["4 4.5.3", "5 5.5.3", "452 -", "552 -"], SAYING_ANYTHING,
        later(Recipient).and(Lesson::Recipients)),
    row(&[Rcpt], NO, TOO_MANY_RECIPIENTS, later(Recipient).and(Lesson::Recipients)),
    row(BODY, &["4 4.5.3", "5 5.5.3"], SAYING_ANYTHING, later(Message).and(Lesson::Recipients)),
    row(BODY, NO, TOO_MANY_RECIPIENTS, later(Message).and(Lesson::Recipients)),

    // RFC 5321 section 3.8: a service that says goodbye. 503 has lost track of who said what; after
    // the end of data it is a server that does not take the next mail in the same breath (Haraka).
    row(MESSAGE, &["421", "503"], SAYING_ANYTHING, later(Session)),

    // RFC 1870 section 6.1: larger than it takes.
    row(MESSAGE, &["552 5.3.4", "554 5.3.4"], SAYING_ANYTHING, verdict(Message, Never)),
    row(&[Mail], &["552 -", "552 5.2.3", "554 5.2.3"], SAYING_ANYTHING, verdict(Message, Never)),

    // Nobody's mail is taken from this sender.
    row(&[Mail], &["5"], SAYING_ANYTHING, later(Account(Sender))),

    // RFC 5321 section 4.2.1: the first digit tells.
    row(&[Rcpt], &["5"], SAYING_ANYTHING, verdict(Recipient, Never)),
    row(&[Rcpt], &["4"], SAYING_ANYTHING, later(Recipient)),
    row(BODY, &["5"], SAYING_ANYTHING, verdict(Message, Never)),
    row(&[Mail, Data, Dot], &["4"], SAYING_ANYTHING, later(Message)),
    row(OPENING, NO, SAYING_ANYTHING, later(Account(Server))),
];

const fn row(
    stages: &'static [Stage],
    codes: &'static [&'static str],
    words: &'static [&'static str],
    verdict: Verdict,
) -> Row {
    Row {
        stages,
        codes,
        words,
        verdict,
    }
}

const fn verdict(scope: Scope, decision: Decision) -> Verdict {
    Verdict {
        scope,
        decision,
        lesson: None,
    }
}

const fn later(scope: Scope) -> Verdict {
    verdict(scope, Later)
}

/// Judges the reply to a command about one message, or to one that opens a session.
#[must_use]
pub fn judge(rules: &[Rule], stage: Stage, reply: &Reply) -> Verdict {
    by_rule(rules, stage, reply)
        .or_else(|| {
            TABLE
                .iter()
                .find(|row| row.fits(stage, reply))
                .map(|row| row.verdict)
        })
        .unwrap_or(later(Session)) // RSET refused, or a yes where nothing was asked
}

/// Whether the account's owner has said what this reply means.
#[must_use]
pub fn is_ruled(rules: &[Rule], stage: Stage, reply: &Reply) -> bool {
    by_rule(rules, stage, reply).is_some()
}

/// Judges a session that ended. Whether the message is in doubt is in the error itself.
#[must_use]
pub fn judge_error(rules: &[Rule], error: &SmtpError) -> Verdict {
    match (&error.trouble, error.stage) {
        (Trouble::Refused(reply), stage) if !reply.is_positive() => judge(rules, stage, reply),
        (Trouble::Missing(_), Auth) => later(Account(Login)),
        // Some answer a wrong password so.
        (Trouble::Closed | Trouble::Io(_), Auth) => later(Account(Login)),
        (_, Stage::Connect | Stage::Tls) => later(Account(Server)),
        (_, stage) if OPENING.contains(&stage) => later(Account(Server)),
        _ => later(Session),
    }
}

/// What the account's owner says. A rule never speaks of a 2xx, nor of the opening of a session.
fn by_rule(rules: &[Rule], stage: Stage, reply: &Reply) -> Option<Verdict> {
    let at = match stage {
        Mail => SaidTo::Mail,
        Rcpt => SaidTo::Rcpt,
        Data => SaidTo::Data,
        Stage::Body | Dot => SaidTo::Dot,
        _ => return None,
    };
    if !reply.is_refusal() {
        return None;
    }
    let shown = reply.to_string().to_lowercase();
    let enhanced =
        (reply.enhanced).map(|Enhanced(class, subject, detail)| [class, subject, detail]);
    let fits = |rule: &&Rule| rule.fits(at, reply.code, enhanced, &shown);
    let it = if at == SaidTo::Rcpt {
        Recipient
    } else {
        Message
    };
    Some(match rules.iter().find(fits)?.then {
        Treatment::Later => later(it),
        Treatment::Reject => verdict(it, Never),
        Treatment::Suppress => verdict(it, Gone),
        Treatment::Pause => later(Account(Quota)),
        Treatment::Reconnect => later(Session).and(Lesson::MessagesPerConnection),
    })
}

impl Row {
    /// Whether this row speaks of a reply.
    #[must_use]
    pub fn fits(&self, stage: Stage, reply: &Reply) -> bool {
        let stage = if stage == Stage::Body { Dot } else { stage };
        self.stages.contains(&stage)
            && self.codes.iter().any(|code| names(code, reply))
            && (self.words.is_empty() || {
                let text = reply.text.to_lowercase();
                self.words.iter().any(|words| text.contains(words))
            })
    }
}

/// Whether a cell of the column `codes` names a reply.
fn names(cell: &str, reply: &Reply) -> bool {
    let (code, enhanced) = cell.split_once(' ').unwrap_or((cell, ""));
    let same = match (enhanced, reply.enhanced) {
        ("", _) => true,
        ("-", found) => found.is_none(),
        (_, None) => false,
        (pattern, Some(found)) => {
            let Enhanced(class, subject, detail) = found;
            let parts = pattern.split('.').zip([class, subject, detail]);
            parts
                .into_iter()
                .all(|(part, found)| part == "x" || part == found.to_string())
        }
    };
    same && reply.code.to_string().starts_with(code)
}
