//! The checkers, shown histories that are wrong in one place each.

use postroom::outbox::{AttemptRow, DeliveryRow};

use super::super::people::{Entry, Fate, list_with_strangers};
use super::{Taken, Told, against_list, against_server};

fn attempt(n: i64, outcome: &str) -> AttemptRow {
    AttemptRow {
        n,
        account: "main".to_owned(),
        started_at: 1,
        ended_at: Some(2),
        stage: None,
        outcome: Some(outcome.to_owned()),
        code: None,
        enhanced: None,
        reply: None,
    }
}

/// A list of 100 rows and a faultless history of it: the third row was in doubt and went out again,
/// the eleventh was refused.
struct History {
    list: Vec<Entry>,
    told: Vec<Told>,
    taken: Vec<Taken>,
}

impl History {
    fn faultless() -> Self {
        let (_, list) = list_with_strangers(100);
        let told: Vec<Told> = (1..)
            .zip(&list)
            .map(|(seq, entry)| tell(seq, entry))
            .collect();
        let mut taken: Vec<Taken> = told
            .iter()
            .filter(|told| told.row.state == "accepted")
            .map(|told| Taken {
                id: told.row.id.clone(),
                to: told.row.address.clone(),
                digest: told.row.id.clone(),
            })
            .collect();
        taken.push(taken[2].clone());
        Self { list, told, taken }
    }

    fn complaints(&self) -> Vec<String> {
        let mut found = against_list(&self.list, &self.told);
        found.extend(against_server(&self.told, &self.taken));
        found
    }
}

fn tell(seq: usize, entry: &Entry) -> Told {
    let doubted = seq == 3;
    let (state, reason) = match &entry.fate {
        Fate::Mailed(_) => ("accepted", None),
        Fate::Refused(_) => ("rejected", None),
        Fate::Repeats(first) => (
            "skipped",
            Some(format!("the same address as people line {first}")),
        ),
        Fate::Broken(words) => ("invalid", Some((*words).to_owned())),
    };
    let (address, name) = match &entry.fate {
        Fate::Mailed(person) | Fate::Refused(person) => {
            (person.address.clone(), Some(person.name.to_owned()))
        }
        _ => (String::new(), None),
    };
    let mut tries = vec![attempt(1, if doubted { "uncertain" } else { "accepted" })];
    if doubted {
        tries.push(attempt(2, "accepted"));
    }
    let row = DeliveryRow {
        id: format!("01J.{seq}"),
        schedule: "letters".to_owned(),
        state: state.to_owned(),
        address,
        name,
        list: "people".to_owned(),
        place: postroom::audience::Place::line(entry.line),
        reason,
        tries: 0,
        next_at: None,
        doubted,
        account: "main".to_owned(),
        held: None,
        ended_at: Some(2),
    };
    let tries = match state {
        "accepted" => tries,
        "rejected" => vec![AttemptRow {
            code: Some(550),
            ..attempt(1, "rejected")
        }],
        _ => Vec::new(),
    };
    Told { row, tries }
}

#[test]
fn a_faultless_history_is_let_pass() {
    assert_eq!(History::faultless().complaints(), [""; 0]);
    // In doubt to the end, and named so: it may have arrived or not.
    for arrived in [0, 1] {
        let mut history = History::faultless();
        history.told[2].row.state = "uncertain".to_owned();
        history.told[2].tries.pop();
        history.taken.retain(|it| it.id != "01J.3");
        history
            .taken
            .extend(vec![taken("01J.3", "person-3@example.org"); arrived]);
        assert_eq!(history.complaints(), [""; 0]);
    }
}

fn taken(id: &str, to: &str) -> Taken {
    Taken {
        id: id.to_owned(),
        to: to.to_owned(),
        digest: id.to_owned(),
    }
}

type Doctor = fn(&mut History);

#[track_caller]
fn assert_noticed(wrong: &[(&str, Doctor)]) {
    for (what, doctor) in wrong {
        let mut history = History::faultless();
        doctor(&mut history);
        assert!(!history.complaints().is_empty(), "not noticed: {what}");
    }
}

#[test]
fn every_way_of_being_wrong_is_noticed() {
    assert_noticed(&[
        ("a row is lost", |it| drop(it.told.remove(0))),
        ("a row is there twice", |it| {
            it.told.push(it.told[0].clone())
        }),
        ("a row nobody wrote", |it| {
            it.told[0].row.place = postroom::audience::Place::line(99_999)
        }),
        ("still waiting", |it| {
            it.told[0].row.state = "queued".to_owned()
        }),
        ("another person's address", |it| {
            it.told[0].row.address.push('x')
        }),
        ("another person's name", |it| {
            it.told[0].row.name = Some("X".to_owned())
        }),
        ("a try without an end", |it| {
            it.told[0].tries[0].ended_at = None
        }),
        ("a broken row without its reason", |it| {
            it.told[6].row.reason = None
        }),
        ("a broken row that was tried", |it| {
            it.told[6].tries.push(attempt(1, "deferred"))
        }),
        ("a repetition of the wrong row", |it| {
            it.list[49].fate = Fate::Repeats(1)
        }),
        ("accepted, and the server has nothing", |it| {
            drop(it.taken.remove(0))
        }),
        ("twice without a doubt", |it| {
            it.taken.push(it.taken[0].clone())
        }),
        ("thrice after one doubt", |it| {
            it.taken.push(it.taken[2].clone())
        }),
        ("to somebody else", |it| {
            it.taken[0].to = "eve@example.org".to_owned()
        }),
        ("another message the second time", |it| {
            it.taken[2].digest.push('x')
        }),
        ("a message of no delivery", |it| {
            it.taken.push(taken("01J.999", "a@example.org"))
        }),
        ("a broken row that was mailed", |it| {
            it.taken.push(taken("01J.7", ""))
        }),
        ("a doubt that is hidden", |it| {
            it.told[2].row.doubted = false
        }),
    ]);
    let mut history = History::faultless();
    history.told[2].row.state = "uncertain".to_owned();
    assert_eq!(
        history.complaints().len(),
        1,
        "uncertain, but a try was accepted"
    );
}

#[test]
fn a_refusal_that_is_told_wrongly_is_noticed() {
    assert_noticed(&[
        ("a refused row that was mailed", |it| {
            it.taken.push(taken("01J.11", "nobody-11@example.org"))
        }),
        ("a refused row that was tried again", |it| {
            let again = it.told[10].tries[0].clone();
            it.told[10].tries.push(again);
        }),
        ("a refused row without the refusal", |it| {
            it.told[10].tries[0].code = None
        }),
        ("a refused row that counts as accepted", |it| {
            it.told[10].row.state = "accepted".to_owned()
        }),
    ]);
}
