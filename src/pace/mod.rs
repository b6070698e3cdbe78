//! How fast an account, or a schedule, may go: rolling limits, limits that a server has taught, and
//! rests after trouble.
//!
//! Pace counts in elapsed time ([`crate::clock::Clock::ticks`]), so a clock that jumps neither
//! frees nor burns an allowance. It keeps nothing on disk and never waits: it says how many may go
//! now and when to ask again. Whoever carries messages tells it what became of each slot.

pub mod forecast;
mod health;
mod limits;
mod used;
mod window;

pub use health::{Health, Rest};
pub use limits::Limits;
pub use used::Used;
pub use window::Pace;
