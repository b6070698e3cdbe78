//! A session against servers that were written by people, in virtual time.

mod body;
mod chaining;
mod connecting;
mod deadlines;
mod echoes;
mod envelope;
mod identity;
mod login;
mod oddities;
mod opening;
mod reuse;
mod sandbox;
mod several;
mod sockets;
mod starttls;
mod tls;
mod transaction;
mod transcript;
mod trust;

use postroom::smtp::{Offer, Session, SmtpError, Stage, Trouble};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};

use crate::world::script::{envelope, target};

const PIPELINING: &[&str] = &["PIPELINING"];

/// Offers a small message to `bob`.
async fn offer(session: &mut Session) -> Result<Offer, SmtpError> {
    offer_to(session, &["bob@example.org"]).await
}

async fn offer_to(session: &mut Session, to: &[&str]) -> Result<Offer, SmtpError> {
    session.offer(&envelope(to, 12)).await
}

fn refused(offer: Result<Offer, SmtpError>) -> (Stage, u16) {
    match offer {
        Ok(Offer::Refused { stage, reply, .. }) => (stage, reply.code),
        other => panic!("a refusal, not {other:?}"),
    }
}

fn ready(offer: Result<Offer, SmtpError>) {
    assert!(matches!(offer, Ok(Offer::Ready { .. })), "{offer:?}");
}

fn protocol(error: &SmtpError, stage: Stage) -> String {
    assert_eq!(error.stage, stage, "{error}");
    match &error.trouble {
        Trouble::Protocol(text) => text.clone(),
        other => panic!("the protocol was broken, not {other:?}"),
    }
}

/// What a server answers to a group or, in steps, to each command up to 354.
const TO_354: &str = "C: MAIL FROM:<ada@example.org>
     C: RCPT TO:<bob@example.org>
     C: DATA
     S: 250 ok
     S: 250 ok
     S: 354 go
    ";

/// A session at 354, over a pipe that holds `capacity` bytes, whose server then does as it is told.
async fn at_354(capacity: usize) -> (Session, DuplexStream) {
    let (ours, mut theirs) = tokio::io::duplex(capacity);
    let opening = tokio::spawn(async move {
        theirs.write_all(b"220 hi\r\n").await.unwrap();
        until(&mut theirs, b"\r\n").await;
        theirs
            .write_all(b"250-mx\r\n250 PIPELINING\r\n")
            .await
            .unwrap();
        until(&mut theirs, b"DATA\r\n").await;
        theirs
            .write_all(b"250 ok\r\n250 ok\r\n354 go\r\n")
            .await
            .unwrap();
        theirs
    });
    let began = Session::begin(Box::new(ours), &target(), None).await;
    let mut session = began.unwrap();
    ready(offer(&mut session).await);
    (session, opening.await.unwrap())
}

async fn until(stream: &mut DuplexStream, end: &[u8]) {
    let mut heard = Vec::new();
    while !heard.ends_with(end) {
        heard.push(stream.read_u8().await.unwrap());
    }
}
