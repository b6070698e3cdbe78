//! Codes of problems with keys and tables.

use super::{Code, code};

pub(super) static CODES: &[Code] = &[
    code(
        "unknown-key",
        "A key or a table is none of those that may stand there.",
        r#"[account.main]
form = "news@example.org"      # `from` is meant"#,
        "Mend the spelling, or move the key to the table that has it: the message says which. \
         `postroom explain` lists all keys. Nothing is passed over in silence, as a misspelt \
         limit would limit nothing.",
    ),
    code(
        "not-yet",
        "The key is planned, and this version does not have it.",
        r#"[list.partners]
url = "https://example.org/partners.csv""#,
        "Take it out. A key that is accepted does something.",
    ),
    code(
        "renamed-key",
        "The key has another name now; the one that is written still works.",
        r#"reply = "help@example.org""#,
        "Write the new name; nothing else changes. The old one goes with the version that the \
         message names.",
    ),
    code(
        "missing-key",
        "Something cannot work without a key that is not there.",
        r#"[account.relay]
user = "postroom"      # and no `host` or `provider`, no `password`"#,
        "Write the key that the message names. `postroom explain` with its name says what it \
         takes.",
    ),
    code(
        "only-one-of",
        "Two keys exclude each other.",
        r#"[account.relay]
password = { file = "secrets/relay" }
token    = { command = ["m365-token"] }"#,
        "Keep one of them. `group` and `canary` are such, too (nobody is first where all get one \
         mail), and `optional` and `defaults` for one column. With `group` a template uses no \
         address and no name.",
    ),
    code(
        "needless-key",
        "A key has no meaning beside what else is there.",
        r#"[list.team]
inline    = ["ada@example.org"]
separator = ";"      # of which file?"#,
        "Take it out, or write what it belongs to.",
    ),
    code(
        "no-effect",
        "A key is understood and changes nothing as things are.",
        r#"rate = ["100/minute", "9000/minute"]      # the second never holds anything back"#,
        "Take it out, or write a value that does something: perhaps the other one is the slip.",
    ),
    code(
        "bad-name",
        "A name is not fit to be one.",
        r#"[schedule."weekly news!"]"#,
        "Letters, digits, - and _ make a name, and a letter or digit begins it. Names go into \
         file names, commands and logs.",
    ),
    code(
        "unknown-name",
        "Something is named that is not there.",
        r#"via = "mian"      # [account.main] is meant"#,
        "Mend the spelling, or write the account, the list or the template.",
    ),
    code(
        "unused",
        "An account, a list or a template is used by nothing.",
        r#"[list.vip]      # and no schedule with to = "vip""#,
        "Take it out, or name it in a schedule. It harms nothing; it may be a slip.",
    ),
];
