//! The message that somebody got, composed again from what is frozen with its run by the code that
//! composed it then. It is compared with what left, and never sent.

use super::letter::{Letterhead, NoLetterhead};
use crate::clock::Timestamp;
use crate::compose::TokenKey;
use crate::outbox::{OutboxError, Reader};

/// A message composed again.
#[derive(Clone, Debug)]
pub struct Recomposed {
    /// As it goes over the wire, lines ending in CRLF.
    pub bytes: Vec<u8>,
    /// The account that its run belongs to, whose keys sign it.
    pub account: String,
    /// The date that it bears.
    pub date: Timestamp,
    /// Whether these are the bytes that left, but for signatures, which are not here; none if
    /// nothing has left for this person.
    pub same: Option<bool>,
    /// How many people whom it named then were forgotten since: it names them no more.
    pub forgotten: usize,
}

/// Why a message cannot be composed again.
#[derive(Debug, thiserror::Error)]
pub enum RecomposeError {
    /// The outbox cannot be read.
    #[error(transparent)]
    Outbox(#[from] OutboxError),
    /// No such run, or none whose name begins so and no other's does.
    #[error("there is no run {}, or several begin so", .0.escape_debug())]
    NoRun(String),
    /// Retention took the fields away.
    #[error(
        "the details of run {0} were removed, as `keep` says: the message cannot be made again"
    )]
    Removed(String),
    /// The address had no message in it.
    #[error("run {0} has no message for this address")]
    NoMessage(String),
    /// What is frozen does not make a message.
    #[error("the message cannot be made again: {0}")]
    Broken(String),
}

/// Composes the message of a run (its id, or an unmistakable beginning) to an address (normalised),
/// with the key of tokens that it was composed with then, if that is one of these.
///
/// # Errors
/// There is none, or not all that it was made of is there any more.
pub fn recompose(
    reader: &Reader,
    run: &str,
    key: &str,
    token_keys: &[TokenKey],
) -> Result<Recomposed, RecomposeError> {
    let no_run = || RecomposeError::NoRun(run.to_owned());
    let run = reader.run(run)?.ok_or_else(no_run)?;
    if run.thinned > 0 {
        return Err(RecomposeError::Removed(run.id));
    }
    let no = reader.run_no(&run.id)?.ok_or_else(no_run)?;
    let sent = reader.sent(no, key)?;
    let sent = sent.ok_or(RecomposeError::NoMessage(run.id))?;
    let head = Letterhead::load(reader, no).map_err(|error| match error {
        NoLetterhead::Unreadable(error) => RecomposeError::Outbox(error),
        NoLetterhead::Broken(why) => RecomposeError::Broken(why),
    })?;
    // Its link may be signed with a key that is a former one by now.
    let mut again = Vec::new();
    for key in token_keys.iter().map(Some).chain([None]) {
        let letter = match head.write(&sent.row, key) {
            Err(_) if !again.is_empty() => break,
            written => written.map_err(RecomposeError::Broken)?,
        };
        let digest = ring::digest::digest(&ring::digest::SHA256, &letter.bytes);
        let same = sent.digest.as_ref().map(|then| *then == digest.as_ref());
        again.push((letter, same));
        if same != Some(false) || !head.has_links() {
            break;
        }
    }
    let found = again.iter().position(|(_, same)| *same == Some(true));
    let (letter, same) = again.swap_remove(found.unwrap_or(0));
    let (bytes, date) = (letter.bytes, letter.date);
    Ok(Recomposed {
        bytes,
        account: head.account().to_owned(),
        date,
        same,
        forgotten: head.forgotten(),
    })
}
