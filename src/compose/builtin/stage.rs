//! What the helpers know of the message that is being rendered, besides the values given to them.
//!
//! Handlebars hands a helper nothing of ours. A message is rendered by one thread from its
//! beginning to its end, so this stands with the thread, and is set anew for each message. Nothing
//! of one message reaches the next: the formatters that stay are the same for everybody.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use handlebars::RenderError;
use jiff::tz::TimeZone;

use super::call::fault;
use super::speech::Speech;
use crate::compose::given::Given;

/// No message takes more steps: one for each tag, each time that a loop comes by it.
const MOST_STEPS: u64 = 4_000_000;
/// A text that a helper reads or makes counts a step for each so many bytes.
const BYTES_OF_A_STEP: usize = 64;
/// Languages whose formatters a thread keeps. A list may hold any tag at all.
const KEPT: usize = 64;

thread_local! {
    static STAGE: RefCell<Stage> = RefCell::new(Stage::default());
    static SPOKEN: RefCell<HashMap<String, Rc<Speech>>> = RefCell::default();
}

#[derive(Default)]
struct Stage {
    locale: Option<String>,
    zone: Option<TimeZone>,
    steps: u64,
}

/// Begins a message.
pub(in crate::compose) fn set(given: &Given) {
    STAGE.with_borrow_mut(|stage| {
        stage.steps = 0;
        stage.locale.clone_from(&given.locale);
        stage.zone.clone_from(&given.zone);
    });
}

/// Counts steps that are about to be taken.
///
/// # Errors
///
/// The message has taken too many.
pub(super) fn spend(steps: u64) -> Result<(), RenderError> {
    let spent = STAGE.with_borrow_mut(|stage| {
        stage.steps = stage.steps.saturating_add(steps);
        stage.steps
    });
    if spent > MOST_STEPS {
        let millions = MOST_STEPS / 1_000_000;
        return Err(fault(format!(
            "with this, the message goes through more than {millions} million tags: loop over less"
        )));
    }
    Ok(())
}

/// Counts the work of reading or making a text.
///
/// # Errors
///
/// As [`spend`].
pub(super) fn spend_on(text: &str) -> Result<(), RenderError> {
    spend((text.len() / BYTES_OF_A_STEP) as u64)
}

/// Where instants are shown.
pub(super) fn zone() -> TimeZone {
    STAGE
        .with_borrow(|stage| stage.zone.clone())
        .unwrap_or(TimeZone::UTC)
}

/// How `locale` is written and spoken, or else the message's own locale. A tag that no customs are
/// known for stands for the message's own, and that for `en`.
pub(super) fn speech(locale: Option<&str>) -> Rc<Speech> {
    let known = locale.and_then(spoken);
    known.unwrap_or_else(|| {
        let own = STAGE.with_borrow(|stage| stage.locale.as_deref().and_then(spoken));
        own.or_else(|| spoken("en"))
            .expect("the customs of English are compiled in")
    })
}

fn spoken(tag: &str) -> Option<Rc<Speech>> {
    SPOKEN.with_borrow_mut(|spoken| {
        if let Some(speech) = spoken.get(tag) {
            return Some(Rc::clone(speech));
        }
        let speech = Rc::new(Speech::of(tag)?);
        if spoken.len() >= KEPT {
            spoken.clear(); // rare, and making them again is cheap
        }
        spoken.insert(tag.to_owned(), Rc::clone(&speech));
        Some(speech)
    })
}
