//! The configuration: every fault named, every value understood.

mod amounts;
mod edits;
mod faults;
mod headers;
mod include;
mod loaded;
mod manual;
mod mutations;
mod secrets;
mod shown;
mod world;
