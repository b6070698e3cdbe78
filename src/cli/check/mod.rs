//! `postroom check`: the configuration, and only if asked to the lists and the servers.
//!
//! It writes nothing. It runs nothing but the programs of lists (`--lists`), those that print
//! secrets (`--connect`) and SpamAssassin (`--spam`), and without `--connect` it talks to nobody.

mod bad_rows;
mod blocks;
mod connect;
mod first_rows;
mod lists;
mod spam;
mod told;

use std::collections::BTreeMap;

use self::connect::Try;
use self::lists::Looks;
use super::exit::{self, Exit};
use super::out::Out;
use super::progress::during;
use super::{Cli, Trouble};
use crate::clock::Clock;
use crate::config::{self, Config, Loaded, Problem, Problems, Scope, Severity};
use crate::outbox::Reader;
use crate::plan::{Size, last_sizes, remarks};

#[derive(clap::Args, Debug)]
#[command(after_help = "\
Exit codes: 0 nothing is wrong; 78 the configuration is wrong, and neither starts nor reloads;
66 there is none where one was named;
65 a list, a template or a secret is wrong, which stops only what needs it; 1 an account does
not work (--connect). With --strict a warning counts as an error.")]
pub(super) struct Args {
    /// Also read the lists, or only those named, and render their messages into nothing
    #[arg(long, value_name = "NAME", num_args = 0..)]
    lists: Option<Vec<String>>,
    /// Also connect and log in to every account, all at once; nothing is sent
    #[arg(long)]
    connect: bool,
    /// Also show a message of each schedule to the SpamAssassin of this machine; nothing is sent
    #[arg(long)]
    spam: bool,
    /// Warnings fail, too
    #[arg(long)]
    strict: bool,
    /// How problems are written [default: text]
    #[arg(long, value_enum, value_name = "FORMAT", hide_default_value = true)]
    format: Option<Format>,
}

/// How problems are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// With the lines of the file, for people
    Text,
    /// A line each, for editors: file:line:column: error[code]: message
    Short,
    /// One object, for programs
    Json,
    /// Commands of a GitHub workflow
    Github,
}

/// All that was found.
struct Findings<'a> {
    config: Option<&'a Config>,
    problems: Problems,
    /// So many credentials only the service can see.
    unseen: usize,
    /// If they were to be read.
    lists: Option<Looks>,
    tries: Vec<Try<'a>>,
    verdicts: Vec<spam::Verdict>,
}

impl Args {
    /// Whether programs may have to be run for it: those of lists, those that print secrets.
    pub(super) fn runs_programs(&self) -> bool {
        self.lists.is_some() || self.connect || self.spam
    }

    /// Whether what is said is JSON, whatever was asked for elsewhere.
    pub(super) fn speaks_json(&self) -> bool {
        self.format == Some(Format::Json)
    }
}

pub(super) fn run(cli: &Cli, args: &Args, out: &Out) -> Result<Exit, Trouble> {
    let path = config::find(cli.config.as_deref()).map_err(|e| Trouble::new(exit::CONFIG, e))?;
    let (config, problems) = match config::load(&path) {
        Ok(Loaded { config, problems }) => (Some(config), problems),
        Err(problems) => (None, problems),
    };
    let clock = Clock::system();
    if let (Some(config), Some(names)) = (&config, &args.lists) {
        lists::check_names(config, names)?;
    }
    let findings = find(config.as_ref(), problems, args, &clock, out)?;
    let usual = if out.json { Format::Json } else { Format::Text };
    told::tell(&findings, args.format.unwrap_or(usual), &clock, out);
    Ok(verdict(&findings, args.strict))
}

