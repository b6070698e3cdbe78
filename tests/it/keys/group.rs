//! `[schedule.<name>]`: one message to all instead of one each.

use postroom::config::Config;
use postroom::outbox::state::State;

use super::stage::{MINUTE, Scenery, Stage, refusal};
use super::toml::{Toml, schedule};
use super::wire::{Answers, Mail};

pub(super) const THREE: &[&str] = &["ada@example.org", "bob@example.net", "cy@example.org"];

/// A stage with a template that speaks to nobody in particular.
pub(super) fn stage(lines: &str, answers: Answers) -> Stage {
    let scenery = Scenery {
        answers,
        ..Scenery::with_files(&[("templates/hello/body.txt", "Hello all\n")])
    };
    Stage::among(scenery, schedule(lines))
}

/// What leaves for the three.
async fn mails(lines: &str) -> Vec<Mail> {
    let stage = stage(lines, |_| None);
    stage.send(THREE, MINUTE).await;
    stage.mails()
}

fn texts(lines: &str) -> Toml {
    schedule(lines).with("[list.people]", "csv = \"people.csv\"")
}

#[tokio::test(start_paused = true)]
pub(super) async fn group_is_one_message_to_all() {
    let each = mails("group = false").await;
    assert_eq!(each.len(), 3);
    for (mail, reader) in each.iter().zip(THREE) {
        assert_eq!((mail.all.len(), mail.header("To")), (1, Some(*reader)));
    }
    let all = mails("group = true").await;
    assert_eq!(all.len(), 1);
    assert_eq!(all[0].all, THREE);
    let to = "ada@example.org, bob@example.net, cy@example.org";
    assert_eq!(all[0].unfolded("To").unwrap(), to);
    let id = all[0].header("Message-ID").unwrap();
    assert!(id.ends_with(".0@example.org>"), "{id}");
}

#[tokio::test(start_paused = true)]
pub(super) async fn cc_is_who_else_is_named() {
    for (cc, named) in [
        ("\"Boss <boss@example.org>\"", "Boss <boss@example.org>"),
        (
            "[\"a@example.org\", \"b@example.org\"]",
            "a@example.org, b@example.org",
        ),
    ] {
        let all = mails(&format!("group = true\ncc = {cc}")).await;
        assert_eq!(all.len(), 1);
        assert_eq!(all[0].unfolded("Cc").unwrap(), named);
        let copied = named.split(", ").count();
        assert_eq!(all[0].all.len(), 3 + copied, "{cc}");
        assert!(!all[0].unfolded("To").unwrap().contains("boss"));
    }
    assert_eq!(mails("group = true").await[0].unfolded("Cc"), None);
}

#[tokio::test(start_paused = true)]
pub(super) async fn bcc_is_who_else_gets_it_and_is_named_nowhere() {
    let plain = mails("group = true").await.remove(0);
    for bcc in ["spy", "mole"] {
        let lines = format!("group = true\nbcc = \"{bcc} <{bcc}@example.com>\"");
        let mail = mails(&lines).await.remove(0);
        assert_eq!(mail.all[..3], *THREE);
        assert_eq!(mail.all[3], format!("{bcc}@example.com"));
        assert!(!mail.text.contains(bcc), "{}", mail.text);
        assert_eq!(mail.text.len(), plain.text.len());
    }
}

/// A list in `cc` and one in `bcc`; whoever is on several gets it once, and is named where they are
/// named first.
#[tokio::test(start_paused = true)]
async fn people_of_several_lists_get_it_once() {
    let toml = schedule(
        "group = true\ncc = [\"heads\", \"bob@example.net\"]\n\
         bcc = [\"heads\", \"tail\", \"x@example.org\"]",
    )
    .with(
        "[list.heads]",
        "inline = [\"Head <head@example.org>\", \"ADA@example.org\", \"x@example.org\"]",
    )
    .with(
        "[list.tail]",
        "inline = [\"tail@example.org\", \"head@example.org\"]",
    );
    let scenery = Scenery::with_files(&[("templates/hello/body.txt", "Hello all\n")]);
    let stage = Stage::among(scenery, toml);
    stage.send(THREE, MINUTE).await;
    let mails = stage.mails();
    assert_eq!(mails.len(), 1);
    let cc = "Head <head@example.org>, x@example.org";
    assert_eq!(mails[0].unfolded("Cc").unwrap(), cc);
    let others = ["head@example.org", "x@example.org", "tail@example.org"];
    assert_eq!(mails[0].all, [THREE, &others].concat());
    let rows = stage.rows();
    let lists: Vec<_> = rows.iter().map(|row| row.list.as_str()).collect();
    assert_eq!(lists[..3], ["people"; 3]);
    assert_eq!(
        lists[6..],
        ["cc", "heads", "heads", "heads", "tail", "tail", "bcc"]
    );
    let count = |state: &str| rows.iter().filter(|row| row.state == state).count();
    assert_eq!((count("accepted"), count("skipped")), (6, 7), "{rows:#?}");
}

