//! Faults of sockets, over real ones on loopback. A deadline is short only where it has to pass:
//! that a server which answers does so in time, no test relies on.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use postroom::smtp::{Deadlines, Resolver, Session, SmtpError, Stage, Target, Trouble, connect};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::task::JoinHandle;

use super::{TO_354, offer, ready};
use crate::world::office::until;
use crate::world::script::{GREETING, Server, target};
use crate::world::skip::skip;

const SHORT: Duration = Duration::from_millis(200);
/// More than all the buffers of a connection take.
const LARGE: usize = 48 << 20;

async fn listener() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

/// A host with these addresses, in this order.
fn host(addresses: &[SocketAddr]) -> Target {
    let addresses = addresses.to_vec();
    let look_up = move |_, _| -> std::pin::Pin<Box<dyn Future<Output = _> + Send>> {
        let addresses = addresses.clone();
        Box::pin(async move { Ok(addresses) })
    };
    Target {
        host: "mx.example.org".to_owned(),
        resolver: Resolver::new(look_up),
        ..target()
    }
}

fn within(target: &Target, change: impl FnOnce(&mut Deadlines)) -> Target {
    let mut target = target.clone();
    change(&mut target.deadlines);
    target
}

/// The kernel answers at once, or never.
fn dialled_in_haste(addresses: &[SocketAddr]) -> Target {
    within(&host(addresses), |it| it.connect = SHORT)
}

/// An address that nobody listens at.
async fn free() -> SocketAddr {
    listener().await.1
}

/// An address that takes no connection and does not say so: its queue is full.
struct Blackhole {
    address: SocketAddr,
    listener: TcpListener,
    full: TcpStream,
}

impl Blackhole {
    async fn new() -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind((Ipv4Addr::LOCALHOST, 0).into()).unwrap();
        let listener = socket.listen(0).unwrap();
        let address = listener.local_addr().unwrap();
        let full = TcpStream::connect(address).await.unwrap();
        Self {
            address,
            listener,
            full,
        }
    }

    /// Its server comes back.
    async fn open(self) -> Greeter {
        self.listener.accept().await.unwrap();
        drop(self.full);
        Greeter::at(self.listener)
    }
}

/// Greets everybody, up to EHLO, and counts them.
struct Greeter {
    address: SocketAddr,
    count: Arc<AtomicUsize>,
    serving: JoinHandle<()>,
}

impl Greeter {
    async fn new() -> Self {
        Self::at(listener().await.0)
    }

    fn at(listener: TcpListener) -> Self {
        let address = listener.local_addr().unwrap();
        let count = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&count);
        let serving = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                counted.fetch_add(1, Ordering::SeqCst);
                let mut server = Server::new(stream);
                server.play(&format!("{GREETING}S: 250 HELP")).await;
                tokio::spawn(async move { server.rest().await });
            }
        });
        Self {
            address,
            count,
            serving,
        }
    }

    fn count(&self) -> usize {
        self.count.load(Ordering::SeqCst)
    }

    /// From now on connections are refused.
    async fn end(self) {
        self.serving.abort();
        let _ = self.serving.await;
    }
}

/// A session at 354 over loopback, and the server's end of it.
async fn at_354(change: impl FnOnce(&mut Deadlines)) -> (Session, JoinHandle<TcpStream>) {
    let (listener, address) = listener().await;
    let serving = tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        let stream = stream.into_std().unwrap();
        let spoken = TcpStream::from_std(stream.try_clone().unwrap()).unwrap();
        let script = format!("{GREETING}S: 250 PIPELINING\n{TO_354}");
        Server::new(spoken).play(&script).await;
        TcpStream::from_std(stream).unwrap()
    });
    let target = within(&host(&[address]), change);
    let mut session = connect(&target, None).await.unwrap();
    ready(offer(&mut session).await);
    (session, serving)
}

async fn error_of(target: &Target) -> SmtpError {
    connect(target, None).await.err().unwrap()
}

