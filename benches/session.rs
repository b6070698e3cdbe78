//! What a message costs a session by itself.

use std::time::Instant;

use postroom::config::Tls;
use postroom::smtp::{
    Chaining, Deadlines, Envelope, Offer, Resolver, Session, Target, TlsClient, connect,
};

use super::{Failure, Mode, ONE_WAY, delay_line, round_trips, sandbox};

const BODY: usize = 4096;

/// Round trips for each of a number of messages on a warm connection.
pub(crate) async fn cost(mode: Mode, recipients: usize) -> Result<f64, Failure> {
    let messages = if mode == Mode::Lockstep { 20 } else { 60 };
    let dir = tempfile::tempdir()?;
    let sandbox = sandbox(mode, dir.path()).await?;
    let line = delay_line::open(sandbox.address(), ONE_WAY)?;
    let chaining = match mode {
        Mode::Chained => Chaining::default(),
        Mode::Lockstep | Mode::Grouped => Chaining::never(),
    };
    let target = Target {
        host: "localhost".to_owned(),
        port: line.port(),
        tls: Tls::Implicit,
        client: TlsClient::new(sandbox.ca_file())?,
        hello: "client.example.org".to_owned(),
        deadlines: Deadlines::default(),
        chaining,
        provider: None,
        transcript: None,
        resolver: Resolver::default(),
    };
    let body = body();
    let envelope = envelope(recipients, body.len())?;
    let mut session = connect(&target, None).await?;
    carry(&mut session, &envelope, &body, 1).await?; // so that it is warm
    let begun = Instant::now();
    carry(&mut session, &envelope, &body, messages).await?;
    let took = begun.elapsed();
    session.quit().await;
    let taken = usize::try_from(sandbox.counts().accepted)?;
    if taken != messages + 1 {
        return Err(format!("{} messages were sent, {taken} arrived", messages + 1).into());
    }
    Ok(round_trips(took, messages))
}

/// Carries one message after the other; each envelope but the first one goes out with the body
/// before it where the session chains.
async fn carry(
    session: &mut Session,
    envelope: &Envelope,
    body: &[u8],
    messages: usize,
) -> Result<(), Failure> {
    let mut offer = session.offer(envelope).await?;
    for left in (0..messages).rev() {
        let Offer::Ready { .. } = offer else {
            return Err(format!("the sandbox says {offer:?}").into());
        };
        let next = (left > 0 && session.chains()).then(|| envelope.clone());
        let chained = next.is_some();
        let reply = session.send(body, next).await?;
        if !reply.is_positive() {
            return Err(format!("the sandbox says {reply}").into());
        }
        if left == 0 {
            break;
        }
        offer = match chained {
            true => session.offered().await?,
            false => session.offer(envelope).await?,
        };
    }
    Ok(())
}

fn envelope(recipients: usize, size: usize) -> Result<Envelope, Failure> {
    let to = (0..recipients).map(|n| format!("person-{n}@example.org").parse());
    Ok(Envelope {
        from: "post@example.org".parse()?,
        to: to.collect::<Result<_, _>>()?,
        size,
        dsn: None,
        reply_to: None,
        named: Vec::new(),
    })
}

fn body() -> Vec<u8> {
    let mut body = b"From: post@example.org\r\nSubject: far away\r\n\r\n".to_vec();
    while body.len() < BODY {
        body.extend_from_slice(b"A line of text, as there are many in a letter.\r\n");
    }
    body
}
