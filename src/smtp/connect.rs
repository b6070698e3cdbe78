//! From a host's name to a session that may send: resolve, connect, TLS, greeting, EHLO, AUTH.

use std::net::SocketAddr;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use lettre::transport::smtp::commands::{Ehlo, Starttls};
use lettre::transport::smtp::extension::ClientId;
use tokio::net::{TcpStream, lookup_host};
use tokio::time::timeout;
use zeroize::Zeroizing;

use super::stream::Wire;
use super::{
    Capabilities, Chaining, Deadlines, Reply, Session, SmtpError, Stage, Stream, TlsClient, Trouble,
};
use crate::config::Tls;

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
}

/// What an account logs in with.
#[derive(Clone)]
pub struct Credentials {
    /// User name.
    pub user: String,
    /// Password.
    pub password: Zeroizing<String>,
}

/// Opens a session with `target`, logged in if there are credentials.
///
/// # Errors
/// Any stage up to AUTH failed; nothing was sent on behalf of anybody.
pub async fn connect(
    target: &Target,
    credentials: Option<&Credentials>,
) -> Result<Session, SmtpError> {
    let addresses = resolve(target).await?;
    let stream = dial(target, &addresses).await?;
    let private =
        target.tls != Tls::None || stream.peer_addr().is_ok_and(|peer| peer.ip().is_loopback());
    let stream: Box<dyn Stream> = match target.tls {
        Tls::Implicit => {
            target
                .client
                .wrap(Box::new(stream), &target.host, &target.deadlines)
                .await?
        }
        Tls::Starttls | Tls::None => Box::new(stream),
    };
    if credentials.is_some() && !private {
        let text = "the password would travel unencrypted: set `tls`".to_owned();
        return Err(SmtpError::new(Stage::Auth, Trouble::Missing(text)));
    }
    Session::begin(stream, target, credentials).await
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
            Ok(Err(error)) => faults.push(format!("{address}: {}", plain(&error))),
            Err(_) => faults.push(format!(
                "{address}: no answer within {} s",
                within.as_secs()
            )),
        }
    }
    let text = format!(
        "cannot connect to {}:{}: {}",
        target.host,
        target.port,
        faults.join("; ")
    );
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
    /// Runs the opening of a session over a stream that is connected (and, with implicit TLS,
    /// encrypted) already.
    ///
    /// # Errors
    /// The server does not greet, refuses us, or does not offer what the account needs.
    pub async fn begin(
        stream: Box<dyn Stream>,
        target: &Target,
        credentials: Option<&Credentials>,
    ) -> Result<Self, SmtpError> {
        let deadlines = target.deadlines;
        let mut wire = match target.tls {
            Tls::Implicit => Wire::over_tls(stream),
            Tls::Starttls | Tls::None => Wire::new(stream),
        };
        let greeting = wire
            .reply(Stage::Greeting, deadlines.greeting)
            .await
            .map_err(hint_tls)?;
        expect(Stage::Greeting, &greeting, |code| code == 220)?;
        let mut offers = ehlo(&mut wire, target).await?;
        if target.tls == Tls::Starttls {
            wire = starttls(wire, target, &offers).await?;
            offers = ehlo(&mut wire, target).await?;
        }
        if let Some(credentials) = credentials {
            log_in(&mut wire, &deadlines, &offers, credentials).await?;
        }
        let chaining = target.chaining.clone();
        Ok(Self::new(wire, offers, deadlines, chaining))
    }
}

async fn ehlo(wire: &mut Wire, target: &Target) -> Result<Capabilities, SmtpError> {
    let hello = Ehlo::new(ClientId::Domain(target.hello.clone())).to_string();
    let reply = say(wire, Stage::Ehlo, hello.as_bytes(), &target.deadlines).await?;
    expect(Stage::Ehlo, &reply, |code| code == 250)?;
    Ok(Capabilities::from_ehlo(&reply))
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
    let stream = wire.into_stream(Stage::Starttls)?;
    Ok(Wire::over_tls(
        target
            .client
            .wrap(stream, &target.host, &target.deadlines)
            .await?,
    ))
}

/// AUTH PLAIN (RFC 4616) if offered, else LOGIN.
async fn log_in(
    wire: &mut Wire,
    deadlines: &Deadlines,
    offers: &Capabilities,
    credentials: &Credentials,
) -> Result<(), SmtpError> {
    let user = &credentials.user;
    let password = &credentials.password;
    let line = |words: String| Zeroizing::new(format!("{words}\r\n"));
    let steps = if offers.has_mechanism("PLAIN") {
        let secret = Zeroizing::new(format!("\0{user}\0{}", password.as_str()));
        vec![line(format!(
            "AUTH PLAIN {}",
            BASE64.encode(secret.as_bytes())
        ))]
    } else if offers.has_mechanism("LOGIN") {
        vec![
            line("AUTH LOGIN".to_owned()),
            line(BASE64.encode(user)),
            line(BASE64.encode(password.as_bytes())),
        ]
    } else {
        let text = match offers.mechanisms.as_slice() {
            [] => "the server offers no login (AUTH): drop `user`, or check port and `tls`".into(),
            others => format!("the server offers no login that postroom knows: {others:?}"),
        };
        return Err(SmtpError::new(Stage::Auth, Trouble::Missing(text)));
    };
    let last = steps.len() - 1;
    for (i, step) in steps.iter().enumerate() {
        let reply = say(wire, Stage::Auth, step.as_bytes(), deadlines).await?;
        expect(Stage::Auth, &reply, |code| {
            code == if i == last { 235 } else { 334 }
        })?;
    }
    Ok(())
}

async fn say(
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
fn expect(stage: Stage, reply: &Reply, good: impl Fn(u16) -> bool) -> Result<(), SmtpError> {
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
