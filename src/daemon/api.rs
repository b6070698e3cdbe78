//! What the daemon and those who ask it say to each other: JSON over HTTP on its unix socket.
//!
//! Members are added, never renamed; ignore those you do not know.

use serde::{Deserialize, Serialize};

pub use super::reloaded::{
    Configuration, Difference, How, KeyChange, Refused, ReloadRequest, Reloaded,
};
use crate::audience::Place;
use crate::clock::Timestamp;
use crate::config::Config;
use crate::deliver::AccountView;
use crate::outbox::{
    AttemptRow, AuditRow, Banned, DeliveryRow, Forgotten, HoldRow, RunRow, Scope, SuppressionRow,
};
use crate::plan::{Forecast, Late, Seats};

/// `GET /v1/status`
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Status {
    /// Version of the daemon, or of the command where none runs.
    pub version: String,
    /// The daemon; none if the outbox was read without one.
    pub daemon: Option<Process>,
    /// The configuration file.
    pub config: String,
    /// Since when the daemon goes by it, and what it refused since; none without a daemon.
    #[serde(default)]
    pub configuration: Option<Configuration>,
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
    /// What is on hold, the oldest hold first.
    #[serde(default)]
    pub holds: Vec<HoldRow>,
    /// Why nothing is sent for the moment, if the outbox waits for room on its disk.
    #[serde(default)]
    pub full: Option<String>,
    /// When open runs end, where that can be told.
    #[serde(default)]
    pub forecasts: Vec<Forecast>,
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
    /// What moved it, if something did: a clock change, a holiday, jitter; or what it waits for.
    pub note: Option<String>,
    /// When its mail may leave, if not at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sends_from: Option<i64>,
}

/// `GET /v1/queue`: which deliveries; without `state`, those that are not final, or all that `id`
/// names. `POST` takes the same as JSON, for what does not fit in an address line.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
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
    /// Only this run: its id, or a beginning of it that fits no other.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub run: Option<String>,
    /// Only to this address, or to this domain: `@example.org`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
    /// Only of runs opened since, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<i64>,
    /// Only of runs opened until then, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before: Option<i64>,
    /// Only these, `01J….17`, separated by commas; a beginning of the run's id is enough.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Only those behind this one, for the next page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
    /// At most so many.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<usize>,
}

impl QueueQuery {
    /// Whether it means all that waits.
    #[must_use]
    pub fn is_open(&self) -> bool {
        *self == Self::default()
    }

    /// The same as people type it, for the audit.
    #[must_use]
    pub fn words(&self) -> String {
        let options = [
            ("--schedule", &self.schedule),
            ("--account", &self.account),
            ("--run", &self.run),
            ("--to", &self.to),
            ("--state", &self.state),
        ];
        let mut words: Vec<String> = options
            .into_iter()
            .filter_map(|(name, value)| Some(format!("{name} {}", value.as_ref()?)))
            .collect();
        if let Some(ids) = &self.id {
            match ids.split(',').count() {
                1 => words.push(ids.clone()),
                n => words.push(format!("{n} ids")),
            }
        }
        let times = [("since", self.since), ("before", self.before)];
        for (name, at) in times {
            let at = at.and_then(|at| Timestamp::from_millisecond(at).ok());
            words.extend(at.map(|at| format!("opened {name} {at}")));
        }
        if words.is_empty() {
            "--all".to_owned()
        } else {
            words.join(" ")
        }
    }
}

/// `POST /v1/changes`
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default)]
pub struct ChangeRequest {
    /// retry, cancel, sent or not-sent.
    pub act: String,
    /// To which deliveries.
    pub filter: QueueQuery,
    /// Why, for those who ask later.
    pub reason: Option<String>,
    /// Only count them.
    pub dry_run: bool,
}

/// What became of the deliveries that a change was asked for.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct ChangeAnswer {
    /// How many were changed, or would be.
    pub changed: i64,
    /// Those that were left as they are.
    pub left: Vec<LeftAlone>,
}

/// Deliveries that a change left as they are.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct LeftAlone {
    /// How many.
    pub count: i64,
    /// Why, for programs.
    pub because: String,
    /// Why, for people.
    pub text: String,
}

/// `POST /v1/holds`, which replaces one on the same thing.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct HoldRequest {
    /// On what.
    #[serde(flatten)]
    pub scope: Scope,
    /// Why.
    pub reason: String,
    /// When it ends by itself, in milliseconds.
    pub ends_at: Option<i64>,
}

/// `DELETE /v1/holds`, `GET /v1/holds` and `POST /v1/holds` answer with what is on hold now.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct HoldAnswer {
    /// False if it was so already.
    pub changed: bool,
    /// All holds, the oldest first.
    pub holds: Vec<HoldRow>,
}

/// `GET /v1/names`: what the configuration that holds calls its things.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Names {
    /// Its file.
    pub config: String,
    /// Its accounts.
    pub accounts: Vec<String>,
    /// Its schedules.
    pub schedules: Vec<String>,
}

