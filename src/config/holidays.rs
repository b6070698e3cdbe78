//! `holidays` of a schedule: dates, days of every year, and calendar files.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::files;
use super::problem::{Place, Problem};
use super::section::{Section, Text, text_of};
use super::text::SourceText;
use super::times::{civil, one_or_several};
use crate::calendar::{self, Holidays, IcsFault, OnHoliday};

/// A longer file is no list of holidays.
const LONGEST: u64 = 4 * 1024 * 1024;
/// So many things that are not understood are shown of one file.
const SHOWN: usize = 5;

/// A file of holidays.
#[derive(Clone, Debug, PartialEq)]
pub struct HolidayFile {
    /// Where it is.
    pub path: PathBuf,
    /// Its last holiday.
    pub last: Date,
}

/// Reads them. What is wrong has been reported: a schedule that may take a holiday for a day of
/// work does not start.
pub(super) fn read(section: &Section<'_>, zone: &TimeZone) -> (Option<Holidays>, Vec<HolidayFile>) {
    let then = section.text("on_holiday").map(|word| word.text);
    let then = then.and_then(OnHoliday::named).unwrap_or(OnHoliday::Skip);
    let Some(value) = section.value("holidays") else {
        if section.has("on_holiday") && section.lacks("holidays") {
            let message = "`on_holiday` has no meaning without `holidays`";
            let place = section.key_place("on_holiday", "take it out, or name the holidays");
            let problem = Problem::error("needless-key", message, place);
            section.report(problem.key(section.path("on_holiday")));
        }
        return (None, Vec::new());
    };
    let (mut days, mut from_files) = (BTreeMap::new(), Vec::new());
    for written in one_or_several(value) {
        if let Some(name) = text_of(written).filter(|it| is_calendar_file(it.text)) {
            let path = section.doc.resolve(name.text);
            let found = file(section, &name, &path, zone).unwrap_or_default();
            if let Some((last, _)) = found.last_key_value() {
                from_files.push(HolidayFile { path, last: *last });
            }
            days.extend(found);
        } else if let Some(day) = civil(section, "holidays", written, calendar::parse_holiday) {
            // What a file calls by a name keeps it.
            day.into_iter().for_each(|day| {
                days.entry(day).or_insert_with(String::new);
            });
        }
    }
    (Some(Holidays::new(days, then)), from_files)
}

fn is_calendar_file(text: &str) -> bool {
    Path::new(text)
        .extension()
        .is_some_and(|ending| ending.eq_ignore_ascii_case("ics"))
}

fn file(
    section: &Section<'_>,
    name: &Text<'_>,
    path: &Path,
    zone: &TimeZone,
) -> Option<BTreeMap<Date, String>> {
    let report = |problem: Problem| section.report(problem.key(section.path("holidays")));
    let text = match contents(path) {
        Ok(text) => text,
        Err(why) => {
            let message = format!("the holidays in `{}` cannot be read: {why}", name.text);
            let place = section
                .doc
                .place(name.span.clone(), path.display().to_string());
            report(Problem::error("file-missing", message, place));
            return None;
        }
    };
    let faults = match calendar::ics_days(&text, zone) {
        Ok(days) => return Some(days),
        Err(faults) => faults,
    };
    let source = Arc::new(SourceText::plain(path, text));
    for IcsFault { message, span } in faults.iter().take(SHOWN) {
        let message = format!("holidays of {}: {message}", section.title());
        let problem = Problem::error(
            "bad-holidays",
            message,
            Place::new(&source, span.clone(), ""),
        );
        let problem = problem.and(section.doc.place(name.span.clone(), "read because of this"));
        report(problem.help("leave it out of the file, or write its days as dates"));
    }
    None
}

fn contents(path: &Path) -> Result<String, String> {
    let bytes = files::read_regular(path, LONGEST).map_err(|error| match error.kind() {
        ErrorKind::FileTooLarge => "it is too large for a list of holidays".to_owned(),
        _ => files::reason(path, &error),
    })?;
    let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(&bytes);
    str::from_utf8(bytes)
        .map(str::to_owned)
        .map_err(|_| "it is not UTF-8".to_owned())
}
