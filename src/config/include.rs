//! The files of a configuration: the main one, and those that its `include` names.
//!
//! Files add to each other: whatever has a name may stand in any of them, and none overrides
//! another. What holds for the whole stands in the main one alone. Included files include nothing.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use glob::{MatchOptions, Pattern, glob_with};
use toml::de::DeTable;

use super::document::Document;
use super::files;
use super::problem::Problem;
use super::section::{Section, Text, Value, text_of};

const KEY: &str = "include";
const PATH: &str = "daemon.include";

/// What may stand in an included file.
const SHARED: &[&str] = &["config_version", "account", "list", "template", "schedule"];

const OPTIONS: MatchOptions = MatchOptions {
    case_sensitive: true,
    require_literal_separator: true,
    require_literal_leading_dot: true,
};

/// All files of the configuration, the main one first, the others in the order of their names
/// under each pattern. What is wrong with a pattern is reported in the main file.
///
/// # Errors
/// If one of them cannot be read.
pub(super) fn documents(path: &Path) -> Result<Vec<Document>, Box<Problem>> {
    let main = main(path)?;
    let included = included(&main)?;
    Ok(std::iter::once(main).chain(included).collect())
}

/// The main file alone.
///
/// # Errors
/// If it cannot be read.
pub(super) fn main(path: &Path) -> Result<Document, Box<Problem>> {
    let (text, mode) = files::read_config(path)?;
    Ok(Document::new(path, text, mode))
}

fn included(main: &Document) -> Result<Vec<Document>, Box<Problem>> {
    let (root, errors) = DeTable::parse_recoverable(main.raw());
    let is_readable = |value: &Value<'_>| {
        let (start, end) = (value.span().start, value.span().end);
        let rest = main.raw()[end..].find('\n');
        let lines = start..rest.map_or(main.raw().len(), |at| end + at + 1);
        let mut places = errors.iter().filter_map(toml::de::Error::span);
        !places.any(|place| lines.contains(&place.start))
    };
    let mut seen = HashSet::from([real(main.file.path())]);
    let mut included = Vec::new();
    for pattern in patterns(root.get_ref(), is_readable) {
        for path in matching(main, &pattern) {
            if seen.insert(real(&path)) {
                let (text, mode) = files::read_config(&path).map_err(|problem| {
                    let place = main.place(pattern.span.clone(), "included here");
                    Box::new(problem.and(place))
                })?;
                included.push(Document::new(&path, text, mode));
            }
        }
    }
    Ok(included)
}

/// The patterns, wherever they stand; what has the wrong shape is reported with the rest, and so is
/// what cannot be read.
fn patterns<'d>(root: &'d DeTable<'d>, is_readable: impl Fn(&Value<'_>) -> bool) -> Vec<Text<'d>> {
    let daemon = root.get("daemon").and_then(|it| it.get_ref().as_table());
    let lists = [Some(root), daemon].into_iter().flatten();
    let lists = lists.filter_map(|table| table.get(KEY).filter(|it| is_readable(it)));
    let lists = lists.filter_map(|it| it.get_ref().as_array());
    lists.flatten().filter_map(text_of).collect()
}

/// The files that a pattern means. A pattern without wildcards means one file, which must be there.
fn matching(main: &Document, pattern: &Text<'_>) -> Vec<PathBuf> {
    let whole = main.resolve(pattern.text);
    if !pattern.text.contains(['*', '?', '[']) {
        return vec![whole];
    }
    let folder = whole.parent().unwrap_or(&whole);
    if !folder.is_dir() && !pattern.text.contains("**") {
        let message = format!("`{}` includes nothing", pattern.text);
        let place = main.place(pattern.span.clone(), "there is no such folder");
        main.report(Problem::warning("nothing-included", message, place).key(PATH));
    }
    let escaped = Path::new(&Pattern::escape(&main.folder().to_string_lossy())).join(pattern.text);
    let found = match glob_with(&escaped.to_string_lossy(), OPTIONS) {
        Ok(found) => found,
        Err(error) => {
            let message = format!("`{}` is not a pattern of file names", pattern.text);
            let place = main.place(pattern.span.clone(), error.msg);
            main.report(Problem::error("bad-value", message, place).key(PATH));
            return Vec::new();
        }
    };
    let mut files = Vec::new();
    for entry in found {
        match entry {
            Ok(path) if path.is_dir() => {}
            Ok(path) if path.extension().is_some_and(|it| it == "toml") => files.push(path),
            Ok(path) => main.report(left_out(main, pattern, &path)),
            Err(error) => {
                let path = error.path().to_owned();
                let why = files::reason(&path, error.error());
                let message = format!("{} cannot be read: {why}", path.display());
                let place = main.place(pattern.span.clone(), "");
                main.report(Problem::error("file-missing", message, place).key(PATH));
            }
        }
    }
    report_copies(main, pattern, folder, &files);
    files
}

/// Says of files beside the included ones that they are not read, where somebody may think so:
/// `20-sales.toml.bak`, `20-sales.TOML`.
fn report_copies(main: &Document, pattern: &Text<'_>, folder: &Path, files: &[PathBuf]) {
    let beside = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut beside: Vec<PathBuf> = beside.map(|entry| entry.path()).collect();
    beside.sort();
    for path in beside.iter().filter(|path| !files.contains(path)) {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let looks_included = name.to_lowercase().contains(".toml") && !name.starts_with('.');
        if looks_included && !name.ends_with(".toml") && path.is_file() {
            main.report(left_out(main, pattern, path));
        }
    }
}

fn left_out(main: &Document, pattern: &Text<'_>, path: &Path) -> Problem {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let message = format!("{name} is not read: its name does not end in .toml");
    let place = main.place(pattern.span.clone(), "");
    Problem::aside("ignored-file", message, place).key(PATH)
}

fn real(path: &Path) -> PathBuf {
    path.canonicalize().unwrap_or_else(|_| path.to_owned())
}

/// Reports what an included file may not hold. Answers whether the file may be read on.
pub(super) fn check_contents(top: &Section<'_>, main: &Document) {
    for key in top.keys().filter(|key| !SHARED.contains(key)) {
        let message = match top.holds_table(key) {
            true => format!("[{key}] stands in an included file"),
            false => format!("`{key}` stands in an included file"),
        };
        let place = top.key_place(key, "holds for the whole of postroom");
        let help = format!("move it to {}", main.file.path().display());
        top.report(
            Problem::error("main-file-only", message, place)
                .key(key)
                .help(help),
        );
    }
}

/// Reports that `include` names nothing, or stands in both of its places.
pub(super) fn check_main(top: &Section<'_>, daemon: &Section<'_>) {
    for section in [top, daemon] {
        section.some_texts(KEY);
    }
    if top.has(KEY) && daemon.has(KEY) {
        let place = daemon.key_place(KEY, "keep this one");
        let problem = Problem::error("only-one-of", "`include` stands in two places", place);
        let problem = problem.and(top.key_place(KEY, "and move these there"));
        daemon.report(problem.key(PATH));
    }
}
