//! From a host's name to a session that may send: resolve, connect, TLS, greeting, EHLO, AUTH.
//!
//! Invariant: nothing that proves an identity goes out before TLS, but to this machine where the
//! configuration says so (`tls = "none"`), whatever stream a session is begun over.

use std::net::{IpAddr, SocketAddr};

use lettre::transport::smtp::commands::{Ehlo, Starttls};
use lettre::transport::smtp::extension::ClientId;
use tokio::net::{TcpStream, lookup_host};
use tokio::time::timeout;

use super::auth::{self, Credentials};
use super::stream::Wire;
use super::{
    Capabilities, Chaining, Deadlines, Reply, Session, SmtpError, Stage, Stream, TlsClient,
    Transcript, Trouble,
};
use crate::config::{Provider, Tls};

/// A server, and how to speak to it.
#[derive(Clone)]
pub struct Target {
    /// Name or address; the certificate must be for it.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// How TLS begins.
    pub tls: Tls,
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
    let stream = dial(target, &addresses).await?;
    let peer = stream.peer_addr();
    if let (Some(transcript), Ok(peer)) = (&target.transcript, &peer) {
        transcript.reached(*peer);
    }
    let is_here = peer.is_ok_and(|peer| peer.ip().is_loopback());
    if let Some(credentials) = credentials.filter(|_| target.tls == Tls::None && !is_here) {
        return Err(exposed(credentials));
    }
    Session::begin(Box::new(stream), target, credentials).await
}

fn exposed(credentials: &Credentials) -> SmtpError {
    let text = format!(
        "the {} would travel unencrypted: set `tls`",
        credentials.word()
    );
    SmtpError::new(Stage::Auth, Trouble::Missing(text))
}

async fn resolve(target: &Target) -> Result<Vec<SocketAddr>, SmtpError> {
    let fault = |why: String| {
        let text = format!("cannot find {}: {why}", target.host);
        SmtpError::new(Stage::Connect, Trouble::Resolve(text))
    };
    let within = target.deadlines.resolve;
    match timeout(within, lookup_host((target.host.as_str(), target.port))).await {
        Ok(Ok(addresses)) => {
            let addresses: Vec<_> = addresses.collect();
            if addresses.is_empty() {
                Err(fault("it has no address".to_owned()))
            } else {
                Ok(addresses)
            }
        }
        Ok(Err(error)) => Err(fault(error.to_string())),
        Err(_) => Err(fault(format!(
            "no answer from DNS within {} s",
            within.as_secs()
        ))),
    }
}

/// Tries one address after the other.
async fn dial(target: &Target, addresses: &[SocketAddr]) -> Result<TcpStream, SmtpError> {
    let mut faults = Vec::new();
    for address in addresses {
        let within = target.deadlines.connect;
        match timeout(within, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => {
                // Without it a body waits 40 ms for the ACK of the packet before.
                let _ = stream.set_nodelay(true);
                return Ok(stream);
            }
            Ok(Err(error)) => faults.push((address.ip(), plain(&error))),
            Err(_) => {
                let fault = format!("no answer within {} s", within.as_secs());
                faults.push((address.ip(), fault));
            }
        }
    }
    let (host, port) = (&target.host, target.port);
    let faults: Vec<_> = faults
        .into_iter()
        .map(|(ip, fault)| match host.parse::<IpAddr>() {
            Ok(_) => fault, // the host is the address
            Err(_) => format!("{ip}: {fault}"),
        })
        .collect();
    let text = format!("cannot connect to {host}:{port}: {}", faults.join("; "));
    Err(SmtpError::new(Stage::Connect, Trouble::Connect(text)))
}

fn plain(error: &std::io::Error) -> String {
    use std::io::ErrorKind::{ConnectionRefused, HostUnreachable, NetworkUnreachable};
    match error.kind() {
        ConnectionRefused => "nobody listens there (connection refused)".to_owned(),
        HostUnreachable | NetworkUnreachable => "there is no route to it".to_owned(),
        _ => error.to_string(),
    }
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
            .map_err(hint_tls)?;
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
        let ip = self.host.parse::<IpAddr>();
        let is_here = self.host == "localhost" || ip.is_ok_and(|ip| ip.is_loopback());
        self.tls != Tls::None || is_here
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
    let trouble = if reply.is_transient() || reply.is_permanent() {
        Trouble::Refused(reply.clone())
    } else {
        Trouble::Protocol(format!("unexpected answer `{reply}`"))
    };
    Err(SmtpError::new(stage, trouble))
}

/// Silence or noise instead of a greeting is often the wrong kind of TLS for the port.
fn hint_tls(mut error: SmtpError) -> SmtpError {
    if let Trouble::Protocol(text) = &mut error.trouble {
        text.push_str(" (does this port expect TLS at once? `tls = \"implicit\"`)");
    }
    error
}
