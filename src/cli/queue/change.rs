//! `postroom queue retry`, `cancel` and `resolve`

use std::io::{BufRead, IsTerminal};

use super::super::Trouble;
use super::super::changing::change;
use super::super::exit::{self, Exit};
use super::super::out::{Out, count, counted};
use super::super::source::Source;
use super::super::which::Which;
use crate::config::Config;
use crate::daemon::api::{ChangeAnswer, ChangeRequest, QueueQuery};
use crate::daemon::change::carry_out;

#[derive(clap::Args, Debug)]
pub(super) struct Args {
    /// These messages, as `postroom queue` names them; `-` reads ids from standard input
    #[arg(value_name = "ID")]
    ids: Vec<String>,
    #[command(flatten)]
    which: Which,
    /// All that wait
    #[arg(long)]
    all: bool,
    #[command(flatten)]
    how: How,
}

#[derive(clap::Args, Debug)]
struct How {
    /// Why, for those who ask later
    #[arg(long)]
    reason: Option<String>,
    /// Only say how many that would be
    #[arg(long)]
    dry_run: bool,
    /// Do not ask
    #[arg(long)]
    yes: bool,
}

#[derive(clap::Args, Debug)]
pub(super) struct ResolveArgs {
    /// The message in doubt, as `postroom queue` names it; `-` reads ids from standard input
    id: String,
    /// Whether it arrived
    #[arg(value_parser = ["sent", "not-sent"])]
    verdict: String,
    #[command(flatten)]
    how: How,
}

pub(super) fn run(config: &Config, act: &str, args: &Args, out: &Out) -> Result<Exit, Trouble> {
    let which = args.which.and_ids(&args.ids);
    let query = which.query()?;
    if query.is_open() && !args.all {
        let text = format!(
            "which messages? name some, or use a filter (`postroom queue {act} --help`); `--all` \
             means all that wait"
        );
        return Err(Trouble::new(exit::USAGE, text));
    }
    carry(config, act, query, &args.how, which.names_ids(), out)
}

pub(super) fn resolve(config: &Config, args: &ResolveArgs, out: &Out) -> Result<Exit, Trouble> {
    let query = Which::default()
        .and_ids(std::slice::from_ref(&args.id))
        .query()?;
    carry(config, &args.verdict, query, &args.how, true, out)
}

/// Asks where rows were not named one by one, changes, and tells what became of them.
fn carry(
    config: &Config,
    act: &str,
    filter: QueueQuery,
    how: &How,
    named: bool,
    out: &Out,
) -> Result<Exit, Trouble> {
    let mut request = ChangeRequest {
        act: act.to_owned(),
        filter,
        reason: how.reason.clone(),
        dry_run: true,
    };
    if how.dry_run || !(named || how.yes) {
        let plan = Source::of(config)?.foresee(&request)?;
        if how.dry_run {
            tell(act, &plan, true, out);
            return Ok(exit::DONE);
        }
        if !agreed(act, &plan, out)? {
            return Ok(exit::DONE);
        }
    }
    request.dry_run = false;
    let answer: ChangeAnswer = change(
        config,
        |client| client.post("/v1/changes", &request),
        |outbox, author| carry_out(config, outbox, &request, author),
    )?;
    tell(act, &answer, false, out);
    let nothing = answer.changed == 0 && !answer.left.is_empty();
    Ok(if nothing { exit::NO } else { exit::DONE })
}

fn agreed(act: &str, plan: &ChangeAnswer, out: &Out) -> Result<bool, Trouble> {
    let many = counted(plan.changed, "message", "messages");
    if plan.changed == 0 {
        tell(act, plan, true, out);
        return Ok(false);
    }
    if !std::io::stdin().is_terminal() {
        let text =
            format!("this would {act} {many}: say so with --yes (nobody is there to be asked)");
        return Err(Trouble::new(exit::USAGE, text));
    }
    tell(act, plan, true, out);
    out.note(format!("{act} {many}? Type the number of messages:"));
    let mut typed = String::new();
    let _ = std::io::stdin().lock().read_line(&mut typed);
    let typed: String = typed.chars().filter(char::is_ascii_digit).collect();
    if typed == plan.changed.to_string() {
        return Ok(true);
    }
    out.line("Nothing was changed.");
    Ok(false)
}

fn tell(act: &str, answer: &ChangeAnswer, dry: bool, out: &Out) {
    if out.json {
        return out.value(answer);
    }
    let many = counted(answer.changed, "message", "messages");
    let done = match act {
        "retry" => "tried again",
        "cancel" => "cancelled",
        "sent" => "noted as sent",
        _ => "sent again",
    };
    out.line(match (answer.changed, answer.left.is_empty()) {
        (0, true) => "no message fits".to_owned(),
        (0, false) => "nothing was changed".to_owned(),
        _ if dry => format!("{many} would be {done}"),
        _ => format!("{many} {done}"),
    });
    for left in &answer.left {
        out.line(format!("  left: {} {}", count(left.count), left.text));
    }
}
