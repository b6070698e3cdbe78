//! What a try found, for people.

use std::time::Duration;

use jiff::tz::TimeZone;

use super::super::clock_words::in_zone;
use super::super::out::{Out, alarming, bold, count, counted, plain};
use super::cost::{Cost, Mode};
use super::probe::{Found, Message, ROUNDS, taken};
use crate::clock::{Clock, Timestamp};
use crate::config::{Account, Tls};
use crate::smtp::{Answer, Capabilities, Certificate, Speaker, Utterance};

/// A certificate that ends in fewer days is worth a word.
const DAYS_SHORT: i64 = 14;
/// So many of a certificate's names are told.
const NAMES_MAX: usize = 4;

pub(super) fn tell(found: &Found<'_>, transcript: bool, clock: &Clock, out: &Out) {
    let account = found.account;
    out.line(format!(
        "{}  {}",
        bold(&account.name),
        plain(&account.sender.from.to_string())
    ));
    if transcript {
        found.said.iter().for_each(|said| out.line(spoken(said)));
        out.line("");
    }
    connection(found, clock, out);
    if let Some(round_trip) = found.round_trip {
        let text = format!("{} (median of {ROUNDS} RSET)", millis(round_trip));
        row("round trip", text, out);
        costs(found, round_trip, out);
    }
    if let Some(message) = &found.message {
        sent(message, out);
    }
    conclude(found, out);
}

/// "     52 ms  C: EHLO mail.example.org"
fn spoken(said: &Utterance) -> String {
    let who = match said.speaker {
        Speaker::Client => "C:",
        Speaker::Server => "S:",
        Speaker::Event => "--",
    };
    let at = count(said.at.as_millis());
    format!("  {at:>7} ms  {who} {}", plain(&said.text))
}

fn connection(found: &Found<'_>, clock: &Clock, out: &Out) {
    let (account, seen) = (found.account, &found.seen);
    let mut server = format!("{}:{}", account.host, account.port);
    if let Some(peer) = seen.peer
        && peer.ip().to_string() != account.host
    {
        server += &format!(" at {}", peer.ip());
    }
    row("server", server, out);
    match (&seen.tls, account.tls) {
        (Some(tls), _) => row(
            "encryption",
            format!("{}, {}", tls.version, tls.cipher),
            out,
        ),
        (None, Tls::None) => row("encryption", "none: all can be read on the way", out),
        (None, Tls::Implicit | Tls::Starttls) => {}
    }
    if let Some(it) = &seen.certificate {
        certificate(it, clock, out);
        if seen.tls.is_none() {
            row("", alarming("it does not hold here"), out);
        }
    }
    if let Some(offers) = &seen.offers {
        row("offers", offered(offers), out);
    }
    if let Some(login) = login(found) {
        row("login", plain(&login), out);
    }
}

fn certificate(certificate: &Certificate, clock: &Clock, out: &Out) {
    let mut names = certificate.names.clone();
    if names.is_empty() {
        names.push(certificate.subject.clone());
    }
    let more = names.len().saturating_sub(NAMES_MAX);
    names.truncate(NAMES_MAX);
    let mut text = names.join(", ");
    if more > 0 {
        text += &format!(" and {more} more");
    }
    row("certificate", plain(&text), out);
    row("", format!("issued by {}", plain(&certificate.issuer)), out);
    match end_of(certificate, clock.now()) {
        Ok(text) => row("", text, out),
        Err(text) => row("", alarming(&text), out),
    }
}

/// When a certificate ends; an error if that is soon.
pub(super) fn end_of(certificate: &Certificate, now: Timestamp) -> Result<String, String> {
    let end = certificate.not_after.as_millisecond();
    let end = in_zone(end, &TimeZone::UTC, "%Y-%m-%d");
    match days_left(certificate, now) {
        ..0 => Err(format!("until {end}: it has ended")),
        0 => Err(format!("until {end}: it ends within a day")),
        left @ 1..DAYS_SHORT => {
            let days = counted(left, "day", "days");
            Err(format!("until {end}: it ends in {days}"))
        }
        left => Ok(format!("until {end}, in {} days", count(left))),
    }
}

/// Whole days until a certificate ends; negative if it has.
pub(super) fn days_left(certificate: &Certificate, now: Timestamp) -> i64 {
    let left = certificate.not_after.as_second() - now.as_second();
    left.div_euclid(24 * 3600)
}

