//! The catching server, spoken to as a client would: over a pipe in virtual time for the protocol,
//! over loopback for TLS and for a client that is not ours.

#![expect(
    clippy::unwrap_used,
    reason = "what cannot go on has failed, and says where"
)]

mod keeping;
mod limits;
mod loopback;
mod misbehaviour;
mod order;
mod script;
