//! Who logs in, and with what: every form in which a secret may be given.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use postroom::clock::Clock;
use postroom::sandbox::{Options, Sandbox};
use tokio::runtime::Runtime;

use super::stage::{MINUTE, Scenery, Stage};
use super::toml::{Toml, account};
use crate::world::house::House;
use crate::world::office::until;
use crate::world::workspace::Workspace;

/// What the client proves itself with, in each of its sessions.
fn logins(stage: &Stage) -> Vec<String> {
    let lines = stage.wire.lines("AUTH ").into_iter().map(|line| {
        let (mechanism, proof) = line["AUTH ".len()..].split_once(' ').unwrap();
        let proof = String::from_utf8(STANDARD.decode(proof).unwrap()).unwrap();
        format!(
            "{mechanism} {}",
            proof.replace('\0', " ").replace('\u{1}', "|")
        )
    });
    lines.collect()
}

async fn login(toml: Toml) -> String {
    let files = [("one", "sesame\n"), ("two", "mellon\n")];
    let stage = Stage::among(Scenery::with_files(&files), toml);
    stage.send(&["ada@example.org"], MINUTE).await;
    assert_eq!(stage.states(), ["accepted"]);
    logins(&stage).remove(0)
}

#[tokio::test(start_paused = true)]
pub(super) async fn user_is_the_name_that_logs_in() {
    for user in ["ada", "bob@example.org"] {
        let lines = format!("user = \"{user}\"\npassword = {{ file = \"one\" }}");
        let wanted = format!("PLAIN  {user} sesame");
        assert_eq!(login(account(&lines)).await, wanted);
    }
}

#[tokio::test(start_paused = true)]
pub(super) async fn password_is_what_the_server_is_told() {
    for (password, told) in [
        ("{ file = \"one\" }", "sesame"),
        ("{ file = \"two\" }", "mellon"),
        ("\"sesame\"", "sesame"),
        ("\"mellon\"", "mellon"),
    ] {
        let lines = format!("user = \"ada\"\npassword = {password}");
        assert_eq!(login(account(&lines)).await, format!("PLAIN  ada {told}"));
    }
}

#[tokio::test(start_paused = true)]
pub(super) async fn token_is_shown_in_place_of_a_password() {
    for (file, token) in [("one", "sesame"), ("two", "mellon")] {
        let lines = format!("user = \"ada\"\ntoken = {{ file = \"{file}\" }}");
        let wanted = format!("XOAUTH2 user=ada|auth=Bearer {token}||");
        assert_eq!(login(account(&lines)).await, wanted);
    }
}

/// Programs run in real time, so this test does, too.
#[tokio::test]
async fn a_command_is_asked_in_each_session_and_what_it_says_is_kept_as_long_as_it_may_be() {
    for (word, keep, readings) in [("sesame", "", 3), ("mellon", ", keep = \"1h\"", 1)] {
        let scenery = Scenery::with_files(&[("vault", word)]);
        let path = scenery.house.path().display();
        let script = format!("echo x >> {path}/readings; cat {path}/vault");
        let toml = account(&format!(
            "user = \"ada\"\npassword = {{ command = [\"sh\", \"-c\", \"{script}\"]{keep} }}\n\
             connections = 1\nmessages_per_connection = 1"
        ));
        let stage = Stage::among(scenery, toml);
        let people = ["ada@example.org", "bob@example.org", "cy@example.org"];
        tokio::select! {
            () = stage.send(&people, 60 * MINUTE) => {}
            () = until("all", || stage.mails().len() == 3) => {}
        }
        assert_eq!(logins(&stage), vec![format!("PLAIN  ada {word}"); 3]);
        let asked = std::fs::read_to_string(stage.house.path().join("readings")).unwrap();
        assert_eq!(asked.lines().count(), readings, "{keep}");
    }
}

/// The environment is the process's own: so these forms are tried with the real binary.
#[test]
fn a_credential_and_a_variable_of_the_environment_are_read_where_they_are() {
    let (runtime, house) = (Runtime::new().unwrap(), House::new());
    house.write("ONE", "sesame");
    house.write("TWO", "mellon");
    let options = Options {
        plain: Some(Options::default().listen),
        login: Some(("ada".to_owned(), "sesame".to_owned())),
        ..Options::default()
    };
    let sandbox = runtime.block_on(Sandbox::start(options, Clock::system()));
    let port = sandbox.as_ref().unwrap().plain_address().unwrap().port();
    for form in ["credential", "env"] {
        for (name, good) in [("ONE", true), ("TWO", false)] {
            let workspace = Workspace::new(&format!(
                "[account.ops]\nhost = \"127.0.0.1\"\nport = {port}\ntls = \"none\"\n\
                 from = \"ops@example.org\"\nuser = \"ada\"\npassword = {{ {form} = \"{name}\" }}\n"
            ));
            let mut test = workspace.postroom(&["account", "test", "ops"]);
            test.env("ONE", "sesame").env("TWO", "mellon");
            let told = test.env("CREDENTIALS_DIRECTORY", house.path()).output();
            let told = told.unwrap();
            let words = String::from_utf8_lossy(&told.stdout);
            assert_eq!(told.status.success(), good, "{form} {name}: {words}");
            assert_eq!(words.contains("535"), !good, "{form} {name}: {words}");
        }
    }
}
