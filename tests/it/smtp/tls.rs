//! TLS that is not what it should be: nothing goes out, and nothing is taken for said.

use std::sync::{Arc, Mutex};

use postroom::config::Tls;
use postroom::smtp::{Session, SmtpError, Stage, Target, TlsClient, Trouble};
use rcgen::{CertificateParams, date_time_ymd};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

use super::{TO_354, offer, ready};
use crate::world::authority::Authority;
use crate::world::script::{GREETING, Server, credentials, serve, target};

fn to(client: TlsClient, tls: Tls) -> Target {
    Target {
        client,
        tls,
        ..target()
    }
}

async fn begin(target: &Target, stream: DuplexStream) -> Result<Session, SmtpError> {
    Session::begin(Box::new(stream), target, Some(&credentials())).await
}

/// Plays `script` under TLS at the far end of a pipe; gives back what was there of TLS.
fn served(
    acceptor: TlsAcceptor,
    script: String,
) -> (DuplexStream, JoinHandle<Result<Server, std::io::Error>>) {
    let (ours, theirs) = duplex(1 << 20);
    let server = tokio::spawn(async move {
        let mut server = Server::new(acceptor.accept(theirs).await?);
        server.play(&script).await;
        Ok(server)
    });
    (ours, server)
}

const LOGIN: &str = "S: 250-PIPELINING\nS: 250 AUTH PLAIN\nC: AUTH PLAIN…\nS: 235 welcome\n";

/// B34: who it is not is told, and the password stays here.
#[tokio::test(start_paused = true)]
async fn a_server_that_cannot_be_verified_hears_no_password() {
    let (ours, stranger) = (Authority::new(), Authority::new());
    let other_name = |it: &mut CertificateParams| {
        *it = CertificateParams::new(vec!["mx.example.org".to_owned()]).unwrap();
    };
    let cases = [
        (
            ours.server_with(|it| it.not_after = date_time_ymd(2020, 1, 1)),
            "has expired",
        ),
        (
            ours.server_with(|it| it.not_before = date_time_ymd(2200, 1, 1)),
            "is not valid yet",
        ),
        (ours.server_with(other_name), "is for another name"),
        (stranger.server(), "is not signed by an authority"),
    ];
    for (acceptor, reason) in cases {
        let (stream, server) = served(acceptor, format!("{GREETING}{LOGIN}"));
        let error = begin(&to(ours.client(), Tls::Implicit), stream).await;
        let error = error.err().unwrap();
        assert_eq!(error.stage, Stage::Tls);
        let told = error.to_string();
        let server_named = "the certificate of localhost:25 ";
        assert!(
            told.starts_with(server_named) && told.contains(reason),
            "{told}"
        );
        assert!(server.await.unwrap().is_err(), "the handshake was ended");
    }
    let (stream, server) = served(ours.server(), format!("{GREETING}{LOGIN}"));
    let session = begin(&to(ours.client(), Tls::Implicit), stream).await;
    assert!(session.is_ok(), "{:?}", session.err());
    assert!(server.await.unwrap().is_ok());
}

