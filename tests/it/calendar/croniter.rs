//! Crontab's fields against croniter, another implementation of them: 10,000 random expressions.
//!
//! Where the two differ, a named rule says so and says the same in words that croniter agrees with.
//! Every rule must have been the reason for a difference: one that explains nothing has to go.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use fastrand::Rng;
use postroom::calendar::Cron;
use serde_json::json;

use super::{cron, instant};
use crate::world::skip::skip;

const ANSWERS: &str = include_str!("croniter.py");
const VERSION: &str = "7.0.0";
const EXPRESSIONS: usize = 10_000;
/// So many times of each are compared.
const TIMES: usize = 12;
const START: &str = "2026-01-01T00:00Z";

/// Why croniter says something else.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Rule {
    /// A range that runs through the end of the week keeps its step there (`Fri-Tue/2` is Friday,
    /// Sunday and Tuesday); croniter begins anew.
    StepsThroughTheEnd,
    /// A range from a value to itself is that value; croniter takes it for a whole round.
    RangeOfOne,
    /// The last Friday is `FriL` as in Quartz; croniter writes `L5`.
    LastWeekday,
    /// `Mon#2` and `FriL` may stand beside other weekdays; croniter refuses that or drops some.
    FloatingWeekdayInAList,
    /// Either of two restricted day fields will do, whatever they hold; for croniter a day of the
    /// month must be `Mon#2` or `FriL` as well.
    DayOrFloatingWeekday,
    /// A step that reaches nothing but its beginning is refused, as most who write one mean another
    /// thing.
    RefusedStep,
    /// A range that runs backwards is refused, as by crontab, unless it is one of weekdays;
    /// croniter goes round through the end.
    RefusedBackwards,
    /// A step needs a range: `5/15` is refused; croniter steps to the end of the field.
    RefusedStepOfAValue,
}

const RULES: [Rule; 8] = [
    Rule::StepsThroughTheEnd,
    Rule::RangeOfOne,
    Rule::LastWeekday,
    Rule::FloatingWeekdayInAList,
    Rule::DayOrFloatingWeekday,
    Rule::RefusedStep,
    Rule::RefusedBackwards,
    Rule::RefusedStepOfAValue,
];

/// A field, and the same in pieces that croniter agrees with: all of them together make it.
#[derive(Clone, Debug, Default)]
struct Field {
    text: String,
    plain: Vec<String>,
    rules: Vec<Rule>,
}

#[derive(Clone, Copy)]
struct Unit {
    low: u32,
    high: u32,
    names: &'static [&'static str],
}

const UNITS: [Unit; 5] = [
    Unit {
        low: 0,
        high: 59,
        names: &[],
    },
    Unit {
        low: 0,
        high: 23,
        names: &[],
    },
    Unit {
        low: 1,
        high: 31,
        names: &[],
    },
    Unit {
        low: 1,
        high: 12,
        names: &[
            "jan", "feb", "Mar", "apr", "may", "Jun", "jul", "AUG", "sep", "oct", "nov", "dec",
        ],
    },
    Unit {
        low: 0,
        high: 6,
        names: &["sun", "Mon", "tue", "wed", "Thu", "fri", "SAT"],
    },
];

impl Unit {
    fn count(self) -> u32 {
        self.high - self.low + 1
    }

    fn named(self, rng: &mut Rng, value: u32) -> String {
        match self.names.get((value - self.low) as usize) {
            Some(name) if rng.bool() => (*name).to_owned(),
            _ => value.to_string(),
        }
    }

