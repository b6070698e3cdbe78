//! How deep the elements of an HTML text stand in each other.
//!
//! The program that writes rules into elements calls itself for each level, and where the stack
//! ends, the whole process does. So what is too deep for it is not shown to it. What browsers would
//! close by themselves is guessed at, and never taken for flatter than it is.

use super::markup::is_void;

/// Browsers build no deeper tree either.
const DEEPEST: usize = 512;

/// The elements that are open, the innermost last.
#[derive(Debug, Default)]
pub(super) struct Nesting<'a> {
    open: Vec<&'a str>,
    is_too_deep: bool,
}

impl<'a> Nesting<'a> {
    pub(super) fn open(&mut self, name: &'a str) {
        let closes_the_last = ends_by_itself(name) && self.open.last() == Some(&name);
        if closes_the_last || is_void(name) || self.is_too_deep {
            return;
        }
        self.open.push(name);
        self.is_too_deep = self.open.len() > DEEPEST;
    }

    pub(super) fn close(&mut self, name: &str) {
        let closed = (self.open.iter()).rposition(|it| *it == name || !ends_by_itself(it));
        if let Some(at) = closed.filter(|at| self.open[*at] == name) {
            self.open.truncate(at);
        }
    }

    /// Whether it was too deep anywhere so far.
    pub(super) fn is_too_deep(&self) -> bool {
        self.is_too_deep
    }
}

/// Elements that are closed by what follows them.
fn ends_by_itself(name: &str) -> bool {
    let names = ["p", "li", "dt", "dd", "td", "th", "tr", "tbody", "thead"];
    names.contains(&name)
}