/// What a server says that has no TLS newer than 1.1, or no cipher that we use: an alert, or a
/// hello of its own.
fn of_old() -> [(&'static str, Vec<u8>); 4] {
    let mut hello = vec![
        0x16, 0x03, 0x02, 0x00, 0x2a, 0x02, 0x00, 0x00, 0x26, 0x03, 0x02,
    ];
    hello.extend([7; 32]); // random
    hello.extend([0x00, 0x00, 0x2f, 0x00]); // no session, RSA with AES-128 and SHA-1
    let mut older = hello.clone();
    (older[2], older[10]) = (0x01, 0x01);
    [
        (
            "protocol_version",
            vec![0x15, 0x03, 0x02, 0x00, 0x02, 0x02, 0x46],
        ),
        (
            "handshake_failure",
            vec![0x15, 0x03, 0x03, 0x00, 0x02, 0x02, 0x28],
        ),
        ("TLS 1.1", hello),
        ("TLS 1.0", older),
    ]
}

/// B35: TLS 1.2 at least.
#[tokio::test(start_paused = true)]
async fn a_server_with_nothing_better_than_tls_1_1_is_refused() {
    for (what, says) in of_old() {
        let (ours, mut theirs) = duplex(1 << 16);
        let server = tokio::spawn(async move {
            theirs.read_exact(&mut [0; 5]).await.unwrap();
            theirs.write_all(&says).await.unwrap();
            let mut rest = Vec::new();
            let _ = theirs.read_to_end(&mut rest).await;
        });
        let error = begin(&to(Authority::new().client(), Tls::Implicit), ours).await;
        let error = error.err().unwrap();
        assert_eq!(error.stage, Stage::Tls);
        assert!(matches!(error.trouble, Trouble::Tls(_)), "{error:?}");
        let told = error.to_string();
        assert!(told.contains("no TLS 1.2 or newer"), "{what}: {told}");
        server.await.unwrap();
    }
}

/// B35: thirty seconds, from the first byte and after a STARTTLS.
#[tokio::test(start_paused = true)]
async fn a_handshake_that_stalls_has_thirty_seconds() {
    let stalls = format!("{GREETING}S: 250 STARTTLS\nC: STARTTLS\nS: 220 go");
    for (tls, script) in [(Tls::Implicit, String::new()), (Tls::Starttls, stalls)] {
        let (stream, server) = serve(script);
        let began = tokio::time::Instant::now();
        let target = to(Authority::new().client(), tls);
        let error = Session::begin(stream, &target, None).await.err().unwrap();
        assert_eq!(error.stage, Stage::Tls);
        assert!(matches!(error.trouble, Trouble::Timeout(_)), "{error}");
        assert_eq!(began.elapsed().as_secs(), 30);
        drop(server);
    }
}

/// B35: the end of TCP without TLS's own is an end in the middle: what was said of a reply is none.
#[tokio::test(start_paused = true)]
async fn a_reply_that_is_cut_off_under_tls_is_none() {
    let authority = Authority::new();
    let target = to(authority.client(), Tls::Implicit);
    for half in ["2", "250", "250-2.0.0 ok\r\n"] {
        let script = format!("{GREETING}{LOGIN}{TO_354}BODY");
        let (stream, server) = served(authority.server(), script);
        let mut session = begin(&target, stream).await.unwrap();
        ready(offer(&mut session).await);
        let cut = tokio::spawn(async move {
            let mut server = server.await.unwrap().unwrap();
            server.say(half.as_bytes()).await;
            let mut stream = server.into_stream();
            stream.flush().await.unwrap(); // dropped without close_notify
        });
        let error = session
            .send(b"Hi: 1\r\n\r\nHi\r\n", None)
            .await
            .unwrap_err();
        assert!(matches!(error.trouble, Trouble::Closed), "{error:?}");
        assert!(
            error.in_doubt && error.stage == Stage::Dot,
            "{half}: {error}"
        );
        cut.await.unwrap();
    }
}

/// Plays `before` in the clear, then `after` under TLS.
fn started(
    acceptor: TlsAcceptor,
    before: String,
    after: String,
) -> (DuplexStream, JoinHandle<Server>) {
    let (ours, theirs) = duplex(1 << 20);
    let server = tokio::spawn(async move {
        let mut server = Server::new(theirs);
        server.play(&before).await;
        let stream = acceptor.accept(server.into_stream()).await.unwrap();
        let mut server = Server::new(stream);
        server.play(&after).await;
        server
    });
    (ours, server)
}

/// B32, B38: only what was said under TLS counts, be it more or less than before.
#[tokio::test(start_paused = true)]
async fn offers_from_before_the_encryption_are_forgotten() {
    let authority = Authority::new();
    let target = to(authority.client(), Tls::Starttls);
    let poisoned = "S: 250-PIPELINING\nS: 250-SIZE 1\nS: 250-LIMITS MAILMAX=1\nS: 250-DSN
        S: 250-AUTH XOAUTH2\nS: 250 STARTTLS\nC: STARTTLS\nS: 220 go";
    let plain = "S: 250 STARTTLS\nC: STARTTLS\nS: 220 go";
    for before in [poisoned, plain] {
        let under_tls = "C: EHLO client.example.org\nS: 250-mx\nS: 250-SMTPUTF8\nS: 250 AUTH PLAIN
            C: AUTH PLAIN…\nS: 235 welcome";
        let before = format!("{GREETING}{before}");
        let (stream, server) = started(authority.server(), before, under_tls.to_owned());
        let session = begin(&target, stream).await.unwrap();
        let offers = session.capabilities();
        assert!(offers.smtputf8 && offers.has_mechanism("PLAIN"));
        assert!(
            !offers.pipelining && !offers.dsn && !offers.starttls,
            "{offers:?}"
        );
        assert_eq!((offers.size, offers.mail_max), (None, None));
        assert!(!offers.has_mechanism("XOAUTH2"));
        server.await.unwrap();
    }
}

/// B38: a login that was offered in the clear only is none.
#[tokio::test(start_paused = true)]
async fn a_login_that_is_not_offered_under_tls_is_not_tried() {
    let authority = Authority::new();
    let before = format!("{GREETING}S: 250-AUTH PLAIN\nS: 250 STARTTLS\nC: STARTTLS\nS: 220 go");
    let after = "C: EHLO client.example.org\nS: 250 mx".to_owned();
    let (stream, server) = started(authority.server(), before, after);
    let error = begin(&to(authority.client(), Tls::Starttls), stream).await;
    let error = error.err().unwrap();
    assert!(matches!(error.trouble, Trouble::Missing(_)), "{error:?}");
    assert!(server.await.unwrap().rest().await.is_empty());
}

/// B39: a certificate that was renewed while a run was under way; tickets of the old one are of no
/// use, and do no harm.
#[tokio::test(start_paused = true)]
async fn a_server_may_show_another_good_certificate() {
    let authority = Authority::new();
    let target = to(authority.client(), Tls::Implicit);
    let (old, new) = (authority.server(), authority.server());
    for acceptor in [old.clone(), old, new.clone(), new] {
        let (stream, server) = served(acceptor, format!("{GREETING}{LOGIN}"));
        let session = begin(&target, stream).await;
        assert!(session.is_ok(), "{:?}", session.err());
        assert!(server.await.unwrap().is_ok());
    }
}

/// B42: which of its names we mean, for a server that has several.
#[tokio::test(start_paused = true)]
async fn the_server_is_told_which_host_is_meant() {
    let authority = Authority::new();
    let acceptor = authority.server();
    let (ours, theirs) = duplex(1 << 16);
    let named = Arc::new(Mutex::new(None));
    let heard = Arc::clone(&named);
    tokio::spawn(async move {
        let stream = acceptor.accept(theirs).await.unwrap();
        *heard.lock().unwrap() = stream.get_ref().1.server_name().map(str::to_owned);
        Server::new(stream)
            .play(&format!("{GREETING}{LOGIN}"))
            .await;
    });
    begin(&to(authority.client(), Tls::Implicit), ours)
        .await
        .unwrap();
    assert_eq!(named.lock().unwrap().as_deref(), Some("localhost"));
}

/// B4: a port that speaks before TLS is set up as one that does not, and the other way round.
#[tokio::test(start_paused = true)]
async fn the_wrong_kind_of_tls_for_a_port_is_named() {
    let authority = Authority::new();
    let (stream, _server) = serve("S: 220 mx.example.org ESMTP, in the clear");
    let target = to(authority.client(), Tls::Implicit);
    let error = Session::begin(stream, &target, None).await.err().unwrap();
    assert_eq!(error.stage, Stage::Tls);
    assert!(
        error.to_string().contains("set `tls = \"starttls\"`"),
        "{error}"
    );

    // It waits for our hello, we wait for its greeting.
    for tls in [Tls::Starttls, Tls::None] {
        let (stream, server) = served(authority.server(), String::new());
        let target = to(authority.client(), tls);
        let error = Session::begin(Box::new(stream), &target, None).await;
        let error = error.err().unwrap();
        assert!(matches!(error.trouble, Trouble::Timeout(_)), "{error:?}");
        assert!(
            error.to_string().contains("`tls = \"implicit\"`"),
            "{error}"
        );
        assert!(server.await.unwrap().is_err());
    }

    // Under TLS it is something else.
    for script in ["S: hello", "WAIT 61"] {
        let (stream, _server) = served(authority.server(), script.to_owned());
        let target = to(authority.client(), Tls::Implicit);
        let error = Session::begin(Box::new(stream), &target, None).await;
        let told = error.err().unwrap().to_string();
        assert!(
            told.contains("greeting") && !told.contains("`tls"),
            "{told}"
        );
    }
}
