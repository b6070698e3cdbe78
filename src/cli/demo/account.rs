//! What became of every row, in a table and one by one.

use super::super::client::Client;
use super::super::clock_words::ahead;
use super::super::out::{Out, bold, count};
use super::super::table::Table;
use super::{Trouble, asked};
use crate::clock::Clock;
use crate::config::Config;
use crate::daemon::api::{AddressQuery, QueueQuery, Why};
use crate::outbox::state::State;
use crate::outbox::{AttemptRow, DeliveryRow, RunRow};

/// A row, and why it is where it is.
pub(super) struct Told {
    pub(super) row: DeliveryRow,
    why: String,
}

/// Every row of a run, in the order of the list.
pub(super) fn rows_of(client: &Client, run: &RunRow) -> Result<Vec<Told>, Trouble> {
    let query = QueueQuery {
        state: Some(State::ALL.map(State::name).join(",")),
        run: Some(run.id.clone()),
        ..QueueQuery::default()
    };
    let rows: Vec<DeliveryRow> = asked(client.get("/v1/queue", &query))?;
    let told = rows.into_iter().map(|row| {
        let why = match reply_to(client, &row)? {
            Some(reply) => reply,
            None => row.reason.clone().unwrap_or_default(),
        };
        Ok(Told { row, why })
    });
    told.collect()
}

/// The last reply of a server that was not yes.
fn reply_to(client: &Client, row: &DeliveryRow) -> Result<Option<String>, Trouble> {
    if row.tries == 0 || is_simply_sent(row) {
        return Ok(None);
    }
    let address = row.address.to_lowercase();
    let why: Why = asked(client.get("/v1/why", &AddressQuery { address }))?;
    let of_row = why.deliveries.iter().find(|it| it.delivery.id == row.id);
    let attempts = of_row.map_or(&[][..], |it| &it.attempts);
    let no = |attempt: &&AttemptRow| attempt.outcome.as_deref() != Some("accepted");
    Ok(attempts.iter().rev().find(no).and_then(reply_words))
}

/// "452 4.2.2 Mailbox full".
fn reply_words(attempt: &AttemptRow) -> Option<String> {
    let code = attempt.code?.to_string();
    let parts = [Some(code), attempt.enhanced.clone(), attempt.reply.clone()];
    Some(parts.into_iter().flatten().collect::<Vec<_>>().join(" "))
}

fn is_simply_sent(row: &DeliveryRow) -> bool {
    row.state == "accepted" && row.tries <= 1
}

/// What is said of rows: a word, what it means, and which they are.
struct Kind {
    word: &'static str,
    meaning: &'static str,
    is: fn(&DeliveryRow) -> bool,
}

const KINDS: [Kind; 8] = [
    Kind {
        word: "sent",
        meaning: "the server took the message",
        is: is_simply_sent,
    },
    Kind {
        word: "sent later",
        meaning: "refused for a moment, taken at another try",
        is: |row| row.state == "accepted" && row.tries > 1,
    },
    Kind {
        word: "deferred",
        meaning: "not now, said the server; tried again until it expires",
        is: |row| row.state == "deferred",
    },
    Kind {
        word: "rejected",
        meaning: "never, said the server; not tried again",
        is: |row| row.state == "rejected",
    },
    Kind {
        word: "in doubt",
        meaning: "the line broke before the answer: it may have arrived",
        is: |row| row.state == "uncertain",
    },
    Kind {
        word: "repeated",
        meaning: "the same address as in another row",
        is: |row| row.state == "skipped",
    },
    Kind {
        word: "unusable",
        meaning: "a row that nothing can be sent to",
        is: |row| row.state == "invalid",
    },
    Kind {
        word: "other",
        meaning: "see STATE in `postroom log --run`",
        is: |row| {
            let told = [
                "accepted",
                "deferred",
                "rejected",
                "uncertain",
                "skipped",
                "invalid",
            ];
            !told.contains(&row.state.as_str())
        },
    },
];

/// Tells it.
pub(super) fn tell(config: &Config, run: &RunRow, rows: &[Told], out: &Out) {
    let total = count(rows.len() as u64);
    out.line(format!(
        "\n{}",
        bold(&format!("What became of the {total} rows"))
    ));
    let mut table = Table::new(&["RESULT", "ROWS", ""]);
    for kind in &KINDS {
        let n = rows.iter().filter(|it| (kind.is)(&it.row)).count();
        if n > 0 {
            let n = format!("{:>4}", count(n as u64));
            table.row(vec![kind.word.to_owned(), n, kind.meaning.to_owned()]);
        }
    }
    indented(&table, out);
    if let Some(text) = pace(config, run, rows) {
        out.line(format!("  {text}"));
    }
    out.line(format!("\n{}", bold("Those that were not simply sent")));
    indented(&one_by_one(rows), out);
}

fn indented(table: &Table, out: &Out) {
    let lines = table.lines();
    lines.iter().for_each(|line| out.line(format!("  {line}")));
}

/// How long it took, and which limit made it so.
fn pace(config: &Config, run: &RunRow, rows: &[Told]) -> Option<String> {
    let sent = rows.iter().filter(|it| it.row.state == "accepted");
    let end = sent.filter_map(|it| it.row.ended_at).max()?;
    let rates = &config.accounts.get(&run.account)?.rate;
    let rates: Vec<String> = rates.iter().map(ToString::to_string).collect();
    let tenths = (end - run.opened_at).max(0) / 100;
    Some(format!(
        "It took {}.{} s: the account `{}` may send {}.",
        tenths / 10,
        tenths % 10,
        run.account,
        rates.join(" and "),
    ))
}

/// Every row that something happened to.
fn one_by_one(rows: &[Told]) -> Table {
    let now = Clock::system().now().as_millisecond();
    let mut table = Table::new(&["LINE", "TO", "RESULT", "NEXT", "WHY"]);
    for kind in &KINDS[1..] {
        for Told { row, why } in rows.iter().filter(|it| (kind.is)(&it.row)) {
            let next = row.next_at.map_or("-".to_owned(), |at| ahead(at, now));
            table.row(vec![
                format!("{:>4}", row.place.line_if_known().unwrap_or_default()),
                row.address.clone(),
                kind.word.to_owned(),
                next,
                why.clone(),
            ]);
        }
    }
    table
}
