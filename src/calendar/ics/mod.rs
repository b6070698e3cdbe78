//! Holidays from an iCalendar file (RFC 5545): the days that its events touch.
//!
//! A day counts if an event touches it, be it for an hour. Times in a zone of the event's own are
//! taken as they stand there, since a holiday is a date of the place that it is kept in; only times
//! in UTC are taken to the schedule's zone. Whatever bears on which days are meant and is not
//! understood is named: a day is never dropped in silence. To-dos, journals and alarms are no days.

mod line;
mod recurrence;

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use jiff::ToSpan as _;
use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;

use line::{Line, lines};
use recurrence::Recurrence;

/// What in a file is not understood.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct IcsFault {
    /// One sentence that quotes it.
    pub message: String,
    /// The bytes of the text that are meant.
    pub span: Range<usize>,
}

/// No holiday is longer, in days; a longer event is something else.
const LONGEST: i32 = 366;

/// An event while it is read.
#[derive(Default)]
struct Event {
    at: Range<usize>,
    uid: String,
    summary: String,
    start: Option<DateTime>,
    end: Option<DateTime>,
    length: Option<jiff::Span>,
    recurrence: Option<Recurrence>,
    /// Starts besides the first and the recurring ones.
    more: Vec<DateTime>,
    /// Days on which it does not start after all.
    except: Vec<Date>,
    /// The start of the recurring event that this one stands for.
    instead_of: Option<Date>,
    cancelled: bool,
}

/// The days of a file's events and what they are called, in the years of the calendar. `zone` is
/// where times in UTC are looked at.
///
/// # Errors
/// Everything that is not understood, in its order; or that it is no such file, or has no events.
pub fn ics_days(text: &str, zone: &TimeZone) -> Result<BTreeMap<Date, String>, Vec<IcsFault>> {
    let lines = lines(text);
    if !lines
        .first()
        .is_some_and(|line| line.is("BEGIN", "VCALENDAR"))
    {
        let message = "this is no iCalendar file: it does not begin with BEGIN:VCALENDAR";
        return Err(vec![fault(
            message,
            0..lines.first().map_or(0, |it| it.at.end),
        )]);
    }
    let (events, mut faults) = events(&lines, zone);
    if events.is_empty() && faults.is_empty() {
        faults.push(fault("there is no event in it", lines[0].at.clone()));
    }
    let moved: BTreeSet<(&str, Date)> = events
        .iter()
        .filter_map(|event| Some((event.uid.as_str(), event.instead_of?)))
        .collect();
    let mut days = BTreeMap::new();
    for event in &events {
        match event.days(&moved) {
            Ok(found) => days.extend(found.map(|day| (day, event.summary.clone()))),
            Err(fault) => faults.push(fault),
        }
    }
    if faults.is_empty() {
        Ok(days)
    } else {
        Err(faults)
    }
}

fn fault(message: impl Into<String>, span: Range<usize>) -> IcsFault {
    IcsFault {
        message: message.into(),
        span,
    }
}

fn events(lines: &[Line<'_>], zone: &TimeZone) -> (Vec<Event>, Vec<IcsFault>) {
    let (mut events, mut faults) = (Vec::new(), Vec::new());
    let mut within: Vec<String> = Vec::new();
    let mut event = Event::default();
    for line in lines {
        if line.name == "BEGIN" {
            within.push(line.value.to_ascii_uppercase());
            if line.is("BEGIN", "VEVENT") {
                event = Event {
                    at: line.at.clone(),
                    ..Event::default()
                };
            }
        } else if line.name == "END" {
            if within.pop().as_deref() != Some(line.value.to_ascii_uppercase().as_str()) {
                faults.push(fault(
                    format!("`{line}` ends what did not begin"),
                    line.at.clone(),
                ));
                return (events, faults);
            }
            if line.is("END", "VEVENT") {
                events.push(std::mem::take(&mut event));
            }
        } else if within.last().is_some_and(|it| it == "VEVENT")
            && let Err(message) = event.take(line, zone)
        {
            faults.push(fault(message, line.at.clone()));
        }
    }
    if let Some(open) = within.last() {
        let end = lines.last().map_or(0..0, |line| line.at.clone());
        faults.push(fault(
            format!("the file breaks off: {open} does not end"),
            end,
        ));
    }
    (events, faults)
}

impl Event {
    /// Takes a property that says which days are meant, or what they are called.
    fn take(&mut self, line: &Line<'_>, zone: &TimeZone) -> Result<(), String> {
        match line.name.as_str() {
            "UID" => self.uid = line.value.clone(),
            "SUMMARY" => self.summary = line.text(),
            "STATUS" => self.cancelled = line.value.eq_ignore_ascii_case("CANCELLED"),
            "DTSTART" => self.start = Some(line.wall(&line.value, zone)?),
            "DTEND" => self.end = Some(line.wall(&line.value, zone)?),
            "DURATION" => self.length = Some(line.duration()?),
            "RRULE" if self.recurrence.is_some() => {
                return Err(format!("`{line}`: a second RRULE is not understood"));
            }
            "RRULE" => self.recurrence = Some(Recurrence::parse(line, zone)?),
            "RDATE" => self.more.extend(line.walls(zone)?),
            "EXDATE" => {
                let walls = line.walls(zone)?;
                self.except.extend(walls.into_iter().map(DateTime::date));
            }
            "RECURRENCE-ID" if line.parameter("RANGE").is_some() => {
                return Err(format!("`{line}`: RANGE is not understood"));
            }
            "RECURRENCE-ID" => self.instead_of = Some(line.wall(&line.value, zone)?.date()),
            "EXRULE" => return Err(format!("`{line}`: EXRULE is not understood")),
            _ => {} // nothing else bears on which days are meant (RFC 5545 section 3.8)
        }
        Ok(())
    }

    /// The days that it touches, without those that another event stands for.
    fn days(
        &self,
        moved: &BTreeSet<(&str, Date)>,
    ) -> Result<impl Iterator<Item = Date> + use<>, IcsFault> {
        let fault = |message: &str| fault(format!("{}: {message}", self.title()), self.at.clone());
        let start = self.start.ok_or_else(|| fault("it has no DTSTART"))?;
        let length = (self.last_day(start) - start.date()).get_days();
        if length > LONGEST {
            return Err(fault("it lasts longer than a year"));
        }
        let mut starts: BTreeSet<Date> = match &self.recurrence {
            _ if self.cancelled => BTreeSet::new(),
            Some(recurrence) => recurrence.dates(start).collect(),
            None => BTreeSet::from([start.date()]),
        };
        if !self.cancelled {
            starts.extend(self.more.iter().map(|start| start.date()));
        }
        starts.retain(|day| {
            let elsewhere = self.instead_of.is_none() && moved.contains(&(&self.uid, *day));
            !elsewhere && !self.except.contains(day)
        });
        Ok(starts.into_iter().flat_map(move |first| {
            (0..=length).filter_map(move |n| first.checked_add(n.days()).ok())
        }))
    }

    /// The last day that it touches: its end is the first moment after it.
    fn last_day(&self, start: DateTime) -> Date {
        let end = match (self.end, self.length) {
            (Some(end), _) => end,
            (None, Some(length)) => start.checked_add(length).unwrap_or(start),
            (None, None) => start,
        };
        let nanosecond = jiff::SignedDuration::from_nanos(1);
        if end > start {
            end.saturating_sub(nanosecond).date()
        } else {
            start.date()
        }
    }

    fn title(&self) -> String {
        match self.summary.as_str() {
            "" => "an event".to_owned(),
            summary => format!("event `{summary}`"),
        }
    }
}
