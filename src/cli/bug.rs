//! Panics: a bug is called one, and its exit code is 70.
//!
//! What a panic says may quote any value that the program had in its hands, a password too, so it
//! is never shown: the place in the source is, and that leads to the cause.

use std::backtrace::{Backtrace, BacktraceStatus};
use std::io::{self, Write};
use std::panic::{self, AssertUnwindSafe, Location, catch_unwind};

use super::exit::{self, Exit};

/// From here on a panic anywhere is told in our words.
pub(super) fn tell_of_panics() {
    panic::set_hook(Box::new(|info| {
        let _ = writeln!(io::stderr(), "{}", words(info.location()));
        let trace = Backtrace::capture(); // if RUST_BACKTRACE asks for it
        if trace.status() == BacktraceStatus::Captured {
            let _ = writeln!(io::stderr(), "{trace}");
        }
    }));
}

/// Does the work; a panic in it ends it with the exit code of a bug.
pub(super) fn guarded(work: impl FnOnce() -> Exit) -> Exit {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or(exit::BUG)
}

fn words(place: Option<&Location<'_>>) -> String {
    let place = place.map_or_else(|| "an unknown place".to_owned(), ToString::to_string);
    let version = env!("CARGO_PKG_VERSION");
    format!(
        "error: this is a bug in postroom {version}, no mistake of yours: it failed at {place}\n  \
         What it had in its hands is not shown, as that may be a secret. Please report this line \
         with what you typed, and with `postroom config show --redacted`. Mail that was queued is \
         safe."
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_a_bug_and_says_where_but_not_with_what() {
        let password = String::from("hunter2");
        let exit = guarded(|| panic!("no use for {password}"));
        assert!(exit == exit::BUG);
        assert!(guarded(|| exit::NO) == exit::NO);
        let here = Location::caller();
        let said = words(Some(here));
        assert!(said.contains(&here.to_string()), "{said}");
        assert!(
            said.starts_with("error: this is a bug in postroom "),
            "{said}"
        );
    }
}
