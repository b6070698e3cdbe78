//! OAuth2 tokens end while mail is under way.

use postroom::sandbox::Options;

use crate::world::office::{Office, Plan, until};

fn taking(token: &str) -> Options {
    Options {
        login: Some(("ada".to_owned(), token.to_owned())),
        ..Options::default()
    }
}

/// B33: the kept token is refused, the new one is fetched, and nobody notices.
#[tokio::test]
async fn a_token_that_has_ended_is_renewed_and_nothing_is_lost() {
    let mut office = Office::new(Plan {
        account: "user = \"ada\"\ntoken = { command = [\"./vault\"], keep = \"50m\" }",
        server: taking("first"),
        ..Plan::default()
    })
    .await;
    let vault = office.house.path().join("vault");
    let hold = |token: &str| {
        let script = format!("#!/bin/sh\ncd {}\n", office.house.path().display());
        office.house.write(
            "vault",
            &format!("{script}echo x >> readings\necho {token}\n"),
        );
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o700);
        std::fs::set_permissions(&vault, mode).unwrap();
    };
    let readings = || {
        let readings = std::fs::read_to_string(office.house.path().join("readings"));
        readings.unwrap_or_default().lines().count()
    };
    hold("first");
    office.send(&["ada@example.org"]).await;
    office.until_states(&["accepted"]).await;
    assert_eq!(readings(), 1);

    hold("second");
    office.sandbox.take().unwrap().stop().await;
    office.server_returns(taking("second")).await;
    office.send(&["bob@example.org", "cy@example.org"]).await;
    let accepted = ["accepted", "accepted", "accepted"];
    office.until_states(&accepted).await;
    assert!(office.trouble().is_none());
    let readings = std::fs::read_to_string(office.house.path().join("readings")).unwrap();
    assert_eq!(readings.lines().count(), 2, "once for the refused one");
}

/// The whole of what a person sees who has the wrong secret for a provider's server.
#[tokio::test]
async fn a_refused_login_says_who_and_where_and_what_the_server_said() {
    let office = Office::new(Plan {
        account: "user = \"ada\"\ntoken = { file = \"secret\" }",
        server: taking("right"),
        ..Plan::default()
    })
    .await;
    office.house.write("secret", "wrong\n");
    office.send(&["ada@example.org"]).await;
    until("trouble", || office.trouble().is_some()).await;
    let told = office.trouble().unwrap().text;
    let wanted = "127.0.0.1 refused the login of ada: 535 5.7.8 Wrong user name or password \
                  (status 401, scope postroom sandbox)";
    assert!(told.starts_with(wanted), "{told}");
    assert!(!told.contains("wrong"), "{told}");
}
