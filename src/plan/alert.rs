//! Alerts: a person is told what needs one, once for each cause and hour. What waits for a
//! decision is told once.
//!
//! An alert is a run of its own, `@alert`, in the outbox: it is sent, tried again and looked up as
//! all mail is, and the run's name keeps it from being told twice.

use super::pools::Pools;
use crate::clock::{Clock, Timestamp};
use crate::compose::Source;
use crate::config::{Account, Alert, Config, OnUncertain};
use crate::outbox::{
    AddRows, FinishRun, FrozenRun, NewDelivery, NewRun, Opened, Outbox, OutboxError, RowKey,
    SealKeys,
};
use crate::program::Program;

/// The schedule that alerts are runs of.
pub const ALERT: &str = "@alert";

/// An alert that could not be sent for so long is no news any more, in milliseconds.
const EXPIRES: i64 = 24 * 3_600_000;
/// How long a doubtful one waits before it is sent again.
const RESEND_AFTER: std::time::Duration = std::time::Duration::from_secs(15 * 60);

/// What needs a person.
#[derive(Clone, Debug)]
pub struct Cause {
    /// One word for what it is, as in the log's events: `run-missed`.
    pub event: &'static str,
    /// What it is about.
    pub about: About,
    /// All of it, for people.
    pub text: String,
    /// Accounts that are out: no alert goes through them if it can go through another one.
    pub out: Vec<String>,
}

/// What an alert is about.
#[derive(Clone, Debug)]
pub enum About {
    /// A schedule.
    Schedule(String),
    /// A run that was put on hold then: told once, however long it stays so.
    Hold {
        /// The schedule.
        schedule: String,
        /// The run.
        run: String,
        /// Since when.
        since: Timestamp,
    },
    /// An account.
    Account(String),
    /// The configuration: its file's name, and when a reload of it was refused.
    Config(String, Timestamp),
}

impl Cause {
    /// Something about a schedule.
    #[must_use]
    pub fn of_schedule(event: &'static str, schedule: &str, text: String) -> Self {
        Self {
            event,
            about: About::Schedule(schedule.to_owned()),
            text,
            out: Vec::new(),
        }
    }

    /// The occurrence key: whoever comes second with the same is not told again.
    fn occurrence(&self, now: Timestamp) -> String {
        let hour = now.strftime("%Y-%m-%dT%H");
        match &self.about {
            About::Schedule(name) | About::Account(name) | About::Config(name, _) => {
                format!("{} {name}:{hour}", self.event)
            }
            About::Hold { run, since, .. } => format!("{} {run}:{since}", self.event),
        }
    }

    /// For a program: what names it.
    fn variables(&self) -> Vec<(&'static str, &str)> {
        let mut all = vec![("POSTROOM_EVENT", self.event)];
        match &self.about {
            About::Schedule(name) => all.push(("POSTROOM_SCHEDULE", name)),
            About::Hold { schedule, run, .. } => {
                all.extend([
                    ("POSTROOM_SCHEDULE", schedule.as_str()),
                    ("POSTROOM_RUN", run),
                ]);
            }
            About::Account(name) => all.push(("POSTROOM_ACCOUNT", name)),
            About::Config(..) => {}
        }
        all
    }
}

impl About {
    fn name(&self) -> &str {
        match self {
            Self::Schedule(name) | Self::Account(name) | Self::Config(name, _) => name,
            Self::Hold { schedule, .. } => schedule,
        }
    }

    /// The commands that say more.
    fn more(&self) -> String {
        match self {
            Self::Schedule(name) | Self::Hold { schedule: name, .. } => {
                format!("`postroom status` and `postroom log {name}` say more.")
            }
            Self::Account(_) => "`postroom status` says more.".to_owned(),
            Self::Config(..) => "`postroom check` says more.".to_owned(),
        }
    }

    fn how_often(&self) -> &'static str {
        match self {
            Self::Schedule(_) | Self::Account(_) | Self::Config(..) => {
                "The same is not told again within this hour."
            }
            Self::Hold { .. } => "This is told once.",
        }
    }
}

/// Tells whoever is to be told, as the configuration says. The mail is in the outbox when this
/// returns; a program takes its own time, and no schedule waits for it. What stands against it is
/// logged. Returns whether the mail is in the outbox, or there is to be none.
pub async fn raise(config: &Config, outbox: &Outbox, clock: &Clock, cause: Cause) -> bool {
    let Some(alert) = config.daemon.alert.clone() else {
        return true;
    };
    let order = Raised::new(config, &alert, clock, &cause);
    let outbox = outbox.clone();
    let opened = tokio::task::spawn_blocking(move || order.open(&outbox)).await;
    let opened = opened.expect("opening an alert does not panic");
    match &opened {
        Ok(true) => {}
        Ok(false) => return true, // told before
        Err(error) => tracing::error!(event = "alert-failed", "no alert is sent: {error}"),
    }
    if let Some(program) = alert.command {
        tokio::spawn(call(program, cause));
    }
    opened.is_ok()
}

