//! Where reading commands get their answers: from the daemon, or from the outbox itself where none
//! runs.

use std::os::unix::fs::MetadataExt;
use std::path::Path;

use rustix::process::{Gid, Uid};
use rustix::thread::{set_thread_gid, set_thread_uid};

use super::client::{AskError, Client};
use super::{Trouble, exit, runtime};
use crate::clock::Clock;
use crate::config::Config;
use crate::daemon::api::{
    AddressQuery, ChangeAnswer, ChangeRequest, History, HoldAnswer, MessageAnswer, MessageQuery,
    Names, QueueQuery, RunsQuery, Status, Why,
};
use crate::daemon::filter::Unfit;
use crate::daemon::{answer, change, times};
use crate::deliver::{RecomposeError, token_keys};
use crate::outbox::{ChangeRow, DeliveryRow, HoldRow, Reader, RunRow, SuppressionRow};

/// So many rows are fetched at a time.
pub(super) const PAGE: usize = 2_000;

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
        match Client::of(config) {
            Ok(client) => Ok(Self::Daemon(client)),
            Err(AskError::NoDaemon(_)) => Self::outbox(config),
            Err(error) => Err(unreachable(error)),
        }
    }

    fn outbox(config: &'a Config) -> Result<Self, Trouble> {
        let state = &config.daemon.state;
        if !Reader::exists(state) {
            return Ok(Self::Nothing(config));
        }
        become_owner(state)?;
        let reader = Reader::open(state).map_err(|e| Trouble::new((&e).into(), e))?;
        Ok(Self::Outbox(config, Box::new(reader)))
    }

    pub(super) fn status(&self) -> Result<Status, Trouble> {
        let clock = Clock::system();
        let now = clock.now();
        match self {
            Self::Daemon(client) => asked(client.get("/v1/status", &())),
            Self::Outbox(config, reader) => read(answer::status(config, reader, &clock)),
            Self::Nothing(config) => Ok(Status {
                version: env!("CARGO_PKG_VERSION").to_owned(),
                daemon: None,
                config: config.path.display().to_string(),
                configuration: None,
                now: now.as_millisecond(),
                accounts: Vec::new(),
                open: Vec::new(),
                last: Vec::new(),
                next: times::next(config, now),
                holds: Vec::new(),
                full: None,
                forecasts: Vec::new(),
            }),
        }
    }

    /// What things are called: by the daemon, which may not have read the file anew yet.
    pub(super) fn names(&self) -> Result<Names, Trouble> {
        match self {
            Self::Daemon(client) => asked(client.get("/v1/names", &())),
            Self::Outbox(config, _) | Self::Nothing(config) => Ok(Names::of(config)),
        }
    }

    /// All that fit, in pages: nobody holds a million rows for another.
    pub(super) fn all(&self, query: &QueueQuery) -> Result<Vec<DeliveryRow>, Trouble> {
        let (mut rows, mut page) = (Vec::new(), query.clone());
        loop {
            let left = query.limit.map_or(PAGE, |limit| limit - rows.len());
            page.limit = Some(left.min(PAGE));
            let found = self.queue(&page)?;
            let ended = found.len() < PAGE;
            page.after = found.last().map(|row| row.id.clone());
            rows.extend(found);
            if ended || query.limit == Some(rows.len()) {
                return Ok(rows);
            }
        }
    }

    pub(super) fn queue(&self, query: &QueueQuery) -> Result<Vec<DeliveryRow>, Trouble> {
        let now = Clock::system().now();
        match self {
            Self::Daemon(client) if query.id.is_some() => asked(client.post("/v1/queue", query)),
            Self::Daemon(client) => asked(client.get("/v1/queue", query)),
            Self::Outbox(config, reader) => fit(answer::queue(config, reader, query, now)),
            Self::Nothing(_) => Ok(Vec::new()),
        }
    }

    pub(super) fn delivery(&self, id: &str) -> Result<History, Trouble> {
        let now = Clock::system().now();
        match self {
            Self::Daemon(client) => asked(client.get(&format!("/v1/deliveries/{}", step(id)), &())),
            Self::Outbox(_, reader) => fit(answer::delivery(reader, id, now)),
            Self::Nothing(_) => Err(Trouble::new(exit::USAGE, "nothing was ever sent here")),
        }
    }

    /// How many deliveries a change would change.
    pub(super) fn foresee(&self, request: &ChangeRequest) -> Result<ChangeAnswer, Trouble> {
        match self {
            Self::Daemon(client) => asked(client.post("/v1/changes", request)),
            Self::Outbox(config, reader) => fit(change::foresee(config, reader, request)),
            Self::Nothing(_) => Ok(ChangeAnswer::default()),
        }
    }

    pub(super) fn changes(&self, query: &RunsQuery) -> Result<Vec<ChangeRow>, Trouble> {
        match self {
            Self::Daemon(client) => asked(client.get("/v1/changes", query)),
            Self::Outbox(_, reader) => read(answer::changes(reader, query)),
            Self::Nothing(_) => Ok(Vec::new()),
        }
    }

    pub(super) fn holds(&self) -> Result<Vec<HoldRow>, Trouble> {
        let now = Clock::system().now().as_millisecond();
        match self {
            Self::Daemon(client) => {
                asked(client.get::<HoldAnswer>("/v1/holds", &())).map(|answer| answer.holds)
            }
            Self::Outbox(_, reader) => read(reader.holds(now)),
            Self::Nothing(_) => Ok(Vec::new()),
        }
    }

    /// The run whose id is or begins with this, if no other's does.
    pub(super) fn run(&self, id: &str) -> Result<Option<RunRow>, Trouble> {
        match self {
            Self::Daemon(client) => {
                match client.get::<RunRow>(&format!("/v1/runs/{}", step(id)), &()) {
                    Ok(run) => Ok(Some(run)),
                    Err(AskError::Refused(_)) => Ok(None),
                    Err(error) => asked(Err(error)),
                }
            }
            Self::Outbox(_, reader) => read(reader.run(id)),
            Self::Nothing(_) => Ok(None),
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
            Self::Outbox(_, reader) => read(answer::why(reader, key, Clock::system().now())),
            Self::Nothing(_) => Ok(Why {
                left: Vec::new(),
                address: key,
                suppressed: None,
                deliveries: Vec::new(),
            }),
        }
    }

    pub(super) fn message(&self, address: &str, run: &str) -> Result<MessageAnswer, Trouble> {
        let (address, run) = (key_of(address)?, run.to_owned());
        match self {
            Self::Daemon(client) => client
                .get("/v1/message", &MessageQuery { address, run })
                .map_err(|error| match error {
                    AskError::Refused(text) => Trouble::new(exit::NO, text),
                    error => Trouble::new(exit::UNAVAILABLE, error),
                }),
            Self::Outbox(config, reader) => {
                let keys = config.unsubscribe.as_ref();
                let keys = keys.map(|it| runtime().block_on(token_keys(it)).0);
                answer::message(reader, &run, &address, &keys.unwrap_or_default())
                    .map_err(|error| Trouble::new(exit::NO, error))
            }
            Self::Nothing(_) => Err(Trouble::new(exit::NO, RecomposeError::NoRun(run))),
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

/// Why a daemon that is there cannot be asked.
pub(super) fn unreachable(error: AskError) -> Trouble {
    let exit = match error {
        AskError::Forbidden(_) => exit::PERMISSION,
        AskError::Another { .. } => exit::LATER,
        _ => exit::UNAVAILABLE,
    };
    Trouble::new(exit, error)
}

/// The address as it is compared, from what a person typed.
pub(super) fn key_of(address: &str) -> Result<String, Trouble> {
    answer::key(address).map_err(|error| Trouble::new((&error).into(), error))
}

/// What the daemon answered; what it refuses was asked wrongly.
pub(super) fn asked<T>(answer: Result<T, AskError>) -> Result<T, Trouble> {
    answer.map_err(|error| match error {
        AskError::Refused(_) => Trouble::new(exit::USAGE, error),
        AskError::Later(_) => Trouble::new(exit::LATER, error),
        _ => Trouble::new(exit::UNAVAILABLE, error),
    })
}

/// The same where no daemon was asked.
pub(super) fn fit<T>(answer: Result<T, Unfit>) -> Result<T, Trouble> {
    answer.map_err(|error| match error {
        Unfit::Unknown(text) => Trouble::new(exit::USAGE, text),
        Unfit::Outbox(error) => Trouble::new((&error).into(), error),
    })
}

/// One step of a path on the socket, whatever a person typed.
fn step(text: &str) -> String {
    let fine = |c: char| c.is_ascii_alphanumeric() || c == '.' || c == '-';
    text.chars()
        .map(|c| if fine(c) { c } else { '_' })
        .collect()
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
