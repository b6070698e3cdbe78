//! Speaking to the daemon on its socket.

use std::path::{Path, PathBuf};

use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper::{Method, Request, StatusCode};
use hyper_util::rt::TokioIo;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::net::UnixStream;
use tokio::runtime::Runtime;

use crate::config::Config;
use crate::daemon::api::{Names, Refusal};

/// A daemon that answers.
pub(super) struct Client {
    socket: PathBuf,
    runtime: Runtime,
}

/// Why a question got no answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum AskError {
    /// Nobody listens.
    #[error("no daemon answers at {}", .0.display())]
    NoDaemon(PathBuf),
    /// The socket may not be used.
    #[error("you may not use the control socket {}: ask for membership of its group", .0.display())]
    Forbidden(PathBuf),
    /// It is another one's.
    #[error(
        "the daemon at {} runs by {}, not by {}: name that file with --config, or give this one a \
         `state` of its own in [daemon]", .socket.display(), .theirs.display(), .ours.display()
    )]
    Another {
        /// Where it listens.
        socket: PathBuf,
        /// The file it runs by.
        theirs: PathBuf,
        /// The file that was meant.
        ours: PathBuf,
    },
    /// The daemon said no.
    #[error("{0}")]
    Refused(String),
    /// The daemon cannot do it at the moment.
    #[error("{0}")]
    Later(String),
    /// The connection broke.
    #[error("the daemon did not answer: {0}")]
    Broken(String),
}

impl Client {
    /// Connects to the daemon that runs by a configuration.
    ///
    /// # Errors
    /// Nobody listens there, it may not be used, or it runs by another file: two that name no
    /// `state` mean the same socket, and nobody wants to stop what somebody else runs.
    pub(super) fn of(config: &Config) -> Result<Self, AskError> {
        let client = Self::connect(&config.daemon.socket)?;
        let names: Names = client.get("/v1/names", &())?;
        let (ours, theirs) = (&config.path, Path::new(&names.config));
        let real = |path: &Path| path.canonicalize().unwrap_or_else(|_| path.to_owned());
        if real(ours) == real(theirs) {
            return Ok(client);
        }
        Err(AskError::Another {
            socket: client.socket,
            theirs: theirs.to_owned(),
            ours: ours.clone(),
        })
    }

    /// Connects to whoever listens.
    ///
    /// # Errors
    /// Nobody does, or it may not be used.
    pub(super) fn connect(socket: &Path) -> Result<Self, AskError> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|e| AskError::Broken(e.to_string()))?;
        let client = Self {
            socket: socket.to_owned(),
            runtime,
        };
        client.runtime.block_on(client.stream())?;
        Ok(client)
    }

    async fn stream(&self) -> Result<UnixStream, AskError> {
        UnixStream::connect(&self.socket)
            .await
            .map_err(|error| match error.kind() {
                std::io::ErrorKind::PermissionDenied => AskError::Forbidden(self.socket.clone()),
                _ => AskError::NoDaemon(self.socket.clone()),
            })
    }

    /// GET with the members of `query`.
    pub(super) fn get<T: DeserializeOwned>(
        &self,
        path: &str,
        query: &impl Serialize,
    ) -> Result<T, AskError> {
        self.ask(Method::GET, &with_query(path, query), Bytes::new())
    }

    /// DELETE with the members of `query`.
    pub(super) fn delete<T: DeserializeOwned>(
        &self,
        path: &str,
        query: &impl Serialize,
    ) -> Result<T, AskError> {
        self.ask(Method::DELETE, &with_query(path, query), Bytes::new())
    }

    /// POST of `body`.
    pub(super) fn post<T: DeserializeOwned>(
        &self,
        path: &str,
        body: &impl Serialize,
    ) -> Result<T, AskError> {
        let body = serde_json::to_vec(body).expect("requests are plain data");
        self.ask(Method::POST, path, Bytes::from(body))
    }

    fn ask<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: Bytes,
    ) -> Result<T, AskError> {
        let broken = |text: String| AskError::Broken(text);
        let (status, bytes) = self.runtime.block_on(async {
            let stream = TokioIo::new(self.stream().await?);
            let (mut sender, connection) = hyper::client::conn::http1::handshake(stream)
                .await
                .map_err(|e| broken(e.to_string()))?;
            tokio::spawn(connection);
            let request = Request::builder()
                .method(method)
                .uri(path)
                .header("host", "postroom")
                .header("content-type", "application/json")
                .body(Full::new(body))
                .map_err(|e| broken(e.to_string()))?;
            let answer = sender
                .send_request(request)
                .await
                .map_err(|e| broken(e.to_string()))?;
            let status = answer.status();
            let bytes = answer
                .into_body()
                .collect()
                .await
                .map_err(|e| broken(e.to_string()))?
                .to_bytes();
            Ok::<_, AskError>((status, bytes))
        })?;
        if status != StatusCode::OK {
            let refusal = serde_json::from_slice::<Refusal>(&bytes);
            let text = refusal.map_or_else(
                |_| format!("{status}: {}", String::from_utf8_lossy(&bytes)),
                |refusal| refusal.error,
            );
            return Err(match status {
                StatusCode::SERVICE_UNAVAILABLE => AskError::Later(text),
                _ => AskError::Refused(text),
            });
        }
        serde_json::from_slice(&bytes).map_err(|e| broken(e.to_string()))
    }
}

/// A path with a query: the members of a flat object, percent-encoded.
pub(super) fn with_query(path: &str, query: &impl Serialize) -> String {
    let members = serde_json::to_value(query).expect("queries are plain data");
    let mut text = path.to_owned();
    for (i, (name, value)) in members.as_object().into_iter().flatten().enumerate() {
        text.push(if i == 0 { '?' } else { '&' });
        text.push_str(name);
        text.push('=');
        let value = value
            .as_str()
            .map_or_else(|| value.to_string(), str::to_owned);
        for byte in value.bytes() {
            match byte {
                b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' => {
                    text.push(char::from(byte));
                }
                _ => text.push_str(&format!("%{byte:02X}")),
            }
        }
    }
    text
}
