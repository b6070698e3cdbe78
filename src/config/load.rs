//! From a path to a configuration that holds.

use std::collections::{BTreeMap, HashSet};
use std::path::Path;

use toml::Spanned;
use toml::de::DeTable;

use super::account::Account;
use super::document::Document;
use super::problem::{Problem, Problems};
use super::reference::{look_up, report_unused};
use super::schedule::Draft;
use super::section::{Section, Text};
use super::tables::{Named, header, named};
use super::template::Templates;
use super::{
    Config, Loaded, account, alert, daemon, failover, fields, files, list, schedule, syntax,
};
use crate::audience::List;

/// The version of the file's meaning that this postroom knows.
const CONFIG_VERSION: u64 = 1;

/// Reads a configuration and everything it names.
///
/// # Errors
/// Every problem, if any of them concerns the configuration itself. Where only data is missing (a
/// list's file, a secret), the configuration comes back with those problems beside it.
pub fn load(path: &Path) -> Result<Loaded, Problems> {
    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let (text, mode) =
        files::read_config(&path).map_err(|problem| Problems::new(vec![*problem], &path))?;
    let doc = Document::new(&path, text, mode);
    let config = parse(&doc);
    let problems = Problems::new(doc.into_problems(), &path);
    match config {
        Some(config) if !problems.refuse_the_whole() => Ok(Loaded { config, problems }),
        _ => Err(problems),
    }
}

fn parse(doc: &Document) -> Option<Config> {
    let (root, errors) = DeTable::parse_recoverable(doc.raw());
    if !errors.is_empty() {
        syntax::problems(doc, errors)
            .into_iter()
            .for_each(|problem| doc.report(problem));
        return None;
    }
    // The tree borrows nothing that outlives it.
    Some(resolve(doc, root.get_ref()))
}

fn resolve<'d>(doc: &'d Document, root: &'d DeTable<'d>) -> Config {
    let top = Section::open(doc, "", "", 0..0, root);
    check_version(&top);
    let mut daemon = daemon_of(&top, doc);
    let alert = alert::read(&top, doc);
    let tables = Tables::open(&top);
    let accounts = tables.accounts.iter();
    let accounts = accounts.filter_map(|it| Some((it.name(), account::read(&it.section)?)));
    let accounts: BTreeMap<String, Account> = accounts.collect();
    let lists = read_lists(&tables.lists);
    let mut templates = Templates::beside(doc.file.path());
    tables
        .templates
        .iter()
        .for_each(|it| templates.deviate(&it.section));
    for it in &tables.templates {
        templates.named(&it.section, &it.name);
    }
    let schedules = tables.schedules.iter();
    let drafts: Vec<_> = schedules
        .filter_map(|it| Some((&it.section, schedule::read(&it.section, &daemon.timezone)?)))
        .collect();
    for (section, draft) in &drafts {
        look_up(
            &top,
            section,
            ("via", "account"),
            &draft.via,
            &tables.accounts,
        );
        look_up(&top, section, ("to", "list"), &draft.to, &tables.lists);
        failover::check_senders(section, &draft.via, &accounts);
    }
    let alert_via = alert.as_ref().and_then(|it| it.via.clone());
    if let Some(draft) = alert {
        let via = draft.via.as_slice();
        look_up(
            &top,
            &draft.section,
            ("via", "account"),
            via,
            &tables.accounts,
        );
        daemon.alert = Some(draft.alert);
    }
    check_templates(&drafts, &mut templates, &lists);
    check_columns(&drafts, &lists);
    // While something is wrong, its name may be all that keeps another thing from being used.
    if !doc.has_errors() {
        tables.report_unused(doc, &drafts, alert_via.as_ref());
    }
    let schedules = drafts.into_iter().map(|(_, draft)| draft.schedule);
    Config {
        path: doc.file.path().to_owned(),
        daemon,
        accounts,
        lists: lists
            .into_iter()
            .map(|(name, (list, _))| (name.to_owned(), list))
            .collect(),
        templates: templates.into_compiled(),
        schedules: schedules
            .map(|schedule| (schedule.name.clone(), schedule))
            .collect(),
    }
}

