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
    "password = [\n\"hunter2\"]",
    "password = [\n\"hunter2\"\n]\nhost = 5",
    "password = (\n\"hunter2\")",
    "password = \"abc\nhunter2\"",
    "password = \"abc\n\nhunter2==\"",
    "password = \"\"\nhunter2\"\"",
    "password\n= \"hunter2\"",
    "password =\n{ value = \"hunter2\" }",
    "password = { file = \"a\"\n\n, value = \"hunter2\" }",
    "password = {\n  value = \"a\",\n  other = \"hunter2\"\n}",
    "password = \"a\" # old one: hunter2",
    "password = 5 # old one: hunter2",
    "password = { file = \"a\", file = \"b\" } # old one: hunter2",
    "password = { credential = hunter2 }",
    "password = { file = hunter2 }",
    "password = { env = hunter2\" }",
    "password = { keep = hunter2 }",
    "password = { \"hunter2\" = \"x\" }",
    "password = { hunter2 = \"x\" }",
    "password = { hunter2 = }",
    "password.hunter2 = \"x\"",
    "[account.broken.password]\nhunter2 = \"x\"",
    "[account.broken.password]\n\"hunter2\"",
    "password = { command = [\"a\", \"hunter2\"], keep = 5 }",
    "password = { command = [\"a\", \"hunter2\", 5] }",
    "password = { command = [\"a\", hunter2] }",
    "password = { command = \"a hunter2\" }",
    "password = \"hunter\u{0}2 hunter2\"",
    "password = hunter2\"",
    "password hunter2",
    "auth_code = \"hunter2\"",
    "authorisation_code = \"hunter2\"",
    "auth = \"hunter2\"",
    "credentials = \"hunter2\"",
    "credential = hunter2",
    "pw = \"hunter2\"",
    "\"授权码\" = \"hunter2\"",
    "授权码 = hunter2",
    "密码: hunter2",
    "port = \"smtps://me:hunter2@mail.example.org\"",
    "host = \"smtps://me:hunter2@mail.example.org\"",
    "from = \"smtps://me:hunter2@mail.example.org\"",
    "provider = \"smtps://me:hunter2@mail.example.org\"",
    "\"smtps://me:hunter2@mail.example.org\" = 1",
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
            problems.to_github(world.path()).concat(),
            format!("{problems:?}"),
        ] {
            assert!(!told.contains("hunter2"), "{line}: {told}");
        }
    }
}

/// A reload, and whoever asks for the words to one, must not wait for the length of a file.
#[test]
fn a_file_of_any_length_is_judged_in_a_moment() {
    let world = World::new();
    let person = |n: usize| format!("{{ email = \"ada{n}@example.org\", token = \"x\" }}, ");
    let people: Vec<String> = (0..20_000).map(person).collect();
    for list in [people.concat(), people.join("\n")] {
        let text = FULL.to_owned() + "[list.many]\ninline = [\n" + &list + "]\n";
        let loaded = world.load(&text).unwrap_or_else(|it| panic!("{it}"));
        assert!(loaded.config.lists.contains_key("many"));
    }
    let dots = "a.".repeat(200_000);
    let text = format!("{FULL}\n# {dots}\n# {dots}password = 1\n");
    assert!(world.load(text).is_ok());
    let key = format!("{dots}password = \"hunter2\"\n");
    let told = world.load(key).expect_err("there are no such tables");
    assert!(!told.render(false).contains("hunter2"));
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
