//! Where an account's server is, whom we trust there, and who we are: the same for every
//! connection, whoever opens it.

use crate::config::Account;
use crate::smtp::{Chaining, Deadlines, Resolver, Target, TlsClient, TlsSetupError};

/// The server of an account, and how to speak to it.
///
/// # Errors
/// There is nobody to trust: TLS cannot be set up on this machine, or not with the account's `ca`.
pub fn target(account: &Account, deadlines: Deadlines) -> Result<Target, TlsSetupError> {
    Ok(Target {
        host: account.host.clone(),
        port: account.port,
        tls: account.tls,
        resolver: Resolver::default(),
        client: TlsClient::new(account.ca.as_deref())?,
        hello: account.hello.clone().unwrap_or_else(own_name),
        deadlines,
        provider: account.provider,
        chaining: if account.chaining {
            Chaining::default()
        } else {
            Chaining::never()
        },
        transcript: None,
    })
}

/// The name of this machine, for EHLO; an address literal where it has none that fits.
fn own_name() -> String {
    let name = rustix::system::uname()
        .nodename()
        .to_string_lossy()
        .into_owned();
    let fits = name.contains('.')
        && name
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || c == '.' || c == '-');
    if fits { name } else { "[127.0.0.1]".to_owned() }
}
