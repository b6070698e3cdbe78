//! `postroom restore`

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use rustix::fs::chown;
use rustix::process::{Gid, Uid, geteuid};

use super::Trouble;
use super::backup::holdings;
use super::clock_words::exact;
use super::exit::{self, Exit};
use super::out::{Out, alarming, plain};
use crate::clock::Clock;
use crate::config::Config;
use crate::daemon::lock_state;
use crate::outbox::{Holdings, Restored, restore, verify_backup};

#[derive(clap::Args, Debug)]
pub(super) struct Args {
    /// A backup: its directory, or the database file of one
    #[arg(value_name = "SRC")]
    from: PathBuf,
    /// Only read the backup from end to end; change nothing
    #[arg(long)]
    verify: bool,
}

pub(super) fn run(config: &Config, args: &Args, out: &Out) -> Result<Exit, Trouble> {
    if args.verify {
        let held = verify_backup(&args.from).map_err(|e| Trouble::new((&e).into(), e))?;
        if out.json {
            out.value(&serde_json::json!({ "path": args.from, "holdings": held }));
        } else {
            out.line(format!(
                "{} is in order: {}",
                args.from.display(),
                told(&held)
            ));
        }
        return Ok(exit::DONE);
    }
    let (clock, state) = (Clock::system(), &config.daemon.state);
    let _lock = lock_state(config, &clock).map_err(|e| Trouble::new((&e).into(), e))?;
    let restored = restore(state, &args.from, &clock);
    let handed_over = hand_over(state);
    let restored = restored.map_err(|e| Trouble::new((&e).into(), e))?;
    handed_over.map_err(|e| {
        let text = format!(
            "the owner of {} cannot be given its files: {e}",
            state.display()
        );
        Trouble::new(exit::PERMISSION, text)
    })?;
    if out.json {
        out.value(&restored);
    } else {
        show(&restored, args, out);
    }
    Ok(exit::DONE)
}

fn show(restored: &Restored, args: &Args, out: &Out) {
    let held = &restored.holdings;
    out.line(format!(
        "{} is put back: {}",
        args.from.display(),
        told(held)
    ));
    if let Some(before) = &restored.before {
        out.line(format!(
            "The outbox that was here before is kept as {}.",
            before.display()
        ));
    }
    out.line(alarming(
        "Everything is on hold, also after the daemon's start:",
    ));
    out.line(plain(&restored.hold));
}

fn told(held: &Holdings) -> String {
    let made = held
        .copied_at
        .map_or_else(String::new, |at| format!(", made {}", exact(at)));
    format!("{}{made}", holdings(held))
}

/// What root has made belongs to the service: it must be able to open its files.
fn hand_over(state: &Path) -> std::io::Result<()> {
    let owner = fs::metadata(state)?;
    if !geteuid().is_root() || owner.uid() == 0 {
        return Ok(());
    }
    let (uid, gid) = (Uid::from_raw(owner.uid()), Gid::from_raw(owner.gid()));
    for entry in fs::read_dir(state)? {
        let entry = entry?;
        let meta = entry.metadata()?; // of the link, where it is one
        if meta.is_file() && meta.uid() == 0 {
            chown(entry.path(), Some(uid), Some(gid))?;
        }
    }
    Ok(())
}
