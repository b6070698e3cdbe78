//! What systemd is told, where there is one: `systemctl status` shows it.

use std::time::Duration;

use jiff::tz::TimeZone;
use sd_notify::NotifyState;

use super::current::Current;
use crate::clock::{Clock, Timestamp};
use crate::config::Config;
use crate::deliver::Watch;
use crate::plan::upcoming;

/// How often the line is looked at: accounts go down, and what was next has run.
const LOOK: Duration = Duration::from_secs(30);

/// Tells systemd, where there is one.
pub(super) fn notify(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        tracing::debug!("systemd was not told: {error}");
    }
}

/// One line about the daemon.
#[derive(Clone)]
pub(super) struct Status {
    current: Current,
    watch: Watch,
    clock: Clock,
}

impl Status {
    pub(super) fn new(current: Current, watch: Watch, clock: Clock) -> Self {
        Self {
            current,
            watch,
            clock,
        }
    }

    /// Tells it as it is now.
    pub(super) fn tell(&self) {
        notify(&[NotifyState::Status(&self.line())]);
    }

    /// Tells it again when it is another one, for ever.
    pub(super) async fn follow(self) {
        let mut told = String::new();
        loop {
            let line = self.line();
            if line != told {
                notify(&[NotifyState::Status(&line)]);
                told = line;
            }
            self.clock.sleep(LOOK).await;
        }
    }

    /// Without ends of lines: they would end what systemd is told.
    fn line(&self) -> String {
        self.text().replace(char::is_control, " ")
    }

    fn text(&self) -> String {
        let (standing, now) = (self.current.standing(), self.clock.now());
        let loaded = in_words(standing.loaded_at, now);
        match standing.refused {
            Some(refused) => format!(
                "reload refused {}: {}; running config of {loaded}",
                in_words(refused.at, now),
                refused.text
            ),
            None => {
                let work = self.work(&self.current.get(), now);
                format!("{work}; config of {loaded}")
            }
        }
    }

    /// What it works with, and what comes next.
    fn work(&self, config: &Config, now: Timestamp) -> String {
        let down: Vec<String> = self
            .watch
            .accounts()
            .into_iter()
            .filter(|account| account.trouble.is_some())
            .map(|account| account.name)
            .collect();
        let mut parts = vec![
            counted(config.accounts.len(), "account"),
            counted(config.schedules.len(), "schedule"),
        ];
        if !down.is_empty() {
            parts.push(format!("down: {}", down.join(" ")));
        }
        if let Some(next) = upcoming(config, now).into_iter().next() {
            let at = in_words(next.occurrence.at.as_millisecond(), now);
            parts.push(format!("next {} {at}", next.schedule));
        }
        parts.join(", ")
    }
}

/// A time as the clocks of this machine show it; the day only where it is not today.
pub(super) fn in_words(at: i64, now: Timestamp) -> String {
    let zone = TimeZone::system();
    let at = Timestamp::from_millisecond(at).unwrap_or_default();
    let (at, now) = (at.to_zoned(zone.clone()), now.to_zoned(zone));
    let format = match at.date() == now.date() {
        true => "%H:%M",
        false => "%a %-d %b %H:%M",
    };
    at.strftime(format).to_string()
}

pub(super) fn counted(n: usize, noun: &str) -> String {
    format!("{n} {noun}{}", if n == 1 { "" } else { "s" })
}
