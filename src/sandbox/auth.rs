//! AUTH PLAIN (RFC 4616) and LOGIN: the exchange that ends in a user name and a password.

use std::io;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use tokio::io::{AsyncRead, AsyncWrite};
use zeroize::Zeroizing;

use super::command::Mechanism;
use super::wire::Wire;

const BAD_BASE64: &str = "501 5.5.2 That is not base64 of UTF-8 text";

/// What a client logs in with.
pub(super) struct Credentials {
    user: String,
    password: Zeroizing<String>,
}

impl Credentials {
    pub(super) fn are(&self, user: &str, password: &str) -> bool {
        self.user == user && *self.password == password
    }
}

/// Asks for what the AUTH command did not bring along. The inner error is the reply to give.
pub(super) async fn ask<S>(
    wire: &mut Wire<S>,
    mechanism: Mechanism,
    initial: Option<String>,
) -> io::Result<Result<Credentials, &'static str>>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let first = match (initial, mechanism) {
        // A lone `=` is an empty response (RFC 4954, section 4).
        (Some(initial), _) if initial == "=" => Ok(Zeroizing::default()),
        (Some(initial), _) => decoded(initial.as_bytes()),
        (None, Mechanism::Plain) => prompted(wire, "334 ").await?,
        (None, Mechanism::Login) => prompted(wire, "334 VXNlcm5hbWU6").await?,
    };
    let first = match first {
        Ok(first) => first,
        Err(refusal) => return Ok(Err(refusal)),
    };
    if mechanism == Mechanism::Plain {
        return Ok(plain(&first));
    }
    let password = prompted(wire, "334 UGFzc3dvcmQ6").await?;
    Ok(password.map(|password| Credentials {
        user: first.to_string(),
        password,
    }))
}

/// An identity to act as, which is ignored, the user and the password, with NULs between them.
fn plain(message: &str) -> Result<Credentials, &'static str> {
    let mut parts = message.splitn(3, '\0').skip(1);
    match (parts.next(), parts.next()) {
        (Some(user), Some(password)) if !user.is_empty() && !password.contains('\0') => {
            Ok(Credentials {
                user: user.to_owned(),
                password: password.to_owned().into(),
            })
        }
        _ => Err("501 5.5.2 PLAIN is NUL, user, NUL, password"),
    }
}

async fn prompted<S>(
    wire: &mut Wire<S>,
    prompt: &str,
) -> io::Result<Result<Zeroizing<String>, &'static str>>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    wire.reply(prompt);
    Ok(match wire.line().await? {
        Ok(b"*") => Err("501 5.7.0 Cancelled"),
        Ok(line) => decoded(line),
        Err(refusal) => Err(refusal),
    })
}

fn decoded(base64: &[u8]) -> Result<Zeroizing<String>, &'static str> {
    let bytes = STANDARD.decode(base64).map_err(|_| BAD_BASE64)?;
    String::from_utf8(bytes)
        .map(Zeroizing::new)
        .map_err(|_| BAD_BASE64)
}
