//! What the page is answered from.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::{Map, Value, json};
use tokio::sync::watch;

use super::album::Album;
use super::caught::{self, Caught};
use super::fault::Fault;
use super::making::{self, Ran};
use super::sample::{self, OFFERED, Origin};
use super::shelf::Shelf;
use super::view::View;
use super::watch::{DEEPEST, mark};

pub(super) struct Desk {
    config: Option<PathBuf>,
    caught_in: Option<PathBuf>,
    shelf: Mutex<Arc<Shelf>>,
    /// The state of the files that the shelf, and the list of caught mail, were read from.
    marks: Mutex<(u64, u64)>,
    changes: watch::Sender<u64>,
    album: Mutex<Album>,
    caught: Mutex<Caught>,
    /// What programs have printed, by the source of rows.
    ran: Mutex<HashMap<String, Arc<Ran>>>,
}

/// A template, a source of rows, and one of them.
#[derive(Debug, serde::Deserialize)]
pub(super) struct Choice {
    pub(super) template: String,
    pub(super) source: Option<String>,
    #[serde(default)]
    pub(super) row: usize,
    #[serde(default)]
    pub(super) find: String,
}

impl Desk {
    pub(super) fn new(config: Option<PathBuf>, caught: Option<PathBuf>) -> Self {
        let beside = || Some(config.as_deref()?.parent()?.join("sandbox"));
        let caught_in = caught.or_else(beside);
        let desk = Self {
            config,
            caught_in,
            shelf: Mutex::default(),
            marks: Mutex::default(),
            changes: watch::Sender::new(0),
            album: Mutex::default(),
            caught: Mutex::default(),
            ran: Mutex::default(),
        };
        desk.look();
        desk
    }

