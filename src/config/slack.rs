//! Limits that can never hold anything up, because another one is reached first: whoever writes one
//! believes that it does something.

use super::amount::format_duration;
use super::problem::{Place, Problem};
use super::rate::Rate;
use super::section::{Section, Text};

/// Warns of rates of a list that others of it make idle. `texts` are the same, in the same order.
pub(super) fn in_a_list(section: &Section<'_>, key: &str, rates: &[Rate], texts: &[Text<'_>]) {
    for (index, text) in texts.iter().enumerate() {
        if let Some(other) = stricter(rates, index) {
            let span = texts[other].span.clone();
            let place = section.doc.place(span, "is always reached first");
            warn(section, key, (rates[index], text), (rates[other], place));
        }
    }
}

/// Warns of the rates of a table that one of another table makes idle, beside which it holds.
pub(super) fn beside(section: &Section<'_>, key: &str, rates: &[Rate], others: &[(Rate, Place)]) {
    let texts = section.texts(key).unwrap_or_default();
    for (index, (rate, text)) in rates.iter().zip(&texts).enumerate() {
        let has_been_told = stricter(rates, index).is_some();
        let other = others.iter().find(|(it, _)| rate.never_binds_beside(it));
        if let Some(other) = other.filter(|_| !has_been_told) {
            warn(section, key, (*rate, text), other.clone());
        }
    }
}

/// Which of the others makes this one idle. Of two that say the same, the first counts.
fn stricter(rates: &[Rate], index: usize) -> Option<usize> {
    let rate = rates.get(index)?;
    let mut others = rates
        .iter()
        .enumerate()
        .filter(|(other, _)| *other != index);
    let stricter = others.find(|(other, it)| {
        rate.never_binds_beside(it) && (*other < index || !it.never_binds_beside(rate))
    });
    stricter.map(|(other, _)| other)
}

fn warn(section: &Section<'_>, key: &str, (rate, text): (Rate, &Text<'_>), other: (Rate, Place)) {
    let (other, there) = other;
    let message = format!("`{rate}` never holds anything back");
    let here = section.doc.place(text.span.clone(), "a lower one, or none");
    let most = other.most_in(rate.window);
    let window = format_duration(rate.window);
    let note = format!("`{other}` lets no more than {most} go in {window}");
    let problem = Problem::warning("no-effect", message, here).and(there);
    section.report(problem.note(note).key(section.path(key)));
}
