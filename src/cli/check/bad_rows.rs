//! What is wrong with the rows of lists, at its place: in the list's file, if it is there.

use super::super::out::{count, counted, plain};
use super::lists::{ListLook, Look, Looks};
use crate::audience::ListError;
use crate::config::{About, BadRows, Config, Remark, RowMark, Severity};
use crate::plan::{BadRow, Census, RollError, Told};

const SOURCES: [&str; 4] = ["csv", "json", "command", "inline"];

/// All that is wrong, but for what `is_explained` says has been told before.
pub(super) fn remarks(
    looks: &Looks,
    config: &Config,
    is_explained: impl Fn(&[String]) -> bool,
) -> Vec<Remark> {
    let mut found = Vec::new();
    for look in &looks.lists {
        match &look.outcome {
            Ok(census) => found.extend(bad(look, census, looks, config)),
            Err(fault) => {
                if !is_explained(std::slice::from_ref(&look.name)) {
                    found.push(unreadable(look, fault));
                }
            }
        }
    }
    for look in &looks.schedules {
        found.extend(unfit(look, config));
        let lists = config.schedules.get(&look.schedule).map(|it| &it.to[..]);
        let is_told = |fault: &ListError| looks.lists.iter().any(|it| it.name == fault.list);
        if let Err(RollError::List(fault) | RollError::Except(fault)) = &look.outcome
            && is_told(fault)
        {
            continue;
        }
        if let Err(error) = &look.outcome
            && !is_explained(lists.unwrap_or_default())
        {
            found.push(not_sendable(&look.schedule, &error.to_string()));
        }
    }
    found
}

fn not_sendable(schedule: &str, error: &str) -> Remark {
    let message = format!("schedule `{schedule}` would not be sent: {}", plain(error));
    let about = About::Schedule(schedule.to_owned());
    remark(about, vec!["to"], "not-sendable", Severity::Error, message)
}

fn unreadable(look: &ListLook, fault: &ListError) -> Remark {
    let message = format!(
        "list `{}` cannot be used: {}",
        look.name,
        plain(&fault.message)
    );
    let about = About::List(look.name.clone());
    let mut remark = remark(
        about,
        SOURCES.to_vec(),
        fault.code(),
        Severity::Error,
        message,
    );
    remark.label = match (&fault.path, fault.line) {
        (Some(path), Some(line)) => format!("{}:{line}", path.display()),
        (Some(path), None) => path.display().to_string(),
        (None, _) => String::new(),
    };
    remark.helps.extend(fault.help.clone());
    remark
}

/// Rows of a list that nobody can be mailed by.
fn bad(look: &ListLook, census: &Census, looks: &Looks, config: &Config) -> Option<Remark> {
    let users = || {
        looks
            .schedules
            .iter()
            .filter(|it| is_of(config, it, &look.name))
    };
    let is_refused = users().any(|it| matches!(it.outcome, Err(RollError::BadRows(_))));
    let end = if is_refused || users().next().is_none() {
        ""
    } else {
        " and will be skipped"
    };
    let of = counted(census.rows, "row", "rows");
    let are = if census.bad.rows == 1 { "is" } else { "are" };
    let message = format!(
        "{} of {of} of list `{}` {are} unusable{end}",
        count(census.bad.rows),
        look.name
    );
    let mut remark = skipped(&census.bad, message, [census])?;
    let skips = |it: &Look| {
        let schedule = config.schedules.get(&it.schedule);
        schedule.is_some_and(|it| it.bad_rows == BadRows::Skip)
    };
    if !is_refused && users().any(skips) {
        remark.notes.push(REFUSE.to_owned());
    }
    Some(remark)
}

/// Whether a schedule writes to the list: who is in `except` gets nothing anyway.
fn is_of(config: &Config, look: &Look, list: &String) -> bool {
    let schedule = config.schedules.get(&look.schedule);
    schedule.is_some_and(|it| it.to.contains(list))
}

const REFUSE: &str = "`bad_rows = \"refuse\"` stops the schedule instead; more than 1% and more \
                      than 10 rows always stop it";

/// Rows for which a schedule's message cannot be made.
fn unfit(look: &Look, config: &Config) -> Option<Remark> {
    let mut told = Told::default();
    for census in &look.lists {
        told.rows += census.unfit.rows;
        told.first.extend(census.unfit.first.iter().cloned());
    }
    let rows: u64 = look.lists.iter().map(|it| it.rows).sum();
    let is_refused = matches!(look.outcome, Err(RollError::BadRows(_)));
    let end = if is_refused {
        ""
    } else {
        " and will be skipped"
    };
    let of = counted(rows, "row", "rows");
    let message = format!(
        "{} of {of} for schedule `{}` cannot be rendered{end}",
        count(told.rows),
        look.schedule
    );
    let mut remark = skipped(&told, message, &look.lists)?;
    let schedule = config.schedules.get(&look.schedule);
    if !is_refused && schedule.is_some_and(|it| it.bad_rows == BadRows::Skip) {
        remark.notes.push(REFUSE.to_owned());
    }
    Some(remark)
}

/// Says which rows they are, if there are any: with their lines where these can be shown.
fn skipped<'a>(
    told: &Told,
    message: String,
    lists: impl IntoIterator<Item = &'a Census> + Clone,
) -> Option<Remark> {
    let first = told.first.first()?;
    let about = About::List(first.list.clone());
    let mut remark = remark(
        about,
        SOURCES.to_vec(),
        "bad-row",
        Severity::Warning,
        message,
    );
    for row in &told.first {
        let census = lists.clone().into_iter().find(|it| it.list == row.list);
        match census.and_then(|census| mark(row, census)) {
            Some(mark) => remark.rows.push(mark),
            None => {
                let (list, place) = (&row.list, row.place);
                let fault = plain(&row.fault);
                remark.notes.push(format!("{list} {place}: {fault}"));
            }
        }
    }
    match told.rows - told.first.len() as u64 {
        0 => {}
        more => remark.notes.push(format!("and {} more", count(more))),
    }
    Some(remark)
}

fn mark(row: &BadRow, census: &Census) -> Option<RowMark> {
    let fault = plain(&row.fault);
    Some(RowMark {
        file: census.particulars.as_ref()?.file.as_ref()?.path.clone(),
        line: usize::try_from(row.place.line_if_known()?).ok()?,
        label: match row.place.person() {
            Some(person) => format!("person {}: {fault}", count(person)),
            None => fault,
        },
    })
}

fn remark(
    about: About,
    keys: Vec<&'static str>,
    code: &'static str,
    severity: Severity,
    message: String,
) -> Remark {
    Remark {
        about,
        keys,
        code,
        severity,
        message,
        label: String::new(),
        notes: Vec::new(),
        helps: Vec::new(),
        rows: Vec::new(),
    }
}
