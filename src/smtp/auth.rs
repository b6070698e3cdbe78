//! AUTH (RFC 4954): which mechanism, what is said, and how a refusal is told.
//!
//! PLAIN and LOGIN for passwords; XOAUTH2 and OAUTHBEARER for tokens. Nothing else: CRAM-MD5 and
//! SCRAM protect a password from a server that TLS has proven to be the right one.
//!
//! An exchange is bounded: no answer is given twice but an initial response that the server asks
//! for again, and whatever the server says after its last turn ends the session. Whatever it says
//! is told without what it repeats of the login ([`Echo`]).

use std::collections::VecDeque;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use zeroize::Zeroizing;

use super::connect::{expect, say};
use super::echo::Echo;
use super::masked::HIDDEN;
use super::stream::Wire;
use super::{Capabilities, RefusedLogin, Reply, SmtpError, Stage, Target, Trouble};

/// A command with its line end may have so many octets (RFC 5321 section 4.5.3.1.4); AUTH goes
/// without its initial response where that would be longer (RFC 4954 section 4).
const COMMAND_MAX: usize = 512;
/// So many octets are enough for any mechanism in use, and no server need take more (RFC 4954
/// section 4).
const LINE_MAX: usize = 12_288;
/// So much of what a server says about a token is shown, in characters.
const SHOWN_MAX: usize = 80;

/// What an account logs in with.
#[derive(Clone)]
pub enum Credentials {
    /// A name and a password.
    Password {
        /// The name.
        user: String,
        /// The password.
        password: Zeroizing<String>,
    },
    /// A name and an OAuth2 access token (RFC 6750).
    Token {
        /// The name.
        user: String,
        /// The token.
        token: Zeroizing<String>,
    },
}

impl Credentials {
    /// A name and a password.
    #[must_use]
    pub fn password(user: String, password: Zeroizing<String>) -> Self {
        Self::Password { user, password }
    }

    /// A name and an OAuth2 access token.
    #[must_use]
    pub fn token(user: String, token: Zeroizing<String>) -> Self {
        Self::Token { user, token }
    }

    /// The name.
    #[must_use]
    pub fn user(&self) -> &str {
        match self {
            Self::Password { user, .. } | Self::Token { user, .. } => user,
        }
    }

    /// The password or the token.
    pub(super) fn secret(&self) -> &str {
        match self {
            Self::Password { password, .. } => password,
            Self::Token { token, .. } => token,
        }
    }

