//! How fast an account, or a schedule, may go: rolling limits, limits that a server has taught,
//! rests after trouble, and the breaker of a run that is refused.
//!
//! Pace counts in elapsed time ([`crate::clock::Clock::ticks`]), so a clock that jumps neither
//! frees nor burns an allowance. It keeps nothing on disk and never waits: it says how many may go
//! now and when to ask again. Whoever carries messages tells it what became of each slot.

mod book;
mod breaker;
pub mod forecast;
mod health;
mod learned;
mod limits;
mod speed;
mod used;
mod window;

pub use book::{Book, Past, Room, Slot};
pub use breaker::{Answer, Breaker, Tripped};
pub use health::{Health, Rest};
pub use learned::Learned;
pub use limits::Limits;
pub use speed::Speed;
pub use used::Used;
pub use window::{Pace, Size};
