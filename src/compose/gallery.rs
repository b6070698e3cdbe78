//! The images and style sheets of a template: files beside its texts, or in the templates
//! directory itself.
//!
//! They are read with the texts and frozen with them. A message carries the images that its HTML
//! shows, each once, and the HTML names them by `cid:` (RFC 2392). A style sheet becomes a
//! `<style>`, as mail readers load none.

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

/// No style sheet is part of a text that it would end, or that would take it for one of its tags.
const NOT_IN_STYLES: [&str; 2] = ["{{", "</style"];

/// The files that the HTML of a template uses, by their paths in the templates directory.
#[derive(Default)]
pub(super) struct Files {
    pub(super) images: BTreeMap<String, Image>,
    pub(super) styles: BTreeMap<String, Part>,
}

/// Reads the files that the HTML of a source uses. What is wrong goes to the reader's faults, at
/// the place that uses the file.
pub(super) fn read(reader: &mut Reader, source: &Source) -> Files {
    let mut gallery = Gallery {
        source,
        files: Files::default(),
        length: 0,
    };
    for part in shown(source) {
        for reference in format::images(&part.content) {
            if let Err(fault) = gallery.image(reader, part, &reference) {
                reader.faults.push(*fault);
            }
        }
        for link in format::style_links(&part.content) {
            let Some(reference) = link.file else { continue };
            if let Err(fault) = gallery.style(reader, part, &reference) {
                reader.faults.push(*fault);
            }
        }
    }
    gallery.files
}

struct Gallery<'s> {
    source: &'s Source,
    files: Files,
    /// Of all images.
    length: usize,
}

impl Gallery<'_> {
    fn image(
        &mut self,
        reader: &Reader,
        part: &Part,
        reference: &Reference,
    ) -> Result<(), Box<TemplateFault>> {
        let path = &reference.path;
        let source = self.source;
        let fault = |code, message| fault(source, code, (part, reference), message);
        let candidates = self.candidates(part, reference)?;
        for file in &candidates {
            if self.files.images.contains_key(file) {
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
            self.files.images.insert(file.clone(), image);
            return Ok(());
        }
        let missing = fault("missing-image", format!("there is no image {path}"));
        let endings = [".png", ".jpg", ".jpeg", ".gif", ".webp"];
        Err(to_be_put(reader, missing, path, &candidates, &endings))
    }

    fn style(
        &mut self,
        reader: &mut Reader,
        part: &Part,
        reference: &Reference,
    ) -> Result<(), Box<TemplateFault>> {
        let (source, path) = (self.source, &reference.path);
        let fault = |code, message| fault(source, code, (part, reference), message);
        let candidates = self.candidates(part, reference)?;
        for file in &candidates {
            let before = reader.faults.len();
            let read = match self.files.styles.contains_key(file) {
                true => return Ok(()),
                false => reader.file(file),
            };
            let Some(style) = read else {
                if reader.faults.len() > before {
                    return Ok(()); // that is the fault of the file
                }
                continue;
            };
            let small = style.content.to_ascii_lowercase();
            if let Some(found) = NOT_IN_STYLES.iter().find(|it| small.contains(**it)) {
                let message = format!("the style sheet {file} has {found} in it");
                let help = "write what depends on values into a <style> of the template";
                return Err(Box::new(fault("bad-style-sheet", message).help(help)));
            }
            self.files.styles.insert(file.clone(), style);
            return Ok(());
        }
        let missing = fault(
            "missing-style-sheet",
            format!("there is no style sheet {path}"),
        );
        Err(to_be_put(reader, missing, path, &candidates, &[".css"]))
    }

    fn candidates(
        &self,
        part: &Part,
        reference: &Reference,
    ) -> Result<Vec<String>, Box<TemplateFault>> {
        let candidates = candidates(&part.file, &reference.path);
        if !candidates.is_empty() {
            return Ok(candidates);
        }
        let message = format!("{} is not in the templates directory", reference.path);
        let fault = fault(self.source, "outside", (part, reference), message);
        let help = "put a copy of it beside this text, and name that";
        Err(Box::new(fault.help(help)))
    }
}

