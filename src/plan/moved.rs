//! Who joined the lists of a schedule since its last run, and who left them.

use super::distinct::Distinct;
use super::opening::PART;
use crate::audience;
use crate::clock::Timestamp;
use crate::config::Schedule;
use crate::outbox::{Kept, OutboxError, Reader};

/// How many came and went since a run.
#[derive(Clone, Debug, PartialEq)]
pub struct Moved {
    /// The schedule's last run that was for all its people.
    pub run: String,
    /// When it was opened, in milliseconds.
    pub opened_at: i64,
    /// People who would get mail and were not in it.
    pub joined: u64,
    /// People who were in it and would get none.
    pub left: u64,
}

/// Holds the people of a schedule, counted, against those of its last run. Nothing comes back where
/// there was none, where its rows are not kept any more, and of a schedule that leaves out whom it
/// has written to before.
pub(super) fn since_last_run(
    people: &mut Distinct,
    schedule: &Schedule,
    reader: &Reader,
    now: Timestamp,
) -> Result<Option<Moved>, OutboxError> {
    if schedule.once_per.is_some() {
        return Ok(None);
    }
    let Some(last) = reader.last_audience(&schedule.name, PART, None)? else {
        return Ok(None);
    };
    // They were in no run and are in none, though they stand on a list.
    let now = now.as_millisecond();
    for row in reader.suppressions()? {
        let holds = row.ends_at.is_none_or(|end| end > now);
        let mailbox = row.address.filter(|_| holds);
        if let Some(Ok(mailbox)) = mailbox.map(|text| audience::mailbox(&text)) {
            people.leave_out(Kept::fingerprint(&audience::key(&mailbox.email)));
        }
    }
    let compared = reader.with_fingerprints(&last, |before| people.compare(before))?;
    Ok(compared.map(|(joined, left)| Moved {
        run: last.run,
        opened_at: last.opened_at,
        joined,
        left,
    }))
}
