//! What the mails of a schedule carry besides their texts: read once for a run, as its lists are,
//! and looked at for each person.
//!
//! It is read when the roll is called, or before. What cannot be had refuses the run, as a list
//! does that cannot be read.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::{Arc, OnceLock};

use serde_json::{Map, Value};

use super::refusal::RollError;
use super::roll::Roll;
use crate::audience::{self, Care, enumerated};
use crate::clock::Clock;
use crate::compose::{
    Enclosure, Given, Item, MOST_ENCLOSED, RenderFault, Rendered, Supplements, Variable, What,
};
use crate::config::{Attached, Attachment, Schedule};
use crate::outbox::{Blob, Carried};

/// The name under which a template finds the values of the run.
const DATA: &str = "data";

/// What was read, or why it cannot be had.
pub(super) type Read = OnceLock<Result<Supplements, RollError>>;

impl Roll<'_> {
    /// What its mails carry, read at the first call.
    ///
    /// # Errors
    /// A file or the values of the run cannot be had.
    pub fn supplements(&self) -> Result<&Supplements, RollError> {
        let read = || {
            let read = catch_unwind(AssertUnwindSafe(|| read(self.schedule(), self)));
            read.unwrap_or_else(|_| {
                let text = "postroom failed while it read the attachments or the data (a bug)";
                Err(RollError::Supplement(text.to_owned()))
            })
        };
        let read = self.supplements.get_or_init(read);
        read.as_ref().map_err(RollError::clone)
    }

    /// What its mails show besides the fields of the lists, what cannot be had excepted.
    #[must_use]
    pub fn given(&self) -> &Given {
        self.given.get_or_init(|| {
            let now = match &self.care {
                Care::Fresh(clock) | Care::AtRest(clock) => clock.now(),
                Care::Readable => Clock::system().now(),
            };
            let zone = self.schedule().zone.clone();
            let supplements = self.supplements().ok();
            Given {
                data: supplements.and_then(|it| it.data.clone()),
                run_date: Some(now.to_zoned(zone.clone()).date().to_string()),
                zone: Some(zone),
                ..self.sender_gives.clone()
            }
        })
    }

    /// What the template says with these fields.
    ///
    /// # Errors
    /// As [`Template::render_given`](crate::compose::Template::render_given).
    pub fn render(&self, fields: &Map<String, Value>) -> Result<Rendered, RenderFault> {
        self.template().render_given(fields, self.given())
    }

    /// What a message with these fields carries.
    ///
    /// # Errors
    /// Why it cannot.
    pub fn enclosures(&self, fields: &Map<String, Value>) -> Result<Vec<Enclosure>, RollError> {
        let (supplements, given) = (self.supplements()?, self.given());
        let enclosed = supplements
            .pin(fields, given)
            .and_then(|pins| supplements.enclose(fields, given, &pins));
        enclosed.map_err(RollError::Supplement)
    }

    /// Whether there can be a message with these fields, and the files of that person alone that go
    /// with it, as they are stored.
    pub(super) fn try_out(&self, fields: &Map<String, Value>) -> Result<Option<String>, String> {
        let given = self.given();
        let checked = self.template().check_given(fields, given);
        checked.map_err(|fault| fault.to_string())?;
        let supplements = self.supplements().map_err(|error| error.to_string())?;
        if supplements.items.is_empty() {
            return Ok(None);
        }
        let pins = supplements.pin(fields, given)?;
        let stored = || serde_json::to_string(&pins).expect("plain data serialises");
        Ok((!pins.is_empty()).then(stored))
    }

    /// Whether a list has what the attachments use, and nothing that the data hides.
    pub(super) fn check_supplements(
        &self,
        list: &str,
        columns: &[String],
    ) -> Result<(), RollError> {
        let has_data = self.schedule().data.is_some();
        if has_data && columns.iter().any(|column| column == DATA) {
            return Err(RollError::MissingField(format!(
                "list `{list}` has a column `{DATA}`, and schedule `{}` has `data`: nobody can \
                 tell which of them a template means; rename the column",
                self.schedule().name
            )));
        }
        for (written, variable) in self.schedule().attachments.iter().flat_map(used) {
            let name = &variable.name;
            if columns.contains(name) || (has_data && name == DATA) {
                continue;
            }
            return Err(RollError::MissingField(format!(
                "attachment `{written}` uses `{name}`, which list `{list}` does not have: it has \
                 {}",
                enumerated(columns),
            )));
        }
        Ok(())
    }

    /// What the template uses that a list may have: the data of a run may be a column.
    pub(super) fn uses(&self) -> impl Iterator<Item = &Variable> {
        let data = self.template().given().iter().filter(|it| it.name == DATA);
        self.template().variables().iter().chain(data)
    }

    /// Whether a field that the template uses comes from elsewhere than the lists.
    pub(super) fn is_given(&self, variable: &Variable) -> bool {
        variable.name == DATA && self.schedule().data.is_some()
    }
}

