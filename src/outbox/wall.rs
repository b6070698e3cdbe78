//! How the wall clock stood to elapsed time, so that a wall clock that is set makes nothing older
//! than it is.
//!
//! All is stamped by the wall clock. Whenever that has been set, and at each start, the next commit
//! notes how it stands to the time since the machine's start, before anything is stamped by it. A
//! stamp of this start of the machine is so turned back into elapsed time; one that fits twice, as
//! the clock was set back, counts as the later one. Stamps of earlier starts are taken as they are.

use rusqlite::{Connection, params};

use super::run::millis;
use crate::clock::Clock;

/// The wall clock runs with elapsed time; milliseconds by which they may part unnoticed.
const SLACK: i64 = 10;
/// Each of three stamps is cut off to whole milliseconds: together they may hide so many.
const CUT_OFF: i64 = 3;
/// So many rows are kept; what was stamped before them is taken at its word.
const KEPT: i64 = 1000;

/// What both clocks say at one moment, in milliseconds.
#[derive(Clone, Copy, Debug)]
pub(super) struct Moment {
    pub(super) wall: i64,
    pub(super) elapsed: i64,
}

impl Moment {
    pub(super) fn of(clock: &Clock) -> Self {
        Self {
            wall: clock.now().as_millisecond(),
            elapsed: millis(clock.since_boot()),
        }
    }

    fn offset(self) -> i64 {
        self.wall - self.elapsed
    }
}

/// What this process has noted last.
#[derive(Debug, Default)]
pub(super) struct Noted(Option<i64>);

impl Noted {
    /// Notes, in the transaction of `moment`, how the clocks stand, if that is not known.
    pub(super) fn note(
        &self,
        conn: &Connection,
        clock: &Clock,
        moment: Moment,
    ) -> rusqlite::Result<Self> {
        let runs_on = |before: i64| (moment.offset() - before).abs() <= SLACK - CUT_OFF;
        if clock.boot().is_empty() || self.0.is_some_and(runs_on) {
            return Ok(Self(self.0));
        }
        conn.prepare_cached("INSERT INTO wall_clock (boot, elapsed, wall) VALUES (?1, ?2, ?3)")?
            .execute(params![clock.boot(), moment.elapsed, moment.wall])?;
        conn.prepare_cached("DELETE FROM wall_clock WHERE no <= ?1")?
            .execute([conn.last_insert_rowid() - KEPT])?;
        Ok(Self(Some(moment.offset())))
    }
}

/// A stretch of wall time, and how long ago what was stamped in it was.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Stretch {
    /// In milliseconds; the end is not in it.
    pub(super) from: i64,
    pub(super) to: i64,
    /// What is to be taken from the age that this wall clock gives.
    shift: i64,
    /// It is no less than this long ago.
    least: i64,
}

impl Stretch {
    /// How many milliseconds ago that was which was stamped `at`.
    pub(super) fn ago(&self, at: i64, now: Moment) -> i64 {
        (now.wall - at - self.shift).max(self.least)
    }

    /// What was stamped before is longer ago than `longest` milliseconds.
    pub(super) fn since(&self, longest: i64, now: Moment) -> i64 {
        let edge = (now.wall - self.shift).saturating_sub(longest);
        if self.least > longest {
            self.to
        } else {
            edge.max(self.from)
        }
    }
}

/// How the clocks stood from a moment on, to another one on the elapsed clock.
#[derive(Clone, Copy)]
struct Segment {
    start: Moment,
    end: i64,
}

impl Segment {
    fn wall(&self) -> std::ops::Range<i64> {
        let end = self.start.wall + (self.end - self.start.elapsed);
        self.start.wall - SLACK..end + SLACK + 1
    }
}

/// All of wall time, as stretches in order, each of which has its own way to elapsed time.
pub(super) fn stretches(
    conn: &Connection,
    boot: &str,
    now: Moment,
) -> rusqlite::Result<Vec<Stretch>> {
    let segments = segments(conn, boot, now)?;
    // What no segment has was stamped before the first one.
    let least = segments
        .first()
        .map_or(0, |it| now.elapsed - it.start.elapsed);
    let mut edges: Vec<i64> = segments
        .iter()
        .flat_map(|it| [it.wall().start, it.wall().end])
        .collect();
    edges.extend([i64::MIN, i64::MAX]);
    edges.sort_unstable();
    edges.dedup();
    let stretch = |edge: &[i64]| {
        let (from, to) = (edge[0], edge[1]);
        match segments.iter().rev().find(|it| it.wall().contains(&from)) {
            Some(segment) => Stretch {
                from,
                to,
                shift: now.offset() - segment.start.offset() + SLACK,
                least: 0,
            },
            None => Stretch {
                from,
                to,
                shift: 0,
                least,
            },
        }
    };
    Ok(edges.windows(2).map(stretch).collect())
}

fn segments(conn: &Connection, boot: &str, now: Moment) -> rusqlite::Result<Vec<Segment>> {
    let mut query = conn.prepare_cached(
        "SELECT elapsed, wall FROM wall_clock WHERE boot = ?1 AND boot <> '' ORDER BY no",
    )?;
    let starts: Vec<Moment> = query
        .query_map([boot], |row| {
            Ok(Moment {
                elapsed: row.get(0)?,
                wall: row.get(1)?,
            })
        })?
        .collect::<Result<_, _>>()?;
    let ends = starts
        .iter()
        .skip(1)
        .map(|next| next.elapsed)
        .chain([now.elapsed]);
    let mut segments: Vec<Segment> = starts
        .iter()
        .zip(ends)
        .map(|(start, end)| Segment { start: *start, end })
        .collect();
    // Elapsed time of one start never goes back. Where it did, it was another machine's.
    let lost = segments.iter().rposition(|it| it.end < it.start.elapsed);
    segments.drain(..lost.map_or(0, |at| at + 1));
    Ok(segments)
}
