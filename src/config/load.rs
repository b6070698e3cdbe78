//! From a path to a configuration that holds.

use std::collections::{BTreeMap, HashSet};
use std::path::Path;

use toml::Spanned;
use toml::de::DeTable;

use super::account::Account;
use super::attachment::{self, Carried};
use super::document::Document;
use super::problem::{Problem, Problems};
use super::reference::{look_up, report_unused};
use super::schedule::Draft;
use super::section::{Section, Text};
use super::tables::{Known, Named, header};
use super::template::Templates;
use super::written::Written;
use super::{
    Config, Empty, Loaded, Unsubscribing, account, alert, daemon, failover, fields, group, include,
    kind, list, schedule, syntax, unsubscribe,
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
    let docs = include::documents(&path);
    let docs = docs.map_err(|problem| Problems::new(vec![*problem], &path))?;
    let config = parse(&docs);
    let found = docs.into_iter().flat_map(Document::into_problems).collect();
    let problems = Problems::new(found, &path);
    match config {
        Some(config) if !problems.refuse_the_whole() => Ok(Loaded { config, problems }),
        _ => Err(problems),
    }
}

/// What can still be read of a configuration that may be wrong: enough to find the daemon that runs
/// by an earlier state of it, and its outbox. Nothing is if the main file cannot be read.
#[must_use]
pub fn glimpse(path: &Path) -> Option<Config> {
    let path = std::path::absolute(path).ok()?;
    let docs = include::documents(&path).or_else(|_| include::main(&path).map(|doc| vec![doc]));
    let docs = docs.ok()?;
    let parsed = docs
        .iter()
        .map(|doc| DeTable::parse_recoverable(doc.raw()).0);
    let roots: Vec<_> = parsed.collect();
    let roots: Vec<_> = roots.iter().map(Spanned::get_ref).collect();
    Some(Config {
        is_partial: true,
        ..resolve(&docs, &roots)
    })
}

fn parse(docs: &[Document]) -> Option<Config> {
    let mut roots = Vec::new();
    for doc in docs {
        let (root, errors) = DeTable::parse_recoverable(doc.raw());
        let problems = syntax::problems(doc, errors);
        problems.into_iter().for_each(|problem| doc.report(problem));
        roots.push(root);
    }
    if docs.iter().any(Document::has_errors) {
        return None;
    }
    let roots: Vec<_> = roots.iter().map(Spanned::get_ref).collect();
    // The trees borrow nothing that outlives them.
    Some(resolve(docs, &roots))
}

fn resolve<'d>(docs: &'d [Document], roots: &[&'d DeTable<'d>]) -> Config {
    let tops: Vec<Section<'d>> = docs
        .iter()
        .zip(roots)
        .map(|(doc, root)| Section::open(doc, "", "", 0..0, root))
        .collect();
    let (doc, top) = (&docs[0], &tops[0]);
    tops.iter().for_each(check_version);
    tops[1..]
        .iter()
        .for_each(|top| include::check_contents(top, doc));
    let mut daemon = daemon_of(top, doc);
    let alert = alert::read(top, doc);
    let unsubscribe = unsubscribe::read(top, doc);
    let tables = Tables::open(&tops);
    let accounts = tables.accounts.tables.iter();
    let accounts = accounts.filter_map(|it| Some((it.name(), account::read(&it.section)?)));
    let accounts: BTreeMap<String, Account> = accounts.collect();
    let mut templates = Templates::beside(doc.file.path(), &daemon.language);
    let carried = read_templates(&tables.templates.tables, &mut templates);
    let schedules = tables.schedules.tables.iter();
    let mut drafts: Vec<_> = schedules
        .filter_map(|it| Some((&it.section, schedule::read(&it.section, &daemon.timezone)?)))
        .collect();
    read_carried(&mut drafts, &templates, &carried);
    let lists = read_lists(&tables.lists.tables, &drafts);
    for (section, draft) in &drafts {
        tables.look_up_all(section, draft);
        failover::check_senders(section, &draft.via, &accounts);
    }
    let alert_via = alert.as_ref().and_then(|it| it.via.clone());
    if let Some(draft) = alert {
        look_up(
            &draft.section,
            "via",
            draft.via.as_slice(),
            &tables.accounts,
        );
        daemon.alert = Some(draft.alert);
    }
    check_templates(&drafts, &mut templates, &lists);
    let kinds = (unsubscribe.as_ref(), top.has("unsubscribe"), &accounts);
    check_kinds(&drafts, &mut templates, kinds);
    check_columns(&drafts, &lists);
    check_groups(&drafts, &mut templates, &lists);
    // While something is wrong, its name may be all that keeps another thing from being used.
    if !docs.iter().any(Document::has_errors) {
        tables.report_unused(doc, &drafts, alert_via.as_ref());
    }
    let schedules = drafts.into_iter().map(|(_, draft)| draft.schedule);
    Config {
        path: doc.path(),
        is_partial: false,
        included: docs[1..].iter().map(Document::path).collect(),
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
        unsubscribe,
        written: Written::of(docs.iter().zip(roots.iter().copied())),
    }
}