    pub(super) fn changes(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    /// Reads again what was saved since the last look, and tells the page.
    pub(super) fn look(&self) {
        let before = *locked(&self.marks);
        // Taken before anything is read: what is saved meanwhile is seen at the next look.
        let mut now = (self.mark(), self.mark_of_caught());
        if now == before {
            return;
        }
        if now.0 != before.0
            && let Some(path) = &self.config
        {
            let shelf = Arc::new(Shelf::read(path));
            let watched = shelf.watched != self.shelf().watched;
            *locked(&self.shelf) = shelf;
            if watched {
                now.0 = self.mark();
            }
        }
        *locked(&self.marks) = now;
        self.changes.send_modify(|number| *number += 1);
    }

    fn mark(&self) -> u64 {
        mark(&self.shelf().watched, DEEPEST)
    }

    fn mark_of_caught(&self) -> u64 {
        let folder = self.caught_in.as_deref();
        folder.map_or(0, |it| mark(&caught::places(it), 0))
    }

    fn shelf(&self) -> Arc<Shelf> {
        Arc::clone(&locked(&self.shelf))
    }

    /// What there is.
    pub(super) fn overview(&self) -> Value {
        let shelf = self.shelf();
        let sheets = shelf.sheets.iter().map(|(name, sheet)| {
            let origins = sample::origins(&shelf, name);
            let sources = origins
                .iter()
                .map(|it| json!({ "id": it.id, "label": it.label, "programs": it.programs() }));
            json!({
                "name": name, "schedules": sheet.schedules, "errors": sheet.errors(),
                "problems": sheet.faults.len(), "languages": sheet.languages(),
                "signed_by": shelf.signed_by(sheet), "sources": sources.collect::<Vec<_>>(),
            })
        });
        let (mails, all) = self.mails();
        json!({
            "config": self.config, "broken": shelf.is_broken, "faults": shelf.faults,
            "templates": sheets.collect::<Vec<_>>(),
            "caught": mails, "caught_in": self.caught_in, "caught_all": all,
        })
    }

    fn mails(&self) -> (Value, usize) {
        let Some(folder) = &self.caught_in else {
            return (json!([]), 0);
        };
        let (mails, all) = locked(&self.caught).list(folder);
        (json!(mails), all)
    }

    /// The rows that a template can be shown for.
    pub(super) fn rows(&self, choice: &Choice) -> Value {
        let shelf = self.shelf();
        let origins = sample::origins(&shelf, &choice.template);
        let Some(origin) = chosen(&origins, choice) else {
            return json!({ "rows": [] });
        };
        let programs = origin.programs();
        let Some(ran) = self.ran(origin) else {
            return json!({ "rows": [], "program": programs.join(" and ") });
        };
        let found = match origin.list() {
            None => Ok((Vec::new(), false)),
            Some(list) if list.runs_a_program() => {
                let wanted = choice.find.trim().to_lowercase();
                let fitting = ran.rows.iter().filter(|it| sample::fits(it, &wanted));
                Ok((fitting.take(OFFERED).cloned().collect(), false))
            }
            Some(list) => sample::search(list, &choice.find),
        };
        match found {
            Ok((mut rows, more)) => {
                let template = shelf.sheets.get(&choice.template);
                let template = template.and_then(|it| it.template.as_ref());
                let roll = making::roll(&shelf, origin.schedule, &ran);
                let head = making::head(&shelf, roll.as_ref(), &choice.template);
                for row in rows.iter_mut().filter(|it| it.fault.is_none()) {
                    let checked = template.map(|it| it.check_given(&row.fields, &head.given()));
                    row.fault = checked.and_then(|it| it.err()).map(|it| it.to_string());
                }
                json!({ "rows": rows, "more": more })
            }
            Err(text) => json!({ "rows": [], "fault": text }),
        }
    }

    /// Runs the programs that a source of rows needs, as somebody asked for it.
    pub(super) fn run(&self, choice: &Choice) -> Value {
        let shelf = self.shelf();
        let origins = sample::origins(&shelf, &choice.template);
        let Some(origin) = chosen(&origins, choice).filter(|it| !it.programs().is_empty()) else {
            return json!({ "fault": "there is nothing to run" });
        };
        match making::run(origin) {
            Ok(ran) => {
                let count = ran.rows.len();
                locked(&self.ran).insert(origin.id.clone(), Arc::new(ran));
                self.changes.send_modify(|number| *number += 1);
                json!({ "rows": count })
            }
            Err(text) => json!({ "fault": text }),
        }
    }

    /// What the programs of a source have printed; nothing while they have not run.
    fn ran(&self, origin: &Origin<'_>) -> Option<Arc<Ran>> {
        let ran = locked(&self.ran).get(&origin.id).map(Arc::clone);
        let none_needed = || origin.programs().is_empty().then(Arc::default);
        ran.or_else(none_needed)
    }

    /// The message of a template to one row. Where there is none, what was shown last for this
    /// choice, which is then old.
    pub(super) fn view(&self, choice: &Choice) -> Value {
        let shelf = self.shelf();
        let Some(sheet) = shelf.sheets.get(&choice.template) else {
            return json!({ "faults": [Fault::plain("there is no such template any more")] });
        };
        let origins = sample::origins(&shelf, &choice.template);
        let origin = chosen(&origins, choice);
        let key = format!(
            "{}\n{}\n{}",
            choice.template,
            origin.map_or("", |it| &it.id),
            choice.row
        );
        let mut faults = sheet.faults.clone();
        let mut fields = Map::new();
        let fresh = origin.and_then(|origin| {
            let ran = self.ran(origin)?;
            let made = making::letter(&shelf, sheet, (origin, choice.row), &ran, &mut fields);
            made.map_err(|fault| faults.extend(fault.map(|it| *it)))
                .ok()
        });
        let (view, is_old) = match fresh {
            Some(letter) => {
                let mut view = View::of(letter.bytes);
                view.language = Some(letter.rendered.language);
                let view = Arc::new(view);
                locked(&self.album).keep(&key, &view);
                (Some(view), false)
            }
            None => (locked(&self.album).last(&key), true),
        };
        json!({ "view": view.as_deref(), "old": is_old, "faults": faults, "fields": fields })
    }

    /// A message that the sandbox caught.
    pub(super) fn caught(&self, id: &str) -> Option<Value> {
        let bytes = caught::read(self.caught_in.as_deref()?, id)?;
        let view = Arc::new(View::of(bytes));
        locked(&self.album).keep(&format!("caught\n{id}"), &view);
        Some(json!({ "view": &*view, "old": false, "faults": [], "fields": {} }))
    }

    /// One of those that were shown last.
    pub(super) fn shown(&self, id: &str) -> Option<Arc<View>> {
        locked(&self.album).by_id(id)
    }
}

fn chosen<'a, 'b>(origins: &'b [Origin<'a>], choice: &Choice) -> Option<&'b Origin<'a>> {
    let wanted = choice.source.as_deref();
    let named = origins.iter().find(|it| Some(&*it.id) == wanted);
    named.or(origins.first())
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
