//! What the control socket lets people change in the queue: deliveries and holds. Each change is
//! logged with the user who asked for it.

use std::sync::Arc;

use axum::Json;
use axum::extract::{ConnectInfo, Query, State};

use super::api::{ChangeAnswer, ChangeRequest, HoldAnswer, HoldRequest};
use super::author::Peer;
use super::control::{Answer, Desk, Shared, Trouble, read};
use super::filter::Unfit;
use super::{change, filter};
use crate::outbox::{Hold, Scope, Unhold};

impl From<Unfit> for Trouble {
    fn from(unfit: Unfit) -> Self {
        match unfit {
            Unfit::Unknown(text) => Self::unfit(text),
            Unfit::Outbox(error) => error.into(),
        }
    }
}

pub(super) async fn change(
    State(desk): Shared,
    ConnectInfo(peer): ConnectInfo<Peer>,
    Json(request): Json<ChangeRequest>,
) -> Answer<ChangeAnswer> {
    if request.dry_run {
        return read(desk, move |desk, reader| {
            change::foresee(&desk.config(), reader, &request)
        })
        .await;
    }
    // It goes on to its end also if nobody waits for the answer any more.
    let done = tokio::task::spawn_blocking(move || {
        let (config, outbox) = (&desk.config(), &desk.outbox);
        let answer = change::carry_out(config, outbox, &request, &peer.author)?;
        tracing::info!(
            event = "changed",
            act = request.act,
            author = peer.author,
            changed = answer.changed,
            "{} of {} messages, asked for by {}",
            request.act,
            answer.changed,
            peer.author
        );
        desk.watch.wake();
        Ok::<_, Trouble>(answer)
    });
    Ok(Json(done.await.expect("a change does not panic")?))
}

pub(super) async fn holds(State(desk): Shared) -> Answer<HoldAnswer> {
    told(desk, false).await
}

pub(super) async fn hold(
    State(desk): Shared,
    ConnectInfo(peer): ConnectInfo<Peer>,
    Json(request): Json<HoldRequest>,
) -> Answer<HoldAnswer> {
    let scope = scope(&desk, request.scope).await?;
    let text = scope.to_string();
    let (author, reason) = (peer.author.clone(), request.reason);
    let hold = Hold {
        scope,
        reason,
        author,
        ends_at: request.ends_at,
    };
    let changed = desk.outbox.submit(hold).await?;
    tracing::warn!(
        event = "held",
        author = peer.author,
        "{text} is on hold, asked for by {}",
        peer.author
    );
    told(desk, changed).await
}

pub(super) async fn release(
    State(desk): Shared,
    ConnectInfo(peer): ConnectInfo<Peer>,
    Query(scope): Query<Scope>,
) -> Answer<HoldAnswer> {
    let text = scope.to_string();
    let author = peer.author.clone();
    let changed = desk.outbox.submit(Unhold { scope, author }).await?;
    tracing::info!(
        event = "released",
        author = peer.author,
        "{text} is no longer on hold, asked for by {}",
        peer.author
    );
    desk.watch.wake();
    told(desk, changed).await
}

async fn scope(desk: &Arc<Desk>, scope: Scope) -> Result<Scope, Trouble> {
    let asked = read(Arc::clone(desk), move |desk, reader| {
        filter::scope(&desk.config(), reader, scope)
    });
    asked.await.map(|Json(scope)| scope)
}

async fn told(desk: Arc<Desk>, changed: bool) -> Answer<HoldAnswer> {
    read(desk, move |desk, reader| {
        let holds = reader.holds(desk.clock.now().as_millisecond())?;
        Ok::<_, Unfit>(HoldAnswer { changed, holds })
    })
    .await
}
