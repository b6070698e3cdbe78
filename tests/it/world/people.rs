//! A list as people keep them: names in many scripts, notes over several lines, the same person
//! twice, rows that somebody broke. Beside the file stands what must come of each row.

use std::fmt::Write;

/// What must come of a row.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Fate {
    /// Exactly one message.
    Mailed(Person),
    /// None: the server knows nobody of that address.
    Refused(Person),
    /// None: an earlier row, whose line this is, has the address.
    Repeats(u64),
    /// None; what is said about it holds these words.
    Broken(&'static str),
}

/// The cells of a good row.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Person {
    pub(crate) address: String,
    pub(crate) name: &'static str,
    pub(crate) city: &'static str,
    pub(crate) note: String,
    pub(crate) number: usize,
}

/// A row and the line of the file that it begins on.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Entry {
    pub(crate) line: u64,
    pub(crate) fate: Fate,
}

const NAMES: [&str; 16] = [
    "Ada Lovelace",
    "Lovelace, Ada",
    r#"Grace "Amazing" Hopper"#,
    "张伟",
    "欧阳娜娜·买买提艾力",
    "Анна Каренина",
    "Łukasz Żółć",
    "José Ñandú de la Çédille",
    "김민준",
    "محمد الخوارزمي",
    "Δημήτριος Παπαδόπουλος",
    "Sally 👩‍🚀 Ride",
    "O'Brien; Tim (Ops) <tim>",
    "=?utf-8?q?not_encoded?=",
    r"back\slash and two  spaces",
    "A name that is so long that no header line can hold it all, with commas, and with an é in it",
];

const CITIES: [&str; 6] = ["Paris", "北京", "Москва", "São Paulo", "Kraków", "東京 🗼"];

const NOTES: [&str; 7] = [
    "plain",
    "commas, \"quotes\", and ; semicolons",
    "first line\r\nsecond line\r\n\r\nfourth line",
    ".\r\n..\r\n.a line that begins with a dot",
    "From here on\nonly line feeds\nсо строками",
    "第一行：你好，世界。\r\n第二行：🎉🎊",
    "a trailing space \r\nand a\ttab & <b>tags</b>",
];

/// The record of a broken row, its number in the place of `#`, and what is said about it.
const BROKEN: [(&str, &str); 8] = [
    ("nobody#.example.org,Nobody,Paris,n,#", "no @"),
    (
        "a#@example.org@example.org,Two,Paris,n,#",
        "more than one @",
    ),
    (",No address,Paris,n,#", "the address is empty"),
    ("short#@example.org,Short", "2 fields"),
    ("long#@example.org,Long,Paris,n,#,more", "6 fields"),
    ("blank#@example.org,Blank,,n,#", "city"),
    (
        "\"c#@example.org\r\nBcc: victim@example.org\",Inject,Paris,n,#",
        "line break in the address",
    ),
    (
        "d#@example.org,\"Inject\r\nBcc: victim@example.org\",Paris,n,#",
        "line break in the name",
    ),
];

/// One row in so many is broken, one in so many repeats an earlier one.
const BROKEN_EVERY: usize = 241;
const REPEATED_EVERY: usize = 50;
const BLANK_LINE_EVERY: usize = 997;
const STRANGE_EVERY: usize = 20;

/// A CSV file of `rows` rows with a byte order mark and CRLF, as spreadsheets save it.
pub(crate) fn list(rows: usize) -> (String, Vec<Entry>) {
    compose(rows, |_| false)
}

/// The same, and one in twenty is of an address that the servers know nobody of.
pub(crate) fn list_with_strangers(rows: usize) -> (String, Vec<Entry>) {
    compose(rows, |number| number % STRANGE_EVERY == 11)
}

fn compose(rows: usize, strange: impl Fn(usize) -> bool) -> (String, Vec<Entry>) {
    let mut file = String::from("\u{feff}email,name,city,note,number\r\n");
    let mut entries = Vec::with_capacity(rows);
    let mut line = 2;
    for number in 1..=rows {
        if number.is_multiple_of(BLANK_LINE_EVERY) {
            file.push_str("\r\n"); // no row at all
            line += 1;
        }
        let begins = file.len();
        let fate = match strange(number) {
            true => stranger(&mut file, number),
            false => row(&mut file, number, &entries),
        };
        file.push_str("\r\n");
        entries.push(Entry { line, fate });
        line += file[begins..].matches('\n').count() as u64;
    }
    (file, entries)
}

fn row(file: &mut String, number: usize, before: &[Entry]) -> Fate {
    if number % BROKEN_EVERY == 7 {
        let (record, said) = BROKEN[number / BROKEN_EVERY % BROKEN.len()];
        file.push_str(&record.replace('#', &number.to_string()));
        return Fate::Broken(said);
    }
    if number.is_multiple_of(REPEATED_EVERY)
        && let Entry {
            line,
            fate: Fate::Mailed(first),
        } = &before[number / 2]
    {
        let again = Person {
            number,
            ..first.clone()
        };
        record(file, &again.address.to_uppercase(), &again);
        return Fate::Repeats(*line);
    }
    let person = person(number);
    record(file, &person.address, &person);
    Fate::Mailed(person)
}

fn stranger(file: &mut String, number: usize) -> Fate {
    let stranger = Person {
        address: format!("nobody-{number}@example.org"),
        ..person(number)
    };
    record(file, &stranger.address, &stranger);
    Fate::Refused(stranger)
}

fn person(number: usize) -> Person {
    Person {
        address: format!("person-{number}@example.org"),
        name: NAMES[number % NAMES.len()],
        city: CITIES[number % CITIES.len()],
        note: note(number),
        number,
    }
}

/// Each name meets each note in turn.
fn note(number: usize) -> String {
    match (number + number / NAMES.len()) % (NOTES.len() + 1) {
        0 => format!(
            "one line of more than a thousand octets: {}",
            "0123456789".repeat(120)
        ),
        other => NOTES[other - 1].to_owned(),
    }
}

fn record(file: &mut String, address: &str, person: &Person) {
    let Person {
        name,
        city,
        note,
        number,
        ..
    } = person;
    let cells = [*name, *city, note.as_str()].map(quoted);
    let _ = write!(file, "{address},{},{number}", cells.join(","));
}

fn quoted(cell: &str) -> String {
    if cell.contains([',', '"', '\r', '\n']) {
        format!("\"{}\"", cell.replace('"', "\"\""))
    } else {
        cell.to_owned()
    }
}

#[test]
fn the_list_has_every_kind_of_row() {
    let (file, entries) = list(10_000);
    assert_eq!(entries.len(), 10_000);
    let count = |kind: fn(&Fate) -> bool| entries.iter().filter(|it| kind(&it.fate)).count();
    assert_eq!(count(|fate| matches!(fate, Fate::Broken(_))), 42);
    assert!(count(|fate| matches!(fate, Fate::Repeats(_))) > 150);
    for (_, said) in BROKEN {
        assert!(entries.iter().any(|it| it.fate == Fate::Broken(said)));
    }
    // The lines, found in another way: a record that begins there holds its number at its end.
    let lines: Vec<&str> = file.split('\n').collect();
    for (number, entry) in (1..).zip(&entries) {
        let at = usize::try_from(entry.line).unwrap() - 1;
        if let Fate::Mailed(person) = &entry.fate {
            assert!(lines[at].starts_with(&person.address), "row {number}");
        }
    }
}