fn offered(offers: &Capabilities) -> String {
    let mut words: Vec<String> = Vec::new();
    for (word, is) in [
        ("PIPELINING", offers.pipelining),
        ("DSN", offers.dsn),
        ("SMTPUTF8", offers.smtputf8),
        ("STARTTLS", offers.starttls),
    ] {
        if is {
            words.push(word.to_owned());
        }
    }
    match offers.size {
        Some(0) => words.push("SIZE without a limit".to_owned()),
        Some(bytes) => words.push(format!("SIZE {} MB", tenths(bytes as f64 / 1e6))),
        None => {}
    }
    let limits = [
        ("messages", offers.mail_max),
        ("recipients", offers.rcpt_max),
    ];
    for (what, limit) in limits {
        if let Some(limit) = limit {
            let limit = count(limit);
            let of = if what == "messages" {
                "connection"
            } else {
                "message"
            };
            words.push(format!("LIMITS of {limit} {what} a {of}"));
        }
    }
    if !offers.mechanisms.is_empty() {
        words.push(format!("AUTH {}", offers.mechanisms.join(" ")));
    }
    if words.is_empty() {
        "nothing that postroom uses".to_owned()
    } else {
        words.join(", ")
    }
}

/// What became of the login; nothing if it did not come to that.
fn login(found: &Found<'_>) -> Option<String> {
    let Some(login) = &found.account.login else {
        return found.opening.map(|_| "none: there is no `user`".to_owned());
    };
    let mechanism = found.seen.mechanism.as_ref()?;
    let refused = if found.opening.is_some() {
        ""
    } else {
        ": refused"
    };
    Some(format!("{mechanism} as {}{refused}", login.user))
}

fn costs(found: &Found<'_>, round_trip: Duration, out: &Out) {
    let (account, Some(offers)) = (found.account, &found.seen.offers) else {
        return;
    };
    let cost = Cost::of(account, offers, round_trip);
    let trips = counted(cost.mode.round_trips(), "round trip", "round trips");
    let why = match cost.mode {
        Mode::Chained => "chained: each message with the envelope of the next",
        Mode::Grouped => "grouped: `chaining = false`",
        Mode::Lockstep => "one command at a time: the server offers no PIPELINING",
    };
    let text = format!("{trips} a message, about {} ({why})", millis(cost.span));
    row("cost", text, out);
    if let Some(opening) = found.opening {
        let messages = counted(cost.per_connection, "message", "messages");
        let text = format!("about {} to connect, for up to {messages}", millis(opening));
        row("", text, out);
    }
    row("speed", speed(account, &cost), out);
}

fn speed(account: &Account, cost: &Cost) -> String {
    let connections = counted(account.connections, "connection", "connections");
    let most = about(cost.per_second);
    let rates: Vec<String> = account.rate.iter().map(ToString::to_string).collect();
    let rate = if rates.is_empty() {
        "no `rate` is set".to_owned()
    } else {
        format!("`rate` allows {}", rates.join(" and "))
    };
    format!("{connections}: at most about {most} messages a second; {rate}")
}

fn sent(message: &Message, out: &Out) {
    let size = counted(message.size, "byte", "bytes");
    row("message", format!("{}, {size}", message.subject), out);
    row("", format!("Message-ID <{}>", message.id), out);
    for answer in &message.answers {
        row("to", format!("{}: {}", answer.to, became(answer)), out);
    }
    if message.answers.iter().any(taken) {
        let text = "sent outside of any run: the outbox and its logs know nothing of it";
        row("", text, out);
    }
}

fn in_doubt(answer: &Answer) -> bool {
    matches!(&answer.result, Err(error) if error.in_doubt)
}

/// What became of the message for one recipient.
fn became(answer: &Answer) -> String {
    match &answer.result {
        Ok((_, reply)) if reply.is_positive() => format!("accepted: {reply}"),
        Ok((stage, reply)) => alarming(&format!("refused at {stage}: {reply}")),
        Err(error) if error.in_doubt => {
            alarming(&format!("nobody knows whether it arrived: {error}"))
        }
        Err(error) => alarming(&format!("not sent: {error}")),
    }
}

