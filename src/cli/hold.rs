//! `postroom hold` and `postroom release`

use super::Trouble;
use super::changing::change;
use super::clock_words::wall;
use super::exit::{self, Exit};
use super::out::{Out, plain};
use super::source::Source;
use crate::clock::{Clock, Timestamp};
use crate::config::{Config, parse_duration};
use crate::daemon::api::{HoldAnswer, HoldRequest, Names};
use crate::daemon::filter;
use crate::outbox::{Hold, HoldRow, Outbox, Scope, Unhold};

#[derive(clap::Args, Debug)]
pub(super) struct What {
    /// A schedule, an account or a run
    #[arg(required_unless_present_any = ["all", "schedule", "account", "run"])]
    what: Option<String>,
    /// Everything
    #[arg(long, conflicts_with = "what")]
    all: bool,
    /// This schedule
    #[arg(long, conflicts_with_all = ["what", "all"])]
    schedule: Option<String>,
    /// This account
    #[arg(long, conflicts_with_all = ["what", "all", "schedule"])]
    account: Option<String>,
    /// This run; the beginning of its id is enough
    #[arg(long, value_name = "ID", conflicts_with_all = ["what", "all", "schedule", "account"])]
    run: Option<String>,
}

#[derive(clap::Args, Debug)]
pub(super) struct Args {
    #[command(flatten)]
    what: What,
    /// Why, for those who ask later
    #[arg(long, default_value = "a person said so")]
    reason: String,
    /// When it ends by itself: after a span (`2h`), or at a time (`2026-12-24T09:00:00Z`)
    #[arg(long, value_name = "TIME")]
    until: Option<String>,
}

#[derive(clap::Args, Debug)]
pub(super) struct ReleaseArgs {
    #[command(flatten)]
    what: What,
}

pub(super) fn hold(config: &Config, args: &Args, out: &Out) -> Result<Exit, Trouble> {
    let ends_at = args.until.as_deref().map(end).transpose()?;
    let request = HoldRequest {
        scope: args.what.scope(config)?,
        reason: args.reason.clone(),
        ends_at,
    };
    let answer: HoldAnswer = change(
        config,
        |client| client.post("/v1/holds", &request),
        |outbox, author| {
            let reader = outbox.reader()?;
            let hold = Hold {
                scope: filter::scope(config, &reader, request.scope.clone())?,
                reason: args.reason.clone(),
                author: author.to_owned(),
                ends_at,
            };
            let changed = outbox.submit(hold).wait()?;
            Ok(held(outbox, changed)?)
        },
    )?;
    if out.json {
        out.value(&answer);
        return Ok(exit::DONE);
    }
    let on = plain(&request.scope.to_string());
    // One that a restore made stays, without an end.
    let all = answer.holds.iter().find(|hold| hold.scope == Scope::All);
    let all = all.filter(|_| request.scope == Scope::All);
    let goes_on = match (&request.scope, all.map_or(ends_at, |hold| hold.ends_at)) {
        (_, Some(at)) => format!("it goes on at {}", wall(at)),
        (Scope::All, None) => "`postroom release --all` lets it go on".to_owned(),
        (_, None) => format!("`postroom release {}` lets it go on", args.what.words()),
    };
    out.line(format!("{on} is on hold: nothing of it leaves; {goes_on}"));
    Ok(exit::DONE)
}

pub(super) fn release(config: &Config, args: &ReleaseArgs, out: &Out) -> Result<Exit, Trouble> {
    let scope = args.what.held(config)?;
    let answer: HoldAnswer = change(
        config,
        |client| client.delete("/v1/holds", &scope),
        |outbox, author| {
            let unhold = Unhold {
                scope: scope.clone(),
                author: author.to_owned(),
            };
            let changed = outbox.submit(unhold).wait()?;
            Ok(held(outbox, changed)?)
        },
    )?;
    if out.json {
        out.value(&answer);
        return Ok(exit::DONE);
    }
    let on = plain(&scope.to_string());
    out.line(if answer.changed {
        format!("{on} is no longer on hold")
    } else {
        format!("{on} was not on hold")
    });
    for hold in &answer.holds {
        out.line(format!("still {}", words(hold)));
    }
    Ok(exit::DONE)
}

