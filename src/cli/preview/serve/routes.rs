//! What the page asks for.

use std::sync::Arc;

use axum::extract::{DefaultBodyLimit, Path, Query, State};
use axum::http::StatusCode;
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router, middleware};
use serde::Deserialize;
use serde_json::Value;
use tokio::task::spawn_blocking;

use super::desk::{Choice, Desk};
use super::frame::{self, Scheme};
use super::{events, guard};

const HTML: &str = "text/html; charset=utf-8";
const STYLE: &str = "text/css; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";
const ICON: &str = "image/svg+xml";

/// No request has a longer body, in bytes.
const LONGEST: usize = 64 * 1024;

type Shared = State<Arc<Desk>>;

pub(super) fn routes(desk: Arc<Desk>) -> Router {
    let file = |kind: &'static str, text: &'static str| {
        get(move || async move { ([(CONTENT_TYPE, kind)], text) })
    };
    Router::new()
        .route("/", file(HTML, include_str!("../page/index.html")))
        .route("/page.css", file(STYLE, include_str!("../page/page.css")))
        .route("/page.js", file(SCRIPT, include_str!("../page/page.js")))
        .route("/draw.js", file(SCRIPT, include_str!("../page/draw.js")))
        .route("/icon.svg", file(ICON, include_str!("../page/icon.svg")))
        .route("/v1/events", get(listen))
        .route("/v1/overview", get(overview))
        .route("/v1/rows", get(rows))
        .route("/v1/view", get(view))
        .route("/v1/caught/{id}", get(caught))
        .route("/v1/frame/{id}", get(mail))
        .route("/v1/wire/{id}", get(wire))
        .route("/v1/run", post(run))
        .layer(DefaultBodyLimit::max(LONGEST))
        .layer(middleware::from_fn(guard::guard))
        .with_state(desk)
}

async fn listen(State(desk): Shared) -> Response {
    events::stream(desk.changes())
}

async fn overview(State(desk): Shared) -> Response {
    answer(move || Some(desk.overview())).await
}

async fn rows(State(desk): Shared, Query(choice): Query<Choice>) -> Response {
    answer(move || Some(desk.rows(&choice))).await
}

async fn view(State(desk): Shared, Query(choice): Query<Choice>) -> Response {
    answer(move || Some(desk.view(&choice))).await
}

async fn caught(State(desk): Shared, Path(id): Path<String>) -> Response {
    answer(move || desk.caught(&id)).await
}

async fn run(State(desk): Shared, Json(choice): Json<Choice>) -> Response {
    answer(move || Some(desk.run(&choice))).await
}

/// Files are read, and templates rendered, where nobody else waits.
async fn answer(work: impl FnOnce() -> Option<Value> + Send + 'static) -> Response {
    match spawn_blocking(work).await {
        Ok(Some(value)) => Json(value).into_response(),
        Ok(None) => gone(),
        Err(_) => (StatusCode::INTERNAL_SERVER_ERROR, "a bug in postroom").into_response(),
    }
}

fn gone() -> Response {
    (StatusCode::NOT_FOUND, "it is not there any more").into_response()
}

#[derive(Deserialize)]
struct Looks {
    scheme: Scheme,
    #[serde(default)]
    remote: bool,
}

async fn mail(State(desk): Shared, Path(id): Path<String>, Query(looks): Query<Looks>) -> Response {
    let view = desk.shown(&id);
    let Some(html) = view.as_ref().and_then(|it| it.alone.as_deref()) else {
        return gone();
    };
    let headers = [
        (CONTENT_TYPE, HTML),
        (CONTENT_SECURITY_POLICY, frame::policy(looks.remote)),
    ];
    (headers, frame::document(html, looks.scheme)).into_response()
}

async fn wire(State(desk): Shared, Path(id): Path<String>) -> Response {
    let Some(view) = desk.shown(&id) else {
        return gone();
    };
    let headers = [
        (CONTENT_TYPE, "application/octet-stream"),
        (CONTENT_DISPOSITION, "attachment; filename=\"message.eml\""),
    ];
    (headers, view.bytes.clone()).into_response()
}
