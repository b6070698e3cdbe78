//! Exit codes: those of sysexits.h, and 1 for "done, but the answer is no".

use std::path::Path;
use std::process::ExitCode;

use crate::daemon::{DaemonError, StartError};
use crate::outbox::{BackupError, LockError, OutboxError};
use crate::plan::{OpenError, RollError};

/// How a command ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Exit(u8);

/// Done.
pub(super) const DONE: Exit = Exit(0);
/// Done, but the answer is no: some mail was not accepted, an account does not work.
pub(super) const NO: Exit = Exit(1);
/// The command line is wrong.
pub(super) const USAGE: Exit = Exit(64);
/// A list or a template is wrong.
pub(super) const DATA: Exit = Exit(65);
/// A file that was named on the command line is missing; the configuration too, but for the daemon:
/// what must not be restarted until somebody has been there is [`CONFIG`] alone.
pub(super) const NO_INPUT: Exit = Exit(66);
/// The daemon cannot be reached.
pub(super) const UNAVAILABLE: Exit = Exit(69);
/// A bug in postroom.
pub(super) const BUG: Exit = Exit(70);
/// A file or folder cannot be made.
pub(super) const CANNOT_CREATE: Exit = Exit(73);
/// Reading or writing failed.
pub(super) const IO: Exit = Exit(74);
/// Try again later.
pub(super) const LATER: Exit = Exit(75);
/// Not allowed.
pub(super) const PERMISSION: Exit = Exit(77);
/// The configuration is wrong.
pub(super) const CONFIG: Exit = Exit(78);

impl Exit {
    /// For a configuration that does not load: it is wrong, or it is not where it was said to be.
    pub(super) fn of_configuration(path: &Path) -> Self {
        match path.try_exists() {
            Ok(false) => NO_INPUT,
            _ => CONFIG,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.0)
    }
}

impl From<&DaemonError> for Exit {
    fn from(error: &DaemonError) -> Self {
        match error {
            DaemonError::Start(error) => error.into(),
            DaemonError::Socket(_) | DaemonError::Signals(_) | DaemonError::Fatal => IO,
        }
    }
}

impl From<&StartError> for Exit {
    fn from(error: &StartError) -> Self {
        match error {
            StartError::Lock(error) => error.into(),
            StartError::Outbox(error) => error.into(),
            StartError::Partial => CONFIG,
        }
    }
}

impl From<&LockError> for Exit {
    fn from(error: &LockError) -> Self {
        match error {
            LockError::Taken { .. } => LATER,
            LockError::Network { .. } => CONFIG,
            LockError::Unusable { .. } => PERMISSION,
        }
    }
}

impl From<&BackupError> for Exit {
    fn from(error: &BackupError) -> Self {
        match error {
            BackupError::Exists(_) => CANNOT_CREATE,
            BackupError::Missing(_) => NO_INPUT,
            BackupError::Full(_) => LATER,
            BackupError::Damaged { .. } | BackupError::File { .. } => IO,
            BackupError::Outbox(error) => error.into(),
        }
    }
}

impl From<&OutboxError> for Exit {
    fn from(error: &OutboxError) -> Self {
        match error {
            OutboxError::Full { .. } => LATER,
            _ => IO,
        }
    }
}

impl From<&RollError> for Exit {
    fn from(error: &RollError) -> Self {
        match error {
            RollError::NoSchedule { .. } | RollError::BadAddress(_) | RollError::Former(_) => USAGE,
            _ => DATA,
        }
    }
}

impl From<&OpenError> for Exit {
    fn from(error: &OpenError) -> Self {
        match error {
            OpenError::Roll(error) => error.into(),
            OpenError::TooLate(_) => DATA,
            OpenError::Outbox(error) | OpenError::GivenUp { error, .. } => error.into(),
        }
    }
}
