//! Whether a session may carry the next message.

use postroom::smtp::Stage;

use super::{PIPELINING, TO_354, offer, protocol, ready};
use crate::world::script::session;

/// B22: what comes on an idle connection is a goodbye.
#[tokio::test(start_paused = true)]
async fn an_idle_session_with_something_to_read_or_at_its_end_is_dead() {
    let (mut session, _server) = session(PIPELINING, "").await;
    tokio::task::yield_now().await;
    assert!(session.is_alive());
    assert!(session.is_alive(), "asking does no harm");
    for script in [
        "S: 421 4.4.2 idle for too long\nCLOSE",
        "S: 250 hm",
        "CLOSE",
    ] {
        let (mut session, server) = self::session(PIPELINING, script).await;
        let _server = server.await.unwrap();
        assert!(!session.is_alive(), "{script}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_session_carries_one_message_after_the_other() {
    let one = format!("{TO_354}BODY\nS: 250 ok\n");
    let (mut session, server) = session(PIPELINING, &one.repeat(3)).await;
    for _ in 0..3 {
        ready(offer(&mut session).await);
        assert_eq!(session.send(b"Hi\r\n", None).await.unwrap().code, 250);
        assert!(session.is_alive());
    }
    assert_eq!(server.await.unwrap().bodies.len(), 3);
}

/// B16: an answer too many would be taken for the next one's.
#[tokio::test(start_paused = true)]
async fn an_unasked_reply_is_never_taken_for_the_next_one() {
    let script = "C: MAIL…\nS: 250 ok\nS: 250 ok\nEND";
    let (mut session, server) = session(&[], script).await;
    let error = offer(&mut session).await.unwrap_err();
    protocol(&error, Stage::Rcpt);
    drop(session);
    server.await.unwrap();
}

/// A task that has done much without a pause is told by the runtime that there is nothing to read.
#[tokio::test(start_paused = true)]
async fn a_dead_session_is_dead_however_busy_its_task_is() {
    let (mut session, server) = session(PIPELINING, "WAIT 5\nS: 421 idle\nCLOSE").await;
    server.await.unwrap();
    std::future::poll_fn(|cx| {
        while let std::task::Poll::Ready(budget) = tokio::task::coop::poll_proceed(cx) {
            budget.made_progress();
        }
        std::task::Poll::Ready(())
    })
    .await;
    assert!(!session.is_alive());
}
