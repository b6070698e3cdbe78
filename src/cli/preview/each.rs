//! What a schedule says in each of its languages, for those who judge it by its words.

use std::collections::BTreeMap;

use super::letter::Head;
use super::{Stop, to_all};
use crate::config::Config;
use crate::plan::Roll;

/// So many readers are asked for their language.
const ASKED: usize = 1000;

/// A message of the schedule in each language that its first readers have, by the language's tag.
///
/// # Errors
/// In a person's words, why there is none.
pub(in crate::cli) fn in_each_language(
    config: &Config,
    schedule: &str,
) -> Result<BTreeMap<String, Vec<u8>>, String> {
    let roll = Roll::of(config, schedule).map_err(|error| error.to_string())?;
    let head = Head::of(config, &roll);
    if roll.is_together() {
        let (_, _, letter) = to_all(&roll, &head).map_err(|trouble| trouble.text)?;
        return Ok([(letter.rendered.language.clone(), letter.bytes)].into());
    }
    let editions = roll.template().editions().len();
    let (mut readers, mut asked) = (BTreeMap::new(), 0);
    let mut fault = None;
    let told = roll.call::<Stop>(|person| {
        asked += 1;
        match (&person.fault, &person.mailbox) {
            (None, Ok(mailbox)) => {
                let language = roll.template().edition(&person.fields).language();
                let reader = (mailbox.clone(), person.fields);
                readers.entry(language.to_string()).or_insert(reader);
            }
            (why, _) => {
                fault.get_or_insert_with(|| why.clone().unwrap_or_default());
            }
        }
        match readers.len() == editions || asked == ASKED {
            true => Err(Stop::Found),
            false => Ok(()),
        }
    });
    if let Err(Stop::Roll(error)) = told {
        return Err(error.to_string());
    }
    if readers.is_empty() {
        return Err(fault.unwrap_or_else(|| "there is nobody on its lists".to_owned()));
    }
    let letters = readers.into_iter().map(|(language, (to, fields))| {
        let letter = head.write(roll.template(), &fields, to);
        let letter = letter.map_err(|error| error.to_string())?;
        Ok((language, letter.bytes))
    });
    letters.collect()
}
