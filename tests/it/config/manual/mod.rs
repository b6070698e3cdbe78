//! The table of keys, and the manual that is made of it.

mod examples;
mod written;
