//! Where an account's server is, whom we trust there, and who we are: the same for every
//! connection, whoever opens it.

use crate::config::Account;
use crate::smtp::{
    Chaining, Credentials, Deadlines, SmtpError, Stage, Target, TlsClient, TlsSetupError, Trouble,
};

/// The server of an account, and how to speak to it.
///
/// # Errors
/// There is nobody to trust: TLS cannot be set up on this machine, or not with the account's `ca`.
pub fn target(account: &Account, deadlines: Deadlines) -> Result<Target, TlsSetupError> {
    Ok(Target {
        host: account.host.clone(),
        port: account.port,
        tls: account.tls,
        client: TlsClient::new(account.ca.as_deref())?,
        hello: account.hello.clone().unwrap_or_else(own_name),
        deadlines,
        chaining: if account.chaining {
            Chaining::default()
        } else {
            Chaining::never()
        },
    })
}

/// What an account logs in with, read at this moment; `None` if nobody logs in.
///
/// # Errors
/// The password cannot be had.
pub async fn credentials(account: &Account) -> Result<Option<Credentials>, SmtpError> {
    let Some(login) = &account.login else {
        return Ok(None);
    };
    let password = login.password.reveal().await.map_err(|error| {
        let text = format!("the password cannot be had: {error}");
        SmtpError::new(Stage::Auth, Trouble::Missing(text))
    })?;
    Ok(Some(Credentials {
        user: login.user.clone(),
        password,
    }))
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
