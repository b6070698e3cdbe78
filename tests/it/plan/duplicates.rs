//! One message a person and run, in whatever way the lists spell the address.

use super::{ACCOUNT, Desk};

fn same_as(line: u32) -> String {
    format!("the same address as people line {line}")
}

#[test]
fn an_address_is_written_to_once_however_it_is_spelt_and_wherever_it_stands() {
    let desk = Desk::new();
    desk.house.write(
        "people.csv",
        "email\nAda@Example.org\n  ada@example.org\t\nCountess <ADA@example.org>\n\
         ada+news@example.org\nEve@B\u{fc}cher.example\neve@XN--BCHER-KVA.example\n",
    );
    desk.list(
        "guests",
        &[
            "eve@b\u{fc}cher.example",
            "zoe@example.org",
            "ada@example.com",
        ],
    );
    let text = format!(
        "{ACCOUNT}[list.people]\ncsv = \"people.csv\"\n[list.guests]\ncsv = \"guests.csv\"\n\
         [list.team]\ninline = [\"ADA@EXAMPLE.ORG\", \"Zoe <zoe@example.org>\", \
         {{ email = \"Eve <eve@xn--bcher-kva.example>\" }}, \"ada+NEWS@example.org\"]\n\
         [schedule.hello]\nsend = \"hello\"\nto = [\"people\", \"guests\", \"team\"]\n\
         via = \"ops\"\n"
    );
    let opening = desk.carry_out(&text, &desk.by_hand()).unwrap();
    assert_eq!((opening.people(), opening.duplicates), (5, 8));
    let rows = desk.rows(&opening.run);
    let told: Vec<_> = rows
        .iter()
        .map(|row| (row.address.as_str(), row.reason.clone().unwrap_or_default()))
        .collect();
    let (first, new) = (same_as(2), String::new());
    let zoe = "the same address as guests line 3".to_owned();
    assert_eq!(
        told,
        [
            ("Ada@example.org", new.clone()),
            ("ada@example.org", first.clone()),
            ("ADA@example.org", first.clone()),
            ("ada+news@example.org", new.clone()),
            ("Eve@xn--bcher-kva.example", new.clone()),
            ("eve@xn--bcher-kva.example", same_as(6)),
            ("eve@xn--bcher-kva.example", same_as(6)),
            ("zoe@example.org", new.clone()),
            ("ada@example.com", new),
            ("ADA@example.org", first),
            ("zoe@example.org", zoe),
            ("eve@xn--bcher-kva.example", same_as(6)),
            ("ada+NEWS@example.org", same_as(5)),
        ]
    );
}

#[test]
fn a_file_that_is_two_lists_is_written_to_once() {
    let desk = Desk::new();
    desk.house.people(&["ada@example.org", "bob@example.org"]);
    let text = format!(
        "{ACCOUNT}[list.people]\ncsv = \"people.csv\"\n[list.again]\ncsv = \"people.csv\"\n\
         [schedule.hello]\nsend = \"hello\"\nto = [\"again\", \"people\"]\nvia = \"ops\"\n"
    );
    let opening = desk.carry_out(&text, &desk.by_hand()).unwrap();
    assert_eq!((opening.people(), opening.duplicates), (2, 2));
    let skipped = desk.told(&opening.run).pop().unwrap();
    let reason = "the same address as again line 3".to_owned();
    assert_eq!(
        skipped,
        ("people".to_owned(), 3, "skipped".to_owned(), reason)
    );
}