/// The account that an alert goes through: the one that is named for it; if that is out, another
/// one that is not. If all are out it is left to the program, or waits where there is none.
fn carrier<'a>(config: &'a Config, alert: &Alert, out: &[String]) -> Option<&'a Account> {
    let is_well = |name: &String| !out.contains(name);
    let named = alert.via.as_ref()?;
    let others = config.accounts.keys();
    let well = std::iter::once(named).chain(others).find(|it| is_well(it));
    let waits = || Some(named).filter(|_| alert.command.is_none());
    config.accounts.get(well.or_else(waits)?)
}

async fn call(program: Program, cause: Cause) {
    let variables = cause.variables();
    let text = format!("{}\n", cause.text);
    if let Err(error) = program.run(text.as_bytes(), &variables, 1024 * 1024).await {
        tracing::error!(event = "alert-failed", "an alert was not told: {error}");
    }
}

/// An alert as a run.
struct Raised {
    run: NewRun,
    rows: Vec<NewDelivery>,
}

impl Raised {
    fn new(config: &Config, alert: &Alert, clock: &Clock, cause: &Cause) -> Self {
        let now = clock.now();
        let account = carrier(config, alert, &cause.out);
        let json = "plain data serialises";
        let sender = account.map(|it| serde_json::to_string(&it.sender).expect(json));
        let frozen = FrozenRun {
            account: account.map(|it| it.name.clone()).unwrap_or_default(),
            template: serde_json::to_string(&template()).expect(json),
            sender: sender.unwrap_or_default(),
            utc_offset: config.daemon.timezone.to_offset(now).seconds(),
            retry: account.map(|it| it.retry.clone()).unwrap_or_default(),
            on_uncertain: OnUncertain::Resend,
            resend_after: RESEND_AFTER,
            zone: config.daemon.timezone.iana_name().map(str::to_owned),
            carried: None,
        };
        let fields = fields(cause, now, config);
        let to = alert.to.iter().filter(|_| account.is_some());
        let via = vec![frozen.account.clone()];
        let pools = Pools::of(config, &via);
        let rows = (1..).zip(to).map(|(seq, to)| {
            let key = crate::audience::key(&to.email);
            NewDelivery {
                seq,
                list: "alert".to_owned(),
                place: seq,
                pool: pools.pool(&key),
                key,
                address: to.email.to_string(),
                name: to.name.clone(),
                fields: fields.clone(),
                ..NewDelivery::default()
            }
        });
        Self {
            rows: rows.collect(),
            run: NewRun {
                id: clock.new_id().to_string(),
                schedule: ALERT.to_owned(),
                occurrence: cause.occurrence(now),
                due_at: now.as_millisecond(),
                expires_at: now.as_millisecond().saturating_add(EXPIRES),
                overlap: None,
                via,
                canary: None,
                frozen,
                once: None,
            },
        }
    }

    /// Whether it is new: told by nobody before.
    fn open(self, outbox: &Outbox) -> Result<bool, OutboxError> {
        let Opened::Fill(run, _) = outbox.submit(self.run).wait()? else {
            return Ok(false);
        };
        let people = i64::try_from(self.rows.len()).unwrap_or(i64::MAX);
        let keys = self.rows.iter();
        let keys = keys.map(|row| RowKey::new(row.key.clone(), row.seq));
        let mut keys: Vec<RowKey> = keys.collect();
        keys.sort_unstable_by_key(|it| (it.fingerprint, it.seq));
        let rows = self.rows;
        outbox.submit(AddRows { run, rows }).wait()?;
        outbox.submit(SealKeys { run, keys }).wait()?;
        outbox
            .submit(FinishRun {
                run,
                people,
                group: None,
                lists: Vec::new(),
            })
            .wait()?;
        Ok(true)
    }
}

fn fields(cause: &Cause, now: Timestamp, config: &Config) -> String {
    let host = rustix::system::uname();
    let at = now.to_zoned(config.daemon.timezone.clone());
    serde_json::json!({
        "event": cause.event,
        "about": cause.about.name(),
        "more": cause.about.more(),
        "how_often": cause.about.how_often(),
        "text": cause.text,
        "at": at.strftime("%Y-%m-%d %H:%M:%S %Z").to_string(),
        "host": host.nodename().to_string_lossy(),
        "config": config.path.display().to_string(),
    })
    .to_string()
}

fn template() -> Source {
    Source::of_texts(
        ALERT,
        "postroom: {{event}}: {{about}}",
        "{{text}}\n\n\
         Seen at {{at}} by postroom on {{host}} with {{config}}.\n\
         {{how_often}}\n\
         {{more}}\n",
    )
}
