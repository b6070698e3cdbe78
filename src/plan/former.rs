//! The people of an earlier run, for whoever sends something to exactly them: a correction to those
//! who got it, or the same again to those who did not. They are what the outbox froze of them then,
//! not what the lists say now.

use std::collections::VecDeque;
use std::path::Path;

use super::refusal::RollError;
use crate::audience::{Recipient, Row, mailbox};
use crate::outbox::state::State;
use crate::outbox::{Addressee, Group, OutboxError, Reader, RunNo, Seat};

/// So many people are read at once.
const PAGE: usize = 500;

/// Which people of which run.
#[derive(Clone, Debug, PartialEq)]
pub struct Former {
    /// The run's id, or a beginning of it that fits only one.
    pub run: String,
    /// Those whose deliveries are in one of these states now.
    pub states: Vec<State>,
}

/// Reads them from the outbox below `state`, each with the list that they came from then. If all
/// are to get one message, those who have this `seat` in it: the one that they had then, or To.
///
/// # Errors
/// There is no such run, or its rows are not there any more.
pub(super) fn rows(state: &Path, former: &Former, seat: Option<Seat>) -> Result<Rows, RollError> {
    let reader = Reader::open(state).map_err(unreadable)?;
    let run = reader.run(&former.run).map_err(unreadable)?;
    let run = run.ok_or_else(|| {
        let id = former.run.escape_debug();
        RollError::Former(format!("no run is called {id}; `postroom log` lists them"))
    })?;
    if run.thinned > 0 {
        return Err(RollError::Former(format!(
            "who was in run {} is not kept any more: it ended longer ago than `keep`",
            run.id
        )));
    }
    let no = reader.run_no(&run.id).map_err(unreadable)?;
    let no = no.expect("the run was found just now");
    let group = reader.group(no).map_err(unreadable)?;
    Ok(Rows {
        run: no,
        seat: seat.map(|seat| (seat, group)),
        states: former.states.clone(),
        reader,
        page: VecDeque::new(),
        after: 0,
        ended: false,
    })
}

fn unreadable(error: OutboxError) -> RollError {
    RollError::Former(error.to_string())
}

/// The people of a run, a page of them in memory.
pub(super) struct Rows {
    reader: Reader,
    run: RunNo,
    /// Only those who have it, by what their run says of them.
    seat: Option<(Seat, Option<Group>)>,
    states: Vec<State>,
    page: VecDeque<Addressee>,
    after: i64,
    ended: bool,
}

impl Iterator for Rows {
    type Item = Result<(String, Row), RollError>;

    fn next(&mut self) -> Option<Self::Item> {
        while self.page.is_empty() && !self.ended {
            let page = self
                .reader
                .addressees(self.run, &self.states, self.after, PAGE);
            match page {
                Ok(page) => self.page = page.into(),
                Err(error) => {
                    self.ended = true;
                    return Some(Err(unreadable(error)));
                }
            }
            self.ended = self.page.len() < PAGE;
            self.after = self.page.back().map_or(self.after, |last| last.seq);
            if let Some((seat, group)) = &self.seat {
                let of = |seq| group.as_ref().map_or(Seat::To, |group| group.seat(seq));
                self.page.retain(|addressee| of(addressee.seq) == *seat);
            }
        }
        self.page.pop_front().map(|addressee| Ok(row(addressee)))
    }
}

fn row(addressee: Addressee) -> (String, Row) {
    let fields = serde_json::from_str(&addressee.fields).unwrap_or_default();
    let recipient = mailbox(&addressee.address).map(|mut mailbox| {
        mailbox.name = addressee.name;
        Recipient::new(mailbox, fields)
    });
    let row = Row {
        place: addressee.place,
        raw_address: addressee.address,
        recipient: recipient.map_err(Into::into),
    };
    (addressee.list, row)
}
