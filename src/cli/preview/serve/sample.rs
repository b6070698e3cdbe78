//! Whom a template can be shown for: the rows of its schedules' lists, and of `sample.csv` or
//! `sample.json` in its folder; where there are none, a row whose fields say their own names.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use lettre::Address;
use lettre::message::Mailbox;
use serde::Serialize;
use serde_json::{Map, Value};

use super::shelf::Shelf;
use crate::audience::{self, CsvFile, JsonFile, List, Values, ValuesSource};
use crate::compose::Template;
use crate::config::{Config, EMAIL, Schedule};

/// So many rows are offered at a time.
pub(super) const OFFERED: usize = 50;
/// A search ends after so many rows.
const SEARCHED: usize = 2_000_000;

/// Where rows come from.
pub(super) struct Origin<'a> {
    /// What the page calls it.
    pub(super) id: String,
    pub(super) label: String,
    pub(super) schedule: Option<&'a Schedule>,
    pub(super) rows: Rows<'a>,
}

pub(super) enum Rows<'a> {
    Of(Box<List>),
    Listed(&'a List),
    /// One message to all.
    Together,
    Made,
}

/// A row, with whom it is about.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Row {
    /// Which of its list, from 0.
    pub(super) number: usize,
    pub(super) address: String,
    pub(super) name: String,
    pub(super) place: String,
    /// Why there is no message for it.
    pub(super) fault: Option<String>,
    #[serde(skip)]
    pub(super) mailbox: Option<Mailbox>,
    #[serde(skip)]
    pub(super) fields: Map<String, Value>,
}

/// Where rows for a template come from, the nearest to what is really sent first.
pub(super) fn origins<'a>(shelf: &'a Shelf, name: &str) -> Vec<Origin<'a>> {
    let mut origins = Vec::new();
    let schedules = shelf.config.iter().flat_map(|it| it.schedules.values());
    for schedule in schedules.filter(|it| it.send == name) {
        let config = shelf.config.as_ref().expect("it has this schedule");
        origins.extend(of_schedule(config, schedule));
    }
    for ending in ["csv", "json"] {
        let path = shelf
            .templates
            .join(name)
            .join("sample")
            .with_extension(ending);
        if path.is_file() {
            let label = format!("sample.{ending}");
            origins.push(Origin {
                id: label.clone(),
                label,
                schedule: None,
                rows: Rows::Of(Box::new(sample(path, ending))),
            });
        }
    }
    if origins.is_empty() {
        origins.push(Origin {
            id: "names".to_owned(),
            label: "the names of its fields".to_owned(),
            schedule: None,
            rows: Rows::Made,
        });
    }
    origins
}

fn of_schedule<'a>(config: &'a Config, schedule: &'a Schedule) -> Vec<Origin<'a>> {
    let name = &schedule.name;
    if schedule.group.is_some() {
        return vec![Origin {
            id: name.clone(),
            label: format!("{name}: one message to all"),
            schedule: Some(schedule),
            rows: Rows::Together,
        }];
    }
    let lists = schedule.to.iter().filter_map(|list| config.lists.get(list));
    let origins = lists.map(|list| Origin {
        id: format!("{name}/{}", list.name),
        label: format!("{name}: list {}", list.name),
        schedule: Some(schedule),
        rows: Rows::Listed(list),
    });
    origins.collect()
}

/// A sample may leave any cell empty.
fn sample(path: PathBuf, ending: &str) -> List {
    let source = match ending {
        "csv" => audience::Source::Csv(CsvFile {
            path,
            encoding: None,
            separator: None,
        }),
        _ => audience::Source::Json(JsonFile {
            path,
            rows: None,
            encoding: None,
        }),
    };
    let mut list = List {
        name: format!("sample.{ending}"),
        source,
        address_column: EMAIL.to_owned(),
        name_column: None,
        optional: Vec::new(),
        max_age: None,
        fields: Map::new(),
        defaults: Map::new(),
        max_change: None,
    };
    list.optional = list.columns().unwrap_or_default();
    list.optional.retain(|it| *it != list.address_column);
    list
}

