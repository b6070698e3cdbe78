//! The configuration: a TOML file in, a [`Config`] with nothing raw in it out, or [`Problems`].
//!
//! [`load`] is the one validator that everything uses: `check`, the daemon's start, a reload. It
//! collects every problem with its place, in the order of the file, and stops early in one case
//! only: text that is not TOML has no meaning to judge. What a key is, stands once, in the table of
//! [`key`]. It reads files and looks at the metadata of secrets; it never writes, never runs a
//! program, never opens a socket, never asks for the time.
//!
//! ```text
//! files     the bytes, as text
//! include   which files: the main one, and those that it names
//! syntax    TOML's own grammar
//! section   a table: its keys known, its values of the right shape
//! daemon, account (and rule, domain, dkim), list, template, schedule (and times, holidays, canary)
//!           each reads its section into its type
//! load      all of them; reference: names between them; fields: templates against columns
//! problem   what was found; render draws it, mask keeps secrets out of it
//! ```

mod account;
mod alert;
mod amount;
mod attachment;
mod brackets;
mod canary;
mod choice;
mod credential;
mod daemon;
mod dkim;
mod document;
mod domain;
mod dsn;
mod encoding;
mod extras;
mod failover;
mod fields;
mod files;
mod find;
mod group;
mod headers;
mod holidays;
mod include;
pub mod key;
mod kind;
mod list;
mod load;
mod login;
mod machine;
mod mailbox;
pub mod manual;
mod mask;
mod misfit;
mod outdated;
mod problem;
mod program;
mod provider;
mod rate;
mod reference;
mod remark;
mod renamed;
mod render;
mod rule;
mod schedule;
mod section;
mod server;
mod shape;
mod show;
mod slack;
mod suggest;
mod syntax;
mod tables;
mod template;
mod text;
mod times;
mod unknown;
mod unsubscribe;
mod written;
mod zone;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

pub use account::Account;
pub use alert::Alert;
pub use amount::{AmountError, format_duration, parse_duration};
pub use attachment::{Attached, Attachment};
pub use canary::Canary;
pub use choice::{
    Addresses, BadRows, Empty, LeaveScope, LogFormat, NotAChoice, OnUncertain, Overlap, SaidTo,
    Tls, Treatment,
};
pub use daemon::Daemon;
pub use dkim::Dkim;
pub use domain::DomainLimits;
pub use dsn::Dsn;
pub use files::read_certificates;
pub use find::{NotFound, find, is_usual, state_directory};
pub use group::{Copied, Group, MOST_TOGETHER};
pub use holidays::HolidayFile;
pub use load::{glimpse, load};
pub use login::{Login, Proof};
pub use problem::{Place, Problem, Problems, Scope, Severity};
pub use provider::{PROVIDERS, Provider, Servers, provider, provider_of};
pub use rate::Rate;
pub use remark::{About, Remark, RowMark};
pub use rule::{BadPattern, ReplyPattern, Rule};
pub use schedule::{CatchUp, EMAIL, OncePer, Schedule};
pub use server::is_this_machine;
pub use show::{Origin, Setting, Shown, ShownLine, show};
pub use suggest::nearest;
pub use text::{Position, SourceText};
pub use unsubscribe::Unsubscribing;
pub use written::{Rewritten, Written, WrittenFile};
pub use zone::ReaderZones;

use crate::audience::List;
use crate::compose::Template;

/// What postroom is to do. Every name in it that refers to something refers to something that is
/// there.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// The file it came from, absolute.
    pub path: PathBuf,
    /// Whether it is only what could be read of files that may be wrong ([`glimpse`]): whoever
    /// changes or sends anything refuses it.
    pub is_partial: bool,
    /// The files that it includes.
    pub included: Vec<PathBuf>,
    /// What holds for the whole.
    pub daemon: Daemon,
    /// How mail leaves.
    pub accounts: BTreeMap<String, Account>,
    /// Who gets it. A list's file may be missing now; then reading it says so.
    pub lists: BTreeMap<String, List>,
    /// What is sent: every template that a schedule or a table names, compiled.
    pub templates: BTreeMap<String, Arc<Template>>,
    /// What goes to whom, and when.
    pub schedules: BTreeMap<String, Schedule>,
    /// How readers leave.
    pub unsubscribe: Option<Unsubscribing>,
    /// What stands in its files.
    pub written: Written,
}

/// A configuration that holds, and what there is to say about it.
#[derive(Clone, Debug, PartialEq)]
pub struct Loaded {
    /// The configuration.
    pub config: Config,
    /// Warnings, and errors in what the configuration points at ([`Scope::Data`]): they keep one
    /// list or one account from working, and nothing else. `check` fails on them.
    pub problems: Problems,
}
