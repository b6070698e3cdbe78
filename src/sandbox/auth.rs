//! AUTH: the exchange that ends in a user name and a secret. PLAIN (RFC 4616) and LOGIN bring a
//! password, XOAUTH2 (as Google describes it) and OAUTHBEARER (RFC 7628) a token.

use std::io;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use tokio::io::{AsyncRead, AsyncWrite};
use zeroize::Zeroizing;

use super::command::Mechanism;
use super::wire::Wire;

/// Longest line of an exchange, without its end (RFC 4954, section 4).
const EXCHANGE_MAX: usize = 12_288;

/// What is said against a token, in the form of RFC 7628 section 3.2.2 and of Google.
const CHALLENGE: &str = r#"{"status":"401","schemes":"bearer","scope":"postroom sandbox"}"#;

const BAD_BASE64: &str = "501 5.5.2 That is not base64 of UTF-8 text";

/// What a client logs in with.
pub(super) struct Credentials {
    user: String,
    secret: Zeroizing<String>,
}

impl Credentials {
    pub(super) fn are(&self, user: &str, secret: &str) -> bool {
        self.user == user && *self.secret == secret
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
        (None, Mechanism::Login) => prompted(wire, "334 VXNlcm5hbWU6").await?,
        (None, _) => prompted(wire, "334 ").await?,
    };
    let first = match first {
        Ok(first) => first,
        Err(refusal) => return Ok(Err(refusal)),
    };
    match mechanism {
        Mechanism::Plain => Ok(plain(&first)),
        Mechanism::Xoauth2 => Ok(xoauth2(&first)),
        Mechanism::OauthBearer => Ok(oauth_bearer(&first)),
        Mechanism::Login => {
            let password = prompted(wire, "334 UGFzc3dvcmQ6").await?;
            Ok(password.map(|secret| Credentials {
                user: first.to_string(),
                secret,
            }))
        }
    }
}

/// Before a token is refused, the client hears why, and has to dismiss that. The inner error is the
/// reply to give if it does not.
pub(super) async fn challenge<S>(
    wire: &mut Wire<S>,
    mechanism: Mechanism,
) -> io::Result<Result<(), &'static str>>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let dismissal: &[u8] = match mechanism {
        Mechanism::Plain | Mechanism::Login => return Ok(Ok(())),
        Mechanism::Xoauth2 => b"",
        // A lone ^A (RFC 7628 section 3.2.3).
        Mechanism::OauthBearer => b"AQ==",
    };
    wire.reply(&format!("334 {}", STANDARD.encode(CHALLENGE)));
    Ok(match wire.line_of(EXCHANGE_MAX).await? {
        Ok(line) if line == dismissal => Ok(()),
        Ok(_) => Err("501 5.5.2 Dismiss the challenge: an empty line, or ^A for OAUTHBEARER"),
        Err(refusal) => Err(refusal),
    })
}

fn xoauth2(message: &str) -> Result<Credentials, &'static str> {
    const FORM: &str = "501 5.5.2 XOAUTH2 is user=…^Aauth=Bearer …^A^A";
    let fields = message.strip_suffix("\x01\x01").ok_or(FORM)?;
    let (user, token) = fields.split_once('\x01').ok_or(FORM)?;
    bearer(user.strip_prefix("user=").ok_or(FORM)?, token).ok_or(FORM)
}

fn oauth_bearer(message: &str) -> Result<Credentials, &'static str> {
    const FORM: &str = "501 5.5.2 OAUTHBEARER is n,a=…,^Ahost=…^Aport=…^Aauth=Bearer …^A^A";
    let fields = message.strip_suffix("\x01\x01").ok_or(FORM)?;
    let mut fields = fields.split('\x01');
    let name = fields.next().and_then(|it| it.strip_prefix("n,a="));
    let name = name.and_then(|it| it.strip_suffix(',')).ok_or(FORM)?;
    let name = name.replace("=2C", ",").replace("=3D", "=");
    let token = fields
        .find(|field| field.starts_with("auth="))
        .ok_or(FORM)?;
    bearer(&name, token).ok_or(FORM)
}

fn bearer(user: &str, field: &str) -> Option<Credentials> {
    let token = field.strip_prefix("auth=Bearer ")?;
    let fits = |text: &str| !text.is_empty() && !text.contains('\x01');
    (fits(user) && fits(token)).then(|| Credentials {
        user: user.to_owned(),
        secret: token.to_owned().into(),
    })
}

/// An identity to act as, which is ignored, the user and the password, with NULs between them.
fn plain(message: &str) -> Result<Credentials, &'static str> {
    let mut parts = message.splitn(3, '\0').skip(1);
    match (parts.next(), parts.next()) {
        (Some(user), Some(password)) if !user.is_empty() && !password.contains('\0') => {
            Ok(Credentials {
                user: user.to_owned(),
                secret: password.to_owned().into(),
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
    Ok(match wire.line_of(EXCHANGE_MAX).await? {
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
