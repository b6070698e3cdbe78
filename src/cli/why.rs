//! `postroom why`

use super::clock_words::{ahead, exact};
use super::exit::{self, Exit};
use super::out::{Out, alarming, bold, count, plain};
use super::signatures::signatures;
use super::source::Source;
use super::words::reason as reason_words;
use super::{Trouble, hold};
use crate::audience::Place;
use crate::clock::{Clock, Timestamp};
use crate::config::Config;
use crate::daemon::api::{History, Why};
use crate::outbox::{AttemptRow, AuditRow, SuppressionRow};

#[derive(clap::Args, Debug)]
pub(super) struct Args {
    /// The person's address
    address: String,
    /// Print the message that they got in this run, byte for byte
    #[arg(long, value_name = "RUN")]
    eml: Option<String>,
    /// Print it even if it is not what left
    #[arg(long, requires = "eml")]
    anyway: bool,
}

pub(super) fn run(config: &Config, args: &Args, out: &Out) -> Result<Exit, Trouble> {
    match &args.eml {
        Some(run) => print_message(config, args, run, out),
        None => tell(config, &args.address, out),
    }
}

/// Prints the bytes, if they are those that left.
fn print_message(config: &Config, args: &Args, run: &str, out: &Out) -> Result<Exit, Trouble> {
    let mut answer = Source::of(config)?.message(&args.address, run)?;
    match answer.same {
        Some(true) => {}
        Some(false) if args.anyway => out.note("these are not the bytes that left"),
        Some(false) => {
            let why = match answer.forgotten {
                0 => "another version of postroom may have sent it".to_owned(),
                some => format!(
                    "{} of those whom it named {} been forgotten since",
                    count(some as u64),
                    if some == 1 { "has" } else { "have" }
                ),
            };
            let text = format!(
                "what can be made of this run now is not what left then ({why}); `--anyway` \
                 prints it"
            );
            return Err(Trouble::new(exit::NO, text));
        }
        None => out.note("nothing has left for this person yet; this is what would"),
    }
    if let Ok(at) = Timestamp::from_millisecond(answer.date) {
        let account = config.accounts.get(&answer.account);
        let signatures = signatures(account, answer.message.as_bytes(), at, out);
        answer.message.insert_str(0, &signatures);
    }
    if out.json {
        out.value(&answer);
    } else {
        out.bytes(answer.message.as_bytes());
    }
    Ok(exit::DONE)
}

/// Tells all that happened to one message.
pub(super) fn one(history: &History, out: &Out) {
    let row = &history.delivery;
    out.line(bold(&plain(&row.address)));
    delivery(history, Clock::system().now().as_millisecond(), out);
}

/// Tells all that happened to one address.
pub(super) fn tell(config: &Config, address: &str, out: &Out) -> Result<Exit, Trouble> {
    let why = Source::of(config)?.why(address)?;
    if out.json {
        out.value(&why);
        return Ok(exit::DONE);
    }
    head(&why, out);
    let now = Clock::system().now().as_millisecond();
    why.deliveries
        .iter()
        .for_each(|history| delivery(history, now, out));
    Ok(exit::DONE)
}

fn head(why: &Why, out: &Out) {
    let address = bold(&plain(&why.address));
    if let Some(entry) = why.suppressed.as_ref().filter(|it| it.address.is_none()) {
        out.line(format!(
            "{address} stands on the suppression list as forgotten since {}: it gets no mail, and \
             nothing else is known",
            exact(entry.created_at)
        ));
    } else if let Some(entry) = &why.suppressed {
        let now = Clock::system().now().as_millisecond();
        let (gets, until) = match entry.ends_at {
            Some(end) if end <= now => ("got", format!(", until {}", exact(end))),
            Some(end) => ("gets", format!(", until {}", exact(end))),
            None => ("gets", String::new()),
        };
        out.line(format!(
            "{address} {gets} no mail since {}{until}",
            exact(entry.created_at)
        ));
        out.line(format!(
            "  {} ({})",
            plain(&entry.reason),
            plain(&entry.source)
        ));
        out.line(format!(
            "  lift with: postroom suppress remove {}",
            plain(&why.address)
        ));
    } else if why.deliveries.is_empty() {
        out.line(format!(
            "{address}: no run ever had this address on its lists"
        ));
    } else {
        out.line(address);
    }
    why.left.iter().for_each(|entry| left(why, entry, out));
}

/// Of which schedule they get no more mail.
fn left(why: &Why, entry: &SuppressionRow, out: &Out) {
    let until = entry.ends_at.map(|end| format!(", until {}", exact(end)));
    let scope = plain(&entry.scope);
    out.line(format!(
        "  gets no mail of schedule {scope} since {}{}: {} ({})",
        exact(entry.created_at),
        until.unwrap_or_default(),
        plain(&entry.reason),
        plain(&entry.source)
    ));
    out.line(format!(
        "  lift with: postroom suppress remove {} --scope {scope}",
        plain(&why.address)
    ));
}

fn delivery(history: &History, now: i64, out: &Out) {
    let row = &history.delivery;
    let mut words = row.state.clone();
    if let Some(reason) = row.reason.as_ref().filter(|_| row.state != "accepted") {
        words += &format!(": {}", plain(reason_words(reason)));
    }
    if let Some(at) = row.next_at.filter(|_| row.state != "leased") {
        words += &format!(" (next try {})", ahead(at, now));
    }
    out.line(format!("\n{} {}  {words}", bold(&row.schedule), row.id));
    if let Some(held) = &row.held {
        out.line(format!("  {}", alarming(&hold::words(held))));
    }
    out.line(format!("  {}", origin(&row.list, row.place)));
    history
        .attempts
        .iter()
        .for_each(|attempt| out.line(try_words(attempt)));
    let changes = history.changes.iter();
    changes.for_each(|change| out.line(change_words(change)));
}

/// Where the address was found: on a list, or in the schedule itself.
fn origin(list: &str, place: Place) -> String {
    match (list, place) {
        ("cc" | "bcc", Place::Line { line }) => format!("from {list}, entry {line}"),
        _ => format!("from list {list}, {place}"),
    }
}

fn change_words(change: &AuditRow) -> String {
    let done = match change.action.as_str() {
        "retry" => "tried again",
        "cancel" => "cancelled",
        "sent" => "noted as sent",
        "not-sent" => "noted as not sent",
        "suppress" => "suppressed",
        other => other,
    };
    let (at, was) = (exact(change.at), &change.was);
    plain(&format!(
        "  {at}  {done} by {} (was {was}): {}",
        change.author, change.detail
    ))
}

fn try_words(attempt: &AttemptRow) -> String {
    let outcome = attempt.outcome.as_deref().unwrap_or("on its way");
    let code = attempt
        .code
        .map(|code| format!(" {code}"))
        .unwrap_or_default();
    let enhanced = attempt
        .enhanced
        .as_ref()
        .map(|it| format!(" {it}"))
        .unwrap_or_default();
    let reply = attempt.reply.as_deref().map(plain).unwrap_or_default();
    format!(
        "  {}  try {} via {}: {outcome} at {}:{code}{enhanced} {reply}",
        exact(attempt.started_at),
        attempt.n,
        attempt.account,
        attempt.stage.as_deref().unwrap_or("-"),
    )
}

#[cfg(test)]
mod tests {
    use super::origin;
    use crate::audience::Place;

    #[test]
    fn an_address_of_the_schedule_itself_has_no_line_on_a_list() {
        assert_eq!(origin("bcc", Place::line(1)), "from bcc, entry 1");
        assert_eq!(origin("people", Place::line(7)), "from list people, line 7");
    }
}
