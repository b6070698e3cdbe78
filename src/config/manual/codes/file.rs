//! Codes of problems with the file as a whole, and with the files it names.

use super::{Code, code};

pub(super) static CODES: &[Code] = &[
    code(
        "toml-syntax",
        "The text is not TOML: until it is, nothing in it has a meaning.",
        "host = smtp.example.org",
        "Texts stand in quotes, lists in [brackets], tables in { braces } or under a [heading]. \
         Windows paths and regular expressions are easiest in 'single quotes', where a backslash \
         is a backslash.",
    ),
    code(
        "duplicate-key",
        "A key stands twice in one table; TOML knows no order that would decide.",
        r#"[account.main]
rate = "100/minute"
rate = "4000/day""#,
        "Keep one of them. A key that takes a list holds several: rate = [\"100/minute\", \
         \"4000/day\"].",
    ),
    code(
        "duplicate-name",
        "Two things have one name, or one name stands twice where it may stand once.",
        r#"[schedule.weekly]      # in postroom.toml
[schedule.weekly]      # in conf.d/sales.toml"#,
        "Rename one, or take one out. Files add to each other; none overrides another. A list in \
         both `to` and `except` would be written to by nobody: take it out of one.",
    ),
    code(
        "not-utf8",
        "The file is not UTF-8 text.",
        "(a file saved as UTF-16, Latin-1 or GB 18030)",
        "Save it as UTF-8. Lists may be of any encoding: see `postroom explain encoding`.",
    ),
    code(
        "file-missing",
        "A file that the configuration names cannot be read.",
        r#"include = ["conf.d/sales.toml"]"#,
        "Mind the folder: a relative path starts where the file that names it is. As a service, \
         postroom does not see /home, and has a /tmp of its own.",
    ),
    code(
        "future-version",
        "The file is written for a newer postroom than this one.",
        "config_version = 2",
        "Install the newer postroom. Within one version no default changes its meaning.",
    ),
    code(
        "nothing-included",
        "A pattern of `include` means a folder that is not there.",
        r#"include = ["conf.d/*.toml"]      # and no folder conf.d"#,
        "Make the folder, or take the pattern out.",
    ),
    code(
        "main-file-only",
        "An included file holds what only the main file may.",
        "[daemon]      # in conf.d/sales.toml",
        "Move it to the main file. Included files hold accounts, lists, templates and schedules.",
    ),
    code(
        "ignored-file",
        "A file beside the included ones is passed over.",
        "conf.d/20-sales.toml.bak",
        "If it was to be included, let its name end in .toml and begin with no dot.",
    ),
    code(
        "no-schedule",
        "There is no schedule: nothing will be sent.",
        r#"[account.main]
[list.team]"#,
        "Write a [schedule.<name>] with `send`, `to` and `via`.",
    ),
    code(
        "outdated",
        "What was right when it was written is over.",
        "ends = 2025-12-31",
        "Take the schedule out, or give it a later end; fetch the next years of a calendar of \
         holidays.",
    ),
];
