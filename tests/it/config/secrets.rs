//! No password leaves the machine in a message about something else.

use super::world::{FULL, World};

/// A line that holds a password, and what may be wrong with it or near it.
const LINES: &[&str] = &[
    "password = \"hunter2\"",
    "password = \"hunter2\" x",
    "password=\"hunter2\"x",
    "password = \"hunter2",
    "password = hunter2",
    "password = 'hunter2",
    "password = “hunter2”",
    "password: hunter2",
    "password \"hunter2\"",
    "password = [\"hunter2\"]",
    "password = { \"hunter2\" }",
    "password = { literal = \"hunter2\" }",
    "password = { file = \"a\", literal = \"hunter2\" }",
    "password = \"hun\\qter2 hunter2\"",
    "password = \"\"\"hunter2\nhunter2\"\"\" x",
    "pasword = \"hunter2\"",
    "passwrod = \"hunter2\"",
    "smtp_password = \"hunter2\"",
    "passwd = \"hunter2\"",
    "secret = \"hunter2\"",
    "token = \"hunter2\"",
    "connections = 0 # password = \"hunter2\"",
    "user = \"me\" password = \"hunter2\"",
    "extra = { password = \"hunter2\" }",
    "password =\n\"hunter2\"",
    "password.literal = \"hunter2\"",
    "[account.broken.password]\nliteral = \"hunter2\"",
    "[account.second]\npassword = { file =\n\"x\", b = \"hunter2\" }",
    "password = \"${HUNTER2}\"\npassword = \"hunter2\"",
];

#[test]
fn no_rendering_of_a_problem_shows_a_password() {
    let world = World::new();
    for line in LINES {
        let account = "[account.broken]\nhost = \"h\"\ncolour = 1\n";
        let text = format!("{account}{line}\ntls = 5\n");
        let problems = world.load(&text).expect_err(line);
        for told in [
            problems.render(false),
            problems.render(true),
            problems.to_json().to_string(),
            problems.to_string(),
            format!("{problems:?}"),
        ] {
            assert!(!told.contains("hunter2"), "{line}: {told}");
        }
    }
}

#[test]
fn a_loaded_configuration_does_not_print_its_passwords() {
    let world = World::new();
    let loaded = world
        .load(FULL)
        .unwrap_or_else(|problems| panic!("{problems}"));
    let printed = format!("{loaded:?}");
    assert!(printed.contains("‹secret: "));
    assert!(!printed.contains("hunter2"));
}