/// "on hold since Mon 30 Nov 09:00 by uid 0 (root): everything: looks wrong"; where postroom did
/// it, "on hold by the breaker since Mon 30 Nov 09:00: run 01J…: 5 of the last 20 …", and the way
/// out.
pub(super) fn words(hold: &HoldRow) -> String {
    if let (Scope::Run(run), true) = (&hold.scope, hold.waits_for_a_person()) {
        return plain(&format!(
            "on hold by the {} since {}: run {run}: {}; `postroom release {run}` lets it go on",
            hold.author,
            wall(hold.created_at),
            hold.reason
        ));
    }
    let until = hold
        .ends_at
        .map(|at| format!(", until {}", wall(at)))
        .unwrap_or_default();
    plain(&format!(
        "on hold since {} by {}{until}: {}: {}",
        wall(hold.created_at),
        hold.author,
        hold.scope,
        hold.reason
    ))
}

fn held(outbox: &Outbox, changed: bool) -> Result<HoldAnswer, crate::outbox::OutboxError> {
    let now = Clock::system().now().as_millisecond();
    let holds = outbox.reader()?.holds(now)?;
    Ok(HoldAnswer { changed, holds })
}

/// The end of something that begins now, in milliseconds.
pub(super) fn end(text: &str) -> Result<i64, Trouble> {
    let now = Clock::system().now();
    let at = match (text.parse::<Timestamp>(), parse_duration(text)) {
        (Ok(at), _) => at,
        (_, Ok(span)) => now + span,
        _ => {
            let text = text.escape_debug();
            let text =
                format!("`{text}` is neither a span like 2h nor a time like 2026-12-24T09:00:00Z");
            return Err(Trouble::new(exit::USAGE, text));
        }
    };
    if at > now {
        return Ok(at.as_millisecond());
    }
    let text = format!(
        "{} is over: name a time that is still to come",
        text.escape_debug()
    );
    Err(Trouble::new(exit::USAGE, text))
}

impl What {
    /// What was named on the command line.
    fn scope(&self, config: &Config) -> Result<Scope, Trouble> {
        if self.all {
            return Ok(Scope::All);
        }
        let named = [
            self.schedule.clone().map(Scope::Schedule),
            self.account.clone().map(Scope::Account),
            self.run.clone().map(Scope::Run),
        ];
        if let Some(scope) = named.into_iter().flatten().next() {
            return Ok(scope);
        }
        let name = self.what.clone().unwrap_or_default();
        let source = Source::of(config)?;
        let known = source.names()?;
        match (
            known.schedules.contains(&name),
            known.accounts.contains(&name),
        ) {
            (true, true) => {
                let name = name.escape_debug();
                let text = format!(
                    "there is a schedule and an account `{name}`: say `--schedule {name}` or \
                     `--account {name}`"
                );
                Err(Trouble::new(exit::USAGE, text))
            }
            (true, false) => Ok(Scope::Schedule(name)),
            (false, true) => Ok(Scope::Account(name)),
            (false, false) if source.run(&name)?.is_some() => Ok(Scope::Run(name)),
            (false, false) => Err(unknown(&known, &name)),
        }
    }

    /// The hold that was named; what is gone from the configuration can be released, too.
    fn held(&self, config: &Config) -> Result<Scope, Trouble> {
        let holds = Source::of(config)?.holds()?;
        let fits = |scope: &Scope| match scope {
            Scope::All => self.all,
            Scope::Schedule(name) => [&self.what, &self.schedule].contains(&&Some(name.clone())),
            Scope::Account(name) => [&self.what, &self.account].contains(&&Some(name.clone())),
            Scope::Run(id) => [&self.what, &self.run]
                .into_iter()
                .flatten()
                .any(|it| id.starts_with(it.as_str())),
        };
        let mut found = holds.into_iter().map(|hold| hold.scope).filter(fits);
        match (found.next(), found.next()) {
            (Some(scope), None) => Ok(scope),
            (None, _) => self.scope(config),
            (Some(one), Some(other)) => {
                let text = format!(
                    "{one} and {other} are on hold: say which with --schedule, --account or --run"
                );
                Err(Trouble::new(exit::USAGE, text))
            }
        }
    }

    fn words(&self) -> String {
        let options = [
            ("--schedule ", &self.schedule),
            ("--account ", &self.account),
            ("--run ", &self.run),
            ("", &self.what),
        ];
        let mut words = options
            .into_iter()
            .filter_map(|(name, value)| Some(format!("{name}{}", value.as_ref()?)));
        plain(&words.next().unwrap_or_default())
    }
}

fn unknown(known: &Names, name: &str) -> Trouble {
    let listed = |names: &[String]| match names {
        [] => "none".to_owned(),
        names => names.join(", "),
    };
    let text = format!(
        "`{}` is no schedule ({}), no account ({}) and no run that `postroom log` shows",
        name.escape_debug(),
        listed(&known.schedules),
        listed(&known.accounts),
    );
    Trouble::new(exit::USAGE, text)
}