fn find<'a>(
    config: Option<&'a Config>,
    problems: Problems,
    args: &Args,
    clock: &Clock,
    out: &Out,
) -> Result<Findings<'a>, Trouble> {
    let (problems, unseen) = problems.from_outside();
    let mut findings = Findings {
        config,
        problems,
        unseen,
        lists: None,
        tries: Vec::new(),
        verdicts: Vec::new(),
    };
    let Some(config) = config else {
        return Ok(findings);
    };
    if let Some(names) = &args.lists {
        let looks = during("reading the lists", out, || {
            lists::look_at(config, names, clock)
        });
        findings.lists = Some(looks);
    }
    if args.connect {
        findings.tries = during("trying the accounts", out, || connect::all(config, clock));
    }
    if args.spam {
        let judged = during("asking SpamAssassin", out, || spam::judge(config, out));
        findings.verdicts = judged?;
    }
    let now = clock.now();
    let mut found = remarks(config, &sizes(config, findings.lists.as_ref()), now);
    found.extend(config.outdated(now));
    if let Some(looks) = &findings.lists {
        let is_explained = |lists: &[String]| is_explained(lists, config, &findings.problems);
        found.extend(bad_rows::remarks(looks, config, is_explained));
    }
    found.extend(findings.tries.iter().filter_map(|it| it.remark(clock)));
    found.extend(findings.verdicts.iter().filter_map(spam::Verdict::remark));
    findings.problems = findings.problems.with(&config.path, found);
    let names = args.lists.as_deref().unwrap_or_default();
    if let (Some(looks), false) = (&findings.lists, names.is_empty()) {
        let is_of = |key: &str| {
            let list = table_of(key, "list.", config.lists.keys());
            let schedule = table_of(key, "schedule.", config.schedules.keys());
            list.is_some_and(|list| names.contains(list))
                || schedule
                    .is_some_and(|it| looks.schedules.iter().any(|look| look.schedule == *it))
                || (args.connect && key.starts_with("account."))
        };
        findings.problems = findings.problems.only(is_of);
    }
    Ok(findings)
}

/// Whether one of these lists has been reported for itself: one cause, one error.
fn is_explained(lists: &[String], config: &Config, problems: &Problems) -> bool {
    let of_list = |key: &str| list_of(key, config).is_some_and(|list| lists.contains(list));
    let errors = problems.iter().filter(|it| it.severity == Severity::Error);
    errors.filter_map(|it| it.key.as_deref()).any(of_list)
}

/// The list that a key is about.
fn list_of<'c>(key: &str, config: &'c Config) -> Option<&'c String> {
    table_of(key, "list.", config.lists.keys())
}

/// The table of this kind that a key is about: of several whose names begin it, the longest, as
/// names may have dots in them.
fn table_of<'c>(
    key: &str,
    kind: &str,
    mut names: impl Iterator<Item = &'c String>,
) -> Option<&'c String> {
    let key = key.strip_prefix(kind)?;
    let begins = |name: &&String| {
        let rest = key.strip_prefix(name.as_str());
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    };
    names.by_ref().filter(begins).max_by_key(|it| it.len())
}

/// How many people each schedule is for, as its last run or its lists have it. Before the first
/// run nobody knows.
fn sizes(config: &Config, looks: Option<&Looks>) -> BTreeMap<String, Size> {
    let mut sizes = Reader::peek(&config.daemon.state)
        .and_then(|reader| last_sizes(config, &reader))
        .unwrap_or_default();
    sizes.extend(
        looks
            .into_iter()
            .flat_map(|it| lists::sizes_of(&it.schedules)),
    );
    sizes
}

/// How many people are in the lists of each schedule that could be sent.
pub(super) fn list_sizes(config: &Config) -> BTreeMap<String, Size> {
    let looks = lists::look_at(config, &[], &Clock::system());
    lists::sizes_of(&looks.schedules).collect()
}

/// The configuration itself comes first, then what it points at, then the servers.
fn verdict(findings: &Findings<'_>, strict: bool) -> Exit {
    let counts = |it: &&Problem| match it.severity {
        Severity::Error => true,
        Severity::Warning => strict,
        Severity::Note => false,
    };
    let wrong = || findings.problems.iter().filter(counts);
    let of_server = |code: &str| matches!(code, "account-fails" | "certificate-ends");
    if wrong().any(|it| it.scope == Scope::Config) {
        Exit::of_configuration(findings.problems.path())
    } else if wrong().any(|it| !of_server(it.code)) {
        exit::DATA
    } else if wrong().next().is_some() || !findings.tries.iter().all(Try::is_good) {
        exit::NO
    } else {
        exit::DONE
    }
}
