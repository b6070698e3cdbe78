//! `when`: a program is asked whether a run is opened.
//!
//! It says yes by printing something and no by printing nothing, and ends well either way. Whoever
//! fails has not answered: that is never taken for a no.

use super::opening::Order;
use crate::program::{Program, ProgramError};

/// Nobody prints more to say yes.
const LONGEST: usize = 1024 * 1024;

/// Whether the program wants the run of `order`. It finds the schedule's name and the occurrence in
/// `POSTROOM_SCHEDULE` and `POSTROOM_OCCURRENCE`.
///
/// # Errors
/// It gave no answer.
pub(super) async fn ask(program: &Program, order: &Order) -> Result<bool, ProgramError> {
    let variables = [
        ("POSTROOM_SCHEDULE", order.schedule.as_str()),
        ("POSTROOM_OCCURRENCE", order.occurrence.as_str()),
    ];
    let printed = program.run(&[], &variables, LONGEST).await?;
    Ok(!printed.trim_ascii().is_empty())
}
