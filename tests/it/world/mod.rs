//! What the tests stand on: an outbox on a bench for those of single rooms; for those of the whole,
//! the real binary in a workspace of its own, real servers, a list as people write them, and
//! checkers that compare what each of them remembers.
//!
//! Nothing here asserts how long something takes: tests poll for what must come, with patience that
//! only ends where something hangs. A checker answers a line for each thing that does not fit, so
//! that it can be shown a history that is wrong and be seen to object.

pub(crate) mod abrupt;
pub(crate) mod authority;
pub(crate) mod bench;
pub(crate) mod certificate;
pub(crate) mod exim;
pub(crate) mod hearer;
pub(crate) mod history;
pub(crate) mod house;
pub(crate) mod letter;
pub(crate) mod loopback;
pub(crate) mod mailbox;
pub(crate) mod office;
pub(crate) mod opensmtpd;
pub(crate) mod patience;
pub(crate) mod people;
pub(crate) mod postfix;
pub(crate) mod receivers;
pub(crate) mod retort;
pub(crate) mod root;
pub(crate) mod sandbox;
pub(crate) mod script;
pub(crate) mod skip;
pub(crate) mod small_disk;
pub(crate) mod still;
pub(crate) mod testimony;
pub(crate) mod wall_clock;
pub(crate) mod windows;
pub(crate) mod workspace;