/// The file's named tables, opened.
struct Tables<'d> {
    accounts: Vec<Named<'d>>,
    lists: Vec<Named<'d>>,
    templates: Vec<Named<'d>>,
    schedules: Vec<Named<'d>>,
}

impl<'d> Tables<'d> {
    fn open(top: &Section<'d>) -> Self {
        Self {
            accounts: named(top, "account", "account.*"),
            lists: named(top, "list", "list.*"),
            templates: named(top, "template", "template.*"),
            schedules: named(top, "schedule", "schedule.*"),
        }
    }

    fn report_unused(
        &self,
        doc: &Document,
        drafts: &[(&Section<'_>, Draft<'_>)],
        alert_via: Option<&Text<'_>>,
    ) {
        let drafts = || drafts.iter().map(|(_, draft)| draft);
        report_unused(
            doc,
            "account",
            &self.accounts,
            drafts().flat_map(|it| &it.via).chain(alert_via),
        );
        report_unused(doc, "list", &self.lists, drafts().flat_map(|it| &it.to));
        report_unused(
            doc,
            "template",
            &self.templates,
            drafts().map(|it| &it.send),
        );
        if self.schedules.is_empty() {
            let message = "there is no schedule: nothing will be sent";
            doc.report(Problem::warning(
                "no-schedule",
                message,
                doc.place(0..0, ""),
            ));
        }
    }
}

fn check_version(top: &Section<'_>) {
    if let Some(version) = top
        .count("config_version")
        .filter(|it| *it > CONFIG_VERSION)
    {
        let message =
            format!("written for config version {version}; this postroom reads {CONFIG_VERSION}");
        let place = top.value_place("config_version", "install a newer postroom");
        top.report(Problem::error("future-version", message, place).key("config_version"));
    }
}

fn daemon_of(top: &Section<'_>, doc: &Document) -> daemon::Daemon {
    let nothing = DeTable::default();
    let table = top.value("daemon").and_then(|it| it.get_ref().as_table());
    let header = header(doc, top.value("daemon").map_or(0..0, Spanned::span));
    daemon::read(&Section::open(
        doc,
        "daemon",
        "",
        header,
        table.unwrap_or(&nothing),
    ))
}

type Lists<'d> = BTreeMap<&'d str, (List, Option<Vec<String>>)>;

fn read_lists<'d>(lists: &[Named<'d>]) -> Lists<'d> {
    let read = lists.iter().filter_map(|it| {
        let list = list::read(&it.section)?;
        let columns = list::columns(&it.section, &list);
        Some((it.name.text, (list, columns)))
    });
    read.collect()
}

/// Compiles what the schedules send, and holds it against each list once.
fn check_templates(
    drafts: &[(&Section<'_>, Draft<'_>)],
    templates: &mut Templates,
    lists: &Lists<'_>,
) {
    let mut checked = HashSet::new();
    for (section, draft) in drafts {
        let Some(template) = templates.named(section, &draft.send) else {
            continue;
        };
        for to in &draft.to {
            if let Some((list, Some(columns))) = lists.get(to.text)
                && checked.insert((draft.send.text, to.text))
            {
                fields::check(section, templates, &template, (list, columns), to);
            }
        }
    }
}

/// Holds the columns that a schedule names against each of its lists.
fn check_columns(drafts: &[(&Section<'_>, Draft<'_>)], lists: &Lists<'_>) {
    for (section, draft) in drafts {
        for to in &draft.to {
            if let Some((list, Some(columns))) = lists.get(to.text) {
                fields::check_once_per(section, &draft.once_per, (list, columns), to);
                let column = draft.zone_column.as_ref();
                fields::check_zone_column(section, column, (list, columns), to);
            }
        }
    }
}
