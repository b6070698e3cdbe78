//! The reply reader against any bytes, in any cuts: `cargo +nightly fuzz run reply`.
//!
//! It never panics; what it takes for a reply has a code that exists and a text that is safe to
//! show; it takes the same from bytes that trickle in as from bytes that come at once; it leaves
//! what follows a reply alone; and it never waits for more than its bounds allow.
#![no_main]

use libfuzzer_sys::fuzz_target;
use postroom::smtp::Reply;

/// Lines and their lengths are bounded, so what is kept while waiting is too.
const WAITING_MAX: usize = 128 * 2049;

fuzz_target!(|input: (u8, &[u8])| {
    let (step, bytes) = input;
    let at_once = read(bytes, bytes.len());
    let trickled = read(bytes, usize::from(step).max(1));
    assert_eq!(at_once, trickled);
});

/// All replies in `bytes`, which come in pieces of `step`; the last may be the reader's refusal.
fn read(bytes: &[u8], step: usize) -> Vec<Result<Reply, String>> {
    let mut buffer = Vec::new();
    let mut replies = Vec::new();
    for piece in bytes.chunks(step.max(1)) {
        buffer.extend_from_slice(piece);
        loop {
            let before = buffer.clone();
            match Reply::take(&mut buffer) {
                Ok(Some(reply)) => {
                    assert!(before.ends_with(&buffer) && buffer.len() < before.len());
                    check(&reply);
                    replies.push(Ok(reply));
                }
                Ok(None) => {
                    assert_eq!(before, buffer);
                    assert!(buffer.len() <= WAITING_MAX);
                    break;
                }
                Err(why) => {
                    assert!(!why.contains(char::is_control), "{why:?}");
                    replies.push(Err(why));
                    return replies;
                }
            }
        }
    }
    replies
}

fn check(reply: &Reply) {
    assert!((200..=599).contains(&reply.code));
    assert!(reply.text.chars().count() <= 500);
    let shown = reply.to_string();
    let unsafe_to_show = |c: char| c.is_control() || ('\u{202a}'..='\u{202e}').contains(&c);
    assert!(!shown.contains(unsafe_to_show), "{shown:?}");
    if let Some(enhanced) = reply.enhanced {
        assert_eq!(enhanced.0, reply.code / 100);
    }
    let judged = [reply.is_positive(), reply.is_transient(), reply.is_permanent()];
    assert!(judged.iter().filter(|it| **it).count() <= 1);
    let _ = (reply.takes_recipient(), reply.wants_fewer_recipients());
}
