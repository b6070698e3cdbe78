//! The one rule for tests that need a program which may not be installed.

use std::io::Write;
use std::process::{Command, Stdio};

/// Set where everything must be installed: there a skip is a failure.
const NO_SKIP: &str = "POSTROOM_TEST_NO_SKIP";

/// Says that something was not tried and why, past the capture of the test's output; where skipping
/// is forbidden, fails.
#[track_caller]
pub(crate) fn skip(missing: &str, untried: &str) {
    let line = format!("SKIPPED: {missing}: {untried}");
    assert!(std::env::var_os(NO_SKIP).is_none(), "{line}");
    let _ = writeln!(std::io::stderr(), "\n{line}");
}

/// Whether Python is missing; if so, that is said with what was therefore not tried.
#[track_caller]
pub(crate) fn lacks_python(untried: &str) -> bool {
    let zones = Command::new("python3")
        .args(["-c", "import zoneinfo; zoneinfo.ZoneInfo('Europe/Berlin')"])
        .stderr(Stdio::null())
        .status();
    let lacks = !zones.is_ok_and(|status| status.success());
    if lacks {
        skip(
            "there is no python3 of version 3.9 or later with time zones",
            untried,
        );
    }
    lacks
}