    fn item(self, rng: &mut Rng) -> Field {
        let from = rng.u32(self.low..=self.high);
        let to = rng.u32(self.low..=self.high);
        let length = (to + self.count() - from) % self.count();
        let range = format!("{}-{}", self.named(rng, from), self.named(rng, to));
        let values = |step: u32| {
            let values = (0..=length).step_by(step as usize);
            let values = values.map(|n| self.low + (from - self.low + n) % self.count());
            values
                .map(|it| it.to_string())
                .collect::<Vec<_>>()
                .join(",")
        };
        let is_backwards = to < from && self.high != 6;
        match rng.u32(0..100) {
            45..75 if is_backwards => with(Rule::RefusedBackwards, range, String::new()),
            75..95 if is_backwards => {
                let text = format!("{range}/{}", rng.u32(1..=8));
                with(Rule::RefusedBackwards, text, String::new())
            }
            0..45 if self.high == 6 && from == 0 => plain("7".to_owned()),
            0..45 => plain(self.named(rng, from)),
            45..75 if length == 0 => with(Rule::RangeOfOne, range, from.to_string()),
            45..75 => plain(range),
            75..95 => {
                let step = rng.u32(1..=8);
                let text = format!("{range}/{step}");
                if step > length.max(1) {
                    with(Rule::RefusedStep, text, String::new())
                } else if length == 0 {
                    with(Rule::RangeOfOne, text, from.to_string())
                } else if to < from {
                    with(Rule::StepsThroughTheEnd, text, values(step))
                } else {
                    plain(text)
                }
            }
            95..97 => {
                let text = format!("{from}/{}", rng.u32(1..=8));
                with(Rule::RefusedStepOfAValue, text, String::new())
            }
            _ => self.floating(rng, from),
        }
    }

    fn floating(self, rng: &mut Rng, from: u32) -> Field {
        match self.high {
            31 => plain("L".to_owned()),
            6 if rng.bool() => plain(format!("{from}#{}", rng.u32(1..=5))),
            6 => with(Rule::LastWeekday, format!("{from}L"), format!("L{from}")),
            _ => plain(self.named(rng, from)),
        }
    }

    fn field(self, rng: &mut Rng) -> Field {
        match rng.u32(0..10) {
            0..4 => plain("*".to_owned()),
            4 => {
                let step = rng.u32(1..self.count());
                plain(format!("*/{step}"))
            }
            5..8 => self.item(rng),
            _ => {
                let items: Vec<Field> = (0..rng.usize(2..4)).map(|_| self.item(rng)).collect();
                self.list(&items)
            }
        }
    }

    fn list(self, items: &[Field]) -> Field {
        let mut rules: Vec<Rule> = items.iter().flat_map(|it| it.rules.clone()).collect();
        let text: Vec<&str> = items.iter().map(|it| it.text.as_str()).collect();
        let pieces = items.iter().flat_map(|it| it.plain.clone());
        let (floating, values): (Vec<_>, Vec<_>) = pieces.partition(|it| is_floating(it));
        if !floating.is_empty() {
            rules.push(Rule::FloatingWeekdayInAList);
        }
        let values = (!values.is_empty()).then(|| values.join(","));
        Field {
            text: text.join(","),
            plain: floating.into_iter().chain(values).collect(),
            rules,
        }
    }
}

/// `L5` or `5#2`.
fn is_floating(piece: &str) -> bool {
    piece.len() > 1 && piece.starts_with('L') || piece.contains('#')
}

fn plain(text: String) -> Field {
    Field {
        plain: vec![text.clone()],
        text,
        rules: Vec::new(),
    }
}

fn with(rule: Rule, text: String, plain: String) -> Field {
    Field {
        text,
        plain: vec![plain],
        rules: vec![rule],
    }
}

/// An expression, and those which together make it for croniter.
struct Told {
    text: String,
    plain: Vec<String>,
    rules: Vec<Rule>,
}

fn expression(rng: &mut Rng) -> Told {
    let [minute, hour, day, month, weekday] = UNITS.map(|unit| unit.field(rng));
    let fields = [&minute, &hour, &day, &month, &weekday];
    let mut rules: Vec<Rule> = fields.iter().flat_map(|it| it.rules.clone()).collect();
    let told = |day: &str, weekday: &str| {
        let [minute, hour, month] = [&minute, &hour, &month].map(|it| it.plain[0].as_str());
        format!("{minute} {hour} {day} {month} {weekday}")
    };
    let starred = |field: &Field| field.text.starts_with('*');
    let floats = weekday.plain.iter().any(|it| is_floating(it));
    let plain = if floats && !starred(&day) && !starred(&weekday) {
        rules.push(Rule::DayOrFloatingWeekday);
        let days = day.plain.iter().map(|day| told(day, "*"));
        let weekdays = weekday.plain.iter().map(|weekday| told("*", weekday));
        days.chain(weekdays).collect()
    } else {
        let days = day.plain.iter();
        days.flat_map(|day| weekday.plain.iter().map(|weekday| told(day, weekday)))
            .collect()
    };
    Told {
        text: fields.map(|it| it.text.as_str()).join(" "),
        plain,
        rules,
    }
}

