//! Where reading commands get their answers: from the daemon, or from the outbox itself where none
//! runs.

use std::os::unix::fs::MetadataExt;
use std::path::Path;

use rustix::process::{Gid, Uid};
use rustix::thread::{set_thread_gid, set_thread_uid};

use super::client::{AskError, Client};
use super::{Trouble, exit};
use crate::clock::Clock;
use crate::config::Config;
use crate::daemon::answer;
use crate::daemon::api::{AddressQuery, QueueQuery, RunsQuery, Status, Why};
use crate::outbox::{DeliveryRow, Reader, RunRow, SuppressionRow};

/// Something that can answer.
pub(super) enum Source<'a> {
    /// The daemon.
    Daemon(Client),
    /// The outbox, read-only.
    Outbox(&'a Config, Box<Reader>),
    /// There is no outbox yet: nothing was ever done here.
    Nothing(&'a Config),
}

impl<'a> Source<'a> {
    /// Asks the daemon if it answers, else reads the outbox.
    pub(super) fn of(config: &'a Config) -> Result<Self, Trouble> {
        match Client::connect(&config.daemon.socket) {
            Ok(client) => Ok(Self::Daemon(client)),
            Err(AskError::NoDaemon(_)) => Self::outbox(config),
            Err(error) => Err(Trouble::new(exit::PERMISSION, error)),
        }
    }

    fn outbox(config: &'a Config) -> Result<Self, Trouble> {
        let state = &config.daemon.state;
        if !state.join("postroom.db").exists() {
            return Ok(Self::Nothing(config));
        }
        become_owner(state)?;
        let reader = Reader::open(state).map_err(|e| Trouble::new((&e).into(), e))?;
        Ok(Self::Outbox(config, Box::new(reader)))
    }

    pub(super) fn status(&self) -> Result<Status, Trouble> {
        let now = Clock::system().now();
        match self {
            Self::Daemon(client) => asked(client.get("/v1/status", &())),
            Self::Outbox(config, reader) => read(answer::status(config, reader, now)),
            Self::Nothing(config) => Ok(Status {
                version: env!("CARGO_PKG_VERSION").to_owned(),
                daemon: None,
                config: config.path.display().to_string(),
                now: now.as_millisecond(),
                accounts: Vec::new(),
                open: Vec::new(),
                last: Vec::new(),
                next: answer::next(config, now),
            }),
        }
    }

    pub(super) fn queue(&self, query: &QueueQuery) -> Result<Vec<DeliveryRow>, Trouble> {
        match self {
            Self::Daemon(client) => asked(client.get("/v1/queue", query)),
            Self::Outbox(_, reader) => read(reader.deliveries(&query.filter())),
            Self::Nothing(_) => Ok(Vec::new()),
        }
    }

    pub(super) fn runs(&self, query: &RunsQuery) -> Result<Vec<RunRow>, Trouble> {
        match self {
            Self::Daemon(client) => asked(client.get("/v1/runs", query)),
            Self::Outbox(_, reader) => read(answer::runs(reader, query)),
            Self::Nothing(_) => Ok(Vec::new()),
        }
    }

    pub(super) fn why(&self, address: &str) -> Result<Why, Trouble> {
        let key = key_of(address)?;
        match self {
            Self::Daemon(client) => asked(client.get("/v1/why", &AddressQuery { address: key })),
            Self::Outbox(_, reader) => read(answer::why(reader, key)),
            Self::Nothing(_) => Ok(Why {
                address: key,
                suppressed: None,
                deliveries: Vec::new(),
            }),
        }
    }

    pub(super) fn suppressions(&self) -> Result<Vec<SuppressionRow>, Trouble> {
        match self {
            Self::Daemon(client) => asked(client.get("/v1/suppressions", &())),
            Self::Outbox(_, reader) => read(reader.suppressions()),
            Self::Nothing(_) => Ok(Vec::new()),
        }
    }
}

/// The address as it is compared, from what a person typed.
pub(super) fn key_of(address: &str) -> Result<String, Trouble> {
    answer::key(address).map_err(|error| Trouble::new((&error).into(), error))
}

fn asked<T>(answer: Result<T, AskError>) -> Result<T, Trouble> {
    answer.map_err(|error| Trouble::new(exit::UNAVAILABLE, error))
}

fn read<T>(answer: Result<T, crate::outbox::OutboxError>) -> Result<T, Trouble> {
    answer.map_err(|error| Trouble::new((&error).into(), error))
}

/// Root would leave files behind that the service cannot open: look at the outbox as its owner.
fn become_owner(state: &Path) -> Result<(), Trouble> {
    let Ok(owner) = std::fs::metadata(state) else {
        return Ok(());
    };
    if !rustix::process::geteuid().is_root() || owner.uid() == 0 {
        return Ok(());
    }
    let (uid, gid) = (Uid::from_raw(owner.uid()), Gid::from_raw(owner.gid()));
    set_thread_gid(gid).and_then(|()| set_thread_uid(uid)).map_err(|error| {
        let owner = owner.uid();
        let text = format!(
            "no daemon runs, and {} belongs to another user: run this as that user (uid {owner}; \
             becoming it failed: {error})",
            state.display()
        );
        Trouble::new(exit::PERMISSION, text)
    })
}
