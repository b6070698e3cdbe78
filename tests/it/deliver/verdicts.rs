//! What each reply means: the table, as the servers of the world speak.

use std::collections::BTreeSet;
use std::slice::from_ref;

use postroom::config::{Rule, SaidTo, Treatment};
use postroom::deliver::verdict::Decision::{Accept, Gone, Later, Never};
use postroom::deliver::verdict::Fault::{Login, Quota, Rate, Sender, Server};
use postroom::deliver::verdict::Scope::{Account, Message, Recipient, Session};
use postroom::deliver::verdict::{
    Decision, Lesson, Row, Scope, TABLE, Verdict, is_ruled, judge, judge_error,
};
use postroom::smtp::Stage::{
    Auth, Body, Connect, Data, Dot, Ehlo, Greeting, Mail, Rcpt, Reset, Starttls, Tls,
};
use postroom::smtp::{Offer, Reply, SmtpError, Stage, Trouble};

use crate::world::office::{Office, Plan, until};
use crate::world::script::{envelope, session};

/// Said to MAIL, as a session hears it.
async fn reply(text: &str) -> Reply {
    let (mut session, _server) = session(&[], &format!("C: MAIL…\nS: {text}")).await;
    match session.offer(&envelope(&["bob@example.org"], 1)).await {
        Ok(Offer::Refused { reply, .. }) => reply,
        Err(error) => error.reply().unwrap().clone(),
        other => panic!("{text}: {other:?}"),
    }
}

/// Said to the end of data, where a yes can be heard too.
async fn yes(text: &str) -> Reply {
    let script =
        format!("C: MAIL…\nC: RCPT…\nC: DATA\nS: 250 ok\nS: 250 ok\nS: 354 go\nBODY\nS: {text}");
    let (mut session, _server) = session(&["PIPELINING"], &script).await;
    let envelope = envelope(&["bob@example.org"], 1);
    session.offer(&envelope).await.unwrap();
    session.send(b"Hi\r\n", None).await.unwrap()
}

/// What is said, in answer to what, and what it means.
type Sample = (
    &'static [Stage],
    &'static str,
    Scope,
    Decision,
    Option<Lesson>,
);

const MESSAGE: &[Stage] = &[Mail, Rcpt, Data, Dot];
const BODY: &[Stage] = &[Data, Dot];
const OPENING: &[Stage] = &[Greeting, Ehlo, Starttls, Auth];
/// All but AUTH, where a 5xx is about the login whatever it says.
const ANY: &[Stage] = &[Greeting, Ehlo, Starttls, Mail, Rcpt, Data, Dot];
const ALL: &[Stage] = &[Greeting, Ehlo, Starttls, Auth, Mail, Rcpt, Data, Dot];

const COUNT: Option<Lesson> = Some(Lesson::MessagesPerConnection);
const FEWER: Option<Lesson> = Some(Lesson::Connections);
const SLOWER: Option<Lesson> = Some(Lesson::Rate);
const SPLIT: Option<Lesson> = Some(Lesson::Recipients);

