//! What the machine can do to the outbox: power that goes, disks that fail or are full, state that
//! was changed behind its back. The real binary, on a disk that writes down what it is told.

mod cuts;
mod disk;
mod errors;
mod full;
mod limits;
mod replay;
mod state;
