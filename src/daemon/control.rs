//! The control socket: HTTP and JSON on a unix socket, whose file permissions are the
//! authorisation. Reading never waits for the writer.

use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::extract::{ConnectInfo, Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use tokio::net::UnixListener;

use super::api::{
    AddressQuery, Changed, ForgetAnswer, History, ImportRequest, Imported, MessageAnswer,
    MessageQuery, Names, Process, QueueQuery, Refusal, ReloadRequest, Reloaded, RunsQuery,
    SendRequest, Status, SuppressRequest, UnsuppressQuery, Why,
};
use super::author::Peer;
use super::current::Current;
use super::lately::lately;
use super::reload::{self, Bell, ReloadError};
use super::{answer, changing};
use crate::clock::{Clock, Timestamp};
use crate::config::Config;
use crate::deliver::{RecomposeError, Watch, token_keys};
use crate::outbox::{
    Banned, ChangeRow, DeliveryRow, ForgetError, Outbox, OutboxError, Reader, RunFailed, RunRow,
    Suppress, SuppressionRow, Unsuppress,
};
use crate::plan::{OpenError, RollError, open, tell_opened};

/// How long a full disk is left alone.
const FULL: Duration = Duration::from_secs(5);

/// What the handlers work with.
pub(super) struct Desk {
    pub(super) current: Current,
    pub(super) bell: Bell,
    pub(super) outbox: Outbox,
    pub(super) reader: Mutex<Reader>,
    pub(super) clock: Clock,
    pub(super) watch: Watch,
    pub(super) started: Timestamp,
}

impl Desk {
    /// The configuration that holds now.
    pub(super) fn config(&self) -> Arc<Config> {
        self.current.get()
    }
}

/// Why the socket cannot be had.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on the control socket {}: {reason}", .path.display())]
pub struct SocketError {
    path: PathBuf,
    reason: String,
}

/// Listens at `path`, for the owner and the group. A socket that an earlier process left is
/// replaced: the caller holds the state directory, so nobody listens there.
pub(super) fn listen(path: &std::path::Path) -> Result<UnixListener, SocketError> {
    let fault = |reason: String| SocketError {
        path: path.to_owned(),
        reason,
    };
    if path.as_os_str().len() > 107 {
        let text = "its path is longer than the 107 bytes that unix sockets allow: set `socket` in \
                    [daemon] to a shorter one";
        return Err(fault(text.to_owned()));
    }
    if let Some(parent) = path.parent() {
        std::fs::create_dir_all(parent).map_err(|e| fault(e.to_string()))?;
    }
    if std::fs::symlink_metadata(path).is_ok_and(|meta| meta.file_type().is_socket()) {
        std::fs::remove_file(path).map_err(|e| fault(e.to_string()))?;
    }
    let listener = UnixListener::bind(path).map_err(|e| fault(e.to_string()))?;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o660))
        .map_err(|e| fault(e.to_string()))?;
    Ok(listener)
}

pub(super) fn routes(desk: Arc<Desk>) -> Router {
    Router::new()
        .route("/v1/status", get(status))
        .route("/v1/names", get(names))
        .route("/v1/queue", get(queue).post(long_queue))
        .route("/v1/deliveries/{id}", get(delivery))
        .route("/v1/changes", get(changes).post(changing::change))
        .route(
            "/v1/holds",
            get(changing::holds)
                .post(changing::hold)
                .delete(changing::release),
        )
        .route("/v1/runs", get(runs))
        .route("/v1/runs/{id}", get(run))
        .route("/v1/why", get(why))
        .route("/v1/message", get(message))
        .route("/v1/send", post(send))
        .route("/v1/reload", post(reload))
        .route("/v1/forget", post(forget))
        .route(
            "/v1/suppressions",
            get(suppressions).post(suppress).delete(unsuppress),
        )
        .route("/v1/suppressions/import", post(import))
        .with_state(desk)
}

pub(super) type Shared = State<Arc<Desk>>;

/// An answer that is not 2xx.
pub(super) struct Trouble(StatusCode, String);

impl Trouble {
    /// The request names what there is not.
    pub(super) fn unfit(text: String) -> Self {
        Self(StatusCode::UNPROCESSABLE_ENTITY, text)
    }
}

