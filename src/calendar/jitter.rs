//! Jitter: how much later than planned a schedule runs on this host, always the same, so that runs
//! keep their distance (systemd.timer(5) calls it `FixedRandomDelay=`).

use jiff::SignedDuration;
use ring::digest::{SHA256, digest};

/// The delay of a schedule on a machine: from nothing to just under `most`, in whole seconds. The
/// same for ever, and spread evenly over schedules and machines.
#[must_use]
pub fn jitter(most: SignedDuration, schedule: &str, machine: &str) -> SignedDuration {
    let seconds = most.as_secs().max(1).cast_unsigned();
    let drawn = fingerprint(format!("{schedule}\0{machine}").as_bytes()) % seconds;
    SignedDuration::from_secs(drawn.cast_signed())
}

/// A number that is the same for the same bytes on every machine and in every version.
pub(super) fn fingerprint(bytes: &[u8]) -> u64 {
    let hash = digest(&SHA256, bytes);
    hash.as_ref()[..8]
        .iter()
        .fold(0, |number, byte| number << 8 | u64::from(*byte))
}
