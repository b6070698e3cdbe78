//! `postroom check --spam`: what the SpamAssassin of this machine thinks of the messages.
//!
//! It is run without its network tests, over the bytes that would be sent: what it says is the same
//! on each day, and nobody else hears of it.

use std::time::Duration;

use super::super::out::{Out, plain};
use super::super::preview::in_each_language;
use super::super::{Trouble, exit, runtime};
use crate::config::{About, Config, Remark, Severity};
use crate::program::{Program, ProgramError};

/// It reads its rules anew each time.
const LIMIT: Duration = Duration::from_secs(60);
/// It prints the message once more, and its report.
const PRINTED: usize = 64 << 20;
/// A rule that adds less says something of the message, not against it.
const COUNTS: f64 = 0.05;
/// Begins the report: the last such line, for a message may have one, too.
const REPORT: &str = "postroom-report";

/// What SpamAssassin said of one message.
#[derive(Clone, Debug, PartialEq)]
struct Score {
    /// The sum.
    points: f64,
    /// From here on it is taken for spam.
    required: f64,
    /// What the sum is made of, the worst first.
    rules: Vec<Rule>,
}

/// A rule that a message met.
#[derive(Clone, Debug, PartialEq)]
struct Rule {
    /// `SUBJ_ALL_CAPS`.
    name: String,
    /// What it adds; less than nothing if it speaks for the message.
    points: f64,
    /// What it is about, in SpamAssassin's words.
    meaning: String,
}

/// What it said of the messages of one schedule in one language, or why there is none.
pub(super) struct Verdict {
    schedule: String,
    language: String,
    score: Result<Score, String>,
}

/// Shows it a message of each schedule in each of its languages.
///
/// # Errors
/// It is not installed.
pub(super) fn judge(config: &Config, out: &Out) -> Result<Vec<Verdict>, Trouble> {
    if !spamassassin().is_there() {
        let text = "there is no SpamAssassin on this machine: install it (`apt install \
                    spamassassin`), it need not run as a service";
        return Err(Trouble::new(exit::UNAVAILABLE, text));
    }
    let mut verdicts = Vec::new();
    for schedule in config.schedules.keys() {
        let verdict = |language: String, score| Verdict {
            schedule: schedule.clone(),
            language,
            score,
        };
        match in_each_language(config, schedule) {
            Ok(messages) => {
                for (language, bytes) in messages {
                    let score = runtime().block_on(score(&bytes));
                    verdicts.push(verdict(language, score.map_err(|it| it.to_string())));
                }
            }
            Err(why) => verdicts.push(verdict(String::new(), Err(why))),
        }
    }
    out.note("SpamAssassin was asked without its network tests");
    Ok(verdicts)
}

impl Verdict {
    fn title(&self) -> String {
        match self.language.as_str() {
            "" => self.schedule.clone(),
            language => format!("{} ({language})", self.schedule),
        }
    }

    /// For people: the sum, and each rule that adds to it or takes from it.
    pub(super) fn lines(&self) -> Vec<String> {
        let score = match &self.score {
            Ok(score) => score,
            Err(why) => return vec![format!("spam {}: not judged: {}", self.title(), plain(why))],
        };
        let (points, required) = (unsigned(score.points), score.required);
        let sum = format!("spam {}: {points:.1} of {required:.1} points", self.title());
        let counted = |rule: &&Rule| rule.points.abs() >= COUNTS;
        let rules = score.rules.iter().filter(counted).map(|rule| {
            let points = unsigned(rule.points);
            let (name, meaning) = (plain(&rule.name), plain(&rule.meaning));
            format!("  {points:>4.1} {name:<22} {meaning}")
                .trim_end()
                .to_owned()
        });
        std::iter::once(sum).chain(rules).collect()
    }

    pub(super) fn remark(&self) -> Option<Remark> {
        let score = self.score.as_ref().ok()?;
        let worst = score.rules.first().filter(|rule| rule.points >= COUNTS)?;
        let is_spam = score.points >= score.required;
        let message = format!(
            "SpamAssassin gives {} {:.1} points{}",
            self.title(),
            unsigned(score.points),
            if is_spam {
                ": it takes it for spam"
            } else {
                ""
            }
        );
        Some(Remark {
            about: About::Schedule(self.schedule.clone()),
            keys: vec!["send"],
            code: "spam-score",
            severity: match is_spam {
                true => Severity::Error,
                false => Severity::Warning,
            },
            message,
            label: format!("{:.1} for {}: {}", worst.points, worst.name, worst.meaning),
            notes: Vec::new(),
            helps: Vec::new(),
            rows: Vec::new(),
        })
    }

    pub(super) fn to_json(&self) -> serde_json::Value {
        let rule = |rule: &Rule| {
            serde_json::json!({
                "rule": rule.name, "points": rule.points, "meaning": rule.meaning,
            })
        };
        let score = self.score.as_ref();
        serde_json::json!({
            "schedule": self.schedule,
            "language": Some(&self.language).filter(|it| !it.is_empty()),
            "points": score.ok().map(|it| it.points),
            "required": score.ok().map(|it| it.required),
            "rules": score.ok().map(|it| it.rules.iter().map(rule).collect::<Vec<_>>()),
            "not_judged": score.err(),
        })
    }
}

