//! What a template can show besides the fields of a list.

use std::sync::Arc;

use jiff::tz::TimeZone;
use serde_json::Value;

/// The names that stand for what is given, whatever columns a list has.
pub const GIVEN: &[&str] = &[
    "data",
    "unsubscribe_url",
    "postal_address",
    "run_date",
    "text_language",
    "text_direction",
];

/// Values under names of their own, which stand for one run or one message whatever the list says,
/// and how to write dates and numbers in it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Given {
    /// `{{data.…}}`: the values of the run. To render many messages quickly, hand over the same
    /// `Arc` each time: what it holds is then copied once for each thread, not for each message.
    pub data: Option<Arc<Value>>,
    /// `{{unsubscribe_url}}`.
    pub unsubscribe_url: Option<String>,
    /// `{{postal_address}}`.
    pub postal_address: Option<String>,
    /// `{{run_date}}`: the day of the run in the schedule's zone, such as `2026-11-23`.
    pub run_date: Option<String>,
    /// The language and region by whose customs helpers write, as a BCP 47 tag such as `de-AT`.
    /// One that is unknown, or none, stands for `en`.
    pub locale: Option<String>,
    /// Where instants are shown. Without one they are shown in UTC.
    pub zone: Option<TimeZone>,
}

impl Given {
    /// The given texts that there are, by name.
    pub(super) fn texts(&self) -> impl Iterator<Item = (&'static str, &String)> {
        let texts = [
            ("unsubscribe_url", &self.unsubscribe_url),
            ("postal_address", &self.postal_address),
            ("run_date", &self.run_date),
        ];
        texts
            .into_iter()
            .filter_map(|(name, text)| Some((name, text.as_ref()?)))
    }
}