impl Origin<'_> {
    /// The list, if it is one.
    pub(super) fn list(&self) -> Option<&List> {
        match &self.rows {
            Rows::Of(list) => Some(list),
            Rows::Listed(list) => Some(list),
            Rows::Together | Rows::Made => None,
        }
    }

    /// The programs that have to run before there is a message, by their names.
    pub(super) fn programs(&self) -> Vec<String> {
        let list = self.list().filter(|it| it.runs_a_program());
        let list = list.and_then(|it| it.source.told());
        let data = self.data().map(|values| match &values.source {
            ValuesSource::Command(program) => format!("the command `{}`", program.name()),
            ValuesSource::File(path) => path.display().to_string(),
        });
        list.into_iter().chain(data).collect()
    }

    /// The values of the run, where a program tells them.
    pub(super) fn data(&self) -> Option<&Values> {
        let values = self.schedule?.data.as_ref();
        values.filter(|it| it.runs_a_program())
    }
}

/// The first rows in which there is a text, and whether there are more.
pub(super) fn search(list: &List, wanted: &str) -> Result<(Vec<Row>, bool), String> {
    let wanted = wanted.trim().to_lowercase();
    let mut found = Vec::new();
    for row in rows(list)?.take(SEARCHED) {
        let row = row?;
        if !fits(&row, &wanted) {
            continue;
        }
        if found.len() == OFFERED {
            return Ok((found, true));
        }
        found.push(row);
    }
    Ok((found, false))
}

/// Whether a row is about what somebody looks for.
pub(super) fn fits(row: &Row, wanted: &str) -> bool {
    let has = |text: &str| text.to_lowercase().contains(wanted);
    wanted.is_empty() || has(&row.address) || has(&row.name)
}

/// One row of a list.
pub(super) fn nth(list: &List, number: usize) -> Result<Option<Row>, String> {
    rows(list)?.nth(number).transpose()
}

/// The rows of a list, in order.
pub(super) fn rows(list: &List) -> Result<impl Iterator<Item = Result<Row, String>>, String> {
    let rows = list.read().map_err(|error| error.to_string())?;
    Ok(rows.enumerate().map(|(number, row)| {
        let row = row.map_err(|error| error.to_string())?;
        Ok(of_row(number, row))
    }))
}

fn of_row(number: usize, row: audience::Row) -> Row {
    let place = row.place.to_string();
    match row.recipient {
        Ok(recipient) => Row {
            number,
            address: recipient.mailbox.email.to_string(),
            name: recipient.mailbox.name.clone().unwrap_or_default(),
            place,
            fault: None,
            mailbox: Some(recipient.mailbox),
            fields: recipient.fields,
        },
        Err(fault) => Row {
            number,
            address: row.raw_address,
            name: String::new(),
            place,
            fault: Some(fault.to_string()),
            mailbox: None,
            fields: Map::new(),
        },
    }
}

/// A row whose fields say their own names.
pub(super) fn made(template: &Template) -> Row {
    let names = template.variables().iter().map(|it| it.name.clone());
    let fields = names.map(|name| (name.clone(), Value::String(format!("[{name}]"))));
    let address = Address::new("reader", "example.org").expect("it is an address");
    Row {
        number: 0,
        address: address.to_string(),
        name: String::new(),
        place: String::new(),
        fault: None,
        mailbox: Some(Mailbox::new(None, address)),
        fields: fields.collect(),
    }
}

/// What stands for the data of a run: `data.json` in the template's folder, if there is one.
pub(super) fn data(folder: &Path) -> Option<Arc<Value>> {
    let text = fs::read_to_string(folder.join("data.json")).ok()?;
    serde_json::from_str(&text).ok().map(Arc::new)
}
