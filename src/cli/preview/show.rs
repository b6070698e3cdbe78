//! A message on the terminal, as its reader has it.
//!
//! Lines are as long as the text has them: a reader's program wraps them, and so does a terminal.

use super::super::out::{Out, alarming, bold, count, dim, plain};
use super::opened::{File, Opened};
use crate::compose::Template;
use crate::config::Problems;

/// Gmail shows so much of the HTML of a mail, in bytes, and a link to the rest.
pub(super) const CLIPPED: usize = 102 * 1024;

/// What people look at, in this order; then what the template adds.
const HEADERS: [&str; 6] = ["From", "Reply-To", "To", "Cc", "Date", "Subject"];

/// Prints it, and what `check` says of its template beside it.
pub(super) fn message(
    opened: &Opened,
    (language, template): (&str, &Template),
    problems: &Problems,
    out: &Out,
) {
    let added = template.source().headers.keys();
    for name in HEADERS.into_iter().chain(added.map(String::as_str)) {
        let Some(value) = opened.header(name) else {
            continue;
        };
        out.line(format!("{}{}", bold(&format!("{name:8} ")), plain(value)));
    }
    if template.editions().len() > 1 {
        out.line(format!("{}{language}", bold("Language ")));
    }
    for file in &opened.files {
        out.line(format!(
            "{}{}",
            bold(&format!("{:9}", role(file))),
            plain(&told(file))
        ));
    }
    out.line("");
    for line in opened.text.as_deref().unwrap_or_default().lines() {
        out.line(plain(line));
    }
    if opened.text.is_none() {
        out.line(dim("(no plain text; --html - prints its HTML)"));
    }
    let html = opened.html.as_ref().map_or_else(String::new, |html| {
        format!(
            ", with HTML of {} bytes (--html FILE writes it)",
            count(html.len() as u64)
        )
    });
    let size = count(opened.size as u64);
    out.note(format!("\n{size} bytes on the wire{html}"));
    for warning in warnings(opened, template, problems) {
        out.note(format!("{}: {warning}", alarming("warning")));
    }
}

/// `report.csv (text/csv, 12 KB)`
fn told(file: &File) -> String {
    let bytes = file.content.len();
    let size = match bytes {
        ..1024 => format!("{bytes} bytes"),
        _ => format!("{} KB", count(bytes.div_ceil(1024) as u64)),
    };
    format!("{} ({}, {size})", file.name, file.media_type)
}

fn role(file: &File) -> &'static str {
    match file.is_inline() {
        true => "Image",
        false => "Attached",
    }
}

fn warnings(opened: &Opened, template: &Template, problems: &Problems) -> Vec<String> {
    let mut warnings = Vec::new();
    let html = opened.html.as_ref().map_or(0, String::len);
    if html > CLIPPED {
        let kb = html / 1024;
        warnings.push(format!(
            "its HTML has {kb} KB; Gmail shows the first 102 KB of a mail"
        ));
    }
    let folder = format!("templates/{}", template.name());
    let of_template = problems.iter().filter(|it| {
        let path = it.place().file.path();
        path.parent().is_some_and(|it| it.ends_with(&folder))
    });
    warnings.extend(of_template.map(|it| format!("{} ({})", it.message, it.code)));
    warnings
}
