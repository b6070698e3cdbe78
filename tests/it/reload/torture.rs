//! The files are edited at random, right and wrong, and reloaded each time while mail flows.
//! Nothing is lost or sent twice, a wrong edit changes nothing, and every message of a run is made
//! of the one configuration that held when the run was opened: each source of it leaves a mark in
//! the bytes.
//!
//! `POSTROOM_TEST_LONG=1` makes a thousand edits; `.ci/long` does.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use fastrand::Rng;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use postroom::daemon::api::{Configuration, SendAnswer, Status};

use super::ask::ask;
use super::hang_up;
use crate::world::history;
use crate::world::mailbox::{self, Mail};
use crate::world::patience::wait_for;
use crate::world::sandbox::Catcher;
use crate::world::workspace::{Daemon, Workspace};

const LATENCY: Duration = Duration::from_millis(5);
const RATES: [&str; 5] = [
    "40/second",
    "80/second",
    "200/second",
    "20/500ms",
    "3000/minute",
];

struct Extent {
    edits: u32,
    people: u32,
}

impl Extent {
    fn wanted() -> Self {
        match std::env::var_os("POSTROOM_TEST_LONG").is_some() {
            true => Self {
                edits: 1000,
                people: 30,
            },
            false => Self {
                edits: 80,
                people: 20,
            },
        }
    }
}

/// What each source of a message writes into it: the number of the edit that it comes from.
#[derive(Clone, Copy, Debug, Default, Eq, Ord, PartialEq, PartialOrd)]
struct Marks {
    subject: u32,
    html: u32,
    layout: u32,
    from: u32,
    list: u32,
}

/// What the files say.
#[derive(Clone, Debug)]
struct Draft {
    marks: Marks,
    people: u32,
    most: u32,
    rate: &'static str,
    connections: u32,
    has_spare: bool,
    has_extra: bool,
    /// When a schedule is due, all through the test.
    ticks: Vec<String>,
    /// A wrong line for the configuration.
    wrong: &'static str,
    /// A text that replaces one.
    swapped: Option<(&'static str, &'static str)>,
    /// A wrong text for the template.
    wrong_text: &'static str,
}

impl Draft {
    fn new(people: u32) -> Self {
        Self {
            marks: Marks::default(),
            people,
            most: people,
            rate: RATES[0],
            connections: 3,
            has_spare: true,
            has_extra: true,
            ticks: ticks(),
            wrong: "",
            swapped: None,
            wrong_text: "",
        }
    }

    fn config(&self, account: &str) -> String {
        let Marks { from, list, .. } = self.marks;
        let mut text = "[daemon]\nstate = \"state\"\ntimezone = \"UTC\"\n".to_owned();
        let mut accounts = vec![("main", self.connections)];
        accounts.extend(self.has_spare.then_some(("spare", 1)));
        for (name, connections) in accounts {
            text += &format!(
                "[account.{name}]\nhost = \"localhost\"\nfrom = \"from {from} \
                 <post@example.org>\"\nconnections = {connections}\nrate = {:?}\n{account}\n",
                self.rate
            );
        }
        text += "[list.people]\ninline = [\n";
        for n in 0..self.people {
            text += &format!("  {{ email = \"p{n}@example.org\", mark = \"list {list}\" }},\n");
        }
        text += "]\n[schedule.hello]\nsend = \"hello\"\nto = \"people\"\nvia = \"main\"\n";
        if !self.ticks.is_empty() {
            text += &format!(
                "[schedule.tick]\nsend = \"hello\"\nto = \"people\"\nvia = \"main\"\non = {:?}\n",
                self.ticks
            );
        }
        if self.has_extra {
            let via = if self.has_spare { "spare" } else { "main" };
            text += &format!(
                "[schedule.extra]\nsend = \"hello\"\nto = \"people\"\nvia = {via:?}\n\
                 expires = \"20h\"\n"
            );
        }
        text += self.wrong;
        match self.swapped {
            Some((right, wrong)) => text.replacen(right, wrong, 1),
            None => text,
        }
    }

