//! The message of a template to one row, with what its schedule gives and sends along.

use std::sync::Arc;

use serde_json::{Map, Value};

use super::super::letter::{Head, Letter, LetterFault};
use super::fault::Fault;
use super::sample::{self, Origin, Row, Rows};
use super::shelf::{Sheet, Shelf};
use crate::audience::Care;
use crate::config::{Copied, Schedule};
use crate::plan::Roll;

/// So many rows of a program's output are kept.
const KEPT: usize = 10_000;

/// What the programs of a source have printed.
#[derive(Default)]
pub(super) struct Ran {
    pub(super) rows: Vec<Row>,
    data: Option<Arc<Value>>,
}

/// The message, or why there is none, if that is not known of the template; the
/// fields of the row in any case.
pub(super) fn letter(
    shelf: &Shelf,
    sheet: &Sheet,
    (origin, number): (&Origin<'_>, usize),
    ran: &Ran,
    fields: &mut Map<String, Value>,
) -> Result<Letter, Option<Box<Fault>>> {
    let plain = |text: String| Some(Box::new(Fault::plain(text)));
    let template = sheet.template.as_deref().ok_or(None)?;
    let roll = roll(shelf, origin.schedule, ran);
    let head = head(shelf, roll.as_ref(), template.name());
    let row = match (&origin.rows, origin.list()) {
        (Rows::Together, _) => return together(shelf, roll.as_ref(), &head).map_err(plain),
        (_, None) => Some(sample::made(template)),
        (_, Some(list)) if list.runs_a_program() => ran.rows.get(number).cloned(),
        (_, Some(list)) => sample::nth(list, number).map_err(plain)?,
    };
    let row = row.ok_or_else(|| plain("there is no such row".to_owned()))?;
    fields.clone_from(&row.fields);
    let Some(mailbox) = row.mailbox else {
        return Err(plain(row.fault.unwrap_or_default()));
    };
    let letter = head.write(template, &row.fields, mailbox);
    letter.map_err(|fault| match fault {
        LetterFault::Render(fault) => Some(Box::new(Fault::of_row(&fault, &shelf.templates))),
        fault => plain(fault.to_string()),
    })
}

/// Runs the programs of a source, one after the other.
pub(super) fn run(origin: &Origin<'_>) -> Result<Ran, String> {
    let mut ran = Ran::default();
    if let Some(list) = origin.list().filter(|it| it.runs_a_program()) {
        ran.rows = sample::rows(list)?.take(KEPT).collect::<Result<_, _>>()?;
    }
    if let Some(values) = origin.data() {
        let read = values.read(&Care::Readable);
        ran.data = Some(Arc::new(read.map_err(|error| error.to_string())?));
    }
    Ok(ran)
}

/// The roll of a schedule, if it could be sent: of a broken configuration not all is there.
pub(super) fn roll<'a>(
    shelf: &'a Shelf,
    schedule: Option<&Schedule>,
    ran: &Ran,
) -> Option<Roll<'a>> {
    let (config, schedule) = (shelf.config.as_ref()?, schedule?);
    let via = schedule.via.first()?;
    if !config.accounts.contains_key(via) || !config.templates.contains_key(&schedule.send) {
        return None;
    }
    let mut roll = Roll::of(config, &schedule.name).ok()?;
    roll.data.clone_from(&ran.data);
    Some(roll)
}

pub(super) fn head<'a>(shelf: &Shelf, roll: Option<&'a Roll<'a>>, template: &str) -> Head<'a> {
    match (&shelf.config, roll) {
        (Some(config), Some(roll)) => Head::of(config, roll),
        (config, _) => {
            let mut head = Head::of_none(config.as_ref());
            head.sample = sample::data(&shelf.templates.join(template));
            head
        }
    }
}

/// The one message to all. The programs of its lists do not run for it.
fn together(shelf: &Shelf, roll: Option<&Roll<'_>>, head: &Head<'_>) -> Result<Letter, String> {
    let (Some(config), Some(roll)) = (&shelf.config, roll) else {
        return Err("its schedule cannot be sent".to_owned());
    };
    let schedule = roll.schedule();
    let copied = schedule
        .group
        .iter()
        .flat_map(|it| it.cc.iter().chain(&it.bcc));
    let copied = copied.filter_map(|it| match it {
        Copied::List(name) => Some(name),
        Copied::One(_) => None,
    });
    let mut lists = schedule.to.iter().chain(&schedule.except).chain(copied);
    if lists.any(|it| config.lists.get(it).is_some_and(|it| it.runs_a_program())) {
        let name = &schedule.name;
        return Err(format!(
            "a program tells who is on its lists: `postroom preview {name}` runs it"
        ));
    }
    let all = roll.together().map_err(|error| error.to_string())?;
    let letter = head.finish(all.rendered, &all.enclosures, &all.addressees);
    letter.map_err(|error| error.to_string())
}