/// B1: what a resolver may say, and it has fifteen seconds to say it.
#[tokio::test(start_paused = true)]
async fn a_name_that_is_not_found_is_told_with_its_reason() {
    let says = |said: Result<Vec<SocketAddr>, &'static str>| {
        let look_up =
            move |name: String, port| -> std::pin::Pin<Box<dyn Future<Output = _> + Send>> {
                assert_eq!((name.as_str(), port), ("mx.example.org", 25));
                let said = said.clone().map_err(std::io::Error::other);
                Box::pin(async move { said })
            };
        Target {
            resolver: Resolver::new(look_up),
            ..host(&[])
        }
    };
    let silent = Resolver::new(|_, _| Box::pin(std::future::pending()));
    let silent = Target {
        resolver: silent,
        ..host(&[])
    };
    for (target, told) in [
        (says(Err("NXDOMAIN")), "NXDOMAIN"),
        (says(Ok(Vec::new())), "it has no address"),
        (silent, "no answer from DNS within 15 s"),
    ] {
        let began = tokio::time::Instant::now();
        let error = error_of(&target).await;
        assert_eq!(error.stage, Stage::Connect);
        assert!(matches!(error.trouble, Trouble::Resolve(_)), "{error:?}");
        assert_eq!(
            error.to_string(),
            format!("cannot find mx.example.org: {told}")
        );
        assert!(began.elapsed() <= Duration::from_secs(15));
        assert!(!error.in_doubt);
    }
}

/// B1: the operating system's resolver; a label of 64 letters needs nobody to be asked.
#[tokio::test]
async fn a_name_that_cannot_exist_is_not_found() {
    let target = Target {
        host: format!("{}.example.org", "x".repeat(64)),
        ..target()
    };
    let error = error_of(&target).await;
    assert!(matches!(error.trouble, Trouble::Resolve(_)), "{error:?}");
}

/// B2: an address that swallows everything has thirty seconds.
#[tokio::test(start_paused = true)]
async fn an_address_that_never_answers_is_given_up() {
    let hole = Blackhole::new().await;
    let began = tokio::time::Instant::now();
    let error = error_of(&host(&[hole.address])).await;
    assert_eq!(began.elapsed().as_secs(), 30);
    assert!(matches!(error.trouble, Trouble::Connect(_)), "{error:?}");
    let told = error.to_string();
    assert!(told.ends_with("127.0.0.1: no answer within 30 s"), "{told}");
}

/// B2: the kernel says at once that there is no way to a broadcast address by TCP.
#[tokio::test]
async fn an_address_without_a_route_is_told_as_such() {
    let nowhere = SocketAddr::from((Ipv4Addr::BROADCAST, 25));
    let told = error_of(&host(&[nowhere])).await.to_string();
    assert!(told.ends_with("there is no route to it"), "{told}");
}

/// B2, B42: refused, swallowed, there at last: each address once, and all are told if none is.
#[tokio::test]
async fn the_next_address_is_tried_when_one_is_dead() {
    let hole = Blackhole::new().await;
    let alive = Greeter::new().await;
    let refused = free().await;
    let target = dialled_in_haste(&[refused, hole.address, alive.address]);
    let session = connect(&target, None).await;
    assert!(session.is_ok(), "{:?}", session.err());
    assert_eq!(alive.count(), 1);
    let told = error_of(&dialled_in_haste(&[refused, hole.address])).await;
    let told = told.to_string();
    assert!(
        told.contains("(connection refused); 127.0.0.1: no answer within"),
        "{told}"
    );
}

/// B42: a dead address costs its time once, for all clones of an account's target, and is used
/// again when the others are dead.
#[tokio::test]
async fn a_dead_address_is_not_waited_for_again() {
    let hole = Blackhole::new().await;
    let alive = Greeter::new().await;
    let target = dialled_in_haste(&[hole.address, alive.address]);
    assert!(connect(&target, None).await.is_ok());
    assert_eq!(alive.count(), 1);
    let back = hole.open().await;
    for _ in 0..2 {
        assert!(connect(&target.clone(), None).await.is_ok());
    }
    assert_eq!((alive.count(), back.count()), (3, 0));
    alive.end().await;
    for _ in 0..2 {
        assert!(connect(&target, None).await.is_ok());
    }
    assert_eq!(back.count(), 2);
}

/// B42: somebody takes the connection, and no mail server is behind: the next time it is another
/// address's turn.
#[tokio::test]
async fn an_address_that_never_greets_makes_way_for_the_next_one() {
    let (_silent, quiet) = listener().await;
    let alive = Greeter::new().await;
    let target = host(&[quiet, alive.address]);
    let error = error_of(&within(&target, |it| it.greeting = SHORT)).await;
    assert_eq!(error.stage, Stage::Greeting, "{error}");
    for _ in 0..2 {
        assert!(connect(&target, None).await.is_ok());
    }
    assert_eq!(alive.count(), 2);
}