    fn write(&self, workspace: &Workspace, account: &str) {
        let Marks {
            subject,
            html,
            layout,
            ..
        } = self.marks;
        let in_hello = |name: &str, text: String| {
            workspace.write(&format!("templates/hello/{name}"), text);
        };
        in_hello("subject.txt", format!("subject {subject}, {{{{mark}}}}\n"));
        let text = format!("subject {subject}, {{{{mark}}}}{}\n", self.wrong_text);
        in_hello("body.txt", text);
        in_hello("body.html", format!("<p>html {html}, {{{{mark}}}}</p>\n"));
        let layout_text = format!("layout {layout}\n{{{{body}}}}");
        let layout_html = format!("<h1>layout {layout}</h1>\n{{{{{{body}}}}}}");
        workspace.write("templates/layout.txt", layout_text);
        workspace.write("templates/layout.html", layout_html);
        workspace.write("postroom.toml", self.config(account));
    }

    /// An edit that is right and changes something.
    fn edit(&mut self, n: u32, dice: &mut Rng) {
        let marks = &mut self.marks;
        let sources = [
            &mut marks.subject,
            &mut marks.html,
            &mut marks.layout,
            &mut marks.from,
            &mut marks.list,
        ];
        let sure = dice.usize(..sources.len());
        for (i, source) in sources.into_iter().enumerate() {
            if i == sure || dice.u32(..3) == 0 {
                *source = n;
            }
        }
        match dice.u32(..6) {
            0 => self.rate = RATES[dice.usize(..RATES.len())],
            1 => self.connections = dice.u32(1..=4),
            2 => self.has_spare = !self.has_spare,
            3 => self.has_extra = !self.has_extra,
            4 => self.people = dice.u32(5..=self.most),
            _ => {}
        }
    }

    /// The same with a fault, and other marks: nothing of it may ever be seen.
    fn spoilt(&self, dice: &mut Rng) -> Self {
        let mut spoilt = self.clone();
        let never = u32::MAX;
        spoilt.marks = Marks {
            subject: never,
            html: never,
            layout: never,
            from: never,
            list: never,
        };
        match dice.u32(..10) {
            0 => spoilt.wrong = "[schedule.more\n",
            1 => spoilt.wrong = "[schedule.more]\nsend = \"nothing\"\n",
            2 => spoilt.swapped = Some(("via = \"main\"", "via = \"mian\"")),
            3 => spoilt.swapped = Some(("rate = \"", "rate = \"many ")),
            4 => spoilt.swapped = Some(("send = \"hello\"", "sned = \"hello\"")),
            5 => spoilt.swapped = Some(("timezone = \"UTC\"", "timezone = \"UTC")),
            6 => spoilt.swapped = Some(("[daemon]", "[daemon]\nlog = \"json\"")),
            7 => spoilt.wrong_text = "{{nobody}}",
            8 => spoilt.wrong_text = "{{#if mark}}",
            _ => spoilt.wrong = "[list.people]\ninline = [\"a@example.org\"]\n",
        }
        spoilt
    }
}

/// Every few seconds of the next quarter of an hour.
fn ticks() -> Vec<String> {
    let now = Timestamp::now();
    let moments = (1..300).map(|n| now + SignedDuration::from_secs(3 * n));
    let written = moments.map(|at| at.to_zoned(TimeZone::UTC).strftime("%FT%T").to_string());
    written.collect()
}

/// The daemon, what it was given, and what must come of it.
struct Torture {
    workspace: Workspace,
    catcher: Catcher,
    daemon: Daemon,
    draft: Draft,
    /// Of every configuration that held.
    held: BTreeSet<Marks>,
    /// Of the runs that were asked for.
    runs: BTreeMap<String, Marks>,
    standing: Configuration,
}

impl Torture {
    fn begin(people: u32) -> Self {
        let catcher = Catcher::keeping(LATENCY);
        let workspace = Workspace::new("");
        workspace.write("password", Catcher::PASSWORD);
        let private = std::os::unix::fs::PermissionsExt::from_mode(0o600);
        std::fs::set_permissions(workspace.path("password"), private).unwrap();
        let draft = Draft::new(people);
        draft.write(&workspace, &catcher.account());
        let daemon = workspace.daemon();
        let mut torture = Self {
            held: BTreeSet::from([draft.marks]),
            runs: BTreeMap::new(),
            standing: Configuration {
                loaded_at: 0,
                generation: 0,
                refused: None,
            },
            workspace,
            catcher,
            daemon,
            draft,
        };
        torture.standing = torture.now();
        torture
    }

