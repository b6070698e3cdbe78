//! Telling the page that there is something new: server-sent events, as HTML has them
//! (<https://html.spec.whatwg.org/multipage/server-sent-events.html>).

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::Body;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use hyper::body::{Bytes, Frame};
use tokio::sync::{mpsc, watch};
use tokio::time::timeout;

/// A word now and then, so that either side sees when the other is gone.
const WORD: Duration = Duration::from_secs(15);

/// The number of the last change, now and whenever it is another one.
pub(super) fn stream(mut changes: watch::Receiver<u64>) -> Response {
    let (tell, told) = mpsc::channel::<Bytes>(4);
    tokio::spawn(async move {
        changes.mark_changed();
        loop {
            let text = match timeout(WORD, changes.changed()).await {
                Ok(Ok(())) => format!("retry: 500\ndata: {}\n\n", *changes.borrow_and_update()),
                Ok(Err(_)) => return,
                Err(_) => ":\n\n".to_owned(),
            };
            if tell.send(text.into()).await.is_err() {
                return;
            }
        }
    });
    let kind = [(CONTENT_TYPE, "text/event-stream")];
    (kind, Body::new(Told(told))).into_response()
}

struct Told(mpsc::Receiver<Bytes>);

impl hyper::body::Body for Told {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let next = self.0.poll_recv(context);
        next.map(|bytes| bytes.map(|bytes| Ok(Frame::data(bytes))))
    }
}
