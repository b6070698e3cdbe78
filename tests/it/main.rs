//! The one test binary: a folder for each room, and `world` for what they share.

mod audience;
mod calendar;
mod compose;
mod config;
mod sandbox;
mod secret;
mod outbox;
mod sandbox;
mod world;
