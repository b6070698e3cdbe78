//! What there is to show: the configuration, as far as it can be read, and every template.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::fault::Fault;
use crate::compose::{Choices, Source, Template, holds_texts};
use crate::config::{self, Config, Loaded, Problem, Problems, Scope, Severity};

/// All of it, as it was at one look.
#[derive(Default)]
pub(super) struct Shelf {
    /// What could be read.
    pub(super) config: Option<Config>,
    /// The configuration does not load: `check` fails, and so would the daemon.
    pub(super) is_broken: bool,
    /// What is wrong beside the templates.
    pub(super) faults: Vec<Fault>,
    pub(super) sheets: BTreeMap<String, Sheet>,
    /// The folder of the templates.
    pub(super) templates: PathBuf,
    /// What it was read from.
    pub(super) watched: Vec<PathBuf>,
}

/// A template, or what keeps it from being one.
#[derive(Default)]
pub(super) struct Sheet {
    pub(super) template: Option<Arc<Template>>,
    pub(super) faults: Vec<Fault>,
    /// The schedules that send it.
    pub(super) schedules: Vec<String>,
}

impl Sheet {
    /// The languages that it is written in, its own first.
    pub(super) fn languages(&self) -> Vec<String> {
        let source = self.template.as_ref().map(|it| it.source());
        let all = source.into_iter().flat_map(|it| {
            std::iter::once(it.language.to_string()).chain(it.languages.keys().cloned())
        });
        all.collect()
    }

    pub(super) fn errors(&self) -> usize {
        let error = Severity::Error.word();
        self.faults.iter().filter(|it| it.severity == error).count()
    }
}

impl Shelf {
    /// Looks at a configuration and the templates beside it.
    pub(super) fn read(path: &Path) -> Self {
        let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        let folder = path.parent().unwrap_or(Path::new("/")).to_owned();
        let templates = folder.join("templates");
        let (config, problems, is_broken) = match config::load(&path) {
            Ok(Loaded { config, problems }) => (Some(config), problems, false),
            Err(problems) => (config::glimpse(&path), problems, true),
        };
        let mut shelf = Self {
            watched: watched(&path, &templates, config.as_ref()),
            config,
            is_broken,
            templates,
            ..Self::default()
        };
        shelf.name_sheets();
        shelf.take_problems(&problems, &folder);
        shelf.compile_the_rest();
        shelf
    }

    /// The domains whose keys sign its mail when it is sent: here it is shown without.
    pub(super) fn signed_by(&self, sheet: &Sheet) -> Vec<&str> {
        let Some(config) = &self.config else {
            return Vec::new();
        };
        let schedules = sheet.schedules.iter();
        let schedules = schedules.filter_map(|it| config.schedules.get(it));
        let accounts = schedules.filter_map(|it| config.accounts.get(it.via.first()?));
        let mut domains: Vec<&str> = accounts
            .flat_map(|it| it.dkim.iter().map(|key| &*key.domain))
            .collect();
        domains.sort_unstable();
        domains.dedup();
        domains
    }

    fn name_sheets(&mut self) {
        for name in folders(&self.templates) {
            self.sheets.entry(name).or_default();
        }
        let Some(config) = &self.config else {
            return;
        };
        for (name, template) in &config.templates {
            let sheet = self.sheets.entry(name.clone()).or_default();
            sheet.template = Some(Arc::clone(template));
        }
        for schedule in config.schedules.values() {
            let sheet = self.sheets.entry(schedule.send.clone()).or_default();
            sheet.schedules.push(schedule.name.clone());
        }
    }

    /// Gives each template what is wrong with it.
    fn take_problems(&mut self, problems: &Problems, folder: &Path) {
        for problem in problems.iter() {
            let fault = Fault::of_problem(problem, folder);
            let mut taken = false;
            for (name, sheet) in &mut self.sheets {
                if concerns(problem, name, sheet, &self.templates) {
                    sheet.faults.push(fault.clone());
                    taken = true;
                }
            }
            // Secrets and servers are no matter of a template.
            if !taken && (problem.scope == Scope::Config || problem.severity == Severity::Error) {
                self.faults.push(fault);
            }
        }
    }

    /// Compiles what no table and no schedule names.
    fn compile_the_rest(&mut self) {
        for (name, sheet) in &mut self.sheets {
            if sheet.template.is_some() || sheet.errors() > 0 {
                continue;
            }
            let language = self.config.as_ref().map(|it| it.daemon.language.clone());
            let choices = Choices {
                language: language.unwrap_or_default(),
                ..Choices::default()
            };
            let source = Source::read(&self.templates, name, choices);
            match source.and_then(Template::compile) {
                Ok(template) => sheet.template = Some(Arc::new(template)),
                Err(faults) => {
                    let faults = faults.iter();
                    let faults = faults.map(|it| Fault::of_template(it, &self.templates));
                    sheet.faults.extend(faults);
                }
            }
        }
    }
}

/// Whether a problem is one of this template: its own files, what it includes, its table.
fn concerns(problem: &Problem, name: &str, sheet: &Sheet, templates: &Path) -> bool {
    let key = problem
        .key
        .as_deref()
        .and_then(|it| it.strip_prefix("template."));
    let is_of =
        |key: &str| key == name || key.strip_prefix(name).is_some_and(|it| it.starts_with('.'));
    if key.is_some_and(is_of) {
        return true;
    }
    problem.places.iter().any(|place| {
        let Ok(file) = place.file.path().strip_prefix(templates) else {
            return false;
        };
        if file.starts_with(name) {
            return true;
        }
        let is_shared = file.parent() == Some(Path::new("")) || file.starts_with("partials");
        is_shared && sheet.template.as_ref().is_none_or(|it| uses(it, file))
    })
}

fn uses(template: &Template, file: &Path) -> bool {
    let mut contents = template.source().contents();
    contents.any(|(of, _)| Path::new(of) == file)
}

/// Every folder that has something of a template in it.
fn folders(templates: &Path) -> Vec<String> {
    let entries = fs::read_dir(templates).into_iter().flatten().flatten();
    let folders =
        entries.filter(|entry| entry.file_name() != "partials" && holds_texts(&entry.path()));
    let names = folders.filter_map(|entry| entry.file_name().into_string().ok());
    names.filter(|name| !name.starts_with('.')).collect()
}

fn watched(path: &Path, templates: &Path, config: Option<&Config>) -> Vec<PathBuf> {
    let mut watched = vec![path.to_owned(), templates.to_owned()];
    if let Some(config) = config {
        watched.extend(config.included.iter().cloned());
        let lists = config.lists.values();
        watched.extend(lists.filter_map(|it| Some(it.source.path()?.to_owned())));
    }
    watched
}
