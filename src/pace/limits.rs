//! How a server wants to be used, as it has taught by its refusals.

use std::time::Duration;

/// After this time without a refusal one more connection is tried.
const MORE_AFTER: Duration = Duration::from_secs(10 * 60);
/// What was learned about messages on one connection, or the recipients of one message, is tried
/// anew after this time.
const FORGET_AFTER: Duration = Duration::from_secs(3600);

/// What was learned of one server. The configured numbers are the most, always.
#[derive(Debug, Default)]
pub struct Limits {
    messages: Option<Learned>,
    connections: Option<Learned>,
    recipients: Option<Learned>,
    /// How many messages the last connection carried that the server ended without a word.
    last_end: Option<Learned>,
}

#[derive(Clone, Copy, Debug)]
struct Learned {
    most: usize,
    at: Duration,
}

impl Limits {
    /// The server said that a connection that had carried so many messages may carry no more.
    pub fn enough_messages(&mut self, carried: usize, now: Duration) {
        let most = carried.max(1);
        self.messages = Some(Learned { most, at: now });
    }

    /// The server ended a connection, `opened` then, that had carried so many messages, and gave no
    /// reason. The same number on two connections, one after the other, is its limit; many that end
    /// together are a server that was restarted.
    pub fn ended_after(&mut self, carried: usize, opened: Duration, now: Duration) {
        let this = Learned {
            most: carried,
            at: now,
        };
        let before = self.last_end.replace(this);
        if before.is_some_and(|before| before.most == carried && opened >= before.at) {
            self.enough_messages(carried, now);
        }
    }

    /// How many messages one connection may carry.
    #[must_use]
    pub fn messages(&self, configured: usize, now: Duration) -> usize {
        match self.messages {
            Some(Learned { most, at }) if now.saturating_sub(at) < FORGET_AFTER => {
                configured.min(most)
            }
            _ => configured,
        }
    }

    /// The server said that a message to so many recipients has too many.
    pub fn too_many_recipients(&mut self, of: usize, now: Duration) {
        let most = self.recipients(of / 2, now).max(1);
        self.recipients = Some(Learned { most, at: now });
    }

    /// How many of `wanted` recipients may share a message.
    #[must_use]
    pub fn recipients(&self, wanted: usize, now: Duration) -> usize {
        match self.recipients {
            Some(Learned { most, at }) if now.saturating_sub(at) < FORGET_AFTER => wanted.min(most),
            _ => wanted,
        }
    }

    /// The server refused a connection while `open` others were there.
    pub fn enough_connections(&mut self, open: usize, now: Duration) {
        let most = open.max(1);
        self.connections = Some(Learned { most, at: now });
    }

    /// How many connections may be open; one more for each while without a refusal.
    #[must_use]
    pub fn connections(&self, configured: usize, now: Duration) -> usize {
        let Some(Learned { most, at }) = self.connections else {
            return configured;
        };
        let whiles = now.saturating_sub(at).as_secs() / MORE_AFTER.as_secs();
        configured.min(most.saturating_add(usize::try_from(whiles).unwrap_or(usize::MAX)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Duration = Duration::from_secs(1_000_000);

    #[test]
    fn a_refusal_teaches_how_many_messages_a_connection_carries() {
        let mut limits = Limits::default();
        assert_eq!(limits.messages(100, START), 100);
        limits.enough_messages(20, START);
        assert_eq!(limits.messages(100, START), 20);
        assert_eq!(limits.messages(10, START), 10, "never more than configured");
        assert_eq!(limits.messages(100, START + FORGET_AFTER), 100);
    }

    #[test]
    fn half_as_many_recipients_are_tried_until_they_are_not_too_many() {
        let mut limits = Limits::default();
        assert_eq!(limits.recipients(100, START), 100);
        limits.too_many_recipients(100, START);
        assert_eq!(limits.recipients(100, START), 50);
        limits.too_many_recipients(100, START);
        assert_eq!(
            limits.recipients(100, START),
            50,
            "a larger one teaches nothing"
        );
        limits.too_many_recipients(3, START);
        limits.too_many_recipients(1, START);
        assert_eq!(limits.recipients(100, START), 1, "never none");
        assert_eq!(limits.recipients(100, START + FORGET_AFTER), 100);
    }

    #[test]
    fn the_same_end_twice_is_a_limit_too() {
        let (mut limits, minute) = (Limits::default(), Duration::from_secs(60));
        limits.ended_after(7, START, START);
        limits.ended_after(9, START, START + minute);
        assert_eq!(limits.messages(100, START), 100);
        limits.ended_after(9, START, START + minute);
        limits.ended_after(9, START, START + 2 * minute);
        assert_eq!(limits.messages(100, START), 100, "those were open before");
        limits.ended_after(9, START + 2 * minute, START + 3 * minute);
        assert_eq!(limits.messages(100, START + 3 * minute), 9);
    }

    #[test]
    fn connections_shrink_at_once_and_come_back_one_by_one() {
        let mut limits = Limits::default();
        limits.enough_connections(0, START);
        assert_eq!(limits.connections(8, START), 1, "never none");
        limits.enough_connections(2, START);
        assert_eq!(limits.connections(8, START), 2);
        assert_eq!(limits.connections(8, START + MORE_AFTER), 3);
        assert_eq!(limits.connections(8, START + 100 * MORE_AFTER), 8);
    }
}