impl IntoResponse for Trouble {
    fn into_response(self) -> Response {
        (self.0, Json(Refusal { error: self.1 })).into_response()
    }
}

impl From<OutboxError> for Trouble {
    fn from(error: OutboxError) -> Self {
        Self(StatusCode::SERVICE_UNAVAILABLE, error.to_string())
    }
}

impl From<RollError> for Trouble {
    fn from(error: RollError) -> Self {
        Self(StatusCode::UNPROCESSABLE_ENTITY, error.to_string())
    }
}

impl From<ForgetError> for Trouble {
    fn from(error: ForgetError) -> Self {
        Self(StatusCode::SERVICE_UNAVAILABLE, error.to_string())
    }
}

pub(super) type Answer<T> = Result<Json<T>, Trouble>;

/// Asks the outbox on a thread that may block.
pub(super) async fn read<T: Send + 'static, E: Into<Trouble> + Send + 'static>(
    desk: Arc<Desk>,
    question: impl FnOnce(&Desk, &Reader) -> Result<T, E> + Send + 'static,
) -> Answer<T> {
    let asked = tokio::task::spawn_blocking(move || {
        let reader = desk.reader.lock().expect("no reader panics");
        question(&desk, &reader)
    });
    let answer = asked.await.expect("no question panics");
    answer.map(Json).map_err(Into::into)
}

async fn status(State(desk): Shared) -> Answer<Status> {
    read(desk, |desk, reader| {
        let process = Process {
            pid: std::process::id(),
            started: desk.started.as_millisecond(),
        };
        let accounts = desk.watch.accounts();
        let (config, clock) = (&desk.config(), &desk.clock);
        let lately = lately(config, reader, clock, &desk.watch, &accounts)?;
        let mut status = answer::status_after(config, reader, clock, &lately)?;
        status.daemon = Some(process);
        status.configuration = Some(desk.current.standing());
        status.accounts = accounts;
        status.full = desk.outbox.lacks_room().map(|error| error.to_string());
        Ok::<_, OutboxError>(status)
    })
    .await
}

async fn queue(State(desk): Shared, Query(query): Query<QueueQuery>) -> Answer<Vec<DeliveryRow>> {
    rows(desk, query).await
}

async fn long_queue(
    State(desk): Shared,
    Json(query): Json<QueueQuery>,
) -> Answer<Vec<DeliveryRow>> {
    rows(desk, query).await
}

async fn rows(desk: Arc<Desk>, query: QueueQuery) -> Answer<Vec<DeliveryRow>> {
    read(desk, move |desk, reader| {
        answer::queue(&desk.config(), reader, &query, desk.clock.now())
    })
    .await
}

async fn delivery(State(desk): Shared, Path(id): Path<String>) -> Answer<History> {
    read(desk, move |desk, reader| {
        answer::delivery(reader, &id, desk.clock.now())
    })
    .await
}

async fn changes(State(desk): Shared, Query(query): Query<RunsQuery>) -> Answer<Vec<ChangeRow>> {
    read(desk, move |_, reader| answer::changes(reader, &query)).await
}

async fn names(State(desk): Shared) -> Json<Names> {
    Json(Names::of(&desk.config()))
}

async fn runs(State(desk): Shared, Query(query): Query<RunsQuery>) -> Answer<Vec<RunRow>> {
    read(desk, move |_, reader| answer::runs(reader, &query)).await
}

async fn run(State(desk): Shared, Path(id): Path<String>) -> Answer<RunRow> {
    let shown = id.clone();
    let Json(found) = read(desk, move |_, reader| reader.run(&id)).await?;
    let none = || {
        Trouble(
            StatusCode::NOT_FOUND,
            format!("there is no run {}", shown.escape_debug()),
        )
    };
    found.map(Json).ok_or_else(none)
}

async fn why(State(desk): Shared, Query(query): Query<AddressQuery>) -> Answer<Why> {
    let key = answer::key(&query.address)?;
    read(desk, move |desk, reader| {
        answer::why(reader, key, desk.clock.now())
    })
    .await
}

async fn suppressions(State(desk): Shared) -> Answer<Vec<SuppressionRow>> {
    read(desk, |_, reader| reader.suppressions()).await
}

