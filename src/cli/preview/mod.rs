//! `postroom preview`: messages before they are sent, on the terminal, in files or on a page.
//!
//! Nothing is sent from here, and nothing is written but the files that were asked for.

mod all;
mod each;
mod letter;
mod opened;
pub(super) mod serve;
mod show;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use lettre::message::Mailbox;

use super::exit::{self, Exit};
use super::out::Out;
use super::signatures::signatures;
use super::source::key_of;
use super::{Cli, Ready, Trouble, load, unknown_schedule};
use crate::audience::Place;
use crate::clock::Clock;
use crate::compose::{Addressees, Rendered};
use crate::plan::{Person, Roll, RollError};
pub(super) use each::in_each_language;
use letter::{Head, Letter};
use opened::Opened;

#[derive(clap::Args, Debug)]
pub(super) struct Args {
    /// The schedule
    #[arg(required_unless_present = "serve", conflicts_with = "serve")]
    schedule: Option<String>,
    /// The message of this person of its lists, instead of the first
    #[arg(long, value_name = "ADDR")]
    to: Option<String>,
    /// The message as it goes over the wire
    #[arg(long, conflicts_with_all = ["html", "all"])]
    eml: bool,
    /// Write its HTML into this file, with its images in it; - for standard output
    #[arg(long, value_name = "FILE", conflicts_with = "all")]
    html: Option<PathBuf>,
    /// Write everybody's message into this folder, which must be empty, and index.csv
    #[arg(long, value_name = "DIR", conflicts_with = "to")]
    all: Option<PathBuf>,
    /// Show every template on a page in the browser, which follows what you save
    #[arg(
        long,
        value_name = "ADDR",
        num_args = 0..=1,
        default_missing_value = serve::USUAL,
        value_parser = serve::loopback,
        conflicts_with_all = ["to", "eml", "html", "all"]
    )]
    serve: Option<SocketAddr>,
    /// Show there the mail that a sandbox keeps in this folder, too [default: the folder `sandbox`
    /// beside the configuration]
    #[arg(long, value_name = "DIR", requires = "serve")]
    caught: Option<PathBuf>,
}

impl Args {
    /// Whether it may run programs, and ends by itself.
    pub(super) fn ends(&self) -> bool {
        self.serve.is_none()
    }
}

pub(super) fn run(cli: &Cli, args: &Args, out: &Out) -> Result<Exit, Trouble> {
    if let Some(address) = args.serve {
        return serve::run(cli, address, args.caught.clone(), out);
    }
    let ready = load(cli)?;
    let schedule = args
        .schedule
        .as_deref()
        .expect("clap asks for one without --serve");
    let roll = Roll::of(&ready.config, schedule)
        .map_err(|_| unknown_schedule(ready.config.schedules.keys(), schedule))?;
    let head = Head::of(&ready.config, &roll);
    if let Some(folder) = &args.all {
        return all::write(&roll, &head, folder, out);
    }
    one(&ready, &roll, &head, args, out)
}

fn one(
    ready: &Ready,
    roll: &Roll<'_>,
    head: &Head<'_>,
    args: &Args,
    out: &Out,
) -> Result<Exit, Trouble> {
    let only = args.to.as_deref().map(key_of).transpose()?;
    let (place, addressees, letter) = match roll.is_together() && only.is_none() {
        true => to_all(roll, head)?,
        false => to_one(roll, head, only.as_deref())?,
    };
    let opened = Opened::of(&letter.bytes);
    if out.json {
        out.value(&json(
            roll,
            head,
            place.as_ref(),
            &addressees,
            &letter,
            &opened,
        ));
    } else if args.eml {
        let account = roll.schedule().via.first();
        let account = account.and_then(|name| ready.config.accounts.get(name));
        let now = Clock::system().now();
        out.bytes(signatures(account, &letter.bytes, now, out).as_bytes());
        out.bytes(&letter.bytes);
    } else if let Some(file) = &args.html {
        write_html(&opened, file, out)?;
    } else {
        let language = &*letter.rendered.language;
        show::message(&opened, (language, roll.template()), &ready.problems, out);
    }
    Ok(exit::DONE)
}

