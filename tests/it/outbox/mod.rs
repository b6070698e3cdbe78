//! The durable truth: moves, leases, crashes, files.

mod arming;
mod changes;
mod doubt;
mod files;
mod group_commit;
mod holds;
mod migration;
mod moves;
mod opening;
mod reports;
mod schema;
mod storm;