    fn now(&self) -> Configuration {
        let (code, body) = ask(&self.workspace, "GET", "/v1/status", "");
        assert_eq!(code, 200, "{body}");
        let status: Status = serde_json::from_str(&body).unwrap();
        status.configuration.unwrap()
    }

    /// Writes a draft and reloads it; it is done when this returns.
    fn reload(&self, draft: &Draft, by_signal: bool) -> Configuration {
        draft.write(&self.workspace, &self.catcher.account());
        if !by_signal {
            let (code, body) = ask(&self.workspace, "POST", "/v1/reload", "");
            assert!([200, 422].contains(&code), "{code}: {body}");
            return self.now();
        }
        let before = self.standing.clone();
        hang_up(&self.daemon);
        wait_for("the end of a reload", || {
            let now = self.now();
            let at = |it: &Configuration| it.refused.as_ref().map(|it| it.at);
            let refused = now.refused.is_some() && at(&now) != at(&before);
            (refused || now.generation != before.generation).then_some(now)
        })
    }

    fn step(&mut self, n: u32, dice: &mut Rng) {
        let by_signal = dice.bool();
        if dice.u32(..3) == 0 {
            let spoilt = self.draft.spoilt(dice);
            let now = self.reload(&spoilt, by_signal);
            assert!(now.refused.is_some(), "{spoilt:?}");
            assert_eq!(now.generation, self.standing.generation, "{spoilt:?}");
            self.standing = now;
        } else {
            let mut draft = self.draft.clone();
            draft.edit(n, dice);
            self.held.insert(draft.marks); // a run may be opened in the midst of it
            let now = self.reload(&draft, by_signal);
            assert_eq!(now.refused, None, "{draft:?}");
            assert_eq!(now.generation, self.standing.generation + 1, "{draft:?}");
            (self.draft, self.standing) = (draft, now);
        }
        if dice.u32(..4) == 0 {
            let schedule = match self.draft.has_extra && dice.bool() {
                true => "extra",
                false => "hello",
            };
            self.send(schedule);
        }
    }

    fn send(&mut self, schedule: &str) {
        let order = format!("{{\"schedule\":{schedule:?}}}");
        let (code, body) = ask(&self.workspace, "POST", "/v1/send", &order);
        assert_eq!(code, 200, "{body}");
        let answer: SendAnswer = serde_json::from_str(&body).unwrap();
        self.runs.insert(answer.run.unwrap(), self.draft.marks);
    }

    /// Lets all end, and holds what was promised against what the server has: how much it was, and
    /// what does not fit.
    fn objections(mut self) -> (String, Vec<String>) {
        let mut last = self.draft.clone();
        (last.has_spare, last.has_extra, last.rate) = (true, true, "1000/second");
        last.marks.subject += 1;
        self.held.insert(last.marks);
        last.ticks.clear();
        let now = self.reload(&last, false);
        assert_eq!(now.generation, self.standing.generation + 1);
        let reader = self.workspace.reader().unwrap();
        wait_for("the end of all runs", || {
            reader.open_runs().unwrap().is_empty().then_some(())
        });
        let runs = reader.runs(None, None, 100_000).unwrap();
        assert!(self.daemon.stop().success());
        let maildir = self.catcher.maildir();
        let _folder = self.catcher.shut();
        let mails = mailbox::read(&maildir);

        let mut found = Vec::new();
        let mut by_run: BTreeMap<String, Vec<&Mail>> = BTreeMap::new();
        for mail in &mails {
            found.extend(mail.defects.iter().cloned());
            let (run, _) = mail.message_id.split_once('.').unwrap();
            by_run.entry(run.to_owned()).or_default().push(mail);
        }
        let mut seen = 0;
        for run in &runs {
            let told = history::told(&reader, run);
            let mails = by_run.remove(&run.id).unwrap_or_default();
            let lost = told.iter().filter(|it| it.row.state != "accepted");
            found.extend(lost.map(|it| format!("{}: {} of {run:?}", it.row.id, it.row.state)));
            let taken: Vec<Mail> = mails.iter().map(|mail| (*mail).clone()).collect();
            let taken = history::taken(&taken);
            found.extend(history::against_server(&told, &taken));
            if history::copies(&taken) > 0 {
                found.push(format!("{}: something was sent twice", run.id));
            }
            seen += mails.len();
            found.extend(mixtures(&mails, self.runs.remove(&run.id), &self.held));
        }
        found.extend(by_run.keys().map(|run| format!("mail of no run: {run}")));
        found.extend(self.runs.keys().map(|run| format!("no such run: {run}")));
        let (runs, held) = (runs.len(), self.held.len());
        let sum = format!("{runs} runs, {seen} messages, {held} configurations");
        (sum, found)
    }
}

