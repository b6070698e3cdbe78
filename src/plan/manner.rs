//! Who the mail of a schedule is from, and what its header says of the kind of mail it is: worked
//! out when a run is opened and frozen with it.

use crate::compose::{Class, Given, Manner, Sender, Template};
use crate::config::{Account, Config, Schedule};

/// The sender of a schedule's mail. That of a test leads nobody to unsubscribe the person whose
/// row it was made from.
///
/// # Panics
/// Never for a schedule of a loaded configuration.
#[must_use]
pub fn sender_of(config: &Config, schedule: &Schedule, of_test: bool) -> Sender {
    let account = account_of(config, schedule);
    let mut sender = account.sender.clone();
    if schedule.reply_to.is_some() {
        sender.reply_to.clone_from(&schedule.reply_to);
    }
    sender.manner = Manner {
        class: schedule.class,
        list_id: list_id(schedule, &sender),
        feedback_id: feedback_id(schedule, account),
        unsubscribe: unsubscribe(config, schedule, of_test),
        postal_address: account.postal_address.clone(),
    };
    sender
}

/// What a template can show in the mail of this sender, of the usual length: to see whether a
/// message can be made.
pub(super) fn specimen(sender: &Sender) -> Given {
    let manner = &sender.manner;
    Given {
        unsubscribe_url: manner.unsubscribe.as_ref().map(|it| it.specimen().shown()),
        postal_address: manner.postal_address.clone(),
        ..Given::default()
    }
}

pub(super) fn account_of<'a>(config: &'a Config, schedule: &Schedule) -> &'a Account {
    let name = schedule.via.first().expect("a schedule names its account");
    config
        .accounts
        .get(name)
        .expect("a loaded configuration has the accounts of its schedules")
}

/// A mail to all at once has no link of one reader, and a notice has one only where its texts say
/// so: nobody is to leave their invoices by a button of their mail program.
fn unsubscribe(
    config: &Config,
    schedule: &Schedule,
    of_test: bool,
) -> Option<crate::compose::Unsubscribe> {
    let template = config.templates.get(&schedule.send)?;
    let is_offered = schedule.class == Class::Bulk || offers_a_link(template);
    let unsubscribing = config.unsubscribe.as_ref();
    let unsubscribing = unsubscribing.filter(|_| is_offered && schedule.group.is_none())?;
    let mut unsubscribe = unsubscribing.of(&schedule.name);
    unsubscribe.of_test = of_test;
    Some(unsubscribe)
}

fn offers_a_link(template: &Template) -> bool {
    template.shows_anywhere("unsubscribe_url")
}

/// RFC 2919: one that is written, or else for bulk mail the schedule's name in the domain that it
/// is from.
fn list_id(schedule: &Schedule, sender: &Sender) -> Option<String> {
    let usual = || {
        let domain = sender.from.email.domain();
        format!("{}.{domain}", in_ascii(&schedule.name))
    };
    let written = schedule.list_id.clone();
    written.or_else(|| (schedule.class == Class::Bulk).then(usual))
}

/// Gmail's feedback loop: three names, and the sender's own. Nothing of the reader is in it.
fn feedback_id(schedule: &Schedule, account: &Account) -> Option<String> {
    let (name, template) = (in_ascii(&schedule.name), in_ascii(&schedule.send));
    let class = schedule.class.name();
    let id = account.feedback_id.as_ref()?;
    Some(format!("{name}:{template}:{class}:{id}"))
}

/// A name as headers can have it: what is not ASCII as the number of the character.
fn in_ascii(name: &str) -> String {
    let of = |c: char| match c.is_ascii() {
        true => c.to_string(),
        false => format!("u{:x}", u32::from(c)),
    };
    name.chars().map(of).collect()
}

#[cfg(test)]
mod tests {
    use super::in_ascii;

    #[test]
    fn names_in_headers_are_ascii_and_stay_apart() {
        assert_eq!(in_ascii("weekly-news_2.b"), "weekly-news_2.b");
        assert_eq!(in_ascii("ünews"), "ufcnews");
        assert_ne!(in_ascii("周报"), in_ascii("月报"));
    }
}
