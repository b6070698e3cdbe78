//! Alerts: a person is told what needs one, once for each cause and hour.
//!
//! An alert is a run of its own, `@alert`, in the outbox: it is sent, tried again and looked up as
//! all mail is, and the run's name keeps it from being told twice.

use std::collections::BTreeMap;

use crate::clock::{Clock, Timestamp};
use crate::compose::{Part, Source};
use crate::config::{Alert, Config, OnUncertain};
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
    /// The schedule.
    pub schedule: String,
    /// All of it, for people.
    pub text: String,
}

/// Tells whoever is to be told, as the configuration says. The mail is in the outbox when this
/// returns; a program takes its own time, and no schedule waits for it. What stands against it is
/// logged.
pub async fn raise(config: &Config, outbox: &Outbox, clock: &Clock, cause: Cause) {
    let Some(alert) = config.daemon.alert.clone() else {
        return;
    };
    let Some(order) = Raised::new(config, &alert, clock, &cause) else {
        return;
    };
    let outbox = outbox.clone();
    let opened = tokio::task::spawn_blocking(move || order.open(&outbox)).await;
    match opened.expect("opening an alert does not panic") {
        Ok(true) => {}
        Ok(false) => return, // told within this hour
        Err(error) => tracing::error!(event = "alert-failed", "no alert is sent: {error}"),
    }
    if let Some(program) = alert.command {
        tokio::spawn(call(program, cause));
    }
}

async fn call(program: Program, cause: Cause) {
    let variables = [
        ("POSTROOM_EVENT", cause.event),
        ("POSTROOM_SCHEDULE", cause.schedule.as_str()),
    ];
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
    fn new(config: &Config, alert: &Alert, clock: &Clock, cause: &Cause) -> Option<Self> {
        let now = clock.now();
        let account = match &alert.via {
            Some(name) => Some(config.accounts.get(name)?),
            None => None,
        };
        let json = "plain data serialises";
        let sender = account.map(|it| serde_json::to_string(&it.sender).expect(json));
        let frozen = FrozenRun {
            account: alert.via.clone().unwrap_or_default(),
            template: serde_json::to_string(&template()).expect(json),
            sender: sender.unwrap_or_default(),
            utc_offset: config.daemon.timezone.to_offset(now).seconds(),
            retry: account.map(|it| it.retry.clone()).unwrap_or_default(),
            on_uncertain: OnUncertain::Resend,
            resend_after: RESEND_AFTER,
        };
        let fields = fields(cause, now, config);
        let rows = (1..).zip(&alert.to).map(|(seq, to)| NewDelivery {
            seq,
            list: "alert".to_owned(),
            line: u64::try_from(seq).unwrap_or(0),
            key: crate::audience::key(&to.email),
            address: to.email.to_string(),
            name: to.name.clone(),
            fields: fields.clone(),
            ..NewDelivery::default()
        });
        Some(Self {
            rows: rows.collect(),
            run: NewRun {
                id: clock.new_id().to_string(),
                schedule: ALERT.to_owned(),
                occurrence: occurrence(cause, now),
                due_at: now.as_millisecond(),
                expires_at: now.as_millisecond().saturating_add(EXPIRES),
                overlap: None,
                via: vec![frozen.account.clone()],
                canary: None,
                frozen,
                once: None,
            },
        })
    }

    /// Whether it is new: told by nobody within this hour.
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
        outbox.submit(FinishRun { run, people }).wait()?;
        Ok(true)
    }
}

/// One for each cause and hour.
fn occurrence(cause: &Cause, now: Timestamp) -> String {
    let hour = now.strftime("%Y-%m-%dT%H");
    format!("{} {}:{hour}", cause.event, cause.schedule)
}

fn fields(cause: &Cause, now: Timestamp, config: &Config) -> String {
    let host = rustix::system::uname();
    let at = now.to_zoned(config.daemon.timezone.clone());
    serde_json::json!({
        "event": cause.event,
        "schedule": cause.schedule,
        "text": cause.text,
        "at": at.strftime("%Y-%m-%d %H:%M:%S %Z").to_string(),
        "host": host.nodename().to_string_lossy(),
        "config": config.path.display().to_string(),
    })
    .to_string()
}

fn template() -> Source {
    let part = |content: &str| Part {
        file: ALERT.to_owned(),
        content: content.to_owned(),
    };
    Source {
        name: ALERT.to_owned(),
        subject: part("postroom: {{event}}: {{schedule}}"),
        text: Some(part(
            "{{text}}\n\n\
             Seen at {{at}} by postroom on {{host}} with {{config}}.\n\
             The same is not told again within this hour.\n\
             `postroom status` and `postroom log {{schedule}}` say more.\n",
        )),
        html: None,
        layout_text: None,
        layout_html: None,
        partials: BTreeMap::new(),
    }
}
