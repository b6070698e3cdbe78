//! Why a run is refused, in the words of the person who has to do something about it: they stand in
//! the status, in the log and in the alert.

use super::change;
use super::forecast::grouped;
use crate::audience::{ListError, Place, Share};
use crate::config::MOST_TOGETHER;

/// Why a run must not be sent.
#[derive(Clone, Debug, thiserror::Error)]
pub enum RollError {
    /// A list cannot be read.
    #[error("{0}")]
    List(Box<ListError>),
    /// A list of people who get nothing cannot be read.
    #[error("nobody knows whom `except` leaves out: {0}")]
    Except(Box<ListError>),
    /// The template needs what a list does not have.
    #[error("{0}")]
    MissingField(String),
    /// Nobody to write to.
    #[error("there is nobody to write to: {0}; if that is fine, set `empty = \"skip\"`")]
    Empty(String),
    /// A list that it goes to has no rows.
    #[error(
        "there is nobody on {list}:{} if it may have no rows, set `empty = \"skip\"` in schedule \
         `{schedule}`",
        cut_short(*.is_inline)
    )]
    NoRows {
        /// The list, with its file.
        list: String,
        /// Whether its people stand in the configuration.
        is_inline: bool,
        /// The schedule.
        schedule: String,
    },
    /// A list of people who get nothing has no rows.
    #[error(
        "{list}, which `except` names, has no rows:{} if that is fine, set `empty = \"skip\"` in \
         schedule `{schedule}`",
        cut_short(*.is_inline)
    )]
    NobodyExcepted {
        /// The list, with its file.
        list: String,
        /// Whether its people stand in the configuration.
        is_inline: bool,
        /// The schedule.
        schedule: String,
    },
    /// Too many unusable rows.
    #[error("{0}")]
    BadRows(String),
    /// More people than the fuse allows.
    #[error(
        "the lists have more people than `max_recipients = {most}` allows: raise it if that is \
         meant"
    )]
    TooMany {
        /// How many may be.
        most: u64,
    },
    /// More people than one message may go to.
    #[error(
        "it is one message to all (`group = true`), and those of `to`, `cc` and `bcc` are {0} \
         people: a message to more than {MOST_TOGETHER} recipients is refused by many servers; \
         make several schedules, or take `group` out, and each gets their own"
    )]
    TooManyTogether(
        /// How many they are: "101", or "at least 10,001".
        String,
    ),
    /// Many more or far fewer people than in the schedule's last run.
    #[error(
        "{}, and {} in its last run {run} ({day}): {}, where `max_change = \"{most}\"` \
         allows no more than that; look at its lists, and if it is meant: \
         `postroom send {schedule} --accept-change`",
        change::counted(*.people),
        grouped(&.before.to_string()),
        change::told(*.before, *.people)
    )]
    Changed {
        /// The schedule.
        schedule: String,
        /// How many there are now.
        people: u64,
        /// The last run.
        run: String,
        /// When that was.
        day: String,
        /// How many were in that.
        before: u64,
        /// What may be.
        most: Share,
    },
    /// A list with many more or far fewer rows than at its last reading.
    #[error(
        "{list} has {}, and had {} when run {run} read it on {day}: {}, where its \
         `max_change = \"{most}\"` allows no more than that; look at the list, and if it is \
         meant: `postroom send {schedule} --accept-change`",
        change::rows(*.rows),
        grouped(&.before.to_string()),
        change::told(*.before, *.rows)
    )]
    ListChanged {
        /// The schedule that is to be sent.
        schedule: String,
        /// The list, with its file.
        list: String,
        /// How many it has now.
        rows: u64,
        /// The last run that read it.
        run: String,
        /// When that was.
        day: String,
        /// How many rows it had then.
        before: u64,
        /// What may be.
        most: Share,
    },
    /// The chosen person gets nothing of it.
    #[error(
        "{address} gets nothing of schedule `{schedule}`: its `except` names list `{list}`, which \
         has them ({place})"
    )]
    LeftOut {
        /// Who was asked for.
        address: String,
        /// The schedule.
        schedule: String,
        /// The list.
        list: String,
        /// Where in it.
        place: Place,
    },
    /// The chosen person stands on a row that cannot be used.
    #[error(
        "{address} is on the lists of schedule `{schedule}`, but the row cannot be used \
         ({row}): mend it there"
    )]
    Unusable {
        /// Who was asked for.
        address: String,
        /// The schedule.
        schedule: String,
        /// The row, and what is wrong with it.
        row: String,
    },
    /// The chosen person is on none of the lists.
    #[error(
        "{address} is not on the lists of schedule `{schedule}` ({lists}){}",
        copies_alone(*.has_copies)
    )]
    NotListed {
        /// Who was asked for.
        address: String,
        /// The schedule.
        schedule: String,
        /// Its lists.
        lists: String,
        /// Whether there are others who get a copy.
        has_copies: bool,
    },
    /// A file that goes along, or the values of the run, cannot be had.
    #[error("{0}")]
    Supplement(String),
    /// The people of an earlier run, or what they were sent, cannot be had.
    #[error("{0}")]
    Former(String),
    /// What was given is not an address.
    #[error("{0}")]
    BadAddress(String),
    /// The configuration has no such schedule.
    #[error("no schedule is called `{name}`; there are {known}")]
    NoSchedule {
        /// What was asked for.
        name: String,
        /// What there is.
        known: String,
    },
}

/// What an empty list that comes from elsewhere makes one ask.
fn cut_short(is_inline: bool) -> &'static str {
    if is_inline {
        ""
    } else {
        " was its export cut short?"
    }
}

fn copies_alone(has_copies: bool) -> &'static str {
    if has_copies {
        "; whom its `cc` and `bcc` name gets the one message to all, and none alone"
    } else {
        ""
    }
}
