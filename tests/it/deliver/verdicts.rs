//! What each reply means: one table, as the servers of the world speak.

use postroom::deliver::verdict::Decision::{Accept, Gone, Later, Never};
use postroom::deliver::verdict::Fault::{Login, Quota, Server};
use postroom::deliver::verdict::Scope::{Account, Message, Recipient, Session};
use postroom::deliver::verdict::{Decision, Scope, judge, judge_error};
use postroom::smtp::Stage::{
    Auth, Body, Connect, Data, Dot, Ehlo, Greeting, Mail, Rcpt, Reset, Tls,
};
use postroom::smtp::{Offer, Reply, SmtpError, Stage, Trouble};

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

type Row = (&'static [Stage], &'static str, Scope, Decision);

const ANY: &[Stage] = &[Mail, Rcpt, Data, Dot];

const REPLIES: &[Row] = &[
    // For now.
    (
        &[Rcpt],
        "450 4.2.1 receiving mail at a rate that prevents",
        Recipient,
        Later,
    ),
    (
        &[Rcpt],
        "450 4.7.1 Greylisted, see you in 5 minutes",
        Recipient,
        Later,
    ),
    (
        &[Rcpt],
        "451 4.3.0 Temporary lookup failure",
        Recipient,
        Later,
    ),
    (&[Rcpt], "452 4.2.2 The mailbox is full", Recipient, Later),
    (&[Rcpt], "452 4.5.3 Too many recipients", Recipient, Later),
    (&[Rcpt], "471 an odd second digit", Recipient, Later),
    (
        &[Mail, Data, Dot],
        "451 4.3.0 Temporary failure",
        Message,
        Later,
    ),
    (
        &[Dot],
        "452 4.3.1 Insufficient system storage",
        Message,
        Later,
    ),
    // The connection has had enough.
    (
        ANY,
        "421 4.7.0 Try again later, closing connection",
        Session,
        Later,
    ),
    (ANY, "503 5.5.1 Bad sequence of commands", Session, Later),
    (
        &[Mail],
        "450 MI:DMC 163 smtp4,too many mails per session",
        Session,
        Later,
    ),
    (&[Mail], "451 MI:DMC 126 smtp1", Session, Later),
    (
        &[Mail],
        "432 4.3.2 Concurrent connections limit exceeded",
        Session,
        Later,
    ),
    (
        &[Rcpt],
        "452 too many messages per connection",
        Session,
        Later,
    ),
    // The account has, often with a 5xx.
    (&[Mail, Dot], "451 MI:SFQ 163 smtp4", Account(Quota), Later),
    (
        &[Dot],
        "451 Authentication failed: Maximum credits exceeded",
        Account(Quota),
        Later,
    ),
    (
        &[Dot],
        "454 Throttling failure: Daily message quota exceeded.",
        Account(Quota),
        Later,
    ),
    (
        &[Rcpt, Dot],
        "550 5.4.5 Daily user sending limit exceeded.",
        Account(Quota),
        Later,
    ),
    (
        &[Dot],
        "554 5.2.0 STOREDRV.Submission.Exception:SubmissionQuotaExceededException",
        Account(Quota),
        Later,
    ),
    (
        &[Dot],
        "550 5.4.6 Unusual sending activity detected. Please try after sometime",
        Account(Quota),
        Later,
    ),
    (
        &[Rcpt, Dot],
        "550 Mail content denied, frequency limited",
        Account(Quota),
        Later,
    ),
    (
        &[Mail, Dot],
        "454 Throttling failure: Maximum sending rate exceeded.",
        Account(Server),
        Later,
    ),
    // Who we are, or claim to be.
    (
        ANY,
        "530 5.7.0 Must issue a STARTTLS command first",
        Account(Login),
        Later,
    ),
    (
        ANY,
        "535 5.7.8 Error: authentication failed",
        Account(Login),
        Later,
    ),
    (
        &[Mail],
        "550 5.7.60 SMTP; Client does not have permissions to send as this sender",
        Account(Login),
        Later,
    ),
    (
        &[Mail],
        "553 5.7.1 Sender address rejected: not owned by user",
        Account(Login),
        Later,
    ),
    (
        &[Mail],
        "550 5.1.8 Sender address rejected: Domain not found",
        Account(Login),
        Later,
    ),
    // The address does not exist: only the answer to RCPT says so.
    (&[Rcpt], "550 5.1.1 User unknown", Recipient, Gone),
    (
        &[Rcpt],
        "550 5.1.2 Host or domain name not found",
        Recipient,
        Gone,
    ),
    (
        &[Rcpt],
        "553 5.1.3 Bad recipient address syntax",
        Recipient,
        Gone,
    ),
    (&[Rcpt], "551 5.1.6 Recipient has moved", Recipient, Gone),
    (
        &[Rcpt],
        "556 5.1.10 Recipient address has null MX",
        Recipient,
        Gone,
    ),
    (&[Dot], "550 5.1.1 User unknown", Message, Never),
    (&[Mail], "550 5.1.1 User unknown", Account(Login), Later),
    // Never, and nobody is suppressed for it.
    (&[Rcpt], "550 5.1.7 Bad sender's address", Recipient, Never),
    (&[Rcpt], "550 5.1.8 Bad sender's domain", Recipient, Never),
    (
        &[Rcpt],
        "550 5.2.1 The account is disabled",
        Recipient,
        Never,
    ),
    (
        &[Rcpt],
        "525 5.7.13 User account disabled",
        Recipient,
        Never,
    ),
    (&[Rcpt], "552 5.2.2 Mailbox full", Recipient, Never),
    (&[Rcpt], "550 5.7.1 Relaying denied", Recipient, Never),
    (&[Rcpt], "550 no such user here", Recipient, Never),
    (&[Rcpt], "571 odd but permanent", Recipient, Never),
    (
        &[Dot],
        "554 5.7.1 Message considered as spam",
        Message,
        Never,
    ),
    (
        &[Dot],
        "550 5.7.26 Unauthenticated mail is prohibited",
        Message,
        Never,
    ),
    (&[Dot], "554 Transaction failed", Message, Never),
    (
        &[Dot, Mail],
        "552 5.3.4 Message size exceeds fixed limit",
        Message,
        Never,
    ),
    (&[Dot, Mail], "552 5.2.3 Message too large", Message, Never),
    (
        &[Dot, Mail],
        "552 Message size exceeds fixed maximum message size",
        Message,
        Never,
    ),
];

