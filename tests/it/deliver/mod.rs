//! From the outbox to a server and back: every answer ends where it belongs.

mod accounts;
mod chained;
mod limits;
mod recipients;
mod stopping;
mod tokens;
mod verdicts;