/// The named tables of all files, opened.
struct Tables<'d> {
    accounts: Known<'d>,
    lists: Known<'d>,
    templates: Known<'d>,
    schedules: Known<'d>,
}

impl<'d> Tables<'d> {
    fn open(tops: &[Section<'d>]) -> Self {
        Self {
            accounts: Known::open(tops, "account", "account.*"),
            lists: Known::open(tops, "list", "list.*"),
            templates: Known::open(tops, "template", "template.*"),
            schedules: Known::open(tops, "schedule", "schedule.*"),
        }
    }

    /// Reports what a schedule names that there is not.
    fn look_up_all(&self, section: &Section<'_>, draft: &Draft<'_>) {
        look_up(section, "via", &draft.via, &self.accounts);
        look_up(section, "to", &draft.to, &self.lists);
        look_up(section, "cc", &draft.copies[0], &self.lists);
        look_up(section, "bcc", &draft.copies[1], &self.lists);
        look_up(section, "except", &draft.except, &self.lists);
    }

    fn report_unused(
        &self,
        main: &Document,
        drafts: &[(&Section<'_>, Draft<'_>)],
        alert_via: Option<&Text<'_>>,
    ) {
        let drafts = || drafts.iter().map(|(_, draft)| draft);
        let via = drafts().flat_map(|it| &it.via).chain(alert_via);
        report_unused(&self.accounts, via);
        let copies = drafts().flat_map(|it| it.copies.iter().flatten());
        let excepted = drafts().flat_map(|it| &it.except);
        let named = drafts().flat_map(|it| &it.to).chain(copies);
        report_unused(&self.lists, named.chain(excepted));
        report_unused(&self.templates, drafts().map(|it| &it.send));
        if self.schedules.tables.is_empty() {
            let message = "there is no schedule: nothing will be sent";
            let place = main.place(0..0, "");
            main.report(Problem::warning("no-schedule", message, place));
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
    let section = Section::open(doc, "daemon", "", header, table.unwrap_or(&nothing));
    include::check_main(top, &section);
    daemon::read(&section)
}

/// Opens the templates that have a table, and reads what their mail carries.
fn read_templates<'d>(
    tables: &[Named<'d>],
    templates: &mut Templates<'d>,
) -> BTreeMap<&'d str, Carried> {
    for it in tables {
        templates.deviate(&it.section);
    }
    for it in tables {
        templates.named(&it.section, &it.name);
    }
    let read = |it: &Named<'d>| {
        let name = it.name.text;
        (name, attachment::read(&it.section, templates, name))
    };
    tables.iter().map(read).collect()
}

/// Reads what the schedules' mail carries: their own, beside that of the template.
fn read_carried(
    drafts: &mut [(&Section<'_>, Draft<'_>)],
    templates: &Templates<'_>,
    of_templates: &BTreeMap<&str, Carried>,
) {
    for (section, draft) in drafts {
        let own = attachment::read(section, templates, draft.send.text);
        let carried = match of_templates.get(draft.send.text) {
            Some(of_template) => of_template.with(own),
            None => own,
        };
        draft.schedule.attachments = carried.attachments;
        draft.schedule.data = carried.data;
        draft.has_bad_data = carried.has_bad_data;
    }
}

type Lists<'d> = BTreeMap<&'d str, (List, Option<Vec<String>>)>;

fn read_lists<'d>(lists: &[Named<'d>], drafts: &[(&Section<'_>, Draft<'_>)]) -> Lists<'d> {
    let read = lists.iter().filter_map(|it| {
        let list = list::read(&it.section)?;
        let columns = list::columns(&it.section, &list, may_be_empty(it.name.text, drafts));
        Some((it.name.text, (list, columns)))
    });
    read.collect()
}

