//! A content line of an iCalendar file (RFC 5545 section 3.1): a name, parameters, a value.

use std::fmt;
use std::ops::Range;

use jiff::civil::{Date, DateTime, Time};
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp};

/// A content line, unfolded.
pub(super) struct Line<'t> {
    /// In capitals.
    pub(super) name: String,
    /// Names in capitals.
    parameters: Vec<(String, String)>,
    pub(super) value: String,
    /// Where it begins in the text, up to the end of its first physical line.
    pub(super) at: Range<usize>,
    written: &'t str,
}

/// The content lines of a text; a line that begins with a blank goes on with the one before.
pub(super) fn lines(text: &str) -> Vec<Line<'_>> {
    let mut found: Vec<(Range<usize>, String)> = Vec::new();
    let mut at = 0;
    for physical in text.split_inclusive('\n') {
        let bare = physical.trim_end_matches(['\r', '\n']);
        match (bare.strip_prefix([' ', '\t']), found.last_mut()) {
            (Some(rest), Some((_, line))) => line.push_str(rest),
            _ if bare.is_empty() => {}
            _ => found.push((at..at + bare.len(), bare.to_owned())),
        }
        at += physical.len();
    }
    let line =
        |(at, unfolded): (Range<usize>, String)| Line::read(&text[at.clone()], at, &unfolded);
    found.into_iter().map(line).collect()
}

impl<'t> Line<'t> {
    fn read(written: &'t str, at: Range<usize>, unfolded: &str) -> Self {
        let mut quoted = false;
        let mut pieces = vec![String::new()];
        let mut value = String::new();
        for (i, c) in unfolded.char_indices() {
            match c {
                '"' => quoted = !quoted,
                ';' if !quoted => pieces.push(String::new()),
                ':' if !quoted => {
                    unfolded[i + 1..].clone_into(&mut value);
                    break;
                }
                c => pieces.last_mut().expect("there is always one").push(c),
            }
        }
        let parameters = pieces[1..].iter().map(|piece| {
            let (name, value) = piece.split_once('=').unwrap_or((piece, ""));
            (name.to_ascii_uppercase(), value.to_owned())
        });
        Self {
            name: pieces[0].to_ascii_uppercase(),
            parameters: parameters.collect(),
            value: value.trim().to_owned(),
            at,
            written,
        }
    }

    pub(super) fn is(&self, name: &str, value: &str) -> bool {
        self.name == name && self.value.eq_ignore_ascii_case(value)
    }

    pub(super) fn parameter(&self, name: &str) -> Option<&str> {
        let found = self.parameters.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str())
    }

    /// A TEXT value without its backslashes (section 3.3.11).
    pub(super) fn text(&self) -> String {
        let mut text = String::new();
        let mut chars = self.value.chars();
        while let Some(c) = chars.next() {
            match c {
                '\\' => match chars.next() {
                    Some('n' | 'N') => text.push(' '),
                    escaped => text.extend(escaped),
                },
                c => text.push(c),
            }
        }
        text
    }

    /// Several dates or times, separated by commas.
    pub(super) fn walls(&self, zone: &TimeZone) -> Result<Vec<DateTime>, String> {
        let values = self.value.split(',');
        values.map(|value| self.wall(value, zone)).collect()
    }

    /// `20261224`, `20261224T090000`, or in UTC `20261224T080000Z` (sections 3.3.4 and 3.3.5).
    pub(super) fn wall(&self, value: &str, zone: &TimeZone) -> Result<DateTime, String> {
        let wrong = || format!("`{self}`: `{value}` is not a date or a time");
        let (date, time) = value.split_once('T').unwrap_or((value, "000000"));
        let date = numbers(date, [4, 2, 2]).and_then(|[year, month, day]| {
            Date::new(year, i8::try_from(month).ok()?, i8::try_from(day).ok()?).ok()
        });
        let clock = numbers(time.trim_end_matches('Z'), [2, 2, 2]);
        let clock = clock.and_then(|numbers| {
            let [hour, minute, second] = numbers.map(|number| i8::try_from(number).ok());
            Time::new(hour?, minute?, second?.min(59), 0).ok()
        });
        let wall = date
            .ok_or_else(wrong)?
            .to_datetime(clock.ok_or_else(wrong)?);
        if !time.ends_with('Z') {
            return Ok(wall);
        }
        let at: Timestamp = TimeZone::UTC.to_timestamp(wall).map_err(|_| wrong())?;
        Ok(zone.to_datetime(at))
    }

    /// `P1D`, `PT36H`, `P2W` (section 3.3.6), which are ISO 8601's but for their signs.
    pub(super) fn duration(&self) -> Result<Span, String> {
        let is_standard = self.value.trim_start_matches(['+', '-']).starts_with('P');
        let span = self.value.parse::<Span>().ok().filter(|_| is_standard);
        span.ok_or_else(|| format!("`{self}`: `{}` is not a duration", self.value))
    }
}

impl fmt::Display for Line<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.written)
    }
}

/// Numbers of exactly these widths, with nothing between or after them.
fn numbers<const N: usize>(text: &str, widths: [usize; N]) -> Option<[i16; N]> {
    if text.len() != widths.iter().sum::<usize>() || !text.bytes().all(|it| it.is_ascii_digit()) {
        return None;
    }
    let mut rest = text;
    Some(widths.map(|width| {
        let (number, after) = rest.split_at(width);
        rest = after;
        number.parse().unwrap_or(0)
    }))
}
