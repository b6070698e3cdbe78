//! The configuration: every fault named, every value understood.

mod amounts;
mod faults;
mod include;
mod loaded;
mod mutations;
mod secrets;
mod world;
