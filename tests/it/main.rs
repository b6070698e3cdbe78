//! The one test binary: a folder for each room, the laws of the house, the whole at work, and
//! `world` for what they share.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod audience;
mod bad_day;
mod calendar;
mod cli;
mod clocks;
mod compose;
mod config;
mod deliver;
mod demo;
mod dkim;
mod docs;
mod faults;
mod keys;
mod kill;
mod outbox;
mod pace;
mod plan;
mod postfix;
mod power;
mod preview;
mod reload;
mod sandbox;
mod secret;
mod servers;
mod sim;
mod smtp;
mod spam;
mod tidy;
mod unsubscribe;
mod world;
