//! `postroom backup`

use std::path::PathBuf;

use super::Trouble;
use super::exit::{self, Exit};
use super::out::{Out, counted};
use crate::clock::Clock;
use crate::config::Config;
use crate::outbox::{Holdings, back_up};

#[derive(clap::Args, Debug)]
pub(super) struct Args {
    /// A new directory for the copy
    #[arg(value_name = "DEST")]
    to: PathBuf,
    /// Also read the copy from end to end, and count all of it anew
    #[arg(long)]
    verify: bool,
}

pub(super) fn run(config: &Config, args: &Args, out: &Out) -> Result<Exit, Trouble> {
    let clock = Clock::system();
    let held = back_up(
        &config.daemon.state,
        &config.path,
        &args.to,
        args.verify,
        &clock,
    );
    let held = held.map_err(|e| Trouble::new((&e).into(), e))?;
    if out.json {
        let path = args.to.display().to_string();
        let verified = args.verify;
        out.value(&serde_json::json!({ "path": path, "verified": verified, "holdings": held }));
        return Ok(exit::DONE);
    }
    let sound = if args.verify { ", verified" } else { "" };
    out.line(format!("{}: {}{sound}", args.to.display(), holdings(&held)));
    let besides = match config.included.is_empty() {
        true => "lists, templates and secrets",
        false => "included files, lists, templates and secrets",
    };
    out.line(format!(
        "It has no {besides}: keep those with their own backups."
    ));
    Ok(exit::DONE)
}

/// What a copy holds, in a line.
pub(super) fn holdings(held: &Holdings) -> String {
    let waiting = if held.waiting > 0 {
        format!(" ({} waiting)", super::out::count(held.waiting))
    } else {
        String::new()
    };
    format!(
        "{}, {}{waiting}, {}",
        counted(held.runs, "run", "runs"),
        counted(held.deliveries, "message", "messages"),
        size(held.bytes)
    )
}

/// Bytes in a unit that fits: "184.3 kB".
pub(super) fn size(bytes: u64) -> String {
    const UNITS: [&str; 4] = ["kB", "MB", "GB", "TB"];
    if bytes < 1000 {
        return counted(bytes, "byte", "bytes");
    }
    let mut tenths = bytes / 100;
    let mut unit = 0;
    while tenths >= 10_000 && unit + 1 < UNITS.len() {
        tenths /= 1000;
        unit += 1;
    }
    format!("{}.{} {}", tenths / 10, tenths % 10, UNITS[unit])
}

#[cfg(test)]
mod tests {
    use super::size;

    #[test]
    fn sizes_are_told_in_units_that_fit() {
        assert_eq!(size(1), "1 byte");
        assert_eq!(size(999), "999 bytes");
        assert_eq!(size(184_320), "184.3 kB");
        assert_eq!(size(1_000_000), "1.0 MB");
        assert_eq!(size(2_345_678_901), "2.3 GB");
    }
}
