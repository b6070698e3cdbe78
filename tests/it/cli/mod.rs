//! What a person types, and what the real binary says to it.

mod account;
mod addresses;
mod answering;
mod backup;
mod beginning;
mod broken;
mod checking;
mod explaining;
mod forgetting;
mod hanging;
mod languages;
mod lists;
mod load;
mod next;
mod operations;
mod printing;
mod reloading;
mod secrets;
mod sending;
mod suppressing;
mod together;
mod untouched;
