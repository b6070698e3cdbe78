//! The images of a template: files beside its texts, or in the templates directory itself.
//!
//! They are read with the texts and frozen with them. A message carries those that its HTML shows,
//! each once, and the HTML names them by `cid:` (RFC 2392); nothing is fetched from elsewhere.

use std::collections::{BTreeMap, BTreeSet};

use super::beneath;
use super::enclosure::Enclosure;
use super::fault::{TemplateFault, nearest};
use super::format::{self, Page, Reference};
use super::image::Image;
use super::reading::Reader;
use super::source::{Part, Source};
use super::tags;

/// No image is larger, in bytes.
const LARGEST: u64 = 2 << 20;
/// The images of a template are not larger together, in bytes: all of them are kept with each run.
const LARGEST_TOGETHER: usize = 8 << 20;

/// Reads the images that the HTML of a source shows. What is wrong goes to the reader's faults, at
/// the place that shows the image.
pub(super) fn read(reader: &mut Reader, source: &Source) -> BTreeMap<String, Image> {
    let mut gallery = Gallery {
        source,
        images: BTreeMap::new(),
        length: 0,
    };
    for part in shown(source) {
        for reference in format::images(&part.content) {
            if let Err(fault) = gallery.read(reader, part, &reference) {
                reader.faults.push(*fault);
            }
        }
    }
    gallery.images
}

struct Gallery<'s> {
    source: &'s Source,
    images: BTreeMap<String, Image>,
    length: usize,
}

impl Gallery<'_> {
    fn read(
        &mut self,
        reader: &Reader,
        part: &Part,
        reference: &Reference,
    ) -> Result<(), Box<TemplateFault>> {
        let path = &reference.path;
        let source = self.source;
        let fault = |code, message| fault(source, code, (part, reference), message);
        let candidates = candidates(&part.file, path);
        if candidates.is_empty() {
            let message = format!("the image {path} is not in the templates directory");
            let help = "put a copy of it beside this text, and name that";
            return Err(Box::new(fault("outside", message).help(help)));
        }
        for file in &candidates {
            if self.images.contains_key(file) {
                return Ok(());
            }
            let found = beneath::read(&reader.root, file, LARGEST);
            let found = found.map_err(|why| {
                fault(
                    "unreadable",
                    format!("the image {file} cannot be used: {why}"),
                )
            })?;
            let Some(bytes) = found else { continue };
            let image = Image::of(&bytes).map_err(|why| {
                let help = "save it as PNG or JPEG";
                Box::new(fault("bad-image", format!("{file} {why}")).help(help))
            })?;
            self.length += bytes.len();
            if self.length > LARGEST_TOGETHER {
                let message = format!(
                    "with {file}, the images of template `{}` have more than {} MiB together",
                    self.source.name,
                    LARGEST_TOGETHER >> 20
                );
                return Err(Box::new(fault("unreadable", message)));
            }
            self.images.insert(file.clone(), image);
            return Ok(());
        }
        let missing = fault("missing-image", format!("there is no image {path}"));
        Err(Box::new(match meant(reader, path, &candidates) {
            Some(near) => missing.label(format!("did you mean `{near}`?")),
            None => {
                let places: Vec<String> = candidates
                    .iter()
                    .map(|it| format!("templates/{it}"))
                    .collect();
                missing.help(format!("put it at {}", places.join(" or ")))
            }
        }))
    }
}

/// A fault at the place where an image is shown, in the author's own file.
fn fault(
    source: &Source,
    code: &'static str,
    (part, reference): (&Part, &Reference),
    message: String,
) -> TemplateFault {
    let mut fault = TemplateFault::of_file(code, &part.file, message);
    let written = &part.content[reference.range.clone()];
    let place = match source.part(&part.file).filter(|_| part.derived) {
        None => Some((part, reference.range.start, written)),
        // Markdown: there it is written in much the same way.
        Some(origin) => [written, reference.path.as_str()]
            .into_iter()
            .find_map(|text| Some((origin, origin.content.find(text)?, text))),
    };
    if let Some((part, start, written)) = place {
        let blank = written.len() - written.trim_start().len();
        (fault.line, fault.column) = tags::place(&part.content, start + blank);
        let first_line = written.trim().lines().next().unwrap_or_default();
        fault.span_len = first_line.chars().count();
    }
    fault
}

/// The HTML texts that are shown to readers of any language.
fn shown(source: &Source) -> Vec<&Part> {
    let mut parts: Vec<&Part> = Vec::new();
    for tag in source.tags() {
        let said = source.said(tag);
        let Some(html) = said.html else { continue };
        let chosen = source.chosen_partials(tag);
        let mut included = BTreeSet::new();
        let mut wanted: Vec<&Part> = said.layout_html.into_iter().chain([html]).collect();
        while let Some(part) = wanted.pop() {
            for name in included_by(&part.content) {
                if let Some(key) = chosen.get(&format!("{name}.html"))
                    && included.insert(*key)
                {
                    wanted.push(&source.partials[*key]);
                }
            }
            if !parts.contains(&part) {
                parts.push(part);
            }
        }
    }
    parts
}

