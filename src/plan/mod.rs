//! plan turns what is due into runs in the outbox.
//!
//! When an occurrence of a schedule falls due, or a person says `send`, plan calls the roll of its
//! lists, renders every row once into nothing, and opens a run: frozen, complete, and only then
//! visible to deliver. It never sends and never meets deliver.
//!
//! Invariants: an occurrence has at most one run, whatever restarts, reloads or clocks do, since
//! the outbox takes its key only once; one schedule's trouble never stops another; nothing is sent
//! of a run that is not whole.

mod alert;
mod badness;
mod carrying;
mod census;
mod change;
mod distinct;
mod due;
mod except;
mod filling;
mod firing;
mod forecast;
mod former;
mod group;
mod load;
mod local;
mod manner;
mod moved;
mod not_to;
mod opening;
mod pools;
mod preflight;
mod question;
mod refusal;
mod roll;
mod sanity;
mod supplement;
mod survey;

pub use alert::{ALERT, About, Cause, raise};
pub use badness::{BadRow, Badness, ListCount};
pub use carrying::tell_opened;
pub use census::{Census, Told};
pub use firing::{Firings, Upcoming, upcoming};
pub use forecast::{
    Forecast, Foreseen, Late, Lately, Size, Whose, foresee, foresee_beside, foresee_open,
    last_sizes, remarks,
};
pub use former::Former;
pub use group::Seats;
pub use load::{Load, LoadAccount, LoadRun, play};
pub use manner::sender_of;
pub use moved::Moved;
pub use not_to::NotTo;
pub use opening::{MANUAL, OpenError, Opening, Order, open};
pub use refusal::RollError;
pub use roll::{Person, Roll};
pub use survey::{Overview, Survey, look_over, survey, survey_of};
