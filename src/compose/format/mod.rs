//! Bodies made from other bodies.

use std::collections::BTreeMap;

use super::fault::TemplateFault;
use super::source::Part;

/// The bodies of one language of a template, and the layouts around them.
#[derive(Debug, Default)]
pub(super) struct Bodies {
    pub(super) markdown: Option<Part>,
    pub(super) text: Option<Part>,
    pub(super) html: Option<Part>,
    pub(super) layout_text: Option<Part>,
    pub(super) layout_html: Option<Part>,
}

/// Fills in the bodies that can be made from the others.
pub(super) fn settle(
    _bodies: &mut Bodies,
    _partials: &BTreeMap<String, Part>,
) -> Vec<TemplateFault> {
    Vec::new()
}