/// The partials that a text includes.
fn included_by(text: &str) -> impl Iterator<Item = &str> {
    let tags = tags::scan(text).into_iter();
    tags.filter_map(|tag| {
        let inside = tags::inside(&text[tag.range]);
        let inside = inside.strip_prefix('#').map_or(inside, str::trim_start);
        inside.strip_prefix('>')?.split_whitespace().next()
    })
}

/// Where an image can be that a text shows: beside it, or in the templates directory itself.
fn candidates(file: &str, path: &str) -> Vec<String> {
    let (folder, _) = file.rsplit_once('/').unwrap_or(("", file));
    let beside = within(&format!("{folder}/{path}"));
    let above = within(path).filter(|above| Some(above) != beside.as_ref());
    beside.into_iter().chain(above).collect()
}

/// A path without `.` and `..`, unless it leads out of where it begins.
fn within(path: &str) -> Option<String> {
    let mut steps = Vec::new();
    for step in path.split('/') {
        match step {
            "" | "." => {}
            ".." => drop(steps.pop()?),
            step => steps.push(step),
        }
    }
    (!steps.is_empty()).then(|| steps.join("/"))
}

/// The path of an image that there is, as this one may be meant.
fn meant(reader: &Reader, path: &str, candidates: &[String]) -> Option<String> {
    const ENDINGS: [&str; 5] = [".png", ".jpg", ".jpeg", ".gif", ".webp"];
    let is_image = |name: &&String| {
        let name = name.to_lowercase();
        ENDINGS.iter().any(|ending| name.ends_with(ending))
    };
    let before = path.rfind('/').map_or(0, |at| at + 1);
    candidates.iter().find_map(|candidate| {
        let (folder, name) = candidate.rsplit_once('/').unwrap_or(("", candidate));
        let names = reader.names(folder);
        let near = nearest(name, names.iter().filter(is_image).map(String::as_str))?;
        Some(format!("{}{near}", &path[..before]))
    })
}

/// The images of a template as parts of messages, by their paths.
pub(super) struct Enclosed(BTreeMap<String, Enclosure>);

impl Enclosed {
    /// Encodes each content once. Files that hold the same are one part.
    pub(super) fn of(images: &BTreeMap<String, Image>) -> Self {
        let mut enclosed: BTreeMap<String, Enclosure> = BTreeMap::new();
        for (path, image) in images {
            let same = images.iter().find(|(_, other)| *other == image);
            let first = same.and_then(|(first, _)| enclosed.get(first));
            let (_, name) = path.rsplit_once('/').unwrap_or(("", path));
            let enclosure = first.cloned().unwrap_or_else(|| image.enclosure(name));
            enclosed.insert(path.clone(), enclosure);
        }
        Self(enclosed)
    }

    /// Lets a page show them by their Content-IDs, and says which it shows; none where it shows
    /// none.
    pub(super) fn place(&self, page: &Page) -> Option<(Page, Vec<Enclosure>)> {
        if self.0.is_empty() {
            return None;
        }
        let mut placed = page.clone();
        let mut shown: BTreeMap<&str, &Enclosure> = BTreeMap::new();
        let parts = std::iter::once(&mut placed.body).chain(&mut placed.layout);
        for part in parts.chain(placed.partials.values_mut()) {
            let content = format::with_images(&part.content, |path| {
                let candidates = candidates(&part.file, path);
                let (path, found) = candidates.iter().find_map(|it| self.0.get_key_value(it))?;
                let id = found.content_id.as_ref()?;
                let same = shown.values().any(|it| it.content_id == found.content_id);
                if !same {
                    shown.insert(path, found);
                }
                Some(format!("cid:{id}"))
            });
            part.content = content.unwrap_or_else(|| std::mem::take(&mut part.content));
        }
        let shown: Vec<Enclosure> = shown.into_values().cloned().collect();
        (!shown.is_empty()).then_some((placed, shown))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_is_beside_its_text_or_in_the_templates_directory() {
        assert_eq!(candidates("t/body.html", "a.png"), ["t/a.png", "a.png"]);
        assert_eq!(candidates("layout.html", "a.png"), ["a.png"]);
        assert_eq!(
            candidates("t/body.html", "./i//a.png"),
            ["t/i/a.png", "i/a.png"]
        );
        assert_eq!(candidates("t/body.html", "../a.png"), ["a.png"]);
        assert_eq!(candidates("t/body.html", "../../a.png"), [""; 0]);
        assert_eq!(candidates("layout.html", "../templates/a.png"), [""; 0]);
    }
}
