//! Comparing what a document shows with what a program says at another time.
//!
//! Ids, dates, times and spans differ from run to run; the columns of a table move with them.

const WEEKDAYS: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
const MONTHS: [&str; 12] = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
];
const UNITS: [&str; 5] = ["ms", "s", "min", "h", "d"];
/// As long as the text form of a ULID.
const ID: usize = 26;

/// With single spaces only.
pub(crate) fn squeezed(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Whether two texts are the same but for what differs each time.
pub(super) fn matches(shown: &str, said: &str) -> bool {
    shown.lines().map(lasting).eq(said.lines().map(lasting))
}

/// What is the same each time.
fn lasting(line: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    for word in line.split_whitespace() {
        let bare = word.trim_matches(|c| "(),".contains(c));
        let before = words.last().map_or("", String::as_str);
        if UNITS.contains(&bare) && is_estimate(before) || MONTHS.contains(&bare) {
            words.pop();
            words.push("<some>".to_owned());
        } else if before == "about" && is_estimate(bare) {
            words.push("<some>".to_owned());
        } else if WEEKDAYS.contains(&bare) {
        } else if is_time(bare) {
            words.push("<time>".to_owned());
        } else if is_id(bare) {
            words.push(format!("<id>{}", &bare[ID..]));
        } else {
            words.push(bare.to_owned());
        }
    }
    words
}

fn is_number(word: &str) -> bool {
    !word.is_empty() && word.chars().all(|c| c.is_ascii_digit())
}

/// `7`, `0.3` or `25,000`.
fn is_estimate(word: &str) -> bool {
    word == "<some>" || word.split(['.', ',']).all(is_number)
}

/// `05:00`, `05:00:00` or `2026-11-23`.
fn is_time(word: &str) -> bool {
    [':', '-'].iter().any(|mark| {
        let parts: Vec<&str> = word.split(*mark).collect();
        parts.len() > 1 && parts.iter().all(|part| is_number(part))
    })
}

fn is_id(word: &str) -> bool {
    let id = word.get(..ID).unwrap_or_default();
    let upper = |c: char| c.is_ascii_digit() || c.is_ascii_uppercase();
    id.len() == ID && id.chars().all(upper)
}

#[test]
fn what_matters_is_compared() {
    let line = |id: &str, time: &str, state: &str| {
        format!("{id}  05:0{time}  {state}: mailbox full (next try in 1{time} min)")
    };
    let one = line("01M83CCY41P10HM63CRR88WAYK.32", "1", "deferred");
    let later = line("01N00000000000000000000000.32", "2", "deferred");
    assert!(matches(&one, &later));
    assert!(!matches(&one, &one.replace(".32", ".33")));
    assert!(!matches(&one, &one.replace("deferred", "rejected")));
    assert!(!matches("2 sent", "3 sent"));
    let speed = "1 trip, 0.2 ms, 3 connections: about 25,000 a second";
    assert!(matches(
        speed,
        &speed.replace("0.2", "12").replace("25,000", "9.8")
    ));
    assert!(!matches(speed, &speed.replace("3 conn", "4 conn")));
    assert!(!matches(speed, &speed.replace("25,000", "some")));
}
