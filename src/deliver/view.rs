//! Accounts as people see them.

use serde::{Deserialize, Serialize};

use super::account::AccountWork;
use super::slots::words;
use crate::pace::Used;

/// An account as people see it.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default)]
pub struct AccountView {
    /// Its name.
    pub name: String,
    /// Open connections.
    pub connections: usize,
    /// Why it is down, since when and until when (milliseconds), if it is.
    pub trouble: Option<TroubleView>,
    /// The account that its mail goes through meanwhile.
    pub carried_by: Option<String>,
    /// Why it does.
    pub carried_because: Option<String>,
    /// How far its rates are used up.
    pub meters: Vec<MeterView>,
    /// The rate that its server has taught, as people read it.
    pub learned: Option<String>,
    /// The same, in messages a second.
    pub learned_per_second: Option<f64>,
    /// Messages a second while it has any in hand.
    pub speed: Option<f64>,
    /// Messages a second over the last minute.
    pub lately: Option<f64>,
}

/// What is wrong with an account.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct TroubleView {
    /// In a person's words.
    pub text: String,
    /// Milliseconds.
    pub since: i64,
    /// Milliseconds; none if only an edit of the configuration helps.
    pub retry_at: Option<i64>,
}

/// How far a rate is used up.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default)]
pub struct MeterView {
    /// The rate, as it is written.
    pub rate: String,
    /// So many in each window of so many milliseconds.
    pub most: u64,
    /// The window, in milliseconds.
    pub length: u64,
    /// Uses that count still: how many milliseconds ago they ended, the oldest first, and how many.
    pub uses: Vec<(u64, u64)>,
    /// Messages that have not ended.
    pub under_way: u64,
}

impl MeterView {
    /// How many of its slots are taken.
    #[must_use]
    pub fn taken(&self) -> u64 {
        self.under_way + self.uses.iter().map(|(_, count)| count).sum::<u64>()
    }
}

impl From<Used> for MeterView {
    fn from(used: Used) -> Self {
        let millis =
            |span: std::time::Duration| u64::try_from(span.as_millis()).unwrap_or(u64::MAX);
        let uses = used.uses.iter();
        Self {
            rate: used.rate.to_string(),
            most: used.most as u64,
            length: millis(used.length),
            uses: uses
                .map(|(ago, count)| (millis(*ago), *count as u64))
                .collect(),
            under_way: used.under_way as u64,
        }
    }
}

impl AccountWork {
    pub(super) fn view(&self) -> AccountView {
        let (name, now) = (&self.account.name, self.tools.clock.ticks());
        let relief = self.tools.board.relief(name);
        let mut book = self.book();
        let learned = book.learned(name, now);
        let meters = book.used(name, now);
        let (speed, lately) = (book.speed(name).working(now), book.speed(name).lately(now));
        drop(book);
        let state = self.state();
        let trouble = state.trouble.as_ref().map(|trouble| TroubleView {
            text: trouble.text.clone(),
            since: trouble.since.as_millisecond(),
            retry_at: Some(trouble.retry_at.as_millisecond()),
        });
        AccountView {
            name: name.clone(),
            connections: state.connections,
            trouble,
            carried_by: relief.as_ref().map(|it| it.carrier.clone()),
            carried_because: relief.map(|it| it.why),
            meters: meters.into_iter().map(MeterView::from).collect(),
            learned: learned.map(words),
            learned_per_second: learned,
            speed,
            lately,
        }
    }
}
