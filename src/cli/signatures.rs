//! The DKIM signatures of a message that is only looked at.

use super::out::{Out, plain};
use super::runtime;
use crate::clock::Timestamp;
use crate::compose::dkim::sign;
use crate::config::Account;
use crate::deliver::{Unsigned, signers};

/// The headers that go before a message of an account when it leaves, made with the keys that there
/// are now; none, and a word about it, if these cannot be had here. What a daemon may read, the
/// person who asks often may not.
pub(super) fn signatures(
    account: Option<&Account>,
    message: &[u8],
    at: Timestamp,
    out: &Out,
) -> String {
    let Some(account) = account.filter(|it| !it.dkim.is_empty()) else {
        return String::new();
    };
    let made = runtime()
        .block_on(signers(&account.dkim))
        .and_then(|signers| sign(&signers, message, at).map_err(Unsigned::from));
    match made {
        Ok(headers) => String::from_utf8(headers).expect("a signature's header is ASCII"),
        Err(why) => {
            let why = plain(&why.to_string());
            out.note(format!(
                "this message is shown without its signature: {why}"
            ));
            String::new()
        }
    }
}