async fn suppress(
    State(desk): Shared,
    ConnectInfo(peer): ConnectInfo<Peer>,
    Json(request): Json<SuppressRequest>,
) -> Answer<Changed> {
    let key = answer::key(&request.address)?;
    let banned = Banned {
        ends_at: request.ends_at,
        scope: request.scope,
        ..Banned::new(&key, &request.reason, &peer.author)
    };
    let changed = desk.outbox.submit(Suppress::from(banned)).await? > 0;
    tracing::info!(
        event = "suppressed",
        author = peer.author,
        "an address was put on the suppression list by {}",
        peer.author
    );
    Ok(Json(Changed { changed }))
}

async fn import(
    State(desk): Shared,
    ConnectInfo(peer): ConnectInfo<Peer>,
    Json(request): Json<ImportRequest>,
) -> Answer<Imported> {
    let imported = answer::import(&request.entries, &peer.author)?;
    let all = imported.entries.len() as u64;
    let added = desk.outbox.submit(imported).await?;
    tracing::info!(
        event = "suppressed",
        author = peer.author,
        added,
        "{added} addresses were put on the suppression list by {}",
        peer.author
    );
    Ok(Json(Imported {
        added,
        known: all - added,
        ..Imported::default()
    }))
}

async fn unsuppress(
    State(desk): Shared,
    ConnectInfo(peer): ConnectInfo<Peer>,
    Query(query): Query<UnsuppressQuery>,
) -> Answer<Changed> {
    let changed = desk
        .outbox
        .submit(Unsuppress {
            key: answer::key(&query.address)?,
            scope: query.scope,
            author: peer.author.clone(),
        })
        .await?;
    tracing::info!(
        event = "unsuppressed",
        author = peer.author,
        "an address was taken off the suppression list by {}",
        peer.author
    );
    Ok(Json(Changed { changed }))
}

async fn message(State(desk): Shared, Query(query): Query<MessageQuery>) -> Answer<MessageAnswer> {
    let key = answer::key(&query.address)?;
    let keys = match &desk.config().unsubscribe {
        Some(unsubscribing) => token_keys(unsubscribing).await.0,
        None => Vec::new(),
    };
    let Json(found) = read(desk, move |_, reader| {
        Ok::<_, OutboxError>(answer::message(reader, &query.run, &key, &keys))
    })
    .await?;
    found.map(Json).map_err(|error| match error {
        RecomposeError::Outbox(error) => error.into(),
        error => Trouble(StatusCode::NOT_FOUND, error.to_string()),
    })
}

async fn reload(State(desk): Shared, Query(query): Query<ReloadRequest>) -> Answer<Reloaded> {
    let (current, now) = (desk.current.clone(), desk.clock.now());
    let refused = |error: ReloadError| match error {
        ReloadError::Ending | ReloadError::Outbox(_) => {
            Trouble(StatusCode::SERVICE_UNAVAILABLE, error.to_string())
        }
        error => Trouble::unfit(error.words(query.colour, &current, now)),
    };
    let before = desk.config();
    let done = if query.dry_run {
        reload::foresee(before).await
    } else {
        desk.bell.ring().await
    };
    let done = done.map_err(refused)?;
    // Lists of any length may be read for it, so it does not take the reader of all the others.
    let told = tokio::task::spawn_blocking(move || {
        let reader = desk.outbox.reader()?;
        Ok::<_, OutboxError>(done.told(&reader, desk.clock.now()))
    });
    let told = told.await.expect("telling of a reload does not panic")?;
    Ok(Json(told))
}

async fn forget(
    State(desk): Shared,
    ConnectInfo(peer): ConnectInfo<Peer>,
    Json(query): Json<AddressQuery>,
) -> Answer<ForgetAnswer> {
    let (key, author) = (answer::key(&query.address)?, peer.author.clone());
    let asked = tokio::task::spawn_blocking(move || {
        answer::forget(&desk.config(), &desk.outbox, &key, &author)
    });
    let answer = asked.await.expect("forgetting does not panic")?;
    tracing::info!(
        event = "forgotten",
        author = peer.author,
        "a person was forgotten by {}",
        peer.author
    );
    Ok(Json(answer))
}