/// The fields that an attachment uses, with what it is called.
fn used(attachment: &Attachment) -> Vec<(String, &Variable)> {
    let named = attachment
        .name
        .iter()
        .map(|line| (line.written(), line.variables()));
    let content = match &attachment.content {
        Attached::File(_) => None,
        Attached::Each { path, .. } => Some((path.written(), path.variables())),
        Attached::Generated(template) => Some((template.file_name(), template.variables())),
    };
    let all = named.chain(content);
    all.flat_map(|(written, all)| all.iter().map(|it| (written.to_owned(), it)))
        .collect()
}

fn read(schedule: &Schedule, roll: &Roll<'_>) -> Result<Supplements, RollError> {
    let care = &roll.care;
    let of = || format!("of schedule `{}`", schedule.name);
    let data = match &schedule.data {
        Some(_) if roll.data.is_some() => roll.data.clone(),
        Some(values) => {
            let read = values.read(care).map_err(|error| {
                RollError::Supplement(format!("the data {} cannot be had: {error}", of()))
            })?;
            Some(Arc::new(read))
        }
        None => None,
    };
    let mut items = Vec::with_capacity(schedule.attachments.len());
    let mut length = 0;
    for attachment in &schedule.attachments {
        let item = item(attachment, care).map_err(|why| {
            RollError::Supplement(format!("an attachment {} cannot be sent: {why}", of()))
        })?;
        if let What::Shared { bytes, .. } = &item.what {
            length += bytes.len() as u64;
        }
        items.push(item);
    }
    if length > MOST_ENCLOSED {
        return Err(RollError::Supplement(format!(
            "the attachments {} have {} MiB together, and a mail may carry {}",
            of(),
            length >> 20,
            MOST_ENCLOSED >> 20
        )));
    }
    Ok(Supplements { data, items })
}

fn item(attachment: &Attachment, care: &Care) -> Result<Item, String> {
    let what = match &attachment.content {
        Attached::File(path) => {
            let bytes = audience::read_whole(path, care, MOST_ENCLOSED);
            let bytes = bytes.map_err(|error| error.to_string())?;
            What::Shared {
                file_name: base_name(path),
                bytes: bytes.into(),
                content: OnceLock::new(),
            }
        }
        Attached::Each {
            folder,
            path,
            optional,
        } => {
            if !folder.is_dir() {
                return Err(format!("there is no folder {}", folder.display()));
            }
            What::Each {
                folder: folder.clone(),
                path: Arc::clone(path),
                optional: *optional,
            }
        }
        Attached::Generated(template) => What::Generated {
            template: Arc::clone(template),
            content: OnceLock::new(),
        },
    };
    Ok(Item {
        name: attachment.name.clone(),
        media_type: attachment.media_type.clone(),
        what,
    })
}

fn base_name(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default();
    name.to_string_lossy().into_owned()
}

/// What a run keeps of it.
pub(super) fn frozen(supplements: &Supplements) -> Option<Carried> {
    let frozen = supplements.freeze()?;
    Some(Carried {
        list: frozen.list,
        blobs: frozen.contents.into_iter().map(Blob::new).collect(),
    })
}
