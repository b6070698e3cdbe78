//! The one test binary: a folder for each room, and `world` for what they share.

mod audience;
mod calendar;
mod compose;
mod config;
mod outbox;
mod sandbox;
mod secret;
mod world;