fn json(
    roll: &Roll<'_>,
    head: &Head<'_>,
    place: Option<&(String, Place)>,
    addressees: &Addressees,
    letter: &Letter,
    opened: &Opened,
) -> serde_json::Value {
    let Rendered {
        subject,
        text,
        html,
        ..
    } = &letter.rendered;
    let files = opened.files.iter().map(|file| {
        serde_json::json!({
            "name": file.name, "type": file.media_type, "bytes": file.content.len(),
            "inline": file.is_inline(),
        })
    });
    serde_json::json!({
        "schedule": roll.schedule().name,
        "list": place.map(|it| &it.0),
        "line": place.and_then(|it| it.1.line_if_known()),
        "person": place.and_then(|it| it.1.person()),
        "from": head.sender.from.to_string(), "to": named(&addressees.to),
        "cc": named(&addressees.cc), "subject": subject,
        "text": text, "html": html, "bytes": letter.bytes.len(),
        "language": letter.rendered.language, "headers": opened.headers,
        "files": files.collect::<Vec<_>>(),
    })
}

fn write_html(opened: &Opened, file: &Path, out: &Out) -> Result<(), Trouble> {
    let html = opened.html_alone();
    let html = html.ok_or_else(|| Trouble::new(exit::DATA, "this template has no HTML"))?;
    if file == Path::new("-") {
        out.bytes(html.as_bytes());
        return Ok(());
    }
    std::fs::write(file, html).map_err(|error| {
        let text = format!("cannot write {}: {error}", file.display());
        Trouble::new(exit::CANNOT_CREATE, text)
    })
}

type Message = (Option<(String, Place)>, Addressees, Letter);

fn to_one(roll: &Roll<'_>, head: &Head<'_>, only: Option<&str>) -> Result<Message, Trouble> {
    let person = find(roll, only)?;
    let to = person.mailbox;
    let to = to.map_err(|raw| Trouble::new(exit::DATA, raw))?;
    let letter = head.write(roll.template(), &person.fields, to.clone());
    let letter = letter.map_err(|error| Trouble::new(exit::DATA, error))?;
    let (to, cc) = (vec![to], Vec::new());
    Ok((
        Some((person.list, person.place)),
        Addressees { to, cc },
        letter,
    ))
}

fn to_all(roll: &Roll<'_>, head: &Head<'_>) -> Result<Message, Trouble> {
    let all = roll.together();
    let all = all.map_err(|error| Trouble::new((&error).into(), error))?;
    let letter = head.finish(all.rendered, &all.enclosures, &all.addressees);
    let letter = letter.map_err(|error| Trouble::new(exit::DATA, error))?;
    Ok((None, all.addressees, letter))
}

fn named(mailboxes: &[Mailbox]) -> String {
    let all: Vec<String> = mailboxes.iter().map(Mailbox::to_string).collect();
    all.join(", ")
}

/// The first person of the roll that there is a message for, or the one that was asked for.
fn find(roll: &Roll<'_>, only: Option<&str>) -> Result<Person, Trouble> {
    let mut found = None;
    let mut first_fault = None;
    let told = roll.call::<Stop>(|person| {
        if only.is_some_and(|only| only != person.key) {
            return Ok(());
        }
        match &person.fault {
            Some(fault) => {
                let where_ = format!("{} {}: {fault}", person.list, person.place);
                first_fault.get_or_insert(where_);
            }
            None => {
                found = Some(person);
                return Err(Stop::Found);
            }
        }
        Ok(())
    });
    if let Some(person) = found {
        return Ok(person);
    }
    match (told, first_fault, only) {
        (_, Some(fault), _) => Err(Trouble::new(exit::DATA, format!("no message: {fault}"))),
        (Err(Stop::Roll(error)), ..) => Err(Trouble::new((&error).into(), error)),
        (_, _, Some(only)) => {
            let text = format!("{only} is not on the lists of `{}`", roll.schedule().name);
            Err(Trouble::new(exit::DATA, text))
        }
        _ => Err(Trouble::new(exit::DATA, "the lists are empty")),
    }
}

enum Stop {
    Found,
    Roll(RollError),
}

impl From<RollError> for Stop {
    fn from(error: RollError) -> Self {
        Self::Roll(error)
    }
}