#[test]
fn ten_thousand_random_expressions_run_when_croniter_says_so() {
    let Some(python) = python_with_croniter() else {
        return;
    };
    let mut rng = Rng::with_seed(20_261_123);
    let told: Vec<Told> = (0..EXPRESSIONS).map(|_| expression(&mut rng)).collect();
    let asked = told.iter().flat_map(|it| it.plain.iter().chain([&it.text]));
    let answers = ask(&python, &asked.collect::<Vec<_>>());
    let mut answers = answers.into_iter();
    let mut seen: BTreeMap<Rule, usize> = BTreeMap::new();
    let mut differing = Vec::new();
    let mut never = 0;
    for told in &told {
        let text = &told.text;
        let theirs = together(answers.by_ref().take(told.plain.len()).collect());
        let literal = answers.next().unwrap();
        let ours = ours(text);
        never += usize::from(ours.as_ref().is_some_and(Vec::is_empty));
        if ours != theirs {
            differing.push(format!("{text}: we say {ours:?}, croniter {theirs:?}"));
        }
        match told.rules.as_slice() {
            _ if ours == literal => {}
            [] => differing.push(format!(
                "{text}: {ours:?}, {literal:?}, and no rule says why"
            )),
            [rule] => *seen.entry(*rule).or_default() += 1,
            _ => {} // by one of them, or by all
        }
    }
    let first = differing[..differing.len().min(20)].join("\n");
    assert!(differing.is_empty(), "{} differ:\n{first}", differing.len());
    assert_eq!(seen.keys().copied().collect::<Vec<_>>(), RULES, "{seen:?}");
    assert!(never > 0, "none that never runs is among them");
}

/// Minutes since 1970; none for an expression that no date fits, nothing for one that is refused.
fn ours(text: &str) -> Option<Vec<i64>> {
    match text.parse::<Cron>() {
        Ok(_) => {
            let times = cron(text, "UTC");
            let times = times.after(instant(START)).take(TIMES);
            Some(times.map(|it| it.at.as_second() / 60).collect())
        }
        Err(fault) => fault.never.then(Vec::new),
    }
}

/// The first times of several expressions taken together.
fn together(answers: Vec<Option<Vec<i64>>>) -> Option<Vec<i64>> {
    let answers: Option<Vec<Vec<i64>>> = answers.into_iter().collect();
    let mut all: Vec<i64> = answers?.into_iter().flatten().collect();
    all.sort_unstable();
    all.dedup();
    all.truncate(TIMES);
    Some(all)
}

fn ask(python: &PathBuf, expressions: &[&String]) -> Vec<Option<Vec<i64>>> {
    let start = instant(START).as_second() / 60;
    let question = json!({ "start": start, "count": TIMES, "expressions": expressions });
    let mut child = Command::new(python)
        .args(["-c", ANSWERS])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    let writer = std::thread::spawn(move || input.write_all(question.to_string().as_bytes()));
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap().unwrap();
    assert!(output.status.success());
    let lines = String::from_utf8(output.stdout).unwrap();
    lines
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

/// A Python that has croniter: a virtual environment of the tests' own, made if it is not there.
fn python_with_croniter() -> Option<PathBuf> {
    let home = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("croniter-{VERSION}"));
    let python = home.join("bin/python");
    let has_it = || {
        let import =
            format!("import importlib.metadata as m; assert m.version('croniter') == '{VERSION}'");
        let asked = Command::new(&python)
            .args(["-c", &import])
            .stderr(Stdio::null())
            .status();
        asked.is_ok_and(|status| status.success())
    };
    let run = |program: &str, arguments: &[&str]| {
        let run = Command::new(program)
            .args(arguments)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
        run.is_ok_and(|status| status.success())
    };
    if !has_it() {
        let package = format!("croniter=={VERSION}");
        let made = run("python3", &["-m", "venv", &home.to_string_lossy()])
            && run(
                &python.to_string_lossy(),
                &["-m", "pip", "install", "-q", &package],
            );
        if !made || !has_it() {
            skip(
                "croniter cannot be installed",
                "crontab's fields were not compared with croniter",
            );
            return None;
        }
    }
    Some(python)
}