/// B42: a host that has an IPv6 address only, named or written out.
#[tokio::test]
async fn a_host_may_have_an_ipv6_address_only() {
    let Ok(listener) = TcpListener::bind((Ipv6Addr::LOCALHOST, 0)).await else {
        return skip("there is no IPv6", "a server at ::1 was not spoken to");
    };
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let mut server = Server::new(stream);
            server.play(&format!("{GREETING}S: 250 HELP")).await;
        }
    });
    let written_out = Target {
        host: "::1".to_owned(),
        port: address.port(),
        ..target()
    };
    for target in [host(&[address]), written_out] {
        let session = connect(&target, None).await;
        assert!(session.is_ok(), "{:?}", session.err());
    }
}

/// B3: it takes the connection and says nothing.
#[tokio::test]
async fn a_server_that_says_nothing_is_given_up() {
    let (_silent, quiet) = listener().await;
    let error = error_of(&within(&host(&[quiet]), |it| it.greeting = SHORT)).await;
    assert_eq!(error.stage, Stage::Greeting);
    assert!(
        matches!(error.trouble, Trouble::Timeout(SHORT)),
        "{error:?}"
    );
}

/// B4: closed or reset instead of a greeting.
#[tokio::test]
async fn a_connection_that_ends_before_the_greeting_is_told_as_such() {
    for reset in [true, false] {
        let (listener, address) = listener().await;
        tokio::spawn(async move {
            let (stream, _) = listener.accept().await.unwrap();
            if reset {
                stream.set_zero_linger().unwrap();
            }
        });
        let error = error_of(&host(&[address])).await;
        assert_eq!(error.stage, Stage::Greeting, "{error}");
        let ended = matches!(error.trouble, Trouble::Closed | Trouble::Io(_));
        assert!(ended && !error.in_doubt, "{error:?}");
    }
}

/// What a server does to a connection.
#[derive(Clone, Copy, Debug)]
enum End {
    /// RST.
    Reset,
    /// FIN; it reads on no more.
    HalfClose,
    /// It stays, and does nothing.
    Silence,
}

impl End {
    /// Silence has to be waited for.
    fn shorten(self, deadline: &mut Duration) {
        if matches!(self, Self::Silence) {
            *deadline = SHORT;
        }
    }

    async fn befall(self, mut stream: TcpStream) -> Option<TcpStream> {
        match self {
            Self::Reset => {
                stream.set_zero_linger().unwrap();
                None
            }
            Self::HalfClose => {
                stream.shutdown().await.unwrap();
                Some(stream)
            }
            Self::Silence => Some(stream),
        }
    }
}

/// B17, B18: however the body stops, the dot never left.
#[tokio::test]
async fn a_body_that_stops_in_the_middle_was_certainly_not_sent() {
    let body = vec![b'x'; LARGE];
    for end in [End::Reset, End::HalfClose, End::Silence] {
        let (mut session, serving) = at_354(|it| end.shorten(&mut it.body)).await;
        let server = tokio::spawn(async move {
            let mut stream = serving.await.unwrap();
            stream.read_exact(&mut [0; 1000]).await.unwrap();
            end.befall(stream).await
        });
        let error = session.send(&body, None).await.unwrap_err();
        assert_eq!(error.stage, Stage::Body, "{end:?}: {error}");
        assert!(!error.in_doubt, "{end:?}: {error}");
        let as_it_was = match end {
            End::Reset => matches!(error.trouble, Trouble::Io(_) | Trouble::Closed),
            End::HalfClose => matches!(error.trouble, Trouble::Closed),
            End::Silence => matches!(error.trouble, Trouble::Timeout(SHORT)),
        };
        assert!(as_it_was, "{end:?}: {error:?}");
        assert!(!session.is_alive());
        drop(server.await.unwrap());
    }
}