/// Says what may be meant by the path of a file that is not there, or where it should be.
fn to_be_put(
    reader: &Reader,
    missing: TemplateFault,
    path: &str,
    candidates: &[String],
    endings: &[&str],
) -> Box<TemplateFault> {
    Box::new(match meant(reader, path, candidates, endings) {
        Some(near) => missing.label(format!("did you mean `{near}`?")),
        None => {
            let places = candidates.iter().map(|it| format!("templates/{it}"));
            let places: Vec<String> = places.collect();
            missing.help(format!("put it at {}", places.join(" or ")))
        }
    })
}

/// A fault at the place where a file is used, in the author's own file.
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

/// Where a file can be that a text uses: beside it, or in the templates directory itself.
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

/// The path of a file that there is, as this one may be meant.
fn meant(reader: &Reader, path: &str, candidates: &[String], endings: &[&str]) -> Option<String> {
    let is_of_kind = |name: &&String| {
        let name = name.to_lowercase();
        endings.iter().any(|ending| name.ends_with(ending))
    };
    let before = path.rfind('/').map_or(0, |at| at + 1);
    candidates.iter().find_map(|candidate| {
        let (folder, name) = candidate.rsplit_once('/').unwrap_or(("", candidate));
        let names = reader.names(folder);
        let near = nearest(name, names.iter().filter(is_of_kind).map(String::as_str))?;
        Some(format!("{}{near}", &path[..before]))
    })
}

/// What the HTML of a template uses, ready to be used: images as parts of messages, and style
/// sheets, by their paths.
pub(super) struct Stock<'s> {
    images: BTreeMap<&'s str, Enclosure>,
    styles: &'s BTreeMap<String, Part>,
}

impl<'s> Stock<'s> {
    /// Encodes each image once. Files that hold the same are one part.
    pub(super) fn of(source: &'s Source) -> Self {
        let mut images: BTreeMap<&str, Enclosure> = BTreeMap::new();
        for (path, image) in &source.images {
            let mut all = source.images.iter();
            let same = all.find(|(_, other)| *other == image);
            let first = same.and_then(|(first, _)| images.get(first.as_str()));
            let (_, name) = path.rsplit_once('/').unwrap_or(("", path));
            let enclosure = first.cloned().unwrap_or_else(|| image.enclosure(name));
            images.insert(path, enclosure);
        }
        let styles = &source.styles;
        Self { images, styles }
    }

    /// Puts style sheets into a page, and lets it show images by their Content-IDs: with those that
    /// it shows. None where it uses no file.
    pub(super) fn place(&self, page: &Page) -> Option<(Page, Vec<Enclosure>)> {
        if self.images.is_empty() && self.styles.is_empty() {
            return None;
        }
        let mut placed = page.clone();
        let mut shown: BTreeMap<&str, &Enclosure> = BTreeMap::new();
        let mut is_placed = false;
        let parts = std::iter::once(&mut placed.body).chain(&mut placed.layout);
        for part in parts.chain(placed.partials.values_mut()) {
            let styled = format::with_styles(&part.content, |path| {
                let candidates = candidates(&part.file, path);
                let found = candidates.iter().find_map(|it| self.styles.get(it))?;
                Some(found.content.as_str())
            });
            let content = styled.as_ref().unwrap_or(&part.content);
            let illustrated = format::with_images(content, |path| {
                let candidates = candidates(&part.file, path);
                let found = candidates
                    .iter()
                    .find_map(|it| self.images.get(it.as_str()))?;
                let id = found.content_id.as_deref()?;
                shown.insert(id, found);
                Some(format!("cid:{id}"))
            });
            if let Some(content) = illustrated.or(styled) {
                part.content = content;
                is_placed = true;
            }
        }
        let shown = shown.into_values().cloned().collect();
        is_placed.then_some((placed, shown))
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
