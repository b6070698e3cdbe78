//! What the daemon and those who ask it say to each other: JSON over HTTP on its unix socket.
//!
//! Members are added, never renamed; ignore those you do not know.

use serde::{Deserialize, Serialize};

use crate::deliver::AccountView;
use crate::outbox::{AttemptRow, DeliveryRow, Filter, RunRow, SuppressionRow};

/// `GET /v1/status`
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Status {
    /// Version of the daemon, or of the command where none runs.
    pub version: String,
    /// The daemon; none if the outbox was read without one.
    pub daemon: Option<Process>,
    /// The configuration file.
    pub config: String,
    /// Milliseconds since 1970.
    pub now: i64,
    /// How the accounts are; empty without a daemon.
    pub accounts: Vec<AccountView>,
    /// Runs that are being opened or sent, oldest first.
    pub open: Vec<RunRow>,
    /// The newest ended run of each schedule.
    pub last: Vec<RunRow>,
    /// When schedules run next, soonest first.
    pub next: Vec<Next>,
}

/// A running daemon.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Process {
    /// Process id.
    pub pid: u32,
    /// Milliseconds since 1970.
    pub started: i64,
}

/// The next time of a schedule.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Next {
    /// The schedule.
    pub schedule: String,
    /// Milliseconds since 1970.
    pub at: i64,
    /// The same as the clocks of its time zone show it, `2026-11-30T09:00`.
    pub local: String,
    /// The time zone.
    pub zone: String,
    /// What a clock change did to it, if one did.
    pub note: Option<String>,
}

/// `GET /v1/queue`: which deliveries; without `state`, those that are not final.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default)]
pub struct QueueQuery {
    /// Words of the delivery states, separated by commas.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
    /// Only this schedule.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub schedule: Option<String>,
    /// Only this account.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    /// Only this run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub run: Option<String>,
    /// Only of runs opened since, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<i64>,
    /// At most so many.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<usize>,
}

impl QueueQuery {
    /// The same for the outbox.
    #[must_use]
    pub fn filter(&self) -> Filter {
        let states = self.state.iter().flat_map(|states| states.split(','));
        Filter {
            states: states
                .filter(|state| !state.is_empty())
                .map(str::to_owned)
                .collect(),
            schedule: self.schedule.clone(),
            account: self.account.clone(),
            run: self.run.clone(),
            since: self.since,
            limit: self.limit,
        }
    }
}

/// `GET /v1/runs`
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default)]
pub struct RunsQuery {
    /// Only this schedule.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub schedule: Option<String>,
    /// Only those opened since, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<i64>,
    /// At most so many, the newest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<usize>,
}

/// `GET /v1/why`, and what names an address elsewhere.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct AddressQuery {
    /// The address.
    pub address: String,
}

/// All that is known about one address.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Why {
    /// As it is compared.
    pub address: String,
    /// Its entry on the suppression list.
    pub suppressed: Option<SuppressionRow>,
    /// Its deliveries, newest first.
    pub deliveries: Vec<History>,
}

/// One delivery with every try.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct History {
    /// The delivery.
    #[serde(flatten)]
    pub delivery: DeliveryRow,
    /// Oldest first.
    pub attempts: Vec<AttemptRow>,
}

/// `POST /v1/send`
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default)]
pub struct SendRequest {
    /// The schedule.
    pub schedule: String,
    /// Only this person of its lists.
    pub only: Option<String>,
    /// One message, to this address instead.
    pub test: Option<String>,
    /// To the people of this run, instead of the lists.
    pub to_run: Option<String>,
    /// Those of them whose deliveries are in one of these states, separated by commas; without it,
    /// those who got it.
    pub state: Option<String>,
    /// Only say what would be sent.
    pub dry_run: bool,
}

/// What a send is, or would be.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct SendAnswer {
    /// The run; none for a dry run.
    pub run: Option<String>,
    /// The schedule.
    pub schedule: String,
    /// The account.
    pub account: String,
    /// Different people who get it.
    pub people: u64,
    /// Rows that repeat an address.
    pub duplicates: u64,
    /// Unusable rows.
    pub invalid: u64,
    /// The first unusable rows, for people.
    pub invalid_told: Vec<String>,
    /// Sender.
    pub from: String,
    /// First recipient.
    pub first: Option<String>,
    /// Their subject.
    pub subject: Option<String>,
}

/// An address to be put on the suppression list.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct SuppressRequest {
    /// The address.
    pub address: String,
    /// Why.
    pub reason: String,
}

/// Whether a change changed anything.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Changed {
    /// False if it was so already.
    pub changed: bool,
}

/// Every answer that is not 2xx.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Refusal {
    /// What is wrong, for people.
    pub error: String,
}
