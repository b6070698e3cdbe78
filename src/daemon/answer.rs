//! Answers that are the same whether the daemon gives them or a command that reads the outbox
//! itself.

use std::collections::BTreeMap;

use lettre::message::Mailbox;

use super::api::{
    ForgetAnswer, History, ListRead, ListRow, MessageAnswer, QueueQuery, RunsQuery, SendAnswer,
    SendRequest, Status, Why,
};
use super::filter::{Unfit, filter, row};
use super::{standing, times};
use crate::audience::{self, Care, Place, Row, Source};
use crate::clock::{Clock, Timestamp};
use crate::compose::TokenKey;
use crate::config::Config;
use crate::deliver::{RecomposeError, recompose};
use crate::outbox::state::State;
use crate::outbox::{
    Banned, ChangeRow, DeliveryRow, ForgetError, HoldRow, Outbox, OutboxError, Reader, RunRow,
    Suppress, forget as forget_in,
};
use crate::plan::{
    Badness, Forecast, Former, Late, Lately, ListCount, Opening, Order, Roll, RollError, foresee,
    foresee_beside, foresee_open, survey_of,
};

/// So many runs are told if nobody says how many.
const RUNS: usize = 20;

/// What stands in the outbox and in the calendar.
///
/// # Errors
/// The outbox cannot be read.
pub fn status(config: &Config, reader: &Reader, clock: &Clock) -> Result<Status, OutboxError> {
    status_after(config, reader, clock, &Lately::read(config, reader, clock)?)
}

/// The same after what is known to have gone out lately.
///
/// # Errors
/// The outbox cannot be read.
pub fn status_after(
    config: &Config,
    reader: &Reader,
    clock: &Clock,
    lately: &Lately,
) -> Result<Status, OutboxError> {
    let now = clock.now();
    let mut snapshot = reader.snapshot()?;
    let holds = reader.holds(now.as_millisecond())?;
    let behind = standing::behind(&snapshot.open);
    let open = (snapshot.open.as_slice(), holds.as_slice());
    let foreseen = foresee_open(config, reader, lately, open, now)?;
    for run in &mut snapshot.open {
        let late = foreseen.late.get(&run.id);
        run.reason = standing::of(config, run, &behind, late, now);
    }
    Ok(Status {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        daemon: None,
        config: config.path.display().to_string(),
        configuration: None,
        now: now.as_millisecond(),
        accounts: Vec::new(),
        open: snapshot.open,
        last: snapshot.last,
        next: times::next(config, now),
        holds,
        full: None,
        forecasts: foreseen.forecasts,
    })
}

/// Runs, the newest first.
///
/// # Errors
/// The outbox cannot be read.
pub fn runs(reader: &Reader, query: &RunsQuery) -> Result<Vec<RunRow>, OutboxError> {
    reader.runs(
        query.schedule.as_deref(),
        query.since,
        query.limit.unwrap_or(RUNS),
    )
}

/// Changes, the newest first.
///
/// # Errors
/// The outbox cannot be read.
pub fn changes(reader: &Reader, query: &RunsQuery) -> Result<Vec<ChangeRow>, OutboxError> {
    reader.changes(query.since, query.limit.unwrap_or(RUNS))
}

/// Deliveries, with what stops them.
///
/// # Errors
/// The query names what there is not, or the outbox cannot be read.
pub fn queue(
    config: &Config,
    reader: &Reader,
    query: &QueueQuery,
    now: Timestamp,
) -> Result<Vec<DeliveryRow>, Unfit> {
    let mut rows = reader.deliveries(&filter(config, reader, query)?)?;
    let stops = Stops::now(reader, now)?;
    rows.iter_mut().for_each(|row| stops.mark(row));
    Ok(rows)
}

/// What may stop deliveries that wait.
struct Stops {
    holds: Vec<HoldRow>,
    behind: BTreeMap<String, String>,
}

impl Stops {
    fn now(reader: &Reader, now: Timestamp) -> Result<Self, OutboxError> {
        Ok(Self {
            holds: reader.holds(now.as_millisecond())?,
            behind: standing::behind(&reader.open_runs()?),
        })
    }

    /// Says of a delivery that waits what stops it.
    fn mark(&self, row: &mut DeliveryRow) {
        if !["queued", "deferred", "leased"].contains(&row.state.as_str()) {
            return;
        }
        let run = row.id.split('.').next().unwrap_or_default();
        let stops = |hold: &&HoldRow| hold.stops(run, &row.schedule, &row.account);
        row.held = self.holds.iter().find(stops).cloned();
        if let Some(text) = self.behind.get(run) {
            row.next_at = None;
            row.reason.get_or_insert_with(|| text.clone());
        }
    }
}