fn conclude(found: &Found<'_>, out: &Out) {
    let name = &found.account.name;
    let (text, hint) = match (&found.failure, &found.message) {
        _ if found.is_good() => return out.line(bold(&format!("{name} works"))),
        (Some(failure), _) => {
            let at = failure.stage.map(|it| format!(" at {it}"));
            let at = at.unwrap_or_default();
            let text = format!("{name} failed{at}: {}", plain(&failure.text));
            (text, failure.hint.clone())
        }
        (None, Some(message)) if message.answers.iter().any(taken) => {
            let text = format!("{name} works, but not for every recipient");
            (text, found.advice())
        }
        (None, Some(message)) if message.answers.iter().any(in_doubt) => {
            let text = format!("{name} can be reached; nobody knows whether the message arrived");
            (text, found.advice())
        }
        (None, _) => {
            let text = format!("{name} can be reached, but takes this message for nobody");
            (text, found.advice())
        }
    };
    out.line(alarming(&text));
    if let Some(hint) = hint {
        out.line(format!("  {hint}"));
    }
}

/// A label and what is to say about it.
fn row(label: &str, text: impl AsRef<str>, out: &Out) {
    out.line(format!("  {label:12} {}", text.as_ref()));
}

/// "52 ms", "0.3 ms".
fn millis(span: Duration) -> String {
    format!("{} ms", tenths(span.as_secs_f64() * 1000.0))
}

/// With two digits that count.
fn about(number: f64) -> String {
    if number < 10.0 {
        return tenths(number);
    }
    let step = 10_f64.powf(number.log10().floor() - 1.0);
    tenths((number / step).round() * step)
}

/// With a tenth where it counts.
fn tenths(number: f64) -> String {
    if number < 10.0 {
        format!("{number:.1}")
    } else {
        count(number.round() as i64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> Timestamp {
        "2026-11-23T12:00:00Z".parse().unwrap()
    }

    fn ending(not_after: &str) -> Result<String, String> {
        let certificate = Certificate {
            subject: "mx.example.org".to_owned(),
            names: Vec::new(),
            issuer: "R11, Let's Encrypt".to_owned(),
            not_before: now(),
            not_after: not_after.parse().unwrap(),
        };
        end_of(&certificate, now())
    }

    #[test]
    fn a_certificate_that_ends_soon_is_alarming() {
        let fine = Ok("until 2027-02-11, in 80 days".to_owned());
        assert_eq!(ending("2027-02-11T12:00:00Z"), fine);
        assert!(ending("2026-12-07T12:00:00Z").is_ok(), "14 days");
        for (end, words) in [
            (
                "2026-12-07T11:59:59Z",
                "until 2026-12-07: it ends in 13 days",
            ),
            ("2026-11-24T12:00:00Z", "until 2026-11-24: it ends in 1 day"),
            (
                "2026-11-23T12:00:01Z",
                "until 2026-11-23: it ends within a day",
            ),
            ("2026-11-23T11:59:59Z", "until 2026-11-23: it has ended"),
        ] {
            assert_eq!(ending(end), Err(words.to_owned()));
        }
    }

    #[test]
    fn offers_are_told_with_their_numbers() {
        let offers = Capabilities {
            pipelining: true,
            dsn: true,
            smtputf8: true,
            size: Some(35_882_577),
            mail_max: Some(100),
            rcpt_max: Some(1000),
            mechanisms: vec!["PLAIN".to_owned(), "XOAUTH2".to_owned()],
            ..Capabilities::default()
        };
        let told = "PIPELINING, DSN, SMTPUTF8, SIZE 36 MB, LIMITS of 100 messages a connection, \
                    LIMITS of 1,000 recipients a message, AUTH PLAIN XOAUTH2";
        assert_eq!(offered(&offers), told);
        let small = Capabilities {
            size: Some(1_500_000),
            ..Capabilities::default()
        };
        assert_eq!(offered(&small), "SIZE 1.5 MB");
        let nothing = Capabilities::default();
        assert_eq!(offered(&nothing), "nothing that postroom uses");
    }

    #[test]
    fn an_estimate_does_not_look_like_a_measurement() {
        let told = [0.44, 9.94, 57.4, 157.0, 25_141.0].map(about);
        assert_eq!(told, ["0.4", "9.9", "57", "160", "25,000"]);
    }
}