async fn send(
    State(desk): Shared,
    Json(request): Json<SendRequest>,
) -> Answer<super::api::SendAnswer> {
    let watch = desk.watch.clone();
    let sent = tokio::task::spawn_blocking(move || {
        let order = answer::order(&request, &desk.clock)?;
        if request.dry_run {
            return Ok(answer::survey(&desk.config(), &order, &desk.clock)?);
        }
        let opening = open(&desk.config(), &desk.outbox, &desk.clock, &order)
            .map_err(|error| not_opened(&desk, &request.schedule, error))?;
        tell_opened(&desk.config(), (&order, &opening), desk.clock.now());
        Ok::<_, Trouble>(answer::sent(&desk.config(), &order, opening))
    });
    let answer = sent.await.expect("opening a run does not panic")?;
    watch.wake();
    Ok(Json(answer))
}

/// Tells the log and the person, and sees to it that no run stays half open.
fn not_opened(desk: &Desk, schedule: &str, error: OpenError) -> Trouble {
    tracing::error!(
        event = "run-failed",
        schedule,
        "{schedule} was not sent, as a person had asked: {error}"
    );
    let text = error.to_string();
    match error {
        OpenError::Roll(error) => error.into(),
        OpenError::TooLate(_) => Trouble(StatusCode::UNPROCESSABLE_ENTITY, text),
        OpenError::Outbox(error) => error.into(),
        OpenError::GivenUp { unrecorded, .. } => {
            if let Some(failed) = unrecorded {
                tokio::spawn(record_later(
                    desk.outbox.clone(),
                    desk.clock.clone(),
                    failed,
                ));
            }
            Trouble(StatusCode::SERVICE_UNAVAILABLE, text)
        }
    }
}

/// Records that a run was given up when the disk has room again.
async fn record_later(outbox: Outbox, clock: Clock, failed: RunFailed) {
    while let Err(OutboxError::Full { .. }) = outbox.submit(failed.clone()).await {
        clock.sleep(FULL).await;
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    const CONFIG: &str = "[daemon]\nstate = \"state\"\n\
        [account.ops]\nhost = \"127.0.0.1\"\nport = 9\ntls = \"none\"\n\
        from = \"ops@example.org\"\n\
        [list.people]\ninline = [\"ada@example.org\"]\n";
    const SCHEDULE: &str = "[schedule.hello]\nsend = \"hello\"\nto = \"people\"\nvia = \"ops\"\n";

    fn desk(folder: &std::path::Path) -> Desk {
        fs::create_dir_all(folder.join("templates/hello")).unwrap();
        fs::write(folder.join("templates/hello/subject.txt"), "Hello").unwrap();
        fs::write(folder.join("templates/hello/body.txt"), "Hello\n").unwrap();
        let path = folder.join("postroom.toml");
        fs::write(&path, CONFIG).unwrap();
        let config = crate::config::load(&path).unwrap().config;
        fs::write(&path, [CONFIG, SCHEDULE].concat()).unwrap();
        fs::create_dir(&config.daemon.state).unwrap();
        let clock = Clock::system();
        let outbox = Outbox::open_inline(&config.daemon.state, clock.clone()).unwrap();
        Desk {
            current: Current::new(Arc::new(config), clock.now()),
            bell: reload::bell().0,
            reader: Mutex::new(outbox.reader().unwrap()),
            outbox,
            watch: Watch::default(),
            started: clock.now(),
            clock,
        }
    }

    /// It reads whole lists to count their people, and whoever asks for the status waits for that
    /// reader. Here nobody can have it, so that whoever takes it fails instead of waiting.
    #[tokio::test]
    async fn a_dry_run_does_not_take_the_reader_of_the_others() {
        let folder = tempfile::tempdir().unwrap();
        let desk = Arc::new(desk(folder.path()));
        let holder = Arc::clone(&desk);
        let held = std::thread::spawn(move || {
            let _held = holder.reader.lock();
            panic!("with the reader in hand");
        });
        assert!(held.join().is_err() && desk.reader.is_poisoned());
        let dry_run = ReloadRequest {
            dry_run: true,
            ..ReloadRequest::default()
        };
        let told = reload(State(desk), Query(dry_run)).await;
        let Json(told) = told.unwrap_or_else(|it| panic!("{}", it.1));
        let schedule = told.changes.iter().find(|it| it.kind == "schedule");
        let effect = schedule.and_then(|it| it.effect.clone()).unwrap();
        assert!(effect.ends_with(", 1 person"), "{effect}");
    }
}
