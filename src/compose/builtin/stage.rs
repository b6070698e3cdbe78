//! What the helpers know of the message that is being rendered, besides the values given to them.
//!
//! Handlebars hands a helper nothing of ours. A message is rendered by one thread from its
//! beginning to its end, so this stands with the thread, and is set anew for each message.

use std::cell::Cell;

use handlebars::RenderError;

use super::fault;
use crate::compose::given::Given;

/// No message takes more steps: one for each tag, each time that a loop comes by it.
const MOST_STEPS: u64 = 4_000_000;

thread_local! {
    static STEPS: Cell<u64> = const { Cell::new(0) };
}

/// Begins a message.
pub(in crate::compose) fn set(_given: &Given) {
    STEPS.set(0);
}

/// Counts steps that are about to be taken.
///
/// # Errors
///
/// The message has taken too many.
pub(super) fn spend(steps: u64) -> Result<(), RenderError> {
    let spent = STEPS.get().saturating_add(steps);
    STEPS.set(spent);
    if spent > MOST_STEPS {
        let millions = MOST_STEPS / 1_000_000;
        return Err(fault(format!(
            "with this, the message goes through more than {millions} million tags: loop over less"
        )));
    }
    Ok(())
}
