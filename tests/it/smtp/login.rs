//! AUTH: the exact bytes, and servers that lose their way in it.

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use postroom::config::provider;
use postroom::smtp::{Credentials, Session, SmtpError, Stage, Target, Trouble};
use zeroize::Zeroizing;

use super::protocol;
use crate::world::script::{GREETING, Server, credentials, serve, target};

async fn log_in_as(
    credentials: &Credentials,
    target: &Target,
    offers: &str,
    script: &str,
) -> (Result<Session, SmtpError>, Server) {
    let (stream, server) = serve(format!("{GREETING}{offers}\n{script}"));
    let session = Session::begin(stream, target, Some(credentials)).await;
    (session, server.await.unwrap())
}

async fn log_in(offers: &str, script: &str) -> (Result<Session, SmtpError>, Server) {
    log_in_as(&credentials(), &target(), offers, script).await
}

fn password(user: &str, password: &str) -> Credentials {
    Credentials::password(user.to_owned(), Zeroizing::new(password.to_owned()))
}

fn token(user: &str, token: &str) -> Credentials {
    Credentials::token(user.to_owned(), Zeroizing::new(token.to_owned()))
}

fn missing(error: &SmtpError) -> String {
    assert_eq!(error.stage, Stage::Auth, "{error}");
    match &error.trouble {
        Trouble::Missing(text) => text.clone(),
        other => panic!("something is missing, not {other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn plain_goes_out_in_one_line() {
    let secret = BASE64.encode("\0ada\0pässword");
    let script = format!("C: AUTH PLAIN {secret}\nS: 235 2.7.0 welcome");
    for offers in ["S: 250 AUTH LOGIN PLAIN", "S: 250 AUTH PLAIN"] {
        let (session, _) = log_in(offers, &script).await;
        assert!(session.is_ok(), "{:?}", session.err());
    }
}

#[tokio::test(start_paused = true)]
async fn login_goes_out_in_three_whatever_the_prompts_say() {
    let (user, password) = (BASE64.encode("ada"), BASE64.encode("pässword"));
    for prompts in [["VXNlcm5hbWU6", "UGFzc3dvcmQ6"], ["", ""], ["who?", "und?"]] {
        let script = format!(
            "C: AUTH LOGIN\nS: 334 {}\nC: {user}\nS: 334 {}\nC: {password}\nS: 235 welcome",
            prompts[0], prompts[1]
        );
        let (session, _) = log_in("S: 250 AUTH LOGIN CRAM-MD5", &script).await;
        assert!(session.is_ok(), "{prompts:?}: {:?}", session.err());
    }
}

/// A server that ignores the initial response and asks for it.
#[tokio::test(start_paused = true)]
async fn plain_is_said_again_to_a_server_that_asks() {
    let secret = BASE64.encode("\0ada\0pässword");
    let script = format!("C: AUTH PLAIN {secret}\nS: 334 \nC: {secret}\nS: 235 welcome");
    let (session, _) = log_in("S: 250 AUTH PLAIN", &script).await;
    assert!(session.is_ok(), "{:?}", session.err());
}

/// RFC 4954 section 4: a command line has 512 octets, the line of an exchange 12288.
#[tokio::test(start_paused = true)]
async fn what_is_too_long_for_a_command_waits_for_its_prompt() {
    let room = 512 - "AUTH PLAIN \r\n".len();
    let fits = "x".repeat(room / 4 * 3 - "\0ada\0".len());
    for (length, alone) in [(fits.len(), false), (fits.len() + 1, true), (9000, true)] {
        let word = "x".repeat(length);
        let secret = BASE64.encode(format!("\0ada\0{word}"));
        let script = if alone {
            format!("C: AUTH PLAIN\nS: 334 \nC: {secret}\nS: 235 welcome")
        } else {
            format!("C: AUTH PLAIN {secret}\nS: 235 welcome")
        };
        let credentials = password("ada", &word);
        let (session, _) = log_in_as(&credentials, &target(), "S: 250 AUTH PLAIN", &script).await;
        assert!(session.is_ok(), "{length}: {:?}", session.err());
    }
    let credentials = password("ada", &"x".repeat(9300));
    let (session, mut server) = log_in_as(&credentials, &target(), "S: 250 AUTH PLAIN", "").await;
    let text = missing(&session.err().unwrap());
    assert!(
        text.contains("too long") && text.contains("12288"),
        "{text}"
    );
    assert!(server.rest().await.is_empty());
}

/// B6, B30: 535, 454 and 421 to AUTH.
#[tokio::test(start_paused = true)]
async fn a_refused_password_is_told_with_the_servers_words_and_without_the_password() {
    for code in [535, 534, 454, 421] {
        let (session, _) = log_in(
            "S: 250 AUTH PLAIN",
            &format!("C: AUTH PLAIN…\nS: {code} no, ada"),
        )
        .await;
        let error = session.err().unwrap();
        assert_eq!(error.stage, Stage::Auth);
        assert_eq!(error.reply().map(|reply| reply.code), Some(code));
        assert_eq!(error.is_refused_login(), code > 500, "{code}");
        let told = format!("localhost refused the login of ada: {code} no, ada");
        assert_eq!(error.to_string(), told);
        let shown = format!("{error} {error:?}");
        for secret in ["pässword", &BASE64.encode("\0ada\0pässword")] {
            assert!(!shown.contains(secret), "{shown}");
        }
    }
}

/// Everything that the account is told of a server that repeats what it heard.
async fn told_of_echo(credentials: &Credentials, mechanism: &str, script: &str) -> String {
    let offers = format!("S: 250 AUTH {mechanism}");
    let (session, _) = log_in_as(credentials, &target(), &offers, script).await;
    let error = session.err().unwrap();
    format!("{error}\n{error:?}")
}

/// A word of base64 is told nowhere, nor any part of it that says something.
#[track_caller]
fn assert_hidden(told: &str, word: &str) {
    for part in word.as_bytes().windows(word.len().min(8)) {
        let part = str::from_utf8(part).unwrap();
        assert!(!told.contains(part), "{part} of {word} is in {told}");
    }
    // The mark itself may be cut with the reply.
    assert!(told.contains("‹hid"), "{told}");
}

#[tokio::test(start_paused = true)]
async fn a_server_that_repeats_the_login_does_not_get_it_told() {
    let (word, bearer) = (
        password("ada", "canary-pässword"),
        token("ada", "ya29.canary"),
    );
    let plain = BASE64.encode("\0ada\0canary-pässword");
    let (user, alone) = (BASE64.encode("ada"), BASE64.encode("canary-pässword"));
    let fields = "\x01auth=Bearer ya29.canary\x01\x01";
    let xoauth2 = BASE64.encode(format!("user=ada{fields}"));
    let oauth = BASE64.encode(format!("n,a=ada,\x01host=localhost\x01port=25{fields}"));
    let to_user = "C: AUTH LOGIN\nS: 334 VXNlcm5hbWU6\nC: …\n";
    let to_password = format!("{to_user}S: 334 UGFzc3dvcmQ6\nC: …\n");
    for (credentials, mechanism, heard, line) in [
        (&word, "PLAIN", "C: AUTH PLAIN…\n", &plain),
        (&word, "LOGIN", to_user, &user),
        (&word, "LOGIN", &to_password, &alone),
        (&bearer, "XOAUTH2", "C: AUTH…\n", &xoauth2),
        (&bearer, "OAUTHBEARER", "C: AUTH…\n", &oauth),
    ] {
        let secret = match mechanism {
            "PLAIN" | "LOGIN" => "canary-pässword",
            _ => "ya29.canary",
        };
        let (cut, small) = (&line[..line.len().min(9)], line.to_ascii_lowercase());
        let (half, rest) = line.split_at(line.len() / 2);
        let far = "x".repeat(495 - "Unrecognized ".len());
        for echo in [
            format!("500 5.5.1 Command unrecognized: \"AUTH {mechanism} {line}\""),
            format!("535 5.7.8 {line}: no such user"),
            format!("535 5.7.8 {small}"),
            format!("454 4.7.0 Unrecognized {cut}"),
            format!("421 {line}"),
            format!("250 {line}"),
            format!("500-5.5.1 Unrecognized:\nS: 500-5.5.1 {line}\nS: 500 5.5.1 HELP"),
            format!("500-5.5.1 Unrecognized \"{half}\nS: 500 5.5.1 {rest}\""),
            format!("500 Unrecognized {far}{secret}"),
            format!("500 ({line}) {secret}"),
            format!("AUTH {line}"),
            format!("{}{line}", "x".repeat(56)),
        ] {
            let script = format!("{heard}S: {echo}");
            let told = told_of_echo(credentials, mechanism, &script).await;
            for secret in [line, &small, half, "canary"] {
                assert!(!told.contains(secret), "{echo}: {secret} is in {told}");
            }
            assert!(!told.contains(&secret[..4]), "{told}");
            assert_hidden(&told, cut);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_the_server_says_beside_its_echo_is_told() {
    let line = BASE64.encode("\0ada\0pässword");
    for (said, told) in [
        (
            format!("500 5.5.1 Command unrecognized: \"AUTH PLAIN {line}\""),
            "500 5.5.1 Command unrecognized: \"AUTH PLAIN ‹hidden›\"",
        ),
        (
            format!("535-5.7.8 Not for ada:\nS: 535 5.7.8 {line}, sorry"),
            "535 5.7.8 Not for ada: ‹hidden›, sorry",
        ),
        (
            "535 Bad password pässword".to_owned(),
            "535 Bad password ‹hidden›",
        ),
    ] {
        let (session, _) = log_in("S: 250 AUTH PLAIN", &format!("C: AUTH…\nS: {said}")).await;
        let error = session.err().unwrap().to_string();
        assert_eq!(error, format!("localhost refused the login of ada: {told}"));
    }
}

/// In a prompt that is the last word, in one that is answered, and in one about a token.
#[tokio::test(start_paused = true)]
async fn a_prompt_that_repeats_the_login_does_not_get_it_told() {
    let line = BASE64.encode("\0ada\0pässword");
    let script = format!("C: AUTH…\nS: 334 a\nC: {line}\nS: 334 {line}");
    let told = told_of_echo(&credentials(), "PLAIN", &script).await;
    assert_hidden(&told, &line);

    let bearer = token("ada", "ya29.canary-of-a-token");
    let line = BASE64.encode("user=ada\x01auth=Bearer ya29.canary-of-a-token\x01\x01");
    let far = "x".repeat(72);
    for scope in [
        "no ya29.canary-of-a-token",
        &format!("no {line}"),
        &format!("{far}ya29.canary-of-a-token"),
    ] {
        let challenge = BASE64.encode(format!(r#"{{"status":"401","scope":"{scope}"}}"#));
        let script = format!("C: AUTH…\nS: 334 {challenge}\nC: \nS: 535 {line}");
        let told = told_of_echo(&bearer, "XOAUTH2", &script).await;
        assert_hidden(&told, &line);
        assert!(!told.contains("ya29"), "{told}");
        assert!(told.contains("(status 401, scope "), "{told}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_secret_of_a_letter_leaves_the_servers_words_readable() {
    let line = BASE64.encode("\0ada\0a");
    let said = format!(
        "535 5.7.8 Bad pass \"a\" for ada: {line} ({})",
        BASE64.encode("a")
    );
    let script = format!("C: AUTH…\nS: {said}");
    let offers = "S: 250 AUTH PLAIN";
    let (session, _) = log_in_as(&password("ada", "a"), &target(), offers, &script).await;
    let told = session.err().unwrap().to_string();
    let wanted = "535 5.7.8 Bad pass \"‹hidden›\" for ada: ‹hidden› (‹hidden›)";
    assert!(told.ends_with(wanted), "{told}");
}

#[tokio::test(start_paused = true)]
async fn a_refusal_comes_with_what_the_provider_wants() {
    let at = |name: &str| Target {
        provider: provider(name),
        ..target()
    };
    let (word, bearer) = (password("ada", "x"), token("ada", "x"));
    for (name, credentials, wants) in [
        ("qq", &word, "授权码"),
        ("163", &word, "授权码"),
        ("gmail", &word, "app password"),
        ("gmail", &bearer, "https://mail.google.com/"),
        ("office365", &word, "`token` in place of `password`"),
        ("office365", &bearer, "SMTP.Send"),
        ("ses", &word, "not the access keys of IAM"),
        ("sendgrid", &word, "`apikey`"),
    ] {
        let offers = "S: 250 AUTH PLAIN XOAUTH2";
        let script = "C: AUTH…\nS: 535 5.7.8 no";
        let (session, _) = log_in_as(credentials, &at(name), offers, script).await;
        let told = session.err().unwrap().to_string();
        assert!(told.starts_with("localhost refused the login of ada: 535 5.7.8 no; "));
        assert!(told.contains(wants), "{told}");
        // Too many logins are no reason to doubt the password.
        let script = "C: AUTH…\nS: 454 4.7.0 too many logins";
        let (session, _) = log_in_as(credentials, &at(name), offers, script).await;
        let told = session.err().unwrap().to_string();
        assert!(told.ends_with("454 4.7.0 too many logins"), "{told}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_token_goes_out_in_the_form_that_is_offered() {
    let xoauth2 = BASE64.encode("user=ada@example.org\x01auth=Bearer ya29.a0~_-+/==\x01\x01");
    let bearer = BASE64.encode(
        "n,a=ada@example.org,\x01host=localhost\x01port=25\x01auth=Bearer ya29.a0~_-+/==\x01\x01",
    );
    for (offers, said) in [
        ("AUTH PLAIN LOGIN XOAUTH2", format!("XOAUTH2 {xoauth2}")),
        ("AUTH OAUTHBEARER LOGIN", format!("OAUTHBEARER {bearer}")),
        ("AUTH OAUTHBEARER XOAUTH2", format!("XOAUTH2 {xoauth2}")),
    ] {
        let script = format!("C: AUTH {said}\nS: 235 2.7.0 welcome");
        let credentials = token("ada@example.org", "ya29.a0~_-+/==");
        let offers = format!("S: 250 {offers}");
        let (session, _) = log_in_as(&credentials, &target(), &offers, &script).await;
        assert!(session.is_ok(), "{offers}: {:?}", session.err());
    }
}

/// RFC 5801 section 4: `=` and `,` end a name there.
#[tokio::test(start_paused = true)]
async fn a_name_cannot_end_early_in_oauthbearer() {
    let said = "n,a=a=3Db=2Cc,\x01host=localhost\x01port=25\x01auth=Bearer t\x01\x01";
    let script = format!("C: AUTH OAUTHBEARER {}\nS: 235 ok", BASE64.encode(said));
    let offers = "S: 250 AUTH OAUTHBEARER";
    let (session, _) = log_in_as(&token("a=b,c", "t"), &target(), offers, &script).await;
    assert!(session.is_ok(), "{:?}", session.err());
}

/// Microsoft's tokens have two thousand characters.
#[tokio::test(start_paused = true)]
async fn a_long_token_waits_for_its_prompt() {
    let word = "e".repeat(2400);
    let said = BASE64.encode(format!("user=ada\x01auth=Bearer {word}\x01\x01"));
    let script = format!("C: AUTH XOAUTH2\nS: 334 \nC: {said}\nS: 235 2.7.0 welcome");
    let offers = "S: 250 AUTH LOGIN XOAUTH2";
    let (session, _) = log_in_as(&token("ada", &word), &target(), offers, &script).await;
    assert!(session.is_ok(), "{:?}", session.err());
}

/// B31: what is wrong with a token is said in a challenge; the refusal follows its dismissal.
#[tokio::test(start_paused = true)]
async fn the_challenge_to_a_token_is_dismissed_and_told() {
    let google = r#"{"status":"400","schemes":"Bearer","scope":"https://mail.google.com/"}"#;
    let rfc = r#"{"status":"invalid_token","scope":"a\u001b[31mb","openid-configuration":"x"}"#;
    for (offers, dismissal, json, told) in [
        (
            "XOAUTH2",
            "",
            google,
            "status 400, scope https://mail.google.com/",
        ),
        (
            "OAUTHBEARER",
            "AQ==",
            rfc,
            "status invalid_token, scope a?[31mb",
        ),
        ("XOAUTH2", "", r#"{"status":401}"#, "status 401"),
        ("OAUTHBEARER", "AQ==", "{}", "it does not say why"),
    ] {
        let challenge = BASE64.encode(json);
        let script =
            format!("C: AUTH {offers}…\nS: 334 {challenge}\nC: {dismissal}\nS: 535 5.7.8 go away");
        let offers = format!("S: 250 AUTH {offers}");
        let (session, _) =
            log_in_as(&token("ada", "secret-token"), &target(), &offers, &script).await;
        let error = session.err().unwrap();
        assert!(error.is_refused_login(), "{error}");
        let shown = error.to_string();
        let wanted = format!("localhost refused the login of ada: 535 5.7.8 go away ({told})");
        assert_eq!(shown, wanted);
        assert!(!format!("{error:?}").contains("secret-token"));
    }
}

#[tokio::test(start_paused = true)]
async fn a_challenge_cannot_flood_a_log() {
    let json = format!(r#"{{"status":"{}"}}"#, "x".repeat(1000));
    let challenge = BASE64.encode(json);
    let script = format!("C: AUTH XOAUTH2…\nS: 334 {challenge}\nC: \nS: 535 no");
    let offers = "S: 250 AUTH XOAUTH2";
    let (session, _) = log_in_as(&token("ada", "t"), &target(), offers, &script).await;
    let told = session.err().unwrap().to_string();
    assert!(told.contains("status xxx") && told.len() < 200, "{told}");
}

/// B32: no login, only one that we do not speak, only one for another kind of secret.
#[tokio::test(start_paused = true)]
async fn a_server_that_offers_no_login_we_know_is_told_apart() {
    let (word, bearer) = (credentials(), token("ada", "t"));
    for (offers, credentials, says) in [
        ("S: 250 HELP", &word, "offers no login (AUTH) on port 25"),
        ("S: 250 HELP", &bearer, "offers no login (AUTH) on port 25"),
        ("S: 250 AUTH CRAM-MD5", &word, "only CRAM-MD5"),
        (
            "S: 250 AUTH CRAM-MD5 XOAUTH2",
            &word,
            "only CRAM-MD5, XOAUTH2: write `token` in place of `password`",
        ),
        (
            "S: 250 AUTH PLAIN LOGIN",
            &bearer,
            "no OAuth2 token, only PLAIN, LOGIN: write `password` in place of `token`",
        ),
    ] {
        let (session, mut server) = log_in_as(credentials, &target(), offers, "").await;
        let text = missing(&session.err().unwrap());
        assert!(text.contains(says), "{text}");
        assert!(server.rest().await.is_empty(), "not a byte of the secret");
    }
}

#[tokio::test(start_paused = true)]
async fn what_would_forge_a_field_of_the_login_is_refused_here() {
    let offers = "S: 250 AUTH PLAIN LOGIN XOAUTH2 OAUTHBEARER";
    for (credentials, what) in [
        (password("ada", "a\0b"), "password: its character 2"),
        (password("a\0da", "b"), "user: its character 2"),
        (token("ada", "a\x01b"), "token: its character 2"),
        (token("ada", "to ken"), "token: its character 3"),
        (token("ada", "tökn"), "token: its character 2"),
        (token("a\x01auth=Bearer x", "t"), "user: its character 2"),
    ] {
        let (session, mut server) = log_in_as(&credentials, &target(), offers, "").await;
        let text = missing(&session.err().unwrap());
        assert!(text.contains(what), "{text}");
        assert!(server.rest().await.is_empty());
    }
}

/// B31: loops of prompts, a success that comes too early, an end in the middle.
#[tokio::test(start_paused = true)]
async fn a_login_that_loses_its_way_ends() {
    let challenge = BASE64.encode(r#"{"status":"400"}"#);
    let twice = format!("C: AUTH XOAUTH2…\nS: 334 {challenge}\nC: \nS: 334 {challenge}");
    let taken = format!("C: AUTH XOAUTH2…\nS: 334 {challenge}\nC: \nS: 235 welcome after all");
    let (word, bearer) = (credentials(), token("ada", "t"));
    for (credentials, offers, script) in [
        (&word, "PLAIN", "C: AUTH PLAIN…\nS: 334 a\nC: …\nS: 334 b"),
        (&word, "PLAIN", "C: AUTH PLAIN…\nS: 250 ok"),
        (&word, "LOGIN", "C: AUTH LOGIN\nS: 235 welcome already"),
        (&word, "LOGIN", "C: AUTH LOGIN\nS: 334 a\nC: …\nS: 235 half"),
        (
            &word,
            "LOGIN",
            "C: AUTH LOGIN\nS: 334 a\nC: …\nS: 334 b\nC: …\nS: 334 c",
        ),
        (&word, "LOGIN", "C: AUTH LOGIN\nS: 334 a\nS: 334 b"),
        (&bearer, "XOAUTH2", &twice),
        (&bearer, "XOAUTH2", &taken),
        (&bearer, "XOAUTH2", "C: AUTH…\nS: 334 \nC: …\nS: 334 "),
    ] {
        let offers = format!("S: 250 AUTH {offers}");
        let (session, mut server) = log_in_as(credentials, &target(), &offers, script).await;
        protocol(&session.err().unwrap(), Stage::Auth);
        let rest = String::from_utf8(server.rest().await).unwrap();
        assert!(rest.is_empty(), "{script}: {rest}");
    }
    let (session, _) = log_in("S: 250 AUTH LOGIN", "C: AUTH LOGIN\nS: 334 a\nC: …\nCLOSE").await;
    let error = session.err().unwrap();
    assert!(matches!(error.trouble, Trouble::Closed), "{error}");
    assert_eq!(error.stage, Stage::Auth);
}

/// B36: whatever stream it is, `tls = "none"` is for this machine.
#[tokio::test(start_paused = true)]
async fn nothing_that_logs_in_goes_out_unencrypted() {
    for (credentials, word) in [(credentials(), "password"), (token("ada", "t"), "token")] {
        for host in ["mx.example.org", "192.0.2.1", "localhost.example.org"] {
            let target = Target {
                host: host.to_owned(),
                ..target()
            };
            let (stream, server) = serve("S: 220 hi\nEND");
            let began = Session::begin(stream, &target, Some(&credentials)).await;
            let text = missing(&began.err().unwrap());
            assert!(text.contains(&format!("the {word} would travel")), "{text}");
            server.await.unwrap();
        }
    }
    for host in ["127.0.0.1", "::1", "localhost"] {
        let target = Target {
            host: host.to_owned(),
            ..target()
        };
        let script = "C: AUTH…\nS: 235 ok";
        let (began, _) = log_in_as(&credentials(), &target, "S: 250 AUTH PLAIN", script).await;
        assert!(began.is_ok(), "{host}: {:?}", began.err());
    }
}
