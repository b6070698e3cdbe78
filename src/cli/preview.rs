//! `postroom preview`

use lettre::message::Mailbox;

use super::exit::{self, Exit};
use super::out::{Out, bold, count, plain};
use super::signatures::signatures;
use super::source::key_of;
use super::{Trouble, unknown_schedule};
use crate::audience::Place;
use crate::clock::Clock;
use crate::compose::{Addressees, Enclosure, Identity, Mail, Rendered, Sender};
use crate::config::Config;
use crate::plan::{Person, Roll, RollError};

#[derive(clap::Args, Debug)]
pub(super) struct Args {
    /// The schedule
    schedule: String,
    /// The message of this person of its lists, instead of the first
    #[arg(long, value_name = "ADDR")]
    to: Option<String>,
    /// The message as it goes over the wire
    #[arg(long, conflicts_with = "html")]
    eml: bool,
    /// Its HTML
    #[arg(long)]
    html: bool,
}

pub(super) fn run(config: &Config, args: &Args, out: &Out) -> Result<Exit, Trouble> {
    let roll = Roll::of(config, &args.schedule)
        .map_err(|_| unknown_schedule(config.schedules.keys(), &args.schedule))?;
    let only = args.to.as_deref().map(key_of).transpose()?;
    let message = match roll.is_together() && only.is_none() {
        true => to_all(&roll)?,
        false => to_one(&roll, only.as_deref())?,
    };
    let Message {
        place,
        addressees,
        rendered,
        enclosures,
    } = message;
    let account = roll
        .schedule()
        .via
        .first()
        .and_then(|name| config.accounts.get(name));
    let sender = &account
        .expect("a loaded configuration has the accounts it names")
        .sender;
    let bytes = compose(
        config,
        &args.schedule,
        sender,
        (&rendered, &enclosures),
        &addressees,
    )?;
    if out.json {
        out.value(&serde_json::json!({
            "schedule": args.schedule,
            "list": place.as_ref().map(|it| &it.0),
            "line": place.as_ref().and_then(|it| it.1.line_if_known()),
            "person": place.as_ref().and_then(|it| it.1.person()),
            "from": sender.from.to_string(), "to": named(&addressees.to),
            "cc": named(&addressees.cc), "subject": rendered.subject,
            "text": rendered.text, "html": rendered.html, "bytes": bytes.len(),
        }));
    } else if args.eml {
        let now = Clock::system().now();
        out.bytes(signatures(account, &bytes, now, out).as_bytes());
        out.bytes(&bytes);
    } else if args.html {
        let html = rendered
            .html
            .ok_or_else(|| Trouble::new(exit::DATA, "this template has no HTML (body.html)"))?;
        out.bytes(html.as_bytes());
    } else {
        show(&rendered, sender, &addressees, bytes.len(), out);
    }
    Ok(exit::DONE)
}

/// A message before there is a run of it.
struct Message {
    /// The list and the place in it, if it is one person's.
    place: Option<(String, Place)>,
    addressees: Addressees,
    rendered: Rendered,
    enclosures: Vec<Enclosure>,
}

fn to_one(roll: &Roll<'_>, only: Option<&str>) -> Result<Message, Trouble> {
    let (person, rendered) = find(roll, only)?;
    let enclosures = roll.enclosures(&person.fields);
    let enclosures = enclosures.map_err(|error| Trouble::new((&error).into(), error))?;
    let to = person.mailbox;
    let to = to.map_err(|raw| Trouble::new(exit::DATA, raw))?;
    let addressees = Addressees {
        to: vec![to],
        cc: Vec::new(),
    };
    Ok(Message {
        place: Some((person.list, person.place)),
        addressees,
        rendered,
        enclosures,
    })
}

fn to_all(roll: &Roll<'_>) -> Result<Message, Trouble> {
    let all = roll.together();
    let all = all.map_err(|error| Trouble::new((&error).into(), error))?;
    Ok(Message {
        place: None,
        addressees: all.addressees,
        rendered: all.rendered,
        enclosures: all.enclosures,
    })
}

fn named(mailboxes: &[Mailbox]) -> String {
    let all: Vec<String> = mailboxes.iter().map(Mailbox::to_string).collect();
    all.join(", ")
}

fn show(rendered: &Rendered, sender: &Sender, names: &Addressees, size: usize, out: &Out) {
    let cc = named(&names.cc);
    let headers = [
        ("From", sender.from.to_string()),
        ("To", named(&names.to)),
        ("Cc", cc.clone()),
        ("Subject", rendered.subject.clone()),
    ];
    for (name, value) in headers
        .into_iter()
        .filter(|it| it.0 != "Cc" || !cc.is_empty())
    {
        out.line(format!("{}{}", bold(&format!("{name:9}")), plain(&value)));
    }
    out.line("");
    for line in rendered.text.as_deref().unwrap_or_default().lines() {
        out.line(plain(line));
    }
    let html = rendered.html.as_ref().map_or_else(String::new, |html| {
        format!(
            ", with HTML of {} bytes (--html shows it)",
            count(html.len() as u64)
        )
    });
    out.note(format!("\n{} bytes on the wire{html}", count(size as u64)));
}

/// The first person of the roll that there is a message for, or the one that was asked for.
fn find(roll: &Roll<'_>, only: Option<&str>) -> Result<(Person, Rendered), Trouble> {
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
        let rendered = roll
            .render(&person.fields)
            .map_err(|error| Trouble::new(exit::DATA, error))?;
        return Ok((person, rendered));
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

fn compose(
    config: &Config,
    schedule: &str,
    sender: &Sender,
    (rendered, enclosures): (&Rendered, &[Enclosure]),
    addressees: &Addressees,
) -> Result<Vec<u8>, Trouble> {
    let now = Clock::system().now();
    let offset = config
        .schedules
        .get(schedule)
        .map_or(0, |it| it.zone.to_offset(now).seconds());
    let identity = Identity {
        message_id: format!("preview@{}", sender.from.email.domain()),
        date: now,
        utc_offset_seconds: offset,
    };
    let mail = Mail {
        rendered,
        sender,
        addressees,
        identity: &identity,
        enclosures,
        unsubscribe_url: None,
        unsubscribe_mail: None,
    };
    mail.compose().map_err(|e| Trouble::new(exit::DATA, e))
}