#[rustfmt::skip]
const REPLIES: &[Sample] = &[
    // For now.
    (&[Rcpt], "450 4.2.1 receiving mail at a rate that prevents", Recipient, Later, None),
    (&[Rcpt], "452 4.2.2 Mailbox full: too many messages", Recipient, Later, None),
    (&[Rcpt], "450 4.7.1 Greylisted, see you in 5 minutes", Recipient, Later, None),
    (&[Rcpt], "450 4.1.8 Sender address rejected: Domain not found", Recipient, Later, None),
    (&[Rcpt], "451 4.3.0 Temporary lookup failure", Recipient, Later, None),
    (&[Rcpt], "471 an odd second digit", Recipient, Later, None),
    (&[Rcpt], "450 4.5.0 Excessive message rate from sender to recipient", Recipient, Later, None),
    (&[Mail, Data, Dot], "451 4.3.0 Temporary failure", Message, Later, None),
    (&[Dot], "452 4.3.1 Insufficient system storage", Message, Later, None),
    (&[Dot, Body], "499", Message, Later, None),
    (OPENING, "451 4.3.0 try later", Account(Server), Later, None),
    (&[Greeting, Ehlo, Starttls], "554 5.7.1 go away", Account(Server), Later, None),
    (OPENING, "421 4.3.2 bye", Account(Server), Later, None),

    // The connection has had enough, or lost the thread.
    (MESSAGE, "421 4.3.0 Temporary System Problem. Try again later", Session, Later, None),
    (MESSAGE, "421 4.7.0 mx Error: too many errors", Session, Later, None),
    (MESSAGE, "421", Session, Later, None),
    (MESSAGE, "503 5.5.1 Bad sequence of commands", Session, Later, None),
    (&[Mail, Body], "503 pipelined after end of DATA", Session, Later, None),
    (&[Reset], "500 what?", Session, Later, None),
    (MESSAGE, "421 too many messages in this connection", Session, Later, COUNT),
    (MESSAGE, "421 4.7.0 Too many messages, closing", Session, Later, COUNT),
    (&[Mail], "421 Max message per connection reached, closing", Session, Later, COUNT),
    (&[Mail], "450 MI:DMC 163 smtp4,too many mails per session", Session, Later, COUNT),
    (&[Mail], "451 MI:DMC 126 smtp1", Session, Later, COUNT),
    (&[Rcpt], "450 4.5.3 RP:DRC 163 smtp4", Session, Later, COUNT),
    (&[Rcpt], "452 too many messages in this session", Session, Later, COUNT),
    (&[Rcpt], "550 5.7.1 Too many recipients per session", Session, Later, COUNT),
    (&[Mail], "452 4.5.3 Too many recipients: Too many messages sent", Session, Later, COUNT),
    (MESSAGE, "432 4.3.2 STOREDRV.ClientSubmit; sender thread limit exceeded", Session, Later,
        FEWER),
    (MESSAGE, "432 4.3.2 not now", Session, Later, FEWER),
    (OPENING, "432 4.3.2 not now", Account(Server), Later, FEWER),
    (MESSAGE, "421 4.7.0 mx Error: too many connections from 192.0.2.1", Session, Later, FEWER),
    (OPENING, "421 4.7.0 mx Error: too many connections from 192.0.2.1", Account(Server), Later,
        FEWER),
    (&[Greeting], "554 too many connections from you", Account(Server), Later, FEWER),
    (&[Mail], "554 too many connections from you", Session, Later, FEWER),
    (OPENING, "421 Too many concurrent SMTP connections; please try again later.",
        Account(Server), Later, FEWER),
    (&[Mail], "421 Too many concurrent SMTP connections", Session, Later, FEWER),
    (OPENING, "432 4.3.2 Concurrent connections limit exceeded", Account(Server), Later, FEWER),
    (&[Dot], "432 4.3.2 Concurrent connections limit exceeded", Session, Later, FEWER),
    (OPENING, "432 sender thread limit exceeded", Account(Server), Later, FEWER),
    (OPENING, "421 4.4.5 HL:ICC 163 smtp4", Account(Server), Later, FEWER),
    (&[Mail], "421 4.4.5 HL:ICC 163 smtp4", Session, Later, FEWER),

    // The account is too fast.
    (ANY, "454 4.7.0 too many new TLS sessions from 192.0.2.1", Account(Rate), Later, SLOWER),
    (ALL, "421 4.7.0 Try again later, closing connection.", Account(Rate), Later, SLOWER),
    (ALL, "421 4.7.28 an unusual rate of unsolicited mail", Account(Rate), Later, SLOWER),
    (ALL, "421 4.7.1 slow down", Account(Rate), Later, SLOWER),
    (&[Mail], "450 4.7.1 slow down", Account(Rate), Later, SLOWER),
    (ALL, "450 4.7.28 an unusual rate of unsolicited mail", Account(Rate), Later, SLOWER),
    (ANY, "550 5.7.28 an unusual rate of unsolicited mail", Account(Rate), Later, SLOWER),
    (&[Mail, Dot], "454 Throttling failure: Maximum sending rate exceeded.", Account(Rate),
        Later, SLOWER),
    (MESSAGE, "421 4.4.2 Message submission rate for this client has exceeded the configured limit",
        Account(Rate), Later, SLOWER),
    (&[Dot], "450 4.5.127 Message rejected. Excessive message rate from sender.", Account(Rate),
        Later, SLOWER),
    (&[Mail], "450 4.7.1 Error: too much mail from 192.0.2.1", Account(Rate), Later, SLOWER),
    (&[Rcpt], "450 4.7.1 Error: too many recipients from 192.0.2.1", Account(Rate), Later,
        SLOWER),
    (&[Mail], "451 4.7.1 Rate limit exceeded", Account(Rate), Later, SLOWER),
    (&[Rcpt], "550 5.7.1 Rate limit exceeded", Account(Rate), Later, SLOWER),
    (OPENING, "421 4.5.0 HL:IFC 163 smtp4", Account(Rate), Later, SLOWER),

    // The account has sent what it may, often with a 5xx.
    (ANY, "550 5.4.5 Daily user sending limit exceeded.", Account(Quota), Later, None),
    (&[Dot], "550 5.4.5 Daily user sending quota exceeded.", Account(Quota), Later, None),
    (&[Dot], "550 5.4.5 Daily sending quota exceeded.", Account(Quota), Later, None),
    (&[Rcpt], "550 5.7.1 Daily SMTP relay sending limit exceeded", Account(Quota), Later, None),
    (MESSAGE, "550 5.4.5 no more for today", Account(Quota), Later, None),
    (MESSAGE, "550 5.1.90 no more for today", Account(Quota), Later, None),
    (&[Dot], "550 5.1.90 you've reached your daily limit for message recipients",
        Account(Quota), Later, None),
    (&[Dot], "454 Throttling failure: Daily message quota exceeded.", Account(Quota), Later, None),
    (&[Dot], "550 You have exceed daily message limit,for group send", Account(Quota), Later, None),
    (&[Mail], "450 message quota exceeded", Account(Quota), Later, None),
    (&[Mail], "451 4.7.1 More than 500 messages per day", Account(Quota), Later, None),
    (&[Mail], "451 too many messages", Account(Quota), Later, None),
    (&[Dot], "554 5.2.0 STOREDRV.Submission.Exception:SubmissionQuotaExceededException",
        Account(Quota), Later, None),
    (&[Dot], "554 5.2.2 mailbox full; STOREDRV.Submission.Exception:QuotaExceededException.Mapi",
        Account(Quota), Later, None),
    (&[Mail, Dot], "550 5.2.252 Sender throttled due to continuous send as denied errors.",
        Account(Quota), Later, None),
    (&[Dot], "550 5.4.6 Unusual sending activity detected. Please try after sometime",
        Account(Quota), Later, None),
    (&[Rcpt, Dot], "550 Mail content denied, frequency limited", Account(Quota), Later, None),
    (ALL, "451 Authentication failed: Maximum credits exceeded", Account(Quota), Later, None),
    (&[Mail, Dot], "451 MI:SFQ 163 smtp4", Account(Quota), Later, None),
    (&[Dot], "554 5.5.0 MI:STC 163 smtp4", Account(Quota), Later, None),
    (&[Rcpt], "451 RP:QRC 163 smtp4", Account(Quota), Later, None),
    (&[Rcpt], "554 5.5.3 RP:TRC 163 smtp4", Account(Quota), Later, None),
    (&[Greeting, Mail], "554 5.7.3 HL:ITC 163 smtp4", Account(Quota), Later, None),

    // Who we are.
    (&[Auth], "535 5.7.8 Error: authentication failed", Account(Login), Later, None),
    (&[Auth], "535 Login fail. password is incorrect, login frequency limited, or system is busy",
        Account(Login), Later, None),
    (&[Auth], "534 5.7.9 use an app password", Account(Login), Later, None),
    (&[Auth], "503 5.5.1 authentication not enabled", Account(Login), Later, None),
    (&[Auth], "432 4.7.12 A password transition is needed", Account(Login), Later, None),
    (&[Auth], "454 4.7.0 Too many login attempts, please try again later", Account(Login), Later,
        None),
    (&[Auth], "421 4.7.0 Too many login attempts, try again later", Account(Login), Later, None),
    (&[Auth], "460 ERR.LOGIN.PASSERR", Account(Login), Later, None),
    (&[Auth], "451 too much fail authentication", Account(Login), Later, None),
    (&[Auth], "450 4.7.1 Error: too many AUTH commands from 192.0.2.1", Account(Login), Later,
        None),
    (MESSAGE, "530 5.7.0 Must issue a STARTTLS command first", Account(Login), Later, None),
    (MESSAGE, "534 5.7.9 use an app password", Account(Login), Later, None),
    (MESSAGE, "535 5.7.8 Error: authentication failed", Account(Login), Later, None),
    (MESSAGE, "538 5.7.11 Encryption required", Account(Login), Later, None),
    (&[Mail], "553 authentication is required,163 smtp4", Account(Login), Later, None),
    (&[Rcpt], "550 5.7.1 Authentication required", Account(Login), Later, None),
    (&[Mail, Rcpt], "550 5.7.1 Invalid credentials for relay [192.0.2.1]", Account(Login), Later,
        None),

    // Who we claim to be.
    (MESSAGE, "550 5.7.60 SMTP; Client does not have permissions to send as this sender",
        Account(Sender), Later, None),
    (&[Dot], "554 5.2.252 SendAsDenied; a@example.org has no right", Account(Sender), Later, None),
    (&[Data], "554 a@example.org not allowed to send as b@example.org", Account(Sender), Later,
        None),
    (&[Mail, Rcpt], "553 5.7.1 <a@example.org>: Sender address rejected: not owned by user b",
        Account(Sender), Later, None),
    (&[Mail], "550 5.1.8 Sender address rejected: Domain not found", Account(Sender), Later, None),
    (&[Rcpt], "550 Sender verify failed", Account(Sender), Later, None),
    (&[Dot], "501 mail from address must be same as authorization user", Account(Sender), Later,
        None),
    (&[Dot], "553 Mail from must equal authorized user", Account(Sender), Later, None),
    (&[Dot], "554 DT:SUM 163 smtp4", Account(Sender), Later, None),
    (&[Rcpt], "553 Relaying disallowed as a@example.org", Account(Sender), Later, None),
    (&[Dot], "554 Message rejected: Email address is not verified.", Account(Sender), Later, None),
    (MESSAGE, "553 sender rejected", Account(Sender), Later, None),
    (MESSAGE, "550 5.1.7 Bad sender's address", Account(Sender), Later, None),
    (MESSAGE, "550 5.1.8 Bad sender's domain", Account(Sender), Later, None),
    (&[Mail], "550 5.1.1 User unknown", Account(Sender), Later, None),
    (&[Mail], "555 SIZE is not known here", Account(Sender), Later, None),

    // The address does not exist: only the answer to RCPT says so.
    (&[Rcpt], "550 5.1.1 User unknown", Recipient, Gone, None),
    (&[Rcpt], "550 5.1.2 Host or domain name not found", Recipient, Gone, None),
    (&[Rcpt], "553 5.1.3 Bad recipient address syntax", Recipient, Gone, None),
    (&[Rcpt], "551 5.1.6 Recipient has moved", Recipient, Gone, None),
    (&[Rcpt], "556 5.1.10 Recipient address has null MX", Recipient, Gone, None),
    (&[Dot], "550 5.1.1 User unknown", Message, Never, None),

    // Too many at once.
    (&[Rcpt], "452 4.5.3 Too many recipients", Recipient, Later, SPLIT),
    (&[Rcpt], "452 4.5.3 Domain policy size per transaction exceeded", Recipient, Later, SPLIT),
    (&[Rcpt], "550 5.5.3 Enough", Recipient, Later, SPLIT),
    (&[Rcpt], "452 no more now", Recipient, Later, SPLIT),
    (&[Rcpt], "552 no more now", Recipient, Later, SPLIT),
    (&[Rcpt], "451 too many recipients", Recipient, Later, SPLIT),
    (&[Rcpt], "550 Requested mail action not taken: too much recipient", Recipient, Later, SPLIT),
    (&[Rcpt], "550 RP:RCL 163 smtp4", Recipient, Later, SPLIT),
    (BODY, "452 4.5.3 Enough", Message, Later, SPLIT),
    (BODY, "550 5.5.3 Enough", Message, Later, SPLIT),
    (BODY, "451 too many recipients", Message, Later, SPLIT),
    (BODY, "554 too many recipients", Message, Later, SPLIT),
    (&[Dot], "554 too much recipient", Message, Later, SPLIT),
    (&[Dot], "554 RP:RCL 163 smtp4", Message, Later, SPLIT),

    // Never, and nobody is suppressed for it.
    (&[Rcpt], "550 5.2.1 The account is disabled", Recipient, Never, None),
    (&[Rcpt], "525 5.7.13 User account disabled", Recipient, Never, None),
    (&[Rcpt], "552 5.2.2 Mailbox full: too many messages", Recipient, Never, None),
    (&[Rcpt], "550 5.7.1 Relaying denied", Account(Login), Later, None),
    (&[Rcpt], "554 5.7.1 <bob@example.org>: Relay access denied", Account(Login), Later, None),
    (&[Rcpt], "550 relay not permitted", Account(Login), Later, None),
    (&[Rcpt], "550 5.7.54 SMTP; Unable to relay recipient", Account(Login), Later, None),
    (
        &[Rcpt],
        "554 5.7.1 <unknown[192.0.2.1]>: Client host rejected: Access denied",
        Account(Login),
        Later,
        None,
    ),
    (
        &[Rcpt],
        "554 5.7.1 Service unavailable; Client host [192.0.2.1] blocked using zen.example",
        Account(Login),
        Later,
        None,
    ),
    (&[Rcpt], "550 no such user here", Recipient, Never, None),
    (&[Rcpt], "571 odd but permanent", Recipient, Never, None),
    (BODY, "554 5.7.1 Message considered as spam", Message, Never, None),
    (&[Dot], "550 5.7.26 Unauthenticated mail is prohibited", Message, Never, None),
    (&[Dot, Body], "554 Transaction failed", Message, Never, None),
    (MESSAGE, "552 5.3.4 Message size exceeds fixed limit", Message, Never, None),
    (MESSAGE, "554 5.3.4 Message too big", Message, Never, None),
    (&[Mail, Dot], "552 5.2.3 Message too large", Message, Never, None),
    (&[Mail, Dot], "554 5.2.3 Message too large", Message, Never, None),
    (&[Mail, Dot], "552 Message size exceeds fixed maximum message size", Message, Never, None),
];

