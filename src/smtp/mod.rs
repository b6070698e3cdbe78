//! One account's sessions on the wire: connect, log in, hand over one message after another.
//!
//! The stream, the reply reader and the command loop are our own; the commands, addresses and
//! credentials are lettre's. lettre's transport and pool are not used: they have no deadlines, and
//! a send that is cancelled leaves its reply to be taken for the next message's.
//!
//! What holds here: every stage has a deadline that trickling bytes do not extend; a reply belongs
//! to exactly one command; a session that failed in any way is never used again, and dropping a
//! future closes it. This room never retries, never waits between messages, and knows nothing of
//! the outbox or of rates.

mod auth;
mod capability;
mod certificate;
mod chaining;
mod connect;
mod dial;
mod echo;
mod envelope;
mod error;
mod identity;
mod masked;
mod reply;
mod session;
mod stage;
mod stream;
mod stuffing;
mod tls;
mod transaction;
mod transcript;
mod trust;

pub use auth::Credentials;
pub use capability::Capabilities;
pub use certificate::Certificate;
pub use chaining::Chaining;
pub use connect::{Target, connect};
pub use dial::Resolver;
pub use envelope::{Dsn, Envelope, Unfit};
pub use error::{RefusedLogin, SmtpError, Trouble};
pub use identity::{Identity, connect_as};
pub use reply::{Enhanced, Reply};
pub use session::{Offer, Session};
pub use stage::{Deadlines, Stage};
pub use stream::Stream;
pub use tls::{TlsClient, TlsFacts, TlsSetupError};
pub use transaction::Answer;
pub use transcript::{Seen, Speaker, Transcript, Utterance};
