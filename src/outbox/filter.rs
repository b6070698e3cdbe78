//! Which deliveries: one set of filters for lists, exports and changes.

use rusqlite::types::Value;

use super::state::State;
use super::{DeliveryId, Kept};

/// Which deliveries. All that is given must fit.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Only these states; empty for all that are not final, or for all if `ids` names rows.
    pub states: Vec<String>,
    /// Only this schedule.
    pub schedule: Option<String>,
    /// Only this account.
    pub account: Option<String>,
    /// Only this run, by its ULID.
    pub run: Option<String>,
    /// Only to this address in its normal form, or to a domain: `@example.org`.
    pub to: Option<String>,
    /// Only of runs opened since, in milliseconds.
    pub since: Option<i64>,
    /// Only of runs opened until then, in milliseconds.
    pub before: Option<i64>,
    /// Only these rows.
    pub ids: Option<Vec<DeliveryId>>,
    /// Only those behind this row, in the order of runs and rows.
    pub after: Option<DeliveryId>,
    /// At most so many.
    pub limit: Option<usize>,
}

/// The rows that a [`Filter`] means, as SQL over `run r` and `delivery d`.
pub(super) struct Where {
    pub(super) text: String,
    pub(super) values: Vec<Value>,
}

/// Rows of one address: by the index of eligible ones, and by that of the rows that never were.
const TO_ADDRESS: &str = "d.seq IN (
    SELECT k.seq FROM run_key k WHERE k.run = r.no AND k.fingerprint = ? AND k.key = ?
    UNION ALL SELECT u.seq FROM delivery u INDEXED BY delivery_unsent
      WHERE u.key = ? AND u.run = r.no AND u.state IN ('suppressed', 'skipped', 'invalid'))";

impl Filter {
    /// The words of the states that are meant.
    #[must_use]
    pub fn states(&self) -> Vec<String> {
        if !self.states.is_empty() {
            return self.states.clone();
        }
        let all = State::ALL.iter();
        all.filter(|state| self.ids.is_some() || !state.is_final())
            .map(|state| state.name().to_owned())
            .collect()
    }

    /// The condition, in the order of `run r CROSS JOIN delivery d`.
    pub(super) fn conditions(&self) -> Where {
        let mut these = Where::new(&self.states());
        these.and("r.schedule = ?", self.schedule.clone());
        these.and("r.account = ?", self.account.clone());
        these.and("r.id = ?", self.run.clone());
        these.and("r.opened_at >= ?", self.since);
        these.and("r.opened_at <= ?", self.before);
        match &self.to {
            Some(domain) if domain.starts_with('@') => {
                let length = i64::try_from(domain.chars().count()).unwrap_or(0);
                these.and("substr(d.key, -?) =", Some(length));
                these.add(" ?", domain.clone());
            }
            Some(key) => {
                these.and(TO_ADDRESS, Some(Kept::fingerprint(key)));
                these.values.push(key.clone().into());
                these.values.push(key.clone().into());
            }
            None => {}
        }
        if let Some(ids) = &self.ids {
            let pairs: Vec<_> = ids.iter().map(|id| (id.run.0, id.seq)).collect();
            let pairs = serde_json::json!(pairs).to_string();
            these.and(
                "r.no IN (SELECT value ->> 0 FROM json_each(?))",
                Some(pairs.clone()),
            );
            these.and(
                "(d.run, d.seq) IN (SELECT value ->> 0, value ->> 1 FROM json_each(?))",
                Some(pairs),
            );
        }
        if let Some(after) = self.after {
            these.and("r.no >= ?", Some(after.run.0));
            // A bound that the table's key can seek: a page must not read all pages before it.
            these.and("d.seq > CASE r.no WHEN ?", Some(after.run.0));
            these.add(" THEN ? ELSE 0 END", after.seq);
        }
        these
    }
}

impl Where {
    fn new(states: &[String]) -> Self {
        let states = Value::from(serde_json::json!(states).to_string());
        Self {
            text: "d.state IN (SELECT value FROM json_each(?))
               AND EXISTS (SELECT 1 FROM tally t WHERE t.run = r.no AND t.count > 0
                 AND t.state IN (SELECT value FROM json_each(?)))"
                .to_owned(),
            values: vec![states.clone(), states],
        }
    }

    fn and(&mut self, condition: &str, value: Option<impl Into<Value>>) {
        if let Some(value) = value {
            self.text += " AND ";
            self.add(condition, value);
        }
    }

    fn add(&mut self, text: &str, value: impl Into<Value>) {
        self.text += text;
        self.values.push(value.into());
    }
}