/// Who is suppressed, or stands on a broken row, has a row with its reason, and is not named.
#[tokio::test(start_paused = true)]
async fn nobody_is_named_who_does_not_get_it() {
    let stage = stage("group = true\nbad_rows = \"skip\"", |_| None);
    let banned = postroom::outbox::Banned::new("bob@example.net", "asked us to stop", "a person");
    let banned = postroom::outbox::Suppress::from(banned);
    stage.outbox.submit(banned).await.unwrap();
    stage
        .send(
            &[
                "ada@example.org",
                "bob@example.net",
                "nobody",
                "cy@example.org",
            ],
            MINUTE,
        )
        .await;
    assert_eq!(
        stage.states(),
        ["accepted", "suppressed", "invalid", "accepted"]
    );
    let mails = stage.mails();
    assert_eq!(mails[0].all, ["ada@example.org", "cy@example.org"]);
    let to = "ada@example.org, cy@example.org";
    assert_eq!(mails[0].unfolded("To").unwrap(), to);
}

/// A field is the message's if it is the same in all rows.
#[tokio::test(start_paused = true)]
async fn a_field_that_differs_refuses_the_run_and_one_that_does_not_is_used() {
    for (city, told) in [
        ("Paris", None),
        ("Rome", Some("people line 2 and people line 3 differ")),
        ("", Some("people line 2 and people line 3 differ")),
    ] {
        let files = [("templates/hello/body.txt", "Hello {{city}}\n")];
        let stage = Stage::among(Scenery::with_files(&files), schedule("group = true"));
        let csv = format!("email,city,id\nada@example.org,Paris,1\nbob@example.org,{city},2\n");
        stage.house.write("people.csv", &csv);
        match (stage.open(), told) {
            (Ok(_), None) => {
                stage.pass(MINUTE).await;
                assert!(stage.mails()[0].text.contains("Hello Paris"));
            }
            (Err(error), Some(told)) => {
                let error = error.to_string();
                assert!(error.contains(told) && error.contains("`city`"), "{error}");
            }
            (opened, _) => panic!("{city}: {opened:?}"),
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_hundred_people_are_the_most() {
    let people: Vec<String> = (0..100).map(|n| format!("p{n:03}@example.org")).collect();
    let people: Vec<&str> = people.iter().map(String::as_str).collect();
    let full = stage("group = true", |_| None);
    full.send(&people, MINUTE).await;
    assert_eq!(full.mails()[0].all, people);
    assert_eq!(full.mails()[0].unfolded("To").unwrap(), people.join(", "));
    let longest = full.mails()[0].text.lines().map(str::len).max();
    assert!(longest <= Some(78), "{longest:?}");
    for lines in [
        "group = true\ncc = \"x@example.org\"",
        "group = true\nbcc = \"x@example.org\"",
    ] {
        let over = stage(lines, |_| None);
        over.house.people(&people);
        let told = over.open().unwrap_err().to_string();
        let number = "those of `to`, `cc` and `bcc` are 101 people";
        assert!(told.contains(number), "{told}");
        assert!(told.contains("more than 100 recipients"), "{told}");
        assert!(!told.contains("`hello`"), "who tells it names it: {told}");
        over.pass(MINUTE).await;
        assert_eq!(over.wire.calls().len(), 0);
    }
}

/// `--only` and `--test`: a message to one person, as ever.
#[tokio::test(start_paused = true)]
async fn whoever_is_picked_out_gets_a_message_alone() {
    let stage = stage("group = true\ncc = \"boss@example.org\"", |_| None);
    stage.house.people(THREE);
    let manual = || postroom::plan::Order::manual("hello", &stage.clock);
    let only = postroom::plan::Order {
        only: Some("bob@example.net".to_owned()),
        ..manual()
    };
    let test = postroom::plan::Order {
        test: Some("me@example.org".parse().unwrap()),
        ..manual()
    };
    for order in [only, test] {
        postroom::plan::open(&stage.config, &stage.outbox, &stage.clock, &order).unwrap();
    }
    stage.pass(MINUTE).await;
    let mails = stage.mails();
    let to: Vec<_> = mails
        .iter()
        .map(|it| (it.all.clone(), it.header("To")))
        .collect();
    let alone = |to: &'static str| (vec![to.to_owned()], Some(to));
    assert_eq!(to, [alone("bob@example.net"), alone("me@example.org")]);
    assert!(mails.iter().all(|it| it.unfolded("Cc").is_none()));
}

/// The people of an earlier run: who was hidden then is hidden now, be the others there or not.
#[tokio::test(start_paused = true)]
async fn who_was_hidden_in_an_earlier_run_is_never_named() {
    for (refused, states, to) in [
        ("RCPT TO:<boss", [State::Accepted].as_slice(), THREE),
        ("RCPT TO:<ada", &[State::Accepted], &THREE[1..]),
        ("RCPT TO:<spy", &[State::Rejected, State::Cancelled], &[]),
    ] {
        let lines = "group = true\ncc = \"boss@example.org\"\nbcc = \"spy@example.com\"";
        let stage = stage(lines, |_| None);
        stage.wire.answer(match refused {
            "RCPT TO:<boss" => |line| line.starts_with("RCPT TO:<boss").then_some("550 no"),
            "RCPT TO:<ada" => |line| line.starts_with("RCPT TO:<ada").then_some("550 no"),
            _ => |line| line.starts_with("RCPT TO:<spy").then_some("550 no"),
        });
        stage.send(THREE, MINUTE).await;
        stage.wire.answer(|_| None);
        let order = postroom::plan::Order {
            former: Some(postroom::plan::Former {
                run: stage.runs()[0].id.clone(),
                states: states.to_vec(),
            }),
            ..postroom::plan::Order::manual("hello", &stage.clock)
        };
        let mut config = Config::clone(&stage.config);
        config.daemon.state = stage.state.path().to_owned();
        let opened = postroom::plan::open(&config, &stage.outbox, &stage.clock, &order);
        stage.pass(MINUTE).await;
        let mails = stage.mails();
        let Some(mail) = mails.get(1) else {
            // Nobody is left but the hidden one, and a message to them alone names nobody.
            assert!(to.is_empty() && opened.is_err(), "{refused}: {opened:?}");
            continue;
        };
        assert_eq!(mail.unfolded("To").unwrap(), to.join(", "), "{refused}");
        assert!(!mail.text.contains("spy"), "{refused}: {}", mail.text);
        assert_eq!(mail.all.last().unwrap(), "spy@example.com", "{refused}");
        let boss = (refused != "RCPT TO:<boss").then(|| "boss@example.org".to_owned());
        assert_eq!(mail.unfolded("Cc"), boss, "{refused}");
    }
}

#[test]
fn what_is_about_each_person_does_not_go_with_it() {
    for (lines, told) in [
        ("group = true\ncanary = 1", "`canary`"),
        ("group = true\nonce_per = \"email\"", "`once_per`"),
        (
            "group = true\ntimezone = { column = \"email\", otherwise = \"UTC\" }",
            "`timezone`",
        ),
        ("cc = \"boss@example.org\"", "is for one mail to all"),
        ("group = false\nbcc = \"people\"", "is for one mail to all"),
        (
            "group = true\ncc = \"nobody\"",
            "no list is called `nobody`",
        ),
        ("group = true\ncc = \"x@\"", "not a mail address"),
        // The template of this house says {{email}}.
        ("group = true", "uses `email`"),
    ] {
        let told_of = refusal(&texts(lines));
        assert!(told_of.contains(told), "{lines}: {told_of}");
    }
}