/// Without the sign that a number loses when it is rounded to nothing.
fn unsigned(points: f64) -> f64 {
    if points.abs() < 0.05 { 0.0 } else { points }
}

async fn score(message: &[u8]) -> Result<Score, ProgramError> {
    let program = spamassassin();
    let printed = program.run(message, &[], PRINTED).await?;
    let printed = String::from_utf8_lossy(&printed);
    read(&printed).ok_or_else(|| ProgramError::Io {
        command: program.name().to_owned(),
        error: std::io::Error::other("it printed no report"),
    })
}

fn spamassassin() -> Program {
    let settings = [
        "report_safe 0",
        "clear_headers",
        "add_header all Postroom _SCORE_ _REQD_ _TESTSSCORES(,)_",
        "clear_report_template",
        "report postroom-report",
        "report _SUMMARY_",
    ];
    let settings = settings.map(|it| format!("--cf={it}"));
    let argv = ["spamassassin", "--local", "--test-mode", "--nocreate-prefs"];
    Program {
        argv: argv
            .into_iter()
            .map(str::to_owned)
            .chain(settings)
            .collect(),
        limit: LIMIT,
    }
}

fn read(printed: &str) -> Option<Score> {
    let header = unfolded(printed)?;
    let mut words = header.split_whitespace();
    let mut number = || words.next()?.parse::<f64>().ok();
    let (points, required) = (number()?, number()?);
    let tests: String = words.collect();
    let (_, report) = printed.rsplit_once(REPORT)?;
    let meanings = meanings(report);
    let mut rules: Vec<Rule> = tests
        .split(',')
        .filter_map(|test| {
            let (name, points) = test.split_once('=')?;
            let meaning = meanings.iter().find(|(rule, _)| rule == name);
            Some(Rule {
                name: name.to_owned(),
                points: points.parse().ok()?,
                meaning: meaning.map(|it| it.1.clone()).unwrap_or_default(),
            })
        })
        .collect();
    rules.sort_by(|a, b| b.points.total_cmp(&a.points));
    Some(Score {
        points,
        required,
        rules,
    })
}

/// The value of the header that it was told to add, which is the first of that name.
fn unfolded(printed: &str) -> Option<String> {
    let mut lines = printed.lines().take_while(|line| !line.is_empty());
    let first = lines.find_map(|line| line.strip_prefix("X-Spam-Postroom:"))?;
    let more = lines.take_while(|line| line.starts_with([' ', '\t']));
    Some(
        std::iter::once(first)
            .chain(more)
            .collect::<Vec<_>>()
            .join(" "),
    )
}

/// Rules and what they are about: ` 0.5 SUBJ_ALL_CAPS          Subject is all capitals`, and it may
/// go on in a line that is indented.
fn meanings(report: &str) -> Vec<(String, String)> {
    let mut meanings: Vec<(String, String)> = Vec::new();
    for line in report.lines() {
        let mut words = line.split_whitespace();
        let is_rule =
            !line.starts_with("   ") && words.next().is_some_and(|it| it.parse::<f64>().is_ok());
        match (words.next(), meanings.last_mut()) {
            (Some(name), _) if is_rule => {
                let meaning = words.collect::<Vec<_>>().join(" ");
                meanings.push((name.to_owned(), meaning));
            }
            (_, Some((_, meaning))) if line.starts_with("   ") => {
                meaning.push(' ');
                meaning.push_str(line.trim());
            }
            _ => {}
        }
    }
    meanings
}

#[cfg(test)]
mod tests {
    use super::*;

    const PRINTED: &str = "\
X-Spam-Checker-Version: SpamAssassin 4.0.1 (2024-03-25) on vm
X-Spam-Postroom: 0.7 5.0 NORMAL_HTTP_TO_IP=0.159,NO_RECEIVED=-0.001,
\tNO_RELAYS=-0.001,SUBJ_ALL_CAPS=0.5
From: x@y
X-Spam-Postroom: 9 9 FORGED=9

postroom-report
 9.0 FORGED by the message itself

postroom-report
-0.0 NO_RECEIVED            Informational: message has no Received headers
 0.5 SUBJ_ALL_CAPS          Subject is all capitals
 0.2 NORMAL_HTTP_TO_IP      URI: URI host has a public dotted-decimal IPv4
                            address
-0.0 NO_RELAYS              Informational: message was not relayed via SMTP
";

    #[test]
    fn a_report_is_read_rule_by_rule_whatever_the_message_says() {
        let score = read(PRINTED).unwrap();
        assert_eq!((score.points, score.required), (0.7, 5.0));
        let rules: Vec<_> = score
            .rules
            .iter()
            .map(|it| (&*it.name, it.points))
            .collect();
        assert_eq!(
            rules,
            [
                ("SUBJ_ALL_CAPS", 0.5),
                ("NORMAL_HTTP_TO_IP", 0.159),
                ("NO_RECEIVED", -0.001),
                ("NO_RELAYS", -0.001),
            ]
        );
        assert_eq!(score.rules[0].meaning, "Subject is all capitals");
        assert_eq!(
            score.rules[1].meaning,
            "URI: URI host has a public dotted-decimal IPv4 address"
        );
    }

    #[test]
    fn what_is_no_report_is_told_apart() {
        assert_eq!(read(""), None);
        assert_eq!(read("From: x@y\n\nX-Spam-Postroom: 1 5 A=1\n"), None);
    }
}
