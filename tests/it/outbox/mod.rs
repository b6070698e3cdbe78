//! The durable truth: moves, leases, crashes, files.

mod arming;
mod backup;
mod canary;
mod changes;
mod doubt;
mod files;
mod forgetting;
mod group;
mod group_commit;
mod holds;
mod migration;
mod moves;
mod once;
mod opening;
mod reports;
mod schema;
mod sharing;
mod stamp;
mod storm;
mod thinning;
mod turns;
mod uses;

pub(crate) use stamp::break_a_page;