/// One delivery with its tries and changes.
///
/// # Errors
/// There is no such row, or the outbox cannot be read.
pub fn delivery(reader: &Reader, id: &str, now: Timestamp) -> Result<History, Unfit> {
    let found = row(reader, id)?;
    let Some(mut delivery) = reader.delivery(found)? else {
        let id = id.escape_debug();
        return Err(Unfit::Unknown(format!("the run has no message {id}")));
    };
    Stops::now(reader, now)?.mark(&mut delivery);
    Ok(History {
        delivery,
        attempts: reader.attempts(found)?,
        changes: reader.audits(found)?,
    })
}

/// All that is known about an address in its normal form.
///
/// # Errors
/// The outbox cannot be read.
pub fn why(reader: &Reader, key: String, now: Timestamp) -> Result<Why, OutboxError> {
    let stops = Stops::now(reader, now)?;
    let deliveries = reader.history(&key)?.into_iter();
    let deliveries = deliveries.map(|(mut delivery, attempts, changes)| {
        stops.mark(&mut delivery);
        History {
            delivery,
            attempts,
            changes,
        }
    });
    let entries = reader.suppressions_of(&key)?.into_iter();
    let (left, suppressed): (Vec<_>, Vec<_>) = entries.partition(|it| !it.scope.is_empty());
    Ok(Why {
        suppressed: suppressed.into_iter().next(),
        left,
        deliveries: deliveries.collect(),
        address: key,
    })
}

/// The message of a run to an address in its normal form.
///
/// # Errors
/// There is none, or not all that it was made of is there any more.
pub fn message(
    reader: &Reader,
    run: &str,
    key: &str,
    token_keys: &[TokenKey],
) -> Result<MessageAnswer, RecomposeError> {
    let again = recompose(reader, run, key, token_keys)?;
    let not_text = |_| RecomposeError::Broken("it is not text".to_owned());
    Ok(MessageAnswer {
        message: String::from_utf8(again.bytes).map_err(not_text)?,
        account: again.account,
        date: again.date.as_millisecond(),
        same: again.same,
        forgotten: again.forgotten,
    })
}

/// Forgets the person with an address in its normal form, and says which lists still name them.
///
/// # Errors
/// A message to them is on its way, or the outbox cannot be written or read.
pub fn forget(
    config: &Config,
    outbox: &Outbox,
    key: &str,
    author: &str,
) -> Result<ForgetAnswer, ForgetError> {
    let mut answer = ForgetAnswer {
        outbox: forget_in(outbox, key, author)?,
        lists: Vec::new(),
        unread: Vec::new(),
    };
    for list in config.lists.values() {
        if let Source::Command(output) = &list.source {
            answer.unread.push(format!(
                "list `{}`: the command `{}` prints it, and was not run",
                list.name,
                output.program.name()
            ));
            continue;
        }
        let file = list.source.path().unwrap_or(&config.path);
        let file = file.display().to_string();
        let found = list.read().and_then(|rows| {
            let places = rows.filter_map(|row| match row {
                Ok(row) => names(&row, key).then_some(Ok(row.place)),
                Err(error) => Some(Err(error)),
            });
            places.collect::<Result<Vec<Place>, _>>()
        });
        match found {
            Ok(places) => answer.lists.extend(places.into_iter().map(|place| ListRow {
                list: list.name.clone(),
                file: file.clone(),
                place,
            })),
            Err(error) => answer.unread.push(error.to_string()),
        }
    }
    Ok(answer)
}

/// Whether a row is of the address, be it usable or not.
fn names(row: &Row, key_of_them: &str) -> bool {
    match &row.recipient {
        Ok(recipient) => recipient.key == key_of_them,
        Err(_) => key(&row.raw_address).is_ok_and(|key| key == key_of_them),
    }
}

/// The mailbox that a person typed.
///
/// # Errors
/// It is none.
pub fn mailbox(text: &str) -> Result<Mailbox, RollError> {
    audience::mailbox(text).map_err(|fault| {
        let text = text.escape_debug();
        RollError::BadAddress(format!("`{text}` is not an address: {fault}"))
    })
}

/// The address that a person typed, as it is compared.
///
/// # Errors
/// It is none.
pub fn key(text: &str) -> Result<String, RollError> {
    Ok(audience::key(&mailbox(text)?.email))
}

/// What puts these addresses on the suppression list; the author stands for a source that is not
/// named.
///
/// # Errors
/// One of them is no address.
pub fn import(entries: &[Banned], author: &str) -> Result<Suppress, RollError> {
    let entries = entries.iter().map(|banned| {
        let source = Some(&banned.source).filter(|source| !source.is_empty());
        Ok(Banned {
            key: key(&banned.address)?,
            source: source.map_or(author, |source| source).to_owned(),
            ..banned.clone()
        })
    });
    Ok(Suppress {
        entries: entries.collect::<Result<_, RollError>>()?,
        author: author.to_owned(),
    })
}

