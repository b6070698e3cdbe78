//! From a host's name to a session that may send: connect, TLS, greeting, EHLO, AUTH.
//!
//! Invariant: nothing that proves an identity goes out before TLS, but to this machine where the
//! configuration says so (`tls = "none"`), whatever stream a session is begun over.

use lettre::transport::smtp::commands::{Ehlo, Starttls};
use lettre::transport::smtp::extension::ClientId;

use super::auth::{self, Credentials};
use super::dial::{dial, resolve};
use super::stream::Wire;
use super::{
    Capabilities, Chaining, Deadlines, Reply, Resolver, Session, SmtpError, Stage, Stream,
    TlsClient, Transcript, Trouble,
};
use crate::config::{Provider, Tls, is_this_machine};

/// A server, and how to speak to it.
#[derive(Clone)]
pub struct Target {
    /// Name or address; the certificate must be for it.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// How TLS begins.
    pub tls: Tls,
    /// How its addresses are found, and which of them answer.
    pub resolver: Resolver,
    /// Trust and tickets.
    pub client: TlsClient,
    /// The name that we give ourselves in EHLO.
    pub hello: String,
    /// How long each stage may take.
    pub deadlines: Deadlines,
    /// Whether the next envelope may go out with a body, and what is known of that.
    pub chaining: Chaining,
    /// Whose server it is, if that is known: then a refused login comes with what they want.
    pub provider: Option<&'static Provider>,
    /// Where the conversation is written down, if it is.
    pub transcript: Option<Transcript>,
}

/// Opens a session with `target`, logged in if there are credentials.
///
/// # Errors
/// Any stage up to AUTH failed; nothing was sent on behalf of anybody.
pub async fn connect(
    target: &Target,
    credentials: Option<&Credentials>,
) -> Result<Session, SmtpError> {
    if let Some(transcript) = &target.transcript {
        transcript.begin();
    }
    let addresses = resolve(target).await?;
    let (stream, address) = dial(target, &addresses).await?;
    if let Some(transcript) = &target.transcript {
        transcript.reached(address);
    }
    let is_here = address.ip().is_loopback();
    if let Some(credentials) = credentials.filter(|_| target.tls == Tls::None && !is_here) {
        return Err(exposed(credentials));
    }
    let session = Session::begin(stream, target, credentials).await;
    match &session {
        // Somebody listens, but there is no mail server behind: the next time, another address.
        Err(error) if error.stage != Stage::Auth => target.resolver.failed(address),
        _ => target.resolver.works(address),
    }
    session
}

fn exposed(credentials: &Credentials) -> SmtpError {
    let text = format!(
        "the {} would travel unencrypted: set `tls`",
        credentials.word()
    );
    SmtpError::new(Stage::Auth, Trouble::Missing(text))
}

impl Session {
    /// Runs the opening of a session over a stream that is connected and not encrypted yet.
    ///
    /// # Errors
    /// There is no TLS with the server, it does not greet, refuses us, or does not offer what the
    /// account needs; or what would log in would travel unencrypted.
    pub async fn begin(
        stream: Box<dyn Stream>,
        target: &Target,
        credentials: Option<&Credentials>,
    ) -> Result<Self, SmtpError> {
        if let Some(credentials) = credentials.filter(|_| !target.is_private()) {
            return Err(exposed(credentials));
        }
        let mut wire = match target.tls {
            Tls::Implicit => encrypted(stream, target).await?,
            Tls::Starttls | Tls::None => Wire::new(target.overheard(stream)),
        };
        let greeting = wire
            .reply(Stage::Greeting, target.deadlines.greeting)
            .await
            .map_err(|error| hint_tls(error, target.tls))?;
        expect(Stage::Greeting, &greeting, |code| code == 220)?;
        let login = credentials.map(|_| "login (AUTH)");
        let offers = match target.tls {
            Tls::Starttls => {
                let offers = hello(&mut wire, target, Some("STARTTLS")).await?;
                wire = starttls(wire, target, &offers).await?;
                hello(&mut wire, target, login).await?
            }
            Tls::Implicit | Tls::None => hello(&mut wire, target, login).await?,
        };
        if let Some(credentials) = credentials {
            auth::log_in(&mut wire, target, &offers, credentials).await?;
        }
        let chaining = target.chaining.clone();
        Ok(Self::new(wire, offers, target.deadlines, chaining))
    }
}

