//! Changes to deliveries, carried out whether the daemon or a command does it: found by a reader
//! in pages, changed by the writer a page at a time, so that sending need not wait for either.

use std::collections::BTreeMap;

use super::api::{ChangeAnswer, ChangeRequest, LeftAlone};
use super::filter::{Unfit, filter};
use crate::config::Config;
use crate::outbox::state::State;
use crate::outbox::{Act, Change, Filter, Left, Outbox, Reader};

/// So many rows are changed at a time: their commit takes milliseconds.
const PAGE: usize = 100;

/// How many rows would be changed, and how many left.
///
/// # Errors
/// The request names what there is not.
pub fn foresee(
    config: &Config,
    reader: &Reader,
    request: &ChangeRequest,
) -> Result<ChangeAnswer, Unfit> {
    let act = act(request)?;
    let filter = filter(config, reader, &request.filter)?;
    let (mut changed, mut left) = (0, BTreeMap::new());
    for (state, count) in reader.count(&filter)?.0 {
        match State::from_name(&state).map(|state| act.fits(state)) {
            Some(Ok(())) => changed += count,
            Some(Err(why)) => *left.entry(why).or_default() += count,
            None => {}
        }
    }
    Ok(told(changed, left))
}

/// Changes all rows that are meant, page by page. Waits for the disk: not for a runtime's worker.
///
/// # Errors
/// The request names what there is not, or the outbox cannot be used; what was changed until then
/// stays changed, and the audit counts it.
pub fn carry_out(
    config: &Config,
    outbox: &Outbox,
    request: &ChangeRequest,
    author: &str,
) -> Result<ChangeAnswer, Unfit> {
    let act = act(request)?;
    let reader = outbox.reader()?;
    let mut page = Filter {
        limit: Some(PAGE),
        ..filter(config, &reader, &request.filter)?
    };
    let words = request.filter.words();
    let detail = match &request.reason {
        Some(reason) => format!("{reason} ({words})"),
        None => words,
    };
    let (mut changed, mut left, mut audit) = (0, BTreeMap::new(), None);
    loop {
        let rows = reader.ids(&page)?;
        let Some(last) = rows.last().copied() else {
            return Ok(told(changed, left));
        };
        let change = Change {
            act,
            rows,
            states: page.states(),
            author: author.to_owned(),
            detail: detail.clone(),
            audit,
        };
        let done = outbox.submit(change).wait()?;
        changed += done.done;
        audit = done.audit;
        for (why, count) in done.left {
            *left.entry(why).or_default() += count;
        }
        page.after = Some(last);
    }
}

fn act(request: &ChangeRequest) -> Result<Act, Unfit> {
    Act::from_name(&request.act).ok_or_else(|| {
        let act = request.act.escape_debug();
        let text = format!("`{act}` is not retry, cancel, sent or not-sent");
        Unfit::Unknown(text)
    })
}

fn told(changed: i64, left: BTreeMap<Left, i64>) -> ChangeAnswer {
    let left = left.into_iter().map(|(why, count)| LeftAlone {
        count,
        because: why.name().to_owned(),
        text: why.words().to_owned(),
    });
    ChangeAnswer {
        changed,
        left: left.collect(),
    }
}