/// What a request to send means.
///
/// # Errors
/// An address in it is not one.
pub fn order(request: &SendRequest, clock: &Clock) -> Result<Order, RollError> {
    let mut order = Order::manual(&request.schedule, clock);
    order.only = request.only.as_deref().map(key).transpose()?;
    order.test = request.test.as_deref().map(mailbox).transpose()?;
    order.former = former(request)?;
    order.accepts_change = request.accept_change;
    Ok(order)
}

fn former(request: &SendRequest) -> Result<Option<Former>, RollError> {
    let Some(run) = request.to_run.clone() else {
        return Ok(None);
    };
    let words = request.state.as_deref().unwrap_or(State::Accepted.name());
    let states = words.split(',').map(|word| {
        let known = State::ALL.map(State::name).join(", ");
        let fault = || {
            let word = word.escape_debug();
            RollError::Former(format!("`{word}` is not a state; there are {known}"))
        };
        State::from_name(word).ok_or_else(fault)
    });
    let states = states.collect::<Result<_, _>>()?;
    Ok(Some(Former { run, states }))
}

/// What the run of `order` would be.
///
/// # Errors
/// Why it would not be sent.
pub fn survey(config: &Config, order: &Order, clock: &Clock) -> Result<SendAnswer, RollError> {
    let mut roll = Roll::of(config, &order.schedule)?;
    roll.only.clone_from(&order.only);
    roll.test.clone_from(&order.test);
    roll.former.clone_from(&order.former);
    roll.care = Care::Fresh(clock.clone());
    let survey = survey_of(&roll, order)?;
    let (forecast, late) = foreseen(config, roll.schedule().name.as_str(), survey.people, clock);
    let (first, rendered) = survey.first.unzip();
    Ok(SendAnswer {
        people: survey.people,
        group: survey.seats,
        duplicates: survey.duplicates,
        suppressed: survey.suppressed,
        sent_before: survey.sent_before,
        left_out: survey.badness.left_out,
        invalid: survey.badness.bad,
        lists: lists_read(&survey.badness),
        invalid_told: survey.badness.told,
        first: first
            .and_then(|person| person.mailbox.ok())
            .map(|mailbox| mailbox.to_string()),
        subject: rendered.map(|rendered| rendered.subject),
        late,
        forecast,
        ..sender(config, &order.schedule)
    })
}

/// What becomes of a run that opens now, beside those that are open; alone, if nobody can tell.
fn foreseen(
    config: &Config,
    schedule: &str,
    people: u64,
    clock: &Clock,
) -> (Option<Forecast>, Option<Late>) {
    let Some(schedule) = config.schedules.get(schedule) else {
        return (None, None);
    };
    let beside = || {
        let reader = Reader::open(&config.daemon.state)?;
        let lately = Lately::read(config, &reader, clock)?;
        foresee_beside(config, &reader, &lately, (schedule, people), clock.now())
    };
    let alone = |_: OutboxError| foresee(config, schedule, people, clock.now());
    beside().unwrap_or_else(alone)
}

/// What the run of `order` is.
#[must_use]
pub fn sent(config: &Config, order: &Order, opening: Opening) -> SendAnswer {
    let people = opening.people();
    let (first, subject) = opening.first.unzip();
    SendAnswer {
        run: Some(opening.run),
        people,
        duplicates: opening.duplicates,
        suppressed: opening.suppressed,
        sent_before: opening.sent_before,
        left_out: opening.badness.left_out,
        invalid: opening.badness.bad,
        lists: lists_read(&opening.badness),
        invalid_told: opening.badness.told,
        first: first.map(|mailbox| mailbox.to_string()),
        subject,
        late: opening.late,
        forecast: opening.forecast,
        ..sender(config, &order.schedule)
    }
}

fn lists_read(badness: &Badness) -> Vec<ListRead> {
    let told = |count: &ListCount, except: Option<&Badness>| ListRead {
        list: count.list.clone(),
        except: except.is_some(),
        rows: count.rows,
        left_out: count.left_out,
        invalid: count.bad,
        invalid_told: except.map_or_else(Vec::new, |it| it.told.clone()),
    };
    let lists = badness.lists.iter().chain(&badness.copies);
    let lists = lists.map(|it| told(it, None));
    let except = badness.except.iter();
    let except = except.flat_map(|of| of.lists.iter().map(move |it| told(it, Some(of))));
    lists.chain(except).collect()
}

/// Who sends what a schedule sends.
fn sender(config: &Config, schedule: &str) -> SendAnswer {
    let via = config.schedules.get(schedule).and_then(|it| it.via.first());
    let account = via.and_then(|name| config.accounts.get(name));
    SendAnswer {
        schedule: schedule.to_owned(),
        account: via.cloned().unwrap_or_default(),
        from: account
            .map(|it| it.sender.from.to_string())
            .unwrap_or_default(),
        ..SendAnswer::default()
    }
}
