//! What a try found, as JSON; the names are stable.

use std::time::Duration;

use serde_json::{Value, json};

use super::cost::Cost;
use super::probe::{Found, Message, ROUNDS, taken};
use super::report::days_left;
use crate::clock::Clock;
use crate::smtp::{Capabilities, Certificate, Speaker, Utterance};

pub(super) fn of(found: &Found<'_>, transcript: bool, clock: &Clock) -> Value {
    let (account, seen) = (found.account, &found.seen);
    let login = account.login.as_ref().map(|login| {
        json!({
            "user": login.user,
            "mechanism": seen.mechanism,
            "ok": found.opening.is_some(),
        })
    });
    let tls = seen.tls.as_ref();
    let tls = tls.map(|it| json!({ "version": it.version, "cipher": it.cipher }));
    let certificate = seen.certificate.as_ref();
    let certificate = certificate.map(|it| of_certificate(it, tls.is_some(), clock));
    let mut object = json!({
        "account": account.name,
        "ok": found.is_good(),
        "from": account.sender.from.to_string(),
        "host": account.host,
        "port": account.port,
        "address": seen.peer.map(|peer| peer.ip().to_string()),
        "encryption": account.tls.to_string(),
        "tls": tls,
        "certificate": certificate,
        "offers": seen.offers.as_ref().map(offers),
        "login": login,
        "opening_ms": found.opening.map(millis),
        "round_trip_ms": found.round_trip.map(millis),
        "round_trip_of": found.round_trip.map(|_| format!("median of {ROUNDS} RSET")),
        "cost": cost(found),
        "message": found.message.as_ref().map(message),
        "error": found.failure.as_ref().map(|it| json!({
            "stage": it.stage.map(|stage| stage.name()),
            "text": it.text,
            "hint": it.hint,
        })),
    });
    if transcript {
        object["transcript"] = found.said.iter().map(utterance).collect();
    }
    object
}

fn of_certificate(certificate: &Certificate, trusted: bool, clock: &Clock) -> Value {
    json!({
        "trusted": trusted,
        "subject": certificate.subject,
        "names": certificate.names,
        "issuer": certificate.issuer,
        "not_before": certificate.not_before.to_string(),
        "not_after": certificate.not_after.to_string(),
        "days_left": days_left(certificate, clock.now()),
    })
}

fn offers(offers: &Capabilities) -> Value {
    json!({
        "pipelining": offers.pipelining,
        "size": offers.size_limit(),
        "dsn": offers.dsn,
        "smtputf8": offers.smtputf8,
        "mail_max": offers.mail_max,
        "rcpt_max": offers.rcpt_max,
        "auth": offers.mechanisms,
        "lines": offers.lines,
    })
}

fn cost(found: &Found<'_>) -> Option<Value> {
    let account = found.account;
    let cost = Cost::of(account, found.seen.offers.as_ref()?, found.round_trip?);
    Some(json!({
        "mode": cost.mode.name(),
        "round_trips": cost.mode.round_trips(),
        "ms": millis(cost.span),
        "connections": account.connections,
        "per_connection": cost.per_connection,
        "per_second": (cost.per_second * 10.0).round() / 10.0,
        "rate": account.rate.iter().map(ToString::to_string).collect::<Vec<_>>(),
    }))
}

fn message(message: &Message) -> Value {
    let recipients = message.answers.iter().map(|answer| {
        let (stage, reply, text) = match &answer.result {
            Ok((stage, reply)) => (*stage, Some(reply), reply.to_string()),
            Err(error) => (error.stage, error.reply(), error.to_string()),
        };
        json!({
            "address": answer.to.to_string(),
            "ok": taken(answer),
            "stage": stage.name(),
            "code": reply.map(|it| it.code),
            "text": text,
            "in_doubt": answer.result.as_ref().is_err_and(|it| it.in_doubt),
        })
    });
    json!({
        "message_id": message.id,
        "subject": message.subject,
        "bytes": message.size,
        "recipients": recipients.collect::<Vec<_>>(),
    })
}

fn utterance(said: &Utterance) -> Value {
    let who = match said.speaker {
        Speaker::Client => "client",
        Speaker::Server => "server",
        Speaker::Event => "event",
    };
    json!({ "ms": millis(said.at), "from": who, "text": said.text })
}

/// With a tenth.
fn millis(span: Duration) -> f64 {
    (span.as_secs_f64() * 10_000.0).round() / 10.0
}