impl Target {
    /// The stream of a session, listened to if anybody listens.
    fn overheard(&self, stream: Box<dyn Stream>) -> Box<dyn Stream> {
        match &self.transcript {
            Some(transcript) => transcript.over(stream),
            None => stream,
        }
    }

    /// Whether nobody on the way can read along.
    fn is_private(&self) -> bool {
        self.tls != Tls::None || is_this_machine(&self.host)
    }
}

async fn encrypted(stream: Box<dyn Stream>, target: &Target) -> Result<Wire, SmtpError> {
    let stream = target.client.wrap(stream, target).await?;
    Ok(Wire::over_tls(target.overheard(stream)))
}

/// EHLO, or HELO with a server so old that it does not know it (RFC 5321 section 3.2): that one
/// offers nothing, and not what is needed next.
async fn hello(
    wire: &mut Wire,
    target: &Target,
    needed: Option<&str>,
) -> Result<Capabilities, SmtpError> {
    let ehlo = Ehlo::new(ClientId::Domain(target.hello.clone())).to_string();
    let reply = say(wire, Stage::Ehlo, ehlo.as_bytes(), &target.deadlines).await?;
    if !matches!(reply.code, 500 | 502 | 504) {
        expect(Stage::Ehlo, &reply, |code| code == 250)?;
        let offers = Capabilities::from_ehlo(&reply);
        if let Some(transcript) = &target.transcript {
            transcript.offered(&offers);
        }
        return Ok(offers);
    }
    let helo = format!("HELO {}\r\n", target.hello);
    let reply = say(wire, Stage::Ehlo, helo.as_bytes(), &target.deadlines).await?;
    expect(Stage::Ehlo, &reply, |code| code == 250)?;
    let Some(needed) = needed else {
        return Ok(Capabilities::default());
    };
    let (host, port) = (&target.host, target.port);
    let text = format!("{host} does not know EHLO, so it offers no {needed} on port {port}");
    Err(SmtpError::new(Stage::Ehlo, Trouble::Missing(text)))
}

async fn starttls(
    mut wire: Wire,
    target: &Target,
    offers: &Capabilities,
) -> Result<Wire, SmtpError> {
    if !offers.starttls {
        let text = format!(
            "{} does not offer STARTTLS on port {}: nothing is sent unencrypted",
            target.host, target.port
        );
        return Err(SmtpError::new(Stage::Starttls, Trouble::Missing(text)));
    }
    let command = Starttls.to_string();
    let reply = say(
        &mut wire,
        Stage::Starttls,
        command.as_bytes(),
        &target.deadlines,
    )
    .await?;
    expect(Stage::Starttls, &reply, |code| code == 220)?;
    encrypted(wire.into_stream(Stage::Starttls)?, target).await
}

pub(super) async fn say(
    wire: &mut Wire,
    stage: Stage,
    line: &[u8],
    deadlines: &Deadlines,
) -> Result<Reply, SmtpError> {
    if wire.has_unasked() {
        let text = "it sent a reply that nobody asked for".to_owned();
        return Err(SmtpError::new(stage, Trouble::Protocol(text)));
    }
    wire.write(stage, line, deadlines.of(stage)).await?;
    wire.reply(stage, deadlines.of(stage)).await
}

/// A reply other than the one and only good one ends the opening.
pub(super) fn expect(
    stage: Stage,
    reply: &Reply,
    good: impl Fn(u16) -> bool,
) -> Result<(), SmtpError> {
    if good(reply.code) {
        return Ok(());
    }
    let trouble = if reply.is_refusal() {
        Trouble::Refused(reply.clone())
    } else {
        Trouble::Protocol(format!("unexpected answer `{reply}`"))
    };
    Err(SmtpError::new(stage, trouble))
}

/// Silence or noise instead of a greeting is often the wrong kind of TLS for the port.
fn hint_tls(error: SmtpError, tls: Tls) -> SmtpError {
    let noise = matches!(
        error.trouble,
        Trouble::Protocol(_) | Trouble::Timeout(_) | Trouble::Closed
    );
    let hint = "does this port expect TLS at once? `tls = \"implicit\"`";
    SmtpError {
        hint: (noise && tls != Tls::Implicit).then_some(hint),
        ..error
    }
}
