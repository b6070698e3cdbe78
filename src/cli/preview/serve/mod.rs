//! The page of `preview --serve`, and of `sandbox --serve`: templates and caught mail in a browser.
//!
//! It listens on loopback addresses only, answers only whom it meant to (`guard.rs`), sends nothing
//! and writes nothing. Programs of the configuration run when somebody presses the button for it.
//!
//! ```text
//! shelf    what there is: the configuration, as far as it can be read, and every template
//! sample   whom a template can be shown for: rows of lists, of sample files
//! making   the message of a template to one of them
//! view     one message with all that the page shows of it; album: those shown last
//! frame    its HTML as a document that can do nothing, in light or dark
//! caught   the mail that a sandbox keeps
//! desk     all of it together; watch: what was saved; events: telling the page
//! routes   HTTP
//! ```

mod album;
mod caught;
mod desk;
mod events;
mod fault;
mod frame;
mod guard;
mod making;
mod routes;
mod sample;
mod shelf;
mod view;
mod watch;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::JoinSet;

use super::super::exit::{self, Exit};
use super::super::out::{Out, bold};
use super::super::{Cli, Trouble, runtime};
use crate::config;
use crate::program;
pub(in crate::cli) use caught::REFUSALS;
use desk::Desk;

/// Where it is, unless somebody says otherwise.
pub(in crate::cli) const USUAL: &str = "127.0.0.1:7979";

/// How long the end waits for a list that is being read.
const AT_LAST: Duration = Duration::from_secs(1);

/// The page, while it is served.
pub(in crate::cli) struct Page {
    address: SocketAddr,
    /// Ended when this is dropped.
    _tasks: JoinSet<()>,
}

impl Page {
    /// Serves a page of these templates (none without a configuration) and that caught mail.
    ///
    /// # Errors
    /// The address cannot be had.
    pub(in crate::cli) async fn open(
        address: SocketAddr,
        config: Option<PathBuf>,
        caught: Option<PathBuf>,
    ) -> Result<Self, Trouble> {
        let refused = |error| {
            let text = format!(
                "cannot listen on {address}: {error}; name another address, such as 127.0.0.1:0 \
                 for any free port"
            );
            Trouble::new(exit::UNAVAILABLE, text)
        };
        let listener = TcpListener::bind(address).await.map_err(refused)?;
        let address = listener.local_addr().map_err(refused)?;
        let desk = tokio::task::spawn_blocking(move || Desk::new(config, caught)).await;
        let desk = Arc::new(desk.expect("reading a configuration does not panic"));
        let mut tasks = JoinSet::new();
        tasks.spawn(watch::follow(Arc::clone(&desk)));
        tasks.spawn(async move {
            let _ = axum::serve(listener, routes::routes(desk)).await;
        });
        Ok(Self {
            address,
            _tasks: tasks,
        })
    }

    /// What a browser is given.
    pub(in crate::cli) fn url(&self) -> String {
        format!("http://{}/", self.address)
    }
}

pub(super) fn run(
    cli: &Cli,
    address: SocketAddr,
    caught: Option<PathBuf>,
    out: &Out,
) -> Result<Exit, Trouble> {
    let config = match config::find(cli.config.as_deref()) {
        Ok(path) => Some(path),
        Err(_) if caught.is_some() => None,
        Err(error) => return Err(Trouble::new(exit::CONFIG, error)),
    };
    let runtime = runtime();
    let served = runtime.block_on(async {
        let page = Page::open(address, config, caught).await?;
        if out.json {
            out.value(&serde_json::json!({ "url": page.url() }));
        } else {
            out.line(format!("{} is at {}", bold("The preview"), page.url()));
            out.line("It follows what you save, and sends nothing. Ctrl-C ends it.");
        }
        stopped().await;
        Ok(exit::DONE)
    });
    program::end_all();
    runtime.shutdown_timeout(AT_LAST);
    served
}

/// Ctrl-C, or whoever ends services.
async fn stopped() {
    let Ok(mut ended) = signal(SignalKind::terminate()) else {
        let _ = tokio::signal::ctrl_c().await;
        return;
    };
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        _ = ended.recv() => {}
    }
}

/// An address of this machine alone, or a port of it.
pub(in crate::cli) fn loopback(text: &str) -> Result<SocketAddr, String> {
    let address = match text.parse::<u16>() {
        Ok(port) => SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port),
        Err(_) => text
            .replace("localhost:", "127.0.0.1:")
            .parse::<SocketAddr>()
            .map_err(|_| "an address is written 127.0.0.1:7979".to_owned())?,
    };
    match address.ip().is_loopback() {
        true => Ok(address),
        false => Err(
            "the page shows your lists to whoever can reach it: only addresses of this machine \
             alone will do, such as 127.0.0.1:7979"
                .to_owned(),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::loopback;

    #[test]
    fn only_addresses_of_this_machine_alone_will_do() {
        assert_eq!(loopback("7979"), loopback("127.0.0.1:7979"));
        assert!(loopback("localhost:0").is_ok_and(|it| it.port() == 0));
        assert!(loopback("[::1]:0").is_ok());
        for other in [
            "0.0.0.0:7979",
            "[::]:7979",
            "192.168.1.2:80",
            "example.org:80",
            "x",
        ] {
            assert!(loopback(other).is_err(), "{other}");
        }
    }
}
