//! One listening socket and the sessions that came in by it.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::select;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::reception::{Port, Reception};

/// More clients than this wait in the socket's backlog.
const SESSIONS_MAX: usize = 1000;

/// Pause after the system refused a connection, for example for want of file descriptors.
const BREATH: Duration = Duration::from_millis(100);

/// Accepts and serves until `stop`, then ends every session.
pub(super) async fn serve(
    listener: TcpListener,
    port: Port,
    reception: Arc<Reception>,
    stop: CancellationToken,
) {
    let mut sessions = JoinSet::new();
    loop {
        select! {
            () = stop.cancelled() => break,
            Some(ended) = sessions.join_next() => {
                if let Err(error) = ended {
                    tracing::error!("a sandbox session failed: {error}");
                }
            }
            accepted = listener.accept(), if sessions.len() < SESSIONS_MAX => match accepted {
                Ok((stream, peer)) => {
                    sessions.spawn(session(Arc::clone(&reception), stream, port, peer));
                }
                Err(error) => {
                    tracing::warn!("the sandbox could not take a connection: {error}");
                    reception.clock().sleep(BREATH).await;
                }
            },
        }
    }
    sessions.shutdown().await;
}

async fn session(reception: Arc<Reception>, stream: TcpStream, port: Port, peer: SocketAddr) {
    let served = async {
        // Replies are written whole; waiting for more would only add 40 ms to each.
        stream.set_nodelay(true)?;
        reception.serve_stream(stream, port, Some(peer)).await
    };
    match served.await {
        Err(error) if error.kind() != io::ErrorKind::UnexpectedEof => {
            tracing::debug!(%peer, "a sandbox connection broke: {error}");
        }
        _ => {}
    }
}