/// B18: a refusal that waits in the socket is heard, although the connection was reset behind it.
#[tokio::test]
async fn a_refusal_before_a_reset_is_honoured() {
    let body = vec![b'x'; LARGE];
    let (mut session, serving) = at_354(|_| ()).await;
    tokio::spawn(async move {
        let mut stream = serving.await.unwrap();
        stream.read_exact(&mut [0; 1000]).await.unwrap();
        stream.write_all(b"552 5.3.4 too large\r\n").await.unwrap();
        // Closed with bytes that were not read: the kernel resets it.
    });
    let error = session.send(&body, None).await.unwrap_err();
    assert_eq!(error.reply().map(|reply| reply.code), Some(552), "{error}");
    assert!(!error.in_doubt);
}

async fn until_the_dot(stream: &mut TcpStream) {
    let mut heard = Vec::new();
    while !heard.ends_with(b"\r\n.\r\n") {
        heard.push(stream.read_u8().await.unwrap());
    }
}

/// B19: nobody knows.
#[tokio::test]
async fn an_end_after_the_dot_leaves_it_in_doubt() {
    for end in [End::Reset, End::HalfClose, End::Silence] {
        let (mut session, serving) = at_354(|it| end.shorten(&mut it.dot)).await;
        let server = tokio::spawn(async move {
            let mut stream = serving.await.unwrap();
            until_the_dot(&mut stream).await;
            end.befall(stream).await
        });
        let error = session
            .send(b"Hi: 1\r\n\r\nHi\r\n", None)
            .await
            .unwrap_err();
        assert_eq!(error.stage, Stage::Dot, "{end:?}: {error}");
        assert!(error.in_doubt && !session.is_alive(), "{end:?}: {error}");
        drop(server.await.unwrap());
    }
}

/// B21: its answer arrived before its end did.
#[tokio::test]
async fn a_250_before_a_reset_is_acceptance() {
    for end in [End::Reset, End::HalfClose] {
        let (mut session, serving) = at_354(|_| ()).await;
        tokio::spawn(async move {
            let mut stream = serving.await.unwrap();
            until_the_dot(&mut stream).await;
            stream.write_all(b"250 2.0.0 taken\r\n").await.unwrap();
            end.befall(stream).await
        });
        let reply = session.send(b"Hi: 1\r\n\r\nHi\r\n", None).await.unwrap();
        assert_eq!(reply.code, 250, "{end:?}");
    }
}

/// B22: seen before it is used.
#[tokio::test]
async fn an_idle_connection_that_ended_is_dead() {
    for (end, goodbye) in [
        (End::Reset, false),
        (End::HalfClose, false),
        (End::Silence, true),
    ] {
        let (mut session, serving) = at_354(|_| ()).await;
        let server = tokio::spawn(async move {
            let mut stream = serving.await.unwrap();
            until_the_dot(&mut stream).await;
            stream.write_all(b"250 2.0.0 taken\r\n").await.unwrap();
            stream
        });
        session.send(b"Hi: 1\r\n\r\nHi\r\n", None).await.unwrap();
        let mut stream = server.await.unwrap();
        assert!(session.is_alive());
        if goodbye {
            stream.write_all(b"421 4.4.2 idle\r\n").await.unwrap();
        }
        let _stream = end.befall(stream).await;
        until("its end is seen", || !session.is_alive()).await;
        let error = offer(&mut session).await.unwrap_err();
        assert!(!error.in_doubt, "{error}");
    }
}

/// B16: the answer that comes after our deadline is nobody's.
#[tokio::test]
async fn an_answer_after_the_deadline_is_taken_for_nothing() {
    let (mut session, serving) = at_354(|it| it.dot = SHORT).await;
    let error = session
        .send(b"Hi: 1\r\n\r\nHi\r\n", None)
        .await
        .unwrap_err();
    assert!(error.in_doubt && matches!(error.trouble, Trouble::Timeout(SHORT)));
    let mut stream = serving.await.unwrap();
    stream
        .write_all(b"250 2.0.0 taken\r\n250 ok\r\n250 ok\r\n354 go\r\n")
        .await
        .unwrap();
    assert!(!session.is_alive());
    assert!(offer(&mut session).await.is_err());
    assert!(session.send(b"Hi: 2\r\n\r\nHi\r\n", None).await.is_err());
    drop(session);
    let mut heard = Vec::new();
    let _ = stream.read_to_end(&mut heard).await;
    let heard = String::from_utf8(heard).unwrap();
    assert!(
        heard.ends_with("\r\n.\r\n") && !heard.contains("Hi: 2"),
        "{heard}"
    );
}