/// What does not come from the configuration that it must come from.
fn mixtures(mails: &[&Mail], wanted: Option<Marks>, held: &BTreeSet<Marks>) -> Vec<String> {
    let mut marks = BTreeSet::new();
    let mut found = Vec::new();
    for mail in mails {
        match marks_of(mail) {
            Some(it) => drop(marks.insert(it)),
            None => found.push(format!("a mixture within {mail:?}")),
        }
    }
    if marks.len() > 1 {
        found.push(format!("a run of several configurations: {marks:?}"));
    }
    for it in marks {
        if !held.contains(&it) || wanted.is_some_and(|wanted| wanted != it) {
            found.push(format!("{it:?} where {wanted:?} held"));
        }
    }
    found
}

/// The marks of a message, if its parts agree on them.
fn marks_of(mail: &Mail) -> Option<Marks> {
    let number = |text: &str, word: &str| -> Option<u32> {
        let (_, rest) = text.split_once(&format!("{word} "))?;
        let end = rest.find(|c: char| !c.is_ascii_digit());
        rest[..end.unwrap_or(rest.len())].parse().ok()
    };
    let marks = Marks {
        subject: number(&mail.subject, "subject")?,
        html: number(&mail.html, "html")?,
        layout: number(&mail.text, "layout")?,
        from: number(&mail.from_name, "from")?,
        list: number(&mail.subject, "list")?,
    };
    let agree = number(&mail.text, "subject")? == marks.subject
        && number(&mail.html, "layout")? == marks.layout
        && number(&mail.text, "list")? == marks.list
        && number(&mail.html, "list")? == marks.list;
    agree.then_some(marks)
}

#[test]
fn no_mail_is_lost_doubled_or_mixed_however_the_files_are_edited() {
    let seed = std::env::var("POSTROOM_TEST_SEED").map_or_else(
        |_| fastrand::u64(..),
        |seed| seed.parse().expect("POSTROOM_TEST_SEED is a number"),
    );
    println!("POSTROOM_TEST_SEED={seed}");
    let mut dice = Rng::with_seed(seed);
    let extent = Extent::wanted();
    let mut torture = Torture::begin(extent.people);
    for n in 1..=extent.edits {
        torture.step(n, &mut dice);
    }
    let (sum, found) = torture.objections();
    println!("{sum}");
    let first: Vec<_> = found.iter().take(20).collect();
    assert!(found.is_empty(), "{}: {first:#?}", found.len());
}

#[test]
fn a_mixture_is_seen() {
    let mail = |text: &str, from: &str| Mail {
        subject: "subject 3, list 4".to_owned(),
        text: format!("layout 2\n{text}, list 4"),
        html: "<h1>layout 2</h1>html 1, list 4".to_owned(),
        from_name: from.to_owned(),
        ..Mail::default()
    };
    let (one, other) = (mail("subject 3", "from 5"), mail("subject 3", "from 6"));
    let held = BTreeSet::from([marks_of(&one).unwrap(), marks_of(&other).unwrap()]);
    assert_eq!(mixtures(&[&one, &one], None, &held).len(), 0);
    assert_eq!(mixtures(&[&one, &other], None, &held).len(), 1);
    assert_eq!(mixtures(&[&one], marks_of(&other), &held).len(), 1);
    assert_eq!(mixtures(&[&one], None, &BTreeSet::new()).len(), 1);
    assert_eq!(
        mixtures(&[&mail("subject 2", "from 5")], None, &held).len(),
        1
    );
}
