//! Recipients that misbehave by name: the local part says what goes wrong.
//!
//! The word is the whole local part, or what stands before a `+` (`greylist+7@example.org`), in
//! any case and at any domain. A word that is in no row of [`BEHAVIOURS`] is an ordinary mailbox.
//! Nothing here touches the wire; the session acts on what [`Behaviour::of`] says.

use std::borrow::Cow;
use std::time::Duration;

/// What each recipient word does, for people to read. `NNN` stands for a reply code, `N` for a
/// number of seconds.
pub const BEHAVIOURS: &[(&str, &str)] = &[
    ("4xx@", "RCPT is answered 451 4.3.0, always"),
    ("5xx@", "RCPT is answered 550 5.1.1, always"),
    ("full@", "RCPT is answered 452 4.2.2 (mailbox full), always"),
    ("NNN@", "RCPT is answered with this code, 400 to 599"),
    ("421@", "RCPT is answered 421 and the connection is closed"),
    (
        "greylist@",
        "RCPT is answered 450 4.7.1 the first time this sender writes to this address",
    ),
    ("hang@", "RCPT is never answered"),
    ("dot4xx@", "the end of the message is answered 451 4.3.0"),
    ("dot5xx@", "the end of the message is answered 554 5.7.1"),
    (
        "dotNNN@",
        "the end of the message is answered with this code, 400 to 599",
    ),
    (
        "slow@",
        "the answer to the end of the message takes 5 seconds",
    ),
    (
        "slowN@",
        "the answer to the end of the message takes N seconds, up to 999",
    ),
    (
        "drop@",
        "the connection is dropped while the message is read; nothing is kept",
    ),
    (
        "doubt@",
        "the message is kept, then the connection is dropped instead of answering; \
         the same Message-ID is answered the next time",
    ),
];

/// What one recipient does to the conversation.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Behaviour {
    Ordinary,
    /// RCPT gets this reply; a 421 also ends the session (RFC 5321, section 3.8).
    RefuseRcpt(Cow<'static, str>),
    /// RCPT is refused the first time a sender tries this recipient.
    Greylist,
    /// RCPT gets no reply at all.
    Hang,
    /// The end of data gets this reply.
    RefuseDot(Cow<'static, str>),
    /// The end of data is answered so much later.
    Slow(Duration),
    /// The connection breaks while the message is read.
    Drop,
    /// The message is kept, and the connection breaks where the reply should be.
    Doubt,
}

impl Behaviour {
    /// Reads the behaviour out of a recipient's address.
    pub(super) fn of(address: &str) -> Self {
        let local = address.rsplit_once('@').map_or(address, |(local, _)| local);
        let word = local
            .split_once('+')
            .map_or(local, |(word, _)| word)
            .to_ascii_lowercase();
        match word.as_str() {
            "4xx" => Self::RefuseRcpt("451 4.3.0 Try again later, as this address asks".into()),
            "5xx" => Self::RefuseRcpt("550 5.1.1 No such mailbox, as this address asks".into()),
            "full" => Self::RefuseRcpt("452 4.2.2 Mailbox full, as this address asks".into()),
            "421" => Self::RefuseRcpt("421 4.3.2 Closing, as this address asks".into()),
            "greylist" => Self::Greylist,
            "hang" => Self::Hang,
            "dot4xx" => Self::RefuseDot("451 4.3.0 Try again later, as the address asks".into()),
            "dot5xx" => Self::RefuseDot("554 5.7.1 Message refused, as the address asks".into()),
            "slow" => Self::Slow(Duration::from_secs(5)),
            "drop" => Self::Drop,
            "doubt" => Self::Doubt,
            other => Self::with_number(other),
        }
    }

    /// The words that carry a number: a code, `dot` and a code, `slow` and seconds.
    fn with_number(word: &str) -> Self {
        if let Some(seconds) = word.strip_prefix("slow").and_then(number) {
            Self::Slow(Duration::from_secs(seconds.into()))
        } else if let Some(reply) = word.strip_prefix("dot").and_then(refusal) {
            Self::RefuseDot(reply.into())
        } else if let Some(reply) = refusal(word) {
            Self::RefuseRcpt(reply.into())
        } else {
            Self::Ordinary
        }
    }
}

fn refusal(word: &str) -> Option<String> {
    let code = number(word).filter(|code| (400..600).contains(code))?;
    Some(format!("{code} {}.0.0 As this address asks", code / 100))
}

fn number(word: &str) -> Option<u16> {
    let digits = (1..=3).contains(&word.len()) && word.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| word.parse().expect("three digits fit into 16 bits"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_of_the_table_misbehaves() {
        for (word, _) in BEHAVIOURS {
            let address = word.replace("NNN", "471").replace('N', "30") + "example.org";
            assert_ne!(Behaviour::of(&address), Behaviour::Ordinary, "{word}");
        }
    }

    #[test]
    fn only_the_whole_word_or_a_tag_counts() {
        assert_eq!(Behaviour::of("Drop+17@example.org"), Behaviour::Drop);
        assert_eq!(
            Behaviour::of("slow30@example.org"),
            Behaviour::Slow(Duration::from_secs(30))
        );
        for plain in [
            "dropped@x.org",
            "a.drop@x.org",
            "5xxx@x.org",
            "399@x.org",
            "600@x.org",
        ] {
            assert_eq!(Behaviour::of(plain), Behaviour::Ordinary, "{plain}");
        }
    }

    #[test]
    fn a_code_is_answered_as_asked_with_its_class() {
        let expected = Behaviour::RefuseRcpt("571 5.0.0 As this address asks".into());
        assert_eq!(Behaviour::of("571@example.org"), expected);
    }
}