#[tokio::test(start_paused = true)]
async fn a_positive_reply_to_the_dot_is_acceptance() {
    let script = format!(
        "{}BODY\nS: 250 quota is what you have left",
        "C: MAIL…\nC: RCPT…\nC: DATA\nS: 250 ok\nS: 250 ok\nS: 354 go\n"
    );
    let (mut session, _server) = session(&["PIPELINING"], &script).await;
    session
        .offer(&envelope(&["bob@example.org"], 1))
        .await
        .unwrap();
    let reply = session.send(b"Hi\r\n", None).await.unwrap();
    assert_eq!(judge(Dot, &reply).decision, Accept);
}

#[tokio::test(start_paused = true)]
async fn every_reply_has_its_meaning() {
    let mut wrong = Vec::new();
    for (stages, text, scope, decision) in REPLIES {
        let reply = reply(text).await;
        for stage in *stages {
            let verdict = judge(*stage, &reply);
            if (verdict.scope, verdict.decision) != (*scope, *decision) {
                wrong.push(format!("{stage}: {text}: {verdict:?}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[tokio::test(start_paused = true)]
async fn every_broken_session_has_its_meaning() {
    let refused =
        async |stage, text: &str| SmtpError::new(stage, Trouble::Refused(reply(text).await));
    let missing = || Trouble::Missing("no AUTH".to_owned());
    let timeout = || Trouble::Timeout(std::time::Duration::from_secs(1));
    let cases = [
        (refused(Auth, "535 5.7.8 no").await, Account(Login), Later),
        (
            refused(Auth, "534 5.7.9 use an app password").await,
            Account(Login),
            Later,
        ),
        (
            refused(Auth, "454 4.7.0 Too many login attempts").await,
            Account(Login),
            Later,
        ),
        (refused(Auth, "421 4.3.2 bye").await, Account(Server), Later),
        (
            refused(Auth, "451 4.3.0 try later").await,
            Account(Server),
            Later,
        ),
        (
            refused(Greeting, "554 5.7.1 go away").await,
            Account(Server),
            Later,
        ),
        (
            refused(Greeting, "421 4.3.2 too many concurrent connections").await,
            Account(Server),
            Later,
        ),
        (refused(Ehlo, "502 what?").await, Account(Server), Later),
        (refused(Mail, "421 bye").await, Session, Later),
        (refused(Dot, "421 bye").await, Session, Later),
        (refused(Body, "554 5.7.1 enough").await, Message, Never),
        (refused(Body, "452 4.3.1 full").await, Message, Later),
        (refused(Reset, "500 what?").await, Session, Later),
        (SmtpError::new(Auth, missing()), Account(Login), Later),
        (
            SmtpError::new(Connect, Trouble::Resolve("no such host".to_owned())),
            Account(Server),
            Later,
        ),
        (
            SmtpError::new(Connect, Trouble::Connect("refused".to_owned())),
            Account(Server),
            Later,
        ),
        (
            SmtpError::new(Tls, Trouble::Tls("expired".to_owned())),
            Account(Server),
            Later,
        ),
        (SmtpError::new(Greeting, timeout()), Account(Server), Later),
        (SmtpError::new(Rcpt, timeout()), Session, Later),
        (SmtpError::new(Mail, Trouble::Closed), Session, Later),
        (
            SmtpError::new(Data, Trouble::Protocol("250".to_owned())),
            Session,
            Later,
        ),
        (
            SmtpError::new(Body, Trouble::Io("reset".to_owned())),
            Session,
            Later,
        ),
    ];
    for (error, scope, decision) in cases {
        let verdict = judge_error(&error);
        assert_eq!(
            (verdict.scope, verdict.decision),
            (scope, decision),
            "{error:?}"
        );
    }
}
