//! postroom is the mail room for scheduled notification mail.
//!
//! When the **calendar** says so, **plan** takes the **audience** of a schedule and opens a run in
//! the **outbox**; **deliver** **compose**s each message and carries it over **smtp** at the
//! account's **pace**. **config** says what to do and **secret** where its credentials come from,
//! **daemon** keeps it going, **cli** lets a person see and steer it, **sandbox** is a mail server
//! to try it against, **program** runs what other people wrote, and **clock** alone knows the time.
//!
//! Every bold word is a room: a folder or file beside this one. A room uses rooms on lower floors
//! only; `tests/it/tidy.rs` holds that.
//!
//! ```text
//! 6  cli
//! 5  daemon
//! 4  plan  deliver
//! 3  outbox  smtp  pace  sandbox
//! 2  config
//! 1  calendar  audience  compose  secret
//! 0  clock  program
//! ```

pub mod audience;
pub mod calendar;
pub mod cli;
pub mod clock;
pub mod compose;
pub mod config;
pub mod daemon;
pub mod deliver;
pub mod outbox;
pub mod pace;
pub mod plan;
pub mod program;
pub mod sandbox;
pub mod secret;
pub mod smtp;
