//! The one test binary: a folder for each room, and `world` for what they share.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod audience;
mod calendar;
mod compose;
mod config;
mod deliver;
mod outbox;
mod sandbox;
mod secret;
mod smtp;
mod world;
mod tidy;