    /// What people call the secret.
    pub(super) fn word(&self) -> &'static str {
        match self {
            Self::Password { .. } => "password",
            Self::Token { .. } => "token",
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Mechanism {
    /// RFC 4616.
    Plain,
    /// Two prompts; never standardised, and still everywhere.
    Login,
    /// Google's and Microsoft's own, as they document it.
    Xoauth2,
    /// RFC 7628.
    OauthBearer,
}

/// A line of base64, without its end.
type Line = Zeroizing<String>;

/// Logs in.
pub(super) async fn log_in(
    wire: &mut Wire,
    target: &Target,
    offers: &Capabilities,
    credentials: &Credentials,
) -> Result<(), SmtpError> {
    let missing = |text| SmtpError::new(Stage::Auth, Trouble::Missing(text));
    let mechanism = Mechanism::choose(target, offers, credentials).map_err(missing)?;
    let answers = mechanism.answers(target, credentials).map_err(missing)?;
    let echo = Arc::new(Echo::new(credentials, &answers));
    if let Some(transcript) = &target.transcript {
        transcript.logging_in(&echo);
    }
    let mut exchange = Exchange::new(mechanism, answers, Arc::clone(&echo));
    let mut line = exchange.command();
    loop {
        let bytes = Zeroizing::new(format!("{}\r\n", line.as_str()));
        let said = say(wire, Stage::Auth, bytes.as_bytes(), &target.deadlines).await;
        let reply = said.map_err(|error| echo.hide_in_error(error))?;
        line = match exchange.turn(&reply) {
            Turn::Done => return Ok(()),
            Turn::Say(answer) => answer,
            Turn::Refused => {
                let reply = echo.hide_in(&reply);
                return Err(refusal(target, credentials, &reply, exchange.challenge));
            }
        };
    }
}

/// How far an exchange has come.
struct Exchange {
    mechanism: Mechanism,
    answers: VecDeque<Line>,
    /// The server has heard all that it needs.
    complete: bool,
    /// What it said against the token, in the challenge that comes before the refusal.
    challenge: Option<String>,
    echo: Arc<Echo>,
}

/// What comes after a reply.
enum Turn {
    Done,
    Say(Line),
    Refused,
}

impl Exchange {
    fn new(mechanism: Mechanism, answers: VecDeque<Line>, echo: Arc<Echo>) -> Self {
        Self {
            mechanism,
            answers,
            complete: false,
            challenge: None,
            echo,
        }
    }

    /// AUTH, with the first answer where the mechanism begins with one and it is short enough. That
    /// one stays at hand: a server may ignore it, and ask.
    fn command(&mut self) -> Line {
        let name = self.mechanism.name();
        if self.mechanism != Mechanism::Login
            && let Some(first) = self.answers.front()
        {
            let line = Zeroizing::new(format!("AUTH {name} {}", first.as_str()));
            if line.len() + "\r\n".len() <= COMMAND_MAX {
                self.complete = true;
                return line;
            }
        }
        Zeroizing::new(format!("AUTH {name}"))
    }

    fn turn(&mut self, reply: &Reply) -> Turn {
        match reply.code {
            235 if self.complete && self.challenge.is_none() => Turn::Done,
            334 if self.challenge.is_none() => self.answer(reply),
            _ => Turn::Refused,
        }
    }

    fn answer(&mut self, prompt: &Reply) -> Turn {
        if self.complete
            && let Some(dismissal) = self.mechanism.dismissal()
            && let Some(challenge) = challenge(prompt, &self.echo)
        {
            self.challenge = Some(challenge);
            return Turn::Say(dismissal);
        }
        match self.answers.pop_front() {
            Some(answer) => {
                self.complete = self.answers.is_empty();
                Turn::Say(answer)
            }
            None => Turn::Refused,
        }
    }
}

impl Mechanism {
    /// Where a server takes tokens in both forms, XOAUTH2 is used: it is the one that Google and
    /// Microsoft describe to their users, and the only one that Microsoft has, so it is the one
    /// that is known to work.
    fn choose(
        target: &Target,
        offers: &Capabilities,
        credentials: &Credentials,
    ) -> Result<Self, String> {
        const PASSWORDS: [Mechanism; 2] = [Mechanism::Plain, Mechanism::Login];
        const TOKENS: [Mechanism; 2] = [Mechanism::Xoauth2, Mechanism::OauthBearer];
        let is_offered = |it: &Self| offers.has_mechanism(it.name());
        let (ours, theirs) = match credentials {
            Credentials::Password { .. } => (PASSWORDS, TOKENS),
            Credentials::Token { .. } => (TOKENS, PASSWORDS),
        };
        if let Some(found) = ours.into_iter().find(is_offered) {
            return Ok(found);
        }
        let (host, port) = (&target.host, target.port);
        let offered = offers.mechanisms.join(", ");
        let mut fault = match credentials {
            _ if offered.is_empty() => {
                return Err(format!(
                    "{host} offers no login (AUTH) on port {port}: drop `user`, or check `port` \
                     and `tls`"
                ));
            }
            Credentials::Password { .. } => {
                format!("{host} takes no password that postroom can give, only {offered}")
            }
            Credentials::Token { .. } => format!("{host} takes no OAuth2 token, only {offered}"),
        };
        if theirs.iter().any(is_offered) {
            fault += match credentials {
                Credentials::Password { .. } => ": write `token` in place of `password`",
                Credentials::Token { .. } => ": write `password` in place of `token`",
            };
        }
        Err(fault)
    }

    fn name(self) -> &'static str {
        match self {
            Self::Plain => "PLAIN",
            Self::Login => "LOGIN",
            Self::Xoauth2 => "XOAUTH2",
            Self::OauthBearer => "OAUTHBEARER",
        }
    }

    /// What is said in turn, or why it cannot be.
    fn answers(self, target: &Target, credentials: &Credentials) -> Result<VecDeque<Line>, String> {
        let user = credentials.user();
        let words = match credentials {
            Credentials::Password { password, .. } => {
                check_text("user", user, |c| c != '\0')?;
                check_text("password", password, |c| c != '\0')?;
                match self {
                    Self::Login => vec![user.to_owned(), password.to_string()],
                    _ => vec![format!("\0{user}\0{}", password.as_str())],
                }
            }
            Credentials::Token { token, .. } => {
                check_text("user", user, |c| !c.is_control())?;
                // A superset of RFC 6750 section 2.1, without what would end or forge a field.
                check_text("token", token, |c| c.is_ascii_graphic())?;
                let bearer = Zeroizing::new(format!("auth=Bearer {}\x01\x01", token.as_str()));
                vec![match self {
                    Self::OauthBearer => {
                        let (host, port) = (&target.host, target.port);
                        let name = user.replace('=', "=3D").replace(',', "=2C");
                        format!("n,a={name},\x01host={host}\x01port={port}\x01{}", *bearer)
                    }
                    _ => format!("user={user}\x01{}", *bearer),
                }]
            }
        };
        let words = words.into_iter().map(Zeroizing::new);
        let lines: VecDeque<Line> = words
            .map(|word| Zeroizing::new(BASE64.encode(word.as_bytes())))
            .collect();
        if lines
            .iter()
            .any(|line| line.len() + "\r\n".len() > LINE_MAX)
        {
            let word = credentials.word();
            return Err(format!(
                "the {word} is too long for a login: {LINE_MAX} octets"
            ));
        }
        Ok(lines)
    }

    /// What is answered to a challenge that says what is wrong with a token, so that the refusal
    /// itself follows: an empty line, or (RFC 7628 section 3.2.3) a lone ^A.
    fn dismissal(self) -> Option<Line> {
        match self {
            Self::Plain | Self::Login => None,
            Self::Xoauth2 => Some(Line::default()),
            Self::OauthBearer => Some(Zeroizing::new("AQ==".to_owned())),
        }
    }
}

fn check_text(what: &str, text: &str, good: impl Fn(char) -> bool) -> Result<(), String> {
    match text.chars().position(|c| !good(c)) {
        None => Ok(()),
        Some(at) => Err(format!(
            "no login can carry this {what}: its character {} is a NUL, a space or the like",
            at + 1
        )),
    }
}

/// What a challenge says against a token: JSON with a status and perhaps a scope (RFC 7628 section
/// 3.2.2; Google's XOAUTH2 has the same form). A prompt that is none says nothing.
fn challenge(prompt: &Reply, echo: &Echo) -> Option<String> {
    let bytes = BASE64.decode(prompt.lines.concat().trim()).ok()?;
    let json: serde_json::Value = serde_json::from_slice(&bytes).ok()?;
    let fields = json.as_object()?;
    let said = ["status", "scope"].into_iter().filter_map(|name| {
        let value = match fields.get(name)? {
            serde_json::Value::String(text) => harmless(&echo.hide(text)),
            serde_json::Value::Number(number) => echo.hide(&number.to_string()),
            _ => return None,
        };
        (!value.is_empty()).then(|| format!("{name} {value}"))
    });
    let said: Vec<String> = said.collect();
    Some(if said.is_empty() {
        "it does not say why".to_owned()
    } else {
        said.join(", ")
    })
}

fn harmless(text: &str) -> String {
    let shown = text.chars().take(SHOWN_MAX);
    shown
        .map(|c| {
            if c.is_ascii_graphic() || c == ' ' || HIDDEN.contains(c) {
                c
            } else {
                '?'
            }
        })
        .collect()
}

fn refusal(
    target: &Target,
    credentials: &Credentials,
    reply: &Reply,
    challenge: Option<String>,
) -> SmtpError {
    let judged = expect(Stage::Auth, reply, |_| false);
    let mut error = judged.expect_err("no reply is a good one here");
    let hint = target.provider.and_then(|it| match credentials {
        Credentials::Password { .. } => Some(it.password_hint),
        Credentials::Token { .. } => it.token_hint,
    });
    error.login = Some(Box::new(RefusedLogin {
        host: target.host.clone(),
        user: credentials.user().to_owned(),
        challenge,
        hint: hint.filter(|_| error.is_refused_login()),
    }));
    error
}
