//! What a real server says about its part: of each kind the same, however it writes its log.

use std::path::Path;

use super::mailbox::Mail;

/// The login of the servers that want one.
pub(crate) const USER: &str = "ada@example.org";
pub(crate) const PASSWORD: &str = "correct horse";

/// The keys of an account that logs in at a port of this machine; the password is in the file
/// `password`.
pub(crate) fn account(port: u16, ca: &Path) -> String {
    format!("port = {port}\nca = {ca:?}\nuser = {USER:?}\npassword = {{ file = \"password\" }}")
}

/// A server that can be sent to and asked afterwards.
pub(crate) trait Witness {
    /// The keys of an account that sends through it. With a login, the password is in the file
    /// `password`.
    fn account(&self) -> String;

    /// What happened, once every client has gone and everything is delivered.
    fn testimony(&self) -> Testimony;
}

/// What a server remembers.
#[derive(Debug, Default)]
pub(crate) struct Testimony {
    pub(crate) mails: Vec<Mail>,
    /// The recipients that it refused, in order.
    pub(crate) refused: Vec<String>,
    /// How many connections there were.
    pub(crate) connections: usize,
    /// How many of them were encrypted.
    pub(crate) encrypted: usize,
    /// How many logins succeeded; none if it asks for no login.
    pub(crate) logins: Option<usize>,
    /// Lines of its log that tell of anything else than mail taken and recipients refused.
    pub(crate) complaints: Vec<String>,
}

/// What stands in a line between two texts.
pub(crate) fn between<'a>(line: &'a str, before: &str, after: &str) -> Option<&'a str> {
    let (_, rest) = line.split_once(before)?;
    let (it, _) = rest.split_once(after)?;
    Some(it)
}
