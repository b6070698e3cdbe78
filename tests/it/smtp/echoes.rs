//! Servers that repeat what they were told: no error and no transcript repeats it after them.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use postroom::clock::Clock;
use postroom::smtp::{Credentials, Session, Target, Transcript};
use zeroize::Zeroizing;

use crate::world::bench::start;
use crate::world::script::{GREETING, serve, target};

const SECRET: &str = "Gänse-Wein7hY2";

fn logins() -> Vec<(&'static str, Credentials, Vec<String>)> {
    let secret = || Zeroizing::new(SECRET.replace('ä', "a"));
    let bearer = format!("auth=Bearer {}\x01\x01", secret().as_str());
    let said = [
        ("PLAIN", vec![format!("\0ada\0{SECRET}")]),
        ("LOGIN", vec!["ada".to_owned(), SECRET.to_owned()]),
        ("XOAUTH2", vec![format!("user=ada\x01{bearer}")]),
        (
            "OAUTHBEARER",
            vec![format!("n,a=ada,\x01host=localhost\x01port=25\x01{bearer}")],
        ),
    ];
    let login = |name: &str| match name {
        "PLAIN" | "LOGIN" => Credentials::password("ada".to_owned(), SECRET.to_owned().into()),
        _ => Credentials::token("ada".to_owned(), secret()),
    };
    let all = said.into_iter().map(|(name, words)| {
        let words = words.iter().map(|word| BASE64.encode(word)).collect();
        (name, login(name), words)
    });
    all.collect()
}

/// The server says `reply` to the last word of the login.
async fn refused(mechanism: &str, login: &Credentials, words: &[String], reply: &str) -> String {
    let transcript = Transcript::new(&Clock::simulated(start(), 1));
    let target = Target {
        transcript: Some(transcript.clone()),
        ..target()
    };
    let exchange = match words {
        [_, _] => "C: AUTH LOGIN\nS: 334 who?\nC: …\nS: 334 and?\nC: …".to_owned(),
        _ => format!("C: AUTH {mechanism} …"),
    };
    let script = format!("{GREETING}S: 250 AUTH {mechanism}\n{exchange}\n{reply}");
    let (stream, _server) = serve(script);
    let error = Session::begin(stream, &target, Some(login)).await;
    let error = error.err().expect("it is refused");
    format!(
        "{error} {error:?} {:?} {:?}",
        transcript.said(),
        transcript.seen()
    )
}

#[tokio::test(start_paused = true)]
async fn what_a_server_repeats_of_a_login_is_not_shown() {
    for (mechanism, login, words) in logins() {
        let last = words.last().unwrap();
        let plain = match login {
            Credentials::Password { .. } => SECRET.to_owned(),
            Credentials::Token { .. } => SECRET.replace('ä', "a"),
        };
        for echo in [
            format!("S: 500 5.5.1 Command unrecognized: \"AUTH {mechanism} {last}\""),
            format!("S: 535-5.7.8 no\nS: 535-{last}\nS: 535 5.7.8 no"),
            format!("S: 535 5.7.8 wrong: {}", last.to_lowercase()),
            format!("S: 535 5.7.8 wrong: {}", &last[..last.len() - 3]),
            format!("S: 535 5.7.8 `{plain}` is wrong, {plain}"),
            format!("S: {last}"),
        ] {
            let shown = refused(mechanism, &login, &words, &echo).await;
            let shown_lower = shown.to_lowercase();
            for secret in [last.as_str(), &last[..last.len() - 3], &plain] {
                let leaks = shown_lower.contains(&secret.to_lowercase());
                assert!(!leaks, "{mechanism}: {secret} of {echo:?} is in {shown}");
            }
        }
    }
}
