//! One slip of the hand, at every place of the full example where it can happen: what is wrong is
//! reported on its line, in a word or two, and what is right passes.

mod keys;
mod signs;
mod values;

use postroom::config::{Place, Problem, Severity};

use super::world::{FULL, World};

/// A line of the full example.
#[derive(Clone)]
struct Line {
    /// Counted from 1.
    number: usize,
    text: &'static str,
    what: What,
}

#[derive(Clone, Copy, PartialEq)]
enum What {
    /// A blank line or a comment.
    Nothing,
    /// `[account.main]`
    Header,
    /// `key = value`, or the first line of it.
    Key,
    /// A line of a value that began above.
    Within,
}

/// The lines of the full example.
fn lines() -> Vec<Line> {
    let mut open = false;
    let lines = FULL.lines().enumerate().map(|(at, text)| {
        let what = match text.trim_start().chars().next() {
            None | Some('#') => What::Nothing,
            _ if open => What::Within,
            Some('[') => What::Header,
            _ => What::Key,
        };
        open = (open || text.ends_with('[')) && text != "]";
        let number = at + 1;
        Line { number, text, what }
    });
    lines.collect()
}

/// The lines with a key and a value, or a part of a value.
fn written() -> impl Iterator<Item = Line> {
    lines().into_iter().filter(|it| it.what != What::Nothing)
}

impl Line {
    /// The name before the `=`, without the spaces after it.
    fn key(&self) -> &'static str {
        assert!(self.what == What::Key);
        self.text.split('=').next().unwrap_or_default().trim()
    }

    /// What follows the `=`, if it ends on this line.
    fn value(&self) -> Option<&'static str> {
        let value = self.text.split_once('=').map(|(_, value)| value.trim())?;
        (self.what == What::Key && value != "[").then_some(value)
    }

    /// The header above it.
    fn table(&self) -> &'static str {
        let mut above = lines().into_iter().take(self.number);
        let header = above.rfind(|it| it.what == What::Header);
        header.map_or("", |it| it.text)
    }

    /// Its name among all keys: `[daemon] log`. A table without a name has a number.
    fn path(&self) -> String {
        let nameless = |it: &Line| it.what == What::Header && it.text.starts_with("[[");
        let above = lines().into_iter().take(self.number).filter(nameless);
        match self.table() {
            table if table.starts_with("[[") => format!("{table} {} {}", above.count(), self.key()),
            table => format!("{table} {}", self.key()),
        }
    }

    /// The full example with another text in place of this line.
    fn becomes(&self, text: impl Into<String>) -> Edit {
        let text = text.into();
        let mut all: Vec<&str> = FULL.lines().collect();
        all[self.number - 1] = &text;
        Edit {
            file: all.join("\n") + "\n",
            of: format!("line {}: {} -> {text}", self.number, self.text),
            on: vec![self.number],
            at_most: 1,
        }
    }

    /// The full example without the text in this range of the line.
    fn without(&self, from: usize, length: usize) -> Edit {
        let (before, after) = (&self.text[..from], &self.text[from + length..]);
        self.becomes(format!("{before}{after}"))
    }
}

/// The full example with one slip in it.
struct Edit {
    file: String,
    /// What was done to it.
    of: String,
    /// The lines on which a person would look for it.
    on: Vec<usize>,
    /// How many problems may be told of it.
    at_most: usize,
}

impl Edit {
    /// It may be told at another line as well.
    fn or_on(mut self, line: usize) -> Self {
        self.on.push(line);
        self
    }

    fn only_on(mut self, line: usize) -> Self {
        self.on = vec![line];
        self
    }

    fn up_to(mut self, problems: usize) -> Self {
        self.at_most = problems;
        self
    }
}

/// A folder in which edits are tried, and what is said of the example as it is.
struct Desk {
    world: World,
    known: Vec<Problem>,
}

impl Desk {
    fn new() -> Self {
        let known = Vec::new();
        let world = World::new();
        let mut desk = Self { world, known };
        let known = desk.told(FULL);
        desk.known = known;
        desk
    }

    /// What is told of a file that is not told of the full example.
    fn told(&self, file: &str) -> Vec<Problem> {
        let problems = match self.world.load(file) {
            Ok(loaded) => loaded.problems,
            Err(problems) => problems,
        };
        // A warning on the same line is the same one, whatever its table is called now.
        let line = |it: &Problem| {
            (
                it.code,
                it.place().file.position(it.place().span.start).line,
            )
        };
        let is_known = |it: &&Problem| {
            self.known
                .iter()
                .any(|known| known.message == it.message || line(known) == line(it))
        };
        problems
            .iter()
            .filter(|it| !is_known(it))
            .cloned()
            .collect()
    }

    /// Why an edit that is wrong is not reported as it should be.
    fn objection(&self, edit: &Edit) -> Option<String> {
        let told = self.told(&edit.file);
        let is_on = |it: &Place| edit.on.contains(&it.file.position(it.span.start).line);
        let objection = match told.first() {
            None => "nothing is told",
            Some(first) if !first.places.iter().any(is_on) => "it is told at another place",
            Some(_) if told.len() > edit.at_most => "too much is told",
            Some(_) => return None,
        };
        let told: Vec<_> = told.iter().map(|it| format!("  {it}\n")).collect();
        Some(format!("{}\n  {objection}:\n{}", edit.of, told.concat()))
    }
}

/// Each of these edits is wrong, and the first that is told stands on its line.
fn assert_each_is_told(edits: impl IntoIterator<Item = Edit>, least: usize) {
    let desk = Desk::new();
    let edits: Vec<_> = edits.into_iter().collect();
    assert!(edits.len() >= least, "only {} edits", edits.len());
    let objections: Vec<_> = edits.iter().filter_map(|it| desk.objection(it)).collect();
    assert!(
        objections.is_empty(),
        "{} of {}:\n{}",
        objections.len(),
        edits.len(),
        objections.join("\n")
    );
}

/// None of these edits does any harm; what is merely odd may be told as a warning.
fn assert_each_is_fine(edits: impl IntoIterator<Item = Edit>, least: usize) {
    let desk = Desk::new();
    let edits: Vec<_> = edits.into_iter().collect();
    assert!(edits.len() >= least, "only {} edits", edits.len());
    for edit in edits {
        let told = desk.told(&edit.file);
        let wrong: Vec<_> = told
            .iter()
            .filter(|it| it.severity == Severity::Error)
            .collect();
        assert!(wrong.is_empty(), "{}\n{wrong:#?}", edit.of);
    }
}

#[test]
fn the_full_example_is_read_as_it_is_written() {
    let of = |what| lines().iter().filter(|it| it.what == what).count();
    assert_eq!(of(What::Within), 3);
    assert!(of(What::Header) > 15 && of(What::Key) > 90);
    let same = lines()
        .iter()
        .map(|it| it.becomes(it.text))
        .collect::<Vec<_>>();
    assert!(same.iter().all(|it| it.file == FULL));
    assert_each_is_fine(same.into_iter().take(1), 1);
}