/// Whether all schedules take it that nobody is on a list. Where it says who gets nothing, an empty
/// file says that all get it.
fn may_be_empty(list: &str, drafts: &[(&Section<'_>, Draft<'_>)]) -> bool {
    let names = |names: &[Text<'_>]| names.iter().any(|it| it.text == list);
    let mut users = drafts
        .iter()
        .map(|(_, draft)| draft)
        .filter(|it| {
            let copied = it.copies.iter().any(|copied| names(copied));
            copied || names(&it.to) || names(&it.except)
        })
        .peekable();
    users.peek().is_some() && users.all(|it| it.schedule.empty == Empty::Skip && !names(&it.except))
}

/// Compiles what the schedules send, and holds it against each list once.
fn check_templates(
    drafts: &[(&Section<'_>, Draft<'_>)],
    templates: &mut Templates<'_>,
    lists: &Lists<'_>,
) {
    let mut checked = HashSet::new();
    for (section, draft) in drafts {
        let Some(template) = templates.named(section, &draft.send) else {
            continue;
        };
        for to in &draft.to {
            let Some((list, Some(columns))) = lists.get(to.text) else {
                continue;
            };
            let (schedule, list) = (&draft.schedule, (list, columns.as_slice()));
            let has_data = schedule.data.is_some() || draft.has_bad_data;
            if checked.insert((draft.send.text, to.text, has_data)) {
                fields::check(section, templates, &template, list, to, has_data);
                fields::check_language(section, templates, &template, list, to);
            }
            fields::check_carried(section, templates, (schedule, has_data), list, to);
        }
    }
}

/// Holds what mail says of itself against what it shows.
fn check_kinds(
    drafts: &[(&Section<'_>, Draft<'_>)],
    templates: &mut Templates<'_>,
    (unsubscribing, has_table, accounts): (
        Option<&Unsubscribing>,
        bool,
        &BTreeMap<String, Account>,
    ),
) {
    for (section, draft) in drafts {
        if let Some(template) = templates.named(section, &draft.send) {
            let account = draft.via.first().and_then(|it| accounts.get(it.text));
            kind::check(
                section,
                draft,
                &template,
                (unsubscribing, has_table, account),
            );
        }
    }
}

/// Holds mails to all against whom they go to.
fn check_groups(
    drafts: &[(&Section<'_>, Draft<'_>)],
    templates: &mut Templates<'_>,
    lists: &Lists<'_>,
) {
    let lists: BTreeMap<&str, &List> = lists.iter().map(|(name, it)| (*name, &it.0)).collect();
    for (section, draft) in drafts.iter().filter(|it| it.1.schedule.group.is_some()) {
        if let Some(template) = templates.named(section, &draft.send) {
            group::check_template(section, draft, &template, &lists);
        }
        group::check_size(section, draft, &lists);
        group::check_attachments(section, &draft.schedule);
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
