//! `postroom forget`

use super::Trouble;
use super::changing::change;
use super::client::AskError;
use super::exit::{self, Exit};
use super::out::{Out, counted, plain};
use super::source::key_of;
use crate::config::Config;
use crate::daemon::answer;
use crate::daemon::api::{AddressQuery, ForgetAnswer};
use crate::outbox::ForgetError;

#[derive(clap::Args, Debug)]
pub(super) struct Args {
    /// The person's address
    address: String,
}

pub(super) fn run(config: &Config, args: &Args, out: &Out) -> Result<Exit, Trouble> {
    let key = key_of(&args.address)?;
    let query = AddressQuery {
        address: key.clone(),
    };
    let answer = change(
        config,
        |client| match client.post("/v1/forget", &query) {
            Err(AskError::Later(text)) => Ok(Err(Trouble::new(exit::LATER, text))),
            answer => answer.map(Ok),
        },
        |outbox, author| Ok(answer::forget(config, outbox, &key, author).map_err(trouble)),
    )??;
    if out.json {
        out.value(&answer);
    } else {
        tell(&plain(&args.address), &answer, out);
    }
    let proven = answer.outbox.left.is_empty() || answer.outbox.others > 0;
    Ok(if proven { exit::DONE } else { exit::NO })
}

fn trouble(error: ForgetError) -> Trouble {
    match error {
        ForgetError::Outbox(error) => Trouble::new((&error).into(), error),
        ForgetError::OnItsWay => Trouble::new(exit::LATER, error),
        ForgetError::Unseen { .. } => Trouble::new(exit::IO, error),
    }
}

fn tell(address: &str, answer: &ForgetAnswer, out: &Out) {
    let done = &answer.outbox;
    out.line(format!(
        "{address} is forgotten: {} blanked, {} of them cancelled",
        counted(done.rows, "row", "rows"),
        done.cancelled
    ));
    out.line("  what stays is a keyed hash on the suppression list: they get no mail any more");
    if done.rewritten {
        out.line("  the whole outbox was written anew, so that no free space holds their bytes");
    }
    match (done.left.is_empty(), done.others) {
        (true, _) => out.line("  their bytes are in no file of the state directory any more"),
        (false, 0) => out.line("  NOT all is gone: their bytes are still in"),
        (false, n) => out.line(format!(
            "  {} the same bytes as a part of longer texts, or of the same name, and {}:",
            counted(n, "other row has", "other rows have"),
            if n == 1 { "stays" } else { "stay" }
        )),
    }
    done.left
        .iter()
        .for_each(|path| out.line(format!("    {}", path.display())));
    out.line("out of reach, and for you to see to:");
    for path in &done.backups {
        out.line(format!("  the backup {}", path.display()));
    }
    out.line("  backups that you made, logs, and mail that has been sent");
    for row in &answer.lists {
        out.line(format!(
            "  list {}: {} {} (no mail goes there, but the address stands there)",
            row.list,
            plain(&row.file),
            row.place
        ));
    }
    for fault in &answer.unread {
        out.line(format!("  a list that cannot be read: {}", plain(fault)));
    }
}
