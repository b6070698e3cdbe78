//! From a host's name to a connection: which addresses it has, and which of them answers.
//!
//! An address that could not be had is tried after all others from then on, until it is had again:
//! it costs its thirty seconds once, and not with every new connection.

use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard};

use tokio::net::{TcpStream, lookup_host};
use tokio::time::timeout;

use super::{SmtpError, Stage, Stream, Target, Trouble};

type Found = Pin<Box<dyn Future<Output = io::Result<Vec<SocketAddr>>> + Send>>;
type LookUp = dyn Fn(String, u16) -> Found + Send + Sync;
type Reached = Pin<Box<dyn Future<Output = io::Result<Box<dyn Stream>>> + Send>>;
type Reach = dyn Fn(SocketAddr) -> Reached + Send + Sync;

/// Finds the addresses of hosts, reaches them, and remembers which of them were dead. Clones share
/// that.
#[derive(Clone)]
pub struct Resolver {
    look_up: Arc<LookUp>,
    reach: Arc<Reach>,
    /// The one that failed last is at the end.
    dead: Arc<Mutex<Vec<SocketAddr>>>,
}

impl Default for Resolver {
    /// Asks the operating system.
    fn default() -> Self {
        Self::new(|host, port| {
            Box::pin(async move { Ok(lookup_host((host, port)).await?.collect()) })
        })
    }
}

impl fmt::Debug for Resolver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Resolver")
            .field("dead", &self.dead)
            .finish_non_exhaustive()
    }
}

impl Resolver {
    /// Asks `look_up`, which gives the addresses of a host for a port, the best one first.
    #[must_use]
    pub fn new(look_up: impl Fn(String, u16) -> Found + Send + Sync + 'static) -> Self {
        Self {
            look_up: Arc::new(look_up),
            reach: Arc::new(|address| Box::pin(tcp(address))),
            dead: Arc::default(),
        }
    }

    /// The same, but `reach` gives the stream to an address instead of TCP: a pipe in a simulation.
    #[must_use]
    pub fn reaching(self, reach: impl Fn(SocketAddr) -> Reached + Send + Sync + 'static) -> Self {
        Self {
            reach: Arc::new(reach),
            ..self
        }
    }

    fn dead(&self) -> MutexGuard<'_, Vec<SocketAddr>> {
        self.dead.lock().expect("no holder of this lock panics")
    }

    /// Nobody spoke SMTP there.
    pub(super) fn failed(&self, address: SocketAddr) {
        let mut dead = self.dead();
        dead.retain(|known| *known != address);
        dead.push(address);
    }

    pub(super) fn works(&self, address: SocketAddr) {
        self.dead().retain(|known| *known != address);
    }

    /// The living first, in the order they are given in; of the dead the one that died last, last.
    fn order(&self, addresses: &mut [SocketAddr]) {
        let mut dead = self.dead();
        dead.retain(|known| addresses.contains(known)); // names move on to other addresses
        addresses.sort_by_key(|it| dead.iter().position(|known| known == it).map(|at| at + 1));
    }
}

/// The addresses of the target's host, in the order to try them.
pub(super) async fn resolve(target: &Target) -> Result<Vec<SocketAddr>, SmtpError> {
    let fault = |why: String| {
        let text = format!("cannot find {}: {why}", target.host);
        SmtpError::new(Stage::Connect, Trouble::Resolve(text))
    };
    let within = target.deadlines.resolve;
    let looking = (target.resolver.look_up)(target.host.clone(), target.port);
    match timeout(within, looking).await {
        Ok(Ok(addresses)) if addresses.is_empty() => Err(fault("it has no address".to_owned())),
        Ok(Ok(mut addresses)) => {
            target.resolver.order(&mut addresses);
            Ok(addresses)
        }
        Ok(Err(error)) => Err(fault(error.to_string())),
        Err(_) => Err(fault(format!(
            "no answer from DNS within {} s",
            within.as_secs()
        ))),
    }
}

async fn tcp(address: SocketAddr) -> io::Result<Box<dyn Stream>> {
    let stream = TcpStream::connect(address).await?;
    // Without it a body waits 40 ms for the ACK of the packet before.
    let _ = stream.set_nodelay(true);
    Ok(Box::new(stream))
}

/// Tries one address after the other, and says which one it is.
pub(super) async fn dial(
    target: &Target,
    addresses: &[SocketAddr],
) -> Result<(Box<dyn Stream>, SocketAddr), SmtpError> {
    let mut faults = Vec::new();
    for address in addresses {
        let within = target.deadlines.connect;
        match timeout(within, (target.resolver.reach)(*address)).await {
            Ok(Ok(stream)) => return Ok((stream, *address)),
            Ok(Err(error)) => faults.push((address.ip(), plain(&error))),
            Err(_) => {
                let fault = format!("no answer within {} s", within.as_secs());
                faults.push((address.ip(), fault));
            }
        }
        target.resolver.failed(*address);
    }
    let (host, port) = (&target.host, target.port);
    let faults: Vec<_> = faults
        .into_iter()
        .map(|(ip, fault)| match host.parse::<IpAddr>() {
            Ok(_) => fault, // the host is the address
            Err(_) => format!("{ip}: {fault}"),
        })
        .collect();
    let text = format!("cannot connect to {host}:{port}: {}", faults.join("; "));
    Err(SmtpError::new(Stage::Connect, Trouble::Connect(text)))
}

fn plain(error: &io::Error) -> String {
    use std::io::ErrorKind::{ConnectionRefused, HostUnreachable, NetworkUnreachable};
    match error.kind() {
        ConnectionRefused => "nobody listens there (connection refused)".to_owned(),
        HostUnreachable | NetworkUnreachable => "there is no route to it".to_owned(),
        _ => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_dead_are_tried_last_until_they_live_again() {
        let resolver = Resolver::default();
        let all: Vec<SocketAddr> = ["[::1]:25", "127.0.0.1:25", "127.0.0.2:25"]
            .map(|it| it.parse().unwrap())
            .into();
        let order = |resolver: &Resolver| {
            let mut order = all.clone();
            resolver.order(&mut order);
            let place = |it: &SocketAddr| all.iter().position(|known| known == it).unwrap();
            order.iter().map(place).collect::<Vec<_>>()
        };
        assert_eq!(order(&resolver), [0, 1, 2]);
        resolver.failed(all[0]);
        assert_eq!(order(&resolver), [1, 2, 0]);
        resolver.failed(all[1]);
        assert_eq!(order(&resolver), [2, 0, 1]);
        resolver.failed(all[0]);
        assert_eq!(order(&resolver), [2, 1, 0]);
        resolver.works(all[1]);
        assert_eq!(order(&resolver), [1, 2, 0]);
        // A name that has moved away is forgotten with its addresses.
        resolver.order(&mut all.clone()[1..]);
        assert_eq!(order(&resolver), [0, 1, 2]);
    }
}