impl Names {
    /// Those of `config`.
    #[must_use]
    pub fn of(config: &Config) -> Self {
        Self {
            config: config.path.display().to_string(),
            accounts: config.accounts.keys().cloned().collect(),
            schedules: config.schedules.keys().cloned().collect(),
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
    /// Its entry on the suppression list for all mail.
    pub suppressed: Option<SuppressionRow>,
    /// Its entries for the mail of one schedule each.
    #[serde(default)]
    pub left: Vec<SuppressionRow>,
    /// Its deliveries, newest first.
    pub deliveries: Vec<History>,
}

/// One delivery with every try, and what people did to it.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct History {
    /// The delivery.
    #[serde(flatten)]
    pub delivery: DeliveryRow,
    /// Oldest first.
    pub attempts: Vec<AttemptRow>,
    /// Oldest first.
    #[serde(default)]
    pub changes: Vec<AuditRow>,
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
    /// It is meant for so many more or fewer people than the schedule's last run.
    pub accept_change: bool,
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
    /// If they get one message together, where it names them; told before it is sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<Seats>,
    /// Rows that repeat an address.
    pub duplicates: u64,
    /// Rows of people who get no mail because they are suppressed.
    #[serde(default)]
    pub suppressed: u64,
    /// People who were sent the same notice before, or soon will be.
    #[serde(default)]
    pub sent_before: u64,
    /// Rows of people who get nothing because a list of `except` names them.
    #[serde(default)]
    pub left_out: u64,
    /// Unusable rows.
    pub invalid: u64,
    /// The first ten unusable rows, for people.
    pub invalid_told: Vec<String>,
    /// Each list that was read, those of `except` last.
    #[serde(default)]
    pub lists: Vec<ListRead>,
    /// Sender.
    pub from: String,
    /// First recipient.
    pub first: Option<String>,
    /// Their subject.
    pub subject: Option<String>,
    /// What of it will expire unsent.
    #[serde(default)]
    pub late: Option<Late>,
    /// When it ends, if that can be told.
    #[serde(default)]
    pub forecast: Option<Forecast>,
}

/// What was read of a list.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct ListRead {
    /// The list.
    pub list: String,
    /// Whether its people get nothing.
    #[serde(default)]
    pub except: bool,
    /// All its rows.
    pub rows: u64,
    /// Those of people who get nothing because a list of `except` names them.
    #[serde(default)]
    pub left_out: u64,
    /// Unusable ones.
    pub invalid: u64,
    /// The first unusable rows of a list of `except`, for people.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub invalid_told: Vec<String>,
}

/// An address to be put on the suppression list.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct SuppressRequest {
    /// The address.
    pub address: String,
    /// Why.
    pub reason: String,
    /// When it ends by itself, in milliseconds.
    #[serde(default)]
    pub ends_at: Option<i64>,
    /// The schedule whose mail it gets no more; all mail without.
    #[serde(default)]
    pub scope: String,
}

/// `DELETE /v1/suppressions`: which entry.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct UnsuppressQuery {
    /// The address.
    pub address: String,
    /// The schedule that it names; none for the entry that stops all mail.
    #[serde(default)]
    pub scope: String,
}

/// `POST /v1/suppressions/import`: some hundreds of addresses at most.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct ImportRequest {
    /// Their addresses are normalised.
    pub entries: Vec<Banned>,
}

/// What became of an import.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct Imported {
    /// Addresses that were not on the list before, or not for so long.
    pub added: u64,
    /// Addresses that were on it.
    pub known: u64,
    /// Rows of people who were forgotten: they say nothing of whom.
    pub forgotten: u64,
    /// Lines that cannot be used, and why.
    pub bad: Vec<String>,
}

/// `GET /v1/message`: which message.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct MessageQuery {
    /// The address.
    pub address: String,
    /// The run, or an unmistakable beginning of its id.
    pub run: String,
}

/// A message composed again.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct MessageAnswer {
    /// As it goes over the wire, lines ending in CRLF.
    pub message: String,
    /// The account whose keys sign it.
    #[serde(default)]
    pub account: String,
    /// When it is signed (milliseconds).
    #[serde(default)]
    pub date: i64,
    /// Whether these are the bytes that left; none if nothing has left for this person.
    pub same: Option<bool>,
    /// How many people whom it named then were forgotten since: it names them no more.
    #[serde(default)]
    pub forgotten: usize,
}

/// `POST /v1/forget`: what became of a person's traces.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct ForgetAnswer {
    /// In the state directory.
    #[serde(flatten)]
    pub outbox: Forgotten,
    /// Rows of lists that still name the address; their mail stays away all the same.
    pub lists: Vec<ListRow>,
    /// Lists that cannot be read now, and why.
    pub unread: Vec<String>,
}

/// Where an address stands.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct ListRow {
    /// The list's name.
    pub list: String,
    /// Its file; the configuration for one without.
    pub file: String,
    /// Where there: `line`, or `person` of a JSON document; the position for a list without a file.
    #[serde(flatten)]
    pub place: Place,
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
