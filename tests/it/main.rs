//! The one test binary: a folder for each room.

mod audience;
mod calendar;
mod compose;
mod config;
mod sandbox;
mod secret;