#[tokio::test(start_paused = true)]
async fn every_reply_has_its_meaning() {
    let mut wrong = Vec::new();
    for (stages, text, scope, decision, lesson) in REPLIES {
        let reply = reply(text).await;
        for stage in *stages {
            let verdict = judge(&[], *stage, &reply);
            if (verdict.scope, verdict.decision, verdict.lesson) != (*scope, *decision, *lesson) {
                wrong.push(format!("{stage}: {text}: {verdict:?}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// The cells of a row without which it would not speak of this reply.
fn deciding(row: &'static Row, stage: Stage, reply: &Reply) -> Vec<&'static str> {
    let (stages, verdict) = (row.stages, row.verdict);
    let fits = |codes, words| {
        let row = Row {
            stages,
            codes,
            words,
            verdict,
        };
        row.fits(stage, reply)
    };
    let codes = row.codes.iter().filter(|it| fits(from_ref(*it), row.words));
    let words = row.words.iter().filter(|it| fits(row.codes, from_ref(*it)));
    let (codes, words): (Vec<_>, Vec<_>) = (codes.collect(), words.collect());
    let mut cells = vec![stage.name()];
    for of_one_kind in [codes, words] {
        if let [only] = of_one_kind[..] {
            cells.push(only);
        }
    }
    cells
}

/// A row, or a stage, a code or a word of one, that no sample reaches is hidden by a row above it,
/// or nobody has ever seen what it is for.
#[tokio::test(start_paused = true)]
async fn every_cell_of_the_table_decides_about_a_reply() {
    let mut heard = vec![(&[Dot][..], yes("250 2.0.0 queued").await)];
    for (stages, text, ..) in REPLIES {
        heard.push((stages, reply(text).await));
    }
    let mut decided = BTreeSet::new();
    for (stages, reply) in &heard {
        for stage in *stages {
            let Some(at) = TABLE.iter().position(|row| row.fits(*stage, reply)) else {
                continue;
            };
            let cells = deciding(&TABLE[at], *stage, reply);
            decided.extend(cells.into_iter().map(|cell| (at, cell)));
        }
    }
    let idle = TABLE.iter().enumerate().flat_map(|(at, row)| {
        let stages = row.stages.iter().map(|stage| stage.name());
        let cells = stages
            .chain(row.codes.iter().copied())
            .chain(row.words.iter().copied());
        cells.map(move |cell| (at, cell)).collect::<Vec<_>>()
    });
    let idle: Vec<_> = idle.filter(|cell| !decided.contains(cell)).collect();
    assert!(idle.is_empty(), "{idle:#?}");
}

#[test]
fn words_of_the_table_are_in_the_case_they_are_looked_for() {
    for word in TABLE.iter().flat_map(|row| row.words) {
        assert_eq!(*word, word.to_lowercase());
    }
}

#[tokio::test(start_paused = true)]
async fn a_positive_reply_to_the_dot_is_acceptance_and_to_nothing_else() {
    let reply = yes("250 quota is what you have left: too many messages").await;
    assert_eq!(judge(&[], Dot, &reply).decision, Accept);
    for stage in [Greeting, Ehlo, Starttls, Auth, Mail, Rcpt, Data, Reset] {
        let verdict = judge(&[], stage, &reply);
        assert_eq!(
            (verdict.scope, verdict.decision),
            (Session, Later),
            "{stage}"
        );
    }
    let refused = SmtpError::new(Dot, Trouble::Refused(reply));
    assert_eq!(judge_error(&[], &refused).decision, Later);
}

#[tokio::test(start_paused = true)]
async fn every_broken_session_has_its_meaning() {
    let refused =
        async |stage, text: &str| SmtpError::new(stage, Trouble::Refused(reply(text).await));
    let missing = || Trouble::Missing("not offered".to_owned());
    let timeout = || Trouble::Timeout(std::time::Duration::from_secs(1));
    let other = |make: fn(String) -> Trouble| make("why".to_owned());
    #[rustfmt::skip]
    let cases = [
        (refused(Auth, "535 5.7.8 no").await, Account(Login), None),
        (refused(Auth, "421 4.3.2 bye").await, Account(Server), None),
        (refused(Greeting, "421 too many concurrent connections").await, Account(Server), FEWER),
        (refused(Ehlo, "502 what?").await, Account(Server), None),
        (refused(Mail, "421 bye").await, Session, None),
        (refused(Mail, "421 too many messages in this connection").await, Session, COUNT),
        (refused(Dot, "421 4.7.0 Try again later").await, Account(Rate), SLOWER),
        (refused(Body, "452 4.3.1 full").await, Message, None),
        (refused(Reset, "500 what?").await, Session, None),
        (SmtpError::new(Auth, missing()), Account(Login), None),
        // Some answer a wrong password so.
        (SmtpError::new(Auth, Trouble::Closed), Account(Login), None),
        (SmtpError::new(Auth, other(Trouble::Io)), Account(Login), None),
        (SmtpError::new(Auth, timeout()), Account(Server), None),
        (SmtpError::new(Starttls, missing()), Account(Server), None),
        (SmtpError::new(Connect, other(Trouble::Resolve)), Account(Server), None),
        (SmtpError::new(Connect, other(Trouble::Connect)), Account(Server), None),
        (SmtpError::new(Tls, other(Trouble::Tls)), Account(Server), None),
        (SmtpError::new(Greeting, timeout()), Account(Server), None),
        (SmtpError::new(Rcpt, timeout()), Session, None),
        (SmtpError::new(Mail, Trouble::Closed), Session, None),
        (SmtpError::new(Data, other(Trouble::Protocol)), Session, None),
        (SmtpError::new(Body, other(Trouble::Io)), Session, None),
    ];
    for (error, scope, lesson) in cases {
        let decision = Later;
        let wanted = Verdict {
            scope,
            decision,
            lesson,
        };
        assert_eq!(judge_error(&[], &error), wanted, "{error:?}");
    }
    let early = refused(Body, "554 5.7.1 enough").await;
    let verdict = judge_error(&[], &early);
    assert_eq!((verdict.scope, verdict.decision), (Message, Never));
}

fn rule(reply: Option<&str>, text: Option<&str>, at: Option<SaidTo>, then: Treatment) -> Rule {
    Rule {
        reply: reply.map(|it| it.parse().unwrap()),
        text: text.map(str::to_owned),
        at,
        then,
    }
}

/// Whom a verdict concerns and what it decides, with rules.
async fn ruled(rules: &[Rule], stage: Stage, text: &str) -> (Scope, Decision) {
    let verdict = judge(rules, stage, &reply(text).await);
    (verdict.scope, verdict.decision)
}

#[tokio::test(start_paused = true)]
async fn the_owner_s_rules_come_before_the_table() {
    let unknown = "550 5.1.1 User unknown";
    let said = |then| [rule(Some("550 5.1.1"), None, None, then)];
    let cases = [
        (Treatment::Later, (Recipient, Later)),
        (Treatment::Reject, (Recipient, Never)),
        (Treatment::Suppress, (Recipient, Gone)),
        (Treatment::Pause, (Account(Quota), Later)),
        (Treatment::Reconnect, (Session, Later)),
    ];
    for (then, wanted) in cases {
        assert_eq!(ruled(&said(then), Rcpt, unknown).await, wanted, "{then}");
    }
    let spam = "554 5.7.1 Message considered as spam";
    let later = [rule(Some("5"), None, None, Treatment::Later)];
    assert_eq!(ruled(&later, Dot, spam).await, (Message, Later));
    let reconnect = said(Treatment::Reconnect);
    let verdict = judge(&reconnect, Rcpt, &reply(unknown).await);
    assert_eq!(
        verdict.lesson, COUNT,
        "it goes out at once, on a new connection"
    );
    // In the order of the file.
    let both = [said(Treatment::Pause), later].concat();
    assert_eq!(ruled(&both, Rcpt, unknown).await, (Account(Quota), Later));
}

#[tokio::test(start_paused = true)]
async fn a_rule_fits_only_what_it_says() {
    let refusal = "551 5.7.1 Try AGAIN tomorrow";
    let then = Treatment::Pause;
    let fitting = [
        rule(Some("5"), None, None, then),
        rule(Some("55"), None, None, then),
        rule(Some("551"), None, None, then),
        rule(Some("551 5.7.1"), None, None, then),
        rule(Some("5.7.1"), None, None, then),
        rule(None, Some("again tomorrow"), None, then),
        rule(None, Some("551 5.7.1 try"), None, then),
        rule(Some("551"), Some("tomorrow"), Some(SaidTo::Rcpt), then),
    ];
    for rule in fitting {
        let verdict = ruled(from_ref(&rule), Rcpt, refusal).await;
        assert_eq!(verdict, (Account(Quota), Later), "{rule:?}");
    }
    let strange = [
        rule(Some("4"), None, None, then),
        rule(Some("550"), None, None, then),
        rule(Some("551 5.7.2"), None, None, then),
        rule(None, Some("today"), None, then),
        rule(Some("551"), Some("today"), None, then),
        rule(Some("551"), None, Some(SaidTo::Dot), then),
    ];
    assert_eq!(ruled(&strange, Rcpt, refusal).await, (Recipient, Never));
    for (at, stage) in [
        (SaidTo::Mail, Mail),
        (SaidTo::Rcpt, Rcpt),
        (SaidTo::Data, Data),
        (SaidTo::Dot, Dot),
        (SaidTo::Dot, Body),
    ] {
        let rules = [rule(None, None, Some(at), then)];
        let heard = reply(refusal).await;
        for other in [Mail, Rcpt, Data, Dot, Body] {
            let same = other == stage || (at == SaidTo::Dot && [Dot, Body].contains(&other));
            assert_eq!(is_ruled(&rules, other, &heard), same, "{at} {other}");
        }
        assert_eq!(
            ruled(&rules, stage, refusal).await,
            (Account(Quota), Later),
            "{at} {stage}"
        );
    }
    let anything = [rule(None, Some(""), None, then)];
    let opening = [
        (Greeting, Account(Server)),
        (Auth, Account(Login)),
        (Reset, Session),
    ];
    for (stage, scope) in opening {
        assert_eq!(
            ruled(&anything, stage, refusal).await,
            (scope, Later),
            "{stage}"
        );
    }
    assert_eq!(
        ruled(&anything, Body, refusal).await,
        (Account(Quota), Later)
    );
}

#[tokio::test(start_paused = true)]
async fn no_rule_makes_a_yes_a_no_nor_ends_a_mail_for_the_session_s_sake() {
    for then in [Treatment::Reject, Treatment::Suppress, Treatment::Pause] {
        let all = [rule(None, Some("o"), None, then)];
        assert_eq!(judge(&all, Dot, &yes("250 ok").await).decision, Accept);
    }
    for then in [Treatment::Reject, Treatment::Suppress] {
        let all = [
            rule(Some("5"), None, None, then),
            rule(Some("4"), None, None, then),
        ];
        for text in ["503 5.5.1 Bad sequence of commands", "421 4.3.2 bye"] {
            assert_eq!(
                ruled(&all, Rcpt, text).await,
                (Session, Later),
                "{then}: {text}"
            );
        }
        assert_ne!(ruled(&all, Rcpt, "502 what?").await.1, Later);
    }
    let patient = [rule(Some("503"), None, None, Treatment::Later)];
    assert_eq!(ruled(&patient, Rcpt, "503 again").await, (Recipient, Later));
}

#[tokio::test]
async fn a_rule_of_the_file_is_obeyed_on_the_wire() {
    let rule = |rest: &str| format!("[[account.ops.rule]]\nat = \"rcpt\"\n{rest}\n");
    let rules = [
        rule("text = \"no SUCH mailbox\"\nthen = \"later\""),
        rule("reply = \"451 4.3.0\"\nthen = \"reject\""),
        rule("reply = \"571\"\nthen = \"suppress\""),
        rule("reply = \"452\"\nthen = \"pause\""),
    ];
    let office = Office::new(Plan {
        account: &format!("connections = 1\n{}", rules.concat()),
        ..Plan::default()
    })
    .await;
    let people = [
        "5xx@example.org",
        "4xx@example.org",
        "571@example.org",
        "bob@example.org",
    ];
    office.send(&people).await;
    let wanted = ["deferred", "rejected", "rejected", "accepted"];
    office.until_states(&wanted).await;
    assert_eq!(office.trouble(), None);

    office.send(&["571@example.org", "full@example.org"]).await;
    until("the rest", || office.trouble().is_some()).await;
    office
        .until_states(&[&wanted[..], &["suppressed", "queued"]].concat())
        .await;
    let told = office.trouble().unwrap().text;
    assert!(
        told.contains("Mailbox full") && told.contains("a `rate` below"),
        "{told}"
    );
}
