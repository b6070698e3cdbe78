//! Real servers, a thousand people each: over verified TLS, with a login, and one in twenty is
//! refused. What the server says for itself is compared with the outbox, person by person.

use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt;

use postroom::outbox::{DeliveryRow, SuppressionRow};

use crate::world::exim::Exim;
use crate::world::history::{self, Told};
use crate::world::letter;
use crate::world::opensmtpd::OpenSmtpd;
use crate::world::people;
use crate::world::postfix::Postfix;
use crate::world::receivers::{Kind, Receiver};
use crate::world::skip::lacks_python;
use crate::world::testimony::{PASSWORD, Testimony, Witness};
use crate::world::workspace::Workspace;

const ROWS: usize = 1000;

/// No connection is renewed before it has carried so many messages.
const MESSAGES_LEAST: usize = 100;

/// Sends the letter to everybody through `server`, and compares what both sides say.
#[track_caller]
fn a_thousand_letters_through(server: &dyn Witness) {
    let (file, list) = people::list_with_strangers(ROWS);
    let workspace = letter::workspace(&server.account(), "", &file);
    workspace.write("password", PASSWORD);
    let private = std::fs::Permissions::from_mode(0o600);
    std::fs::set_permissions(workspace.path("password"), private).unwrap();
    let daemon = workspace.daemon();
    workspace.said(&["send", letter::SCHEDULE, "--yes"]);
    let run = letter::ended(&workspace);
    assert!(daemon.stop().success());

    let reader = workspace.reader().unwrap();
    let told = history::told(&reader, &run);
    let testimony = server.testimony();
    let mut found = history::against_list(&list, &told);
    found.extend(history::against_server(
        &told,
        &history::taken(&testimony.mails),
    ));
    found.extend(history::against_tally(&reader, &run, &told));
    found.extend(letter::unlike(&list, &testimony.mails));
    found.extend(against_refusals(&told, &testimony.refused));
    found.extend(against_connections(&told, &testimony));
    found.extend(
        testimony
            .complaints
            .iter()
            .map(|line| format!("the server says: {line}")),
    );
    found.extend(against_commands(&workspace, &run.id, &told));
    let first = found
        .iter()
        .take(20)
        .map(|it| it.chars().take(400).collect());
    let first = first.collect::<Vec<String>>().join("\n");
    assert!(found.is_empty(), "{} faults:\n{first}", found.len());
}

/// The server's refusals and the outbox's: of the same people, once each.
fn against_refusals(told: &[Told], refused: &[String]) -> Vec<String> {
    let rejected = told.iter().filter(|told| told.row.state == "rejected");
    let mut rejected: Vec<&str> = rejected.map(|told| &*told.row.address).collect();
    let mut refused: Vec<&str> = refused.iter().map(String::as_str).collect();
    rejected.sort_unstable();
    refused.sort_unstable();
    let same = rejected == refused && !refused.is_empty();
    let text = || format!("the server refused {refused:?}, the outbox has rejected {rejected:?}");
    (!same).then(text).into_iter().collect()
}

/// All of them encrypted and logged in, and no more of them than the messages need.
fn against_connections(told: &[Told], testimony: &Testimony) -> Vec<String> {
    let Testimony {
        connections,
        encrypted,
        logins,
        ..
    } = *testimony;
    let tries: usize = told.iter().map(|told| told.tries.len()).sum();
    let most = letter::CONNECTIONS + tries / MESSAGES_LEAST;
    let mut found = Vec::new();
    if !(1..=most).contains(&connections) {
        found.push(format!(
            "{connections} connections for {tries} tries, not up to {most}"
        ));
    }
    if encrypted != connections || logins.is_some_and(|logins| logins != connections) {
        found.push(format!(
            "of {connections} connections {encrypted} were encrypted, {logins:?} logged in"
        ));
    }
    found
}

/// What the commands say: every row as data, and an address is suppressed if the server said that
/// there is none (5.1.1), and no other.
fn against_commands(workspace: &Workspace, run: &str, told: &[Told]) -> Vec<String> {
    let mut found = Vec::new();
    let rows: Vec<DeliveryRow> = workspace.json(&["log", "--run", run]);
    if !rows.iter().eq(told.iter().map(|told| &told.row)) {
        found.push("`log --run --json` is not what the outbox has".to_owned());
    }
    let gone = told.iter().filter(|told| {
        let mut tries = told.tries.iter();
        tries.any(|it| it.enhanced.as_deref() == Some("5.1.1"))
    });
    let gone: BTreeSet<_> = gone.map(|told| told.row.address.clone()).collect();
    let suppressed: Vec<SuppressionRow> = workspace.json(&["suppress", "list"]);
    let suppressed: BTreeSet<_> = suppressed
        .into_iter()
        .filter_map(|row| row.address)
        .collect();
    if suppressed != gone {
        found.push(format!("suppressed are {suppressed:?}, not {gone:?}"));
    }
    found
}

#[test]
fn a_thousand_letters_go_through_a_postfix_that_refuses_who_speaks_out_of_turn() {
    const UNTRIED: &str = "1,000 letters were not submitted to Postfix";
    if lacks_python(UNTRIED) {
        return;
    }
    let server = Postfix::start(UNTRIED).and_then(|postfix| postfix.login(UNTRIED));
    if let Some(server) = server {
        a_thousand_letters_through(&server);
    }
}

#[test]
fn a_thousand_letters_go_through_exim() {
    const UNTRIED: &str = "1,000 letters were not submitted to Exim";
    if lacks_python(UNTRIED) {
        return;
    }
    if let Some(server) = Exim::start(UNTRIED) {
        a_thousand_letters_through(&server);
    }
}

#[test]
fn a_thousand_letters_go_through_opensmtpd_one_command_at_a_time() {
    const UNTRIED: &str = "1,000 letters were not submitted to OpenSMTPD";
    if lacks_python(UNTRIED) {
        return;
    }
    if let Some(server) = OpenSmtpd::start(UNTRIED) {
        a_thousand_letters_through(&server);
    }
}

fn a_thousand_letters_reach(kind: Kind) {
    let untried = format!("1,000 letters were not submitted to {kind:?}");
    if lacks_python(&untried) {
        return;
    }
    if let Some(receiver) = Receiver::start(kind, &untried) {
        a_thousand_letters_through(&receiver);
    }
}

#[test]
#[ignore = ".ci/long installs it"]
fn a_thousand_letters_go_through_haraka_which_refuses_commands_behind_a_body() {
    a_thousand_letters_reach(Kind::Haraka);
}

#[test]
#[ignore = ".ci/long installs it"]
fn a_thousand_letters_go_through_smtp_server() {
    a_thousand_letters_reach(Kind::SmtpServer);
}

#[test]
#[ignore = ".ci/long installs it"]
fn a_thousand_letters_go_through_aiosmtpd() {
    a_thousand_letters_reach(Kind::Aiosmtpd);
}
