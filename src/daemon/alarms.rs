//! Tells a person what only a person can mend: a run that postroom itself put on hold, an account
//! that is out while another one carries its mail, and a configuration that was refused.
//!
//! plan knows how to tell and deliver knows how the accounts are; they never call each other. What
//! was told is remembered by the outbox, so that a restart tells nothing twice.

use std::collections::HashSet;
use std::time::Duration;

use jiff::Zoned;

use super::current::Current;
use super::reloaded::Refused;
use crate::clock::{Clock, Timestamp};
use crate::config::Config;
use crate::deliver::{AccountView, Watch};
use crate::outbox::{HoldRow, Outbox, OutboxError, Reader, Scope};
use crate::plan::{ALERT, About, Cause, raise};

/// How often is looked.
const LOOK: Duration = Duration::from_secs(2);
/// How long an outbox that takes no alert is left alone.
const TROUBLE: Duration = Duration::from_secs(60);

/// Looks for ever.
///
/// # Errors
/// The outbox has stopped.
pub(super) async fn run(
    current: Current,
    outbox: Outbox,
    clock: Clock,
    watch: Watch,
) -> Result<(), OutboxError> {
    let mut reader = outbox.reader()?;
    let mut alarms = Alarms::default();
    loop {
        let (config, now) = (current.get(), clock.now());
        if config.daemon.alert.is_none() {
            clock.sleep(LOOK).await;
            continue;
        }
        let asked = tokio::task::spawn_blocking(move || (held(&reader, now), reader));
        let (held, returned) = asked.await.expect("reading holds does not panic");
        reader = returned;
        let causes = match held {
            Ok(held) => {
                let refused = current.standing().refused;
                let refused = refused.map(|it| refusal(&it, &config));
                let now = now.to_zoned(config.daemon.timezone.clone());
                alarms.look(held, &watch.accounts(), refused, &now)
            }
            Err(error @ OutboxError::Stopped(_)) => return Err(error),
            Err(error) => {
                tracing::error!("what is on hold is told later: {error}");
                Vec::new()
            }
        };
        let mut pause = LOOK;
        for cause in causes {
            let news = News::of(&cause);
            if !raise(&config, &outbox, &clock, cause).await {
                alarms.told.remove(&news);
                pause = TROUBLE;
            }
        }
        clock.sleep(pause).await;
    }
}

/// The runs that wait for a person, each with its schedule.
fn held(reader: &Reader, now: Timestamp) -> Result<Vec<(HoldRow, String)>, OutboxError> {
    let holds = reader.holds(now.as_millisecond())?.into_iter();
    let holds = holds.filter(HoldRow::waits_for_a_person);
    let mut held = Vec::new();
    for hold in holds {
        let Scope::Run(id) = &hold.scope else {
            continue;
        };
        let run = reader.run(id)?.filter(|run| run.schedule != ALERT);
        held.extend(run.map(|run| (hold, run.schedule)));
    }
    Ok(held)
}

/// What was told in this process and still holds.
#[derive(Default)]
struct Alarms {
    told: HashSet<News>,
}

/// Something to tell.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
enum News {
    Held(String, Timestamp),
    Out(String),
    Refused(Timestamp),
}

impl News {
    fn of(cause: &Cause) -> Self {
        match &cause.about {
            About::Hold { run, since, .. } => Self::Held(run.clone(), *since),
            About::Schedule(name) | About::Account(name) => Self::Out(name.clone()),
            About::Config(_, at) => Self::Refused(*at),
        }
    }
}

impl Alarms {
    /// What there is that was not told yet. Times are told in the zone of `now`.
    fn look(
        &mut self,
        held: Vec<(HoldRow, String)>,
        accounts: &[AccountView],
        refused: Option<Cause>,
        now: &Zoned,
    ) -> Vec<Cause> {
        let is_out = |it: &&AccountView| it.carried_by.is_some() || it.trouble.is_some();
        let out: Vec<String> = accounts
            .iter()
            .filter(is_out)
            .map(|it| it.name.clone())
            .collect();
        let held = held
            .into_iter()
            .map(|(hold, schedule)| run_held(&hold, schedule));
        let carried = accounts.iter().filter_map(|it| failover(it, now));
        let causes = held.chain(carried).chain(refused).map(|cause| Cause {
            out: out.clone(),
            ..cause
        });
        let mut causes: Vec<Cause> = causes.collect();
        let still: HashSet<News> = causes.iter().map(News::of).collect();
        self.told.retain(|news| still.contains(news));
        causes.retain(|cause| self.told.insert(News::of(cause)));
        causes
    }
}

fn run_held(hold: &HoldRow, schedule: String) -> Cause {
    let run = match &hold.scope {
        Scope::Run(run) => run.clone(),
        other => other.to_string(),
    };
    let since = Timestamp::from_millisecond(hold.created_at).unwrap_or_default();
    Cause {
        event: "run-held",
        text: format!(
            "{schedule}: run {run} is on hold by the {}: {}. Nothing more of it is sent until a \
             person decides: `postroom release {run}` lets it go on, and `postroom queue cancel \
             --run {run}` ends it.",
            hold.author, hold.reason
        ),
        about: About::Hold {
            schedule,
            run,
            since,
        },
        out: Vec::new(),
    }
}

fn refusal(refused: &Refused, config: &Config) -> Cause {
    let file = config.path.file_name().unwrap_or_default();
    let at = Timestamp::from_millisecond(refused.at).unwrap_or_default();
    Cause {
        event: "reload-refused",
        text: format!(
            "A reload was refused: {}. postroom goes on by the configuration that it has. Mend the \
             file, and `postroom reload` again.",
            refused.text
        ),
        about: About::Config(file.to_string_lossy().into_owned(), at),
        out: Vec::new(),
    }
}

fn failover(account: &AccountView, now: &Zoned) -> Option<Cause> {
    let carrier = account.carried_by.as_ref()?;
    let trouble = account.trouble.as_ref();
    let since = trouble.and_then(|it| Timestamp::from_millisecond(it.since).ok());
    let since = since.map_or_else(|| now.clone(), |it| it.to_zoned(now.time_zone().clone()));
    let since = since.strftime("%a %Y-%m-%d %H:%M %Z");
    let why = trouble.map(|it| &it.text);
    let why = account.carried_because.as_ref().or(why);
    let why = why.map_or_else(String::new, |why| format!(": {why}"));
    let name = &account.name;
    Some(Cause {
        event: "failover",
        text: format!(
            "Account {name} is out since {since}{why}. Meanwhile its mail goes through account \
             {carrier}."
        ),
        about: About::Account(name.clone()),
        out: Vec::new(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::deliver::TroubleView;

    fn now() -> Zoned {
        "2026-11-23T14:30:00Z[UTC]".parse().expect("a time")
    }

    fn account(name: &str, carrier: Option<&str>) -> AccountView {
        AccountView {
            name: name.to_owned(),
            trouble: carrier.map(|_| TroubleView {
                text: "the login was refused".to_owned(),
                since: now().timestamp().as_millisecond() - 60_000,
                retry_at: None,
            }),
            carried_by: carrier.map(str::to_owned),
            ..AccountView::default()
        }
    }

    fn hold(author: &str, scope: Scope) -> HoldRow {
        HoldRow {
            scope,
            reason: "5 of the last 20 were refused".to_owned(),
            author: author.to_owned(),
            created_at: now().timestamp().as_millisecond(),
            ends_at: None,
        }
    }

    #[test]
    fn an_account_that_is_carried_is_told_while_that_begins() {
        let mut alarms = Alarms::default();
        let well = [account("backup", None), account("main", None)];
        assert!(alarms.look(Vec::new(), &well, None, &now()).is_empty());
        let out = [account("backup", None), account("main", Some("backup"))];
        let causes = alarms.look(Vec::new(), &out, None, &now());
        let [cause] = causes.as_slice() else {
            panic!("{causes:?}");
        };
        assert_eq!(
            cause.text,
            "Account main is out since Mon 2026-11-23 14:29 UTC: the login was refused. Meanwhile \
             its mail goes through account backup."
        );
        assert_eq!(
            (cause.event, &cause.out),
            ("failover", &vec!["main".to_owned()])
        );
        assert!(
            alarms.look(Vec::new(), &out, None, &now()).is_empty(),
            "told"
        );
        assert!(
            alarms.look(Vec::new(), &well, None, &now()).is_empty(),
            "no news"
        );
        assert_eq!(
            alarms.look(Vec::new(), &out, None, &now()).len(),
            1,
            "out again"
        );
    }

    #[test]
    fn a_time_is_told_in_the_zone_that_holds_by_then() {
        let mut alarms = Alarms::default();
        let out = |name| [account(name, Some("backup"))];
        alarms.look(Vec::new(), &out("main"), None, &now());
        let later = now().in_tz("Asia/Shanghai").expect("there is such a zone");
        let causes = alarms.look(Vec::new(), &out("other"), None, &later);
        let text = &causes.first().expect("it is news").text;
        assert!(text.contains("since Mon 2026-11-23 22:29 CST"), "{text}");
    }

    #[test]
    fn an_account_without_a_carrier_is_no_failover() {
        let mut down = account("main", Some("backup"));
        down.carried_by = None;
        assert!(
            Alarms::default()
                .look(Vec::new(), &[down], None, &now())
                .is_empty()
        );
    }

    #[test]
    fn a_run_on_hold_is_told_with_the_reason_and_the_way_out() {
        let mut alarms = Alarms::default();
        let run = || Scope::Run("01JRUN".to_owned());
        let held = || vec![(hold("breaker", run()), "weekly".to_owned())];
        let causes = alarms.look(held(), &[], None, &now());
        let [cause] = causes.as_slice() else {
            panic!("{causes:?}");
        };
        let text = &cause.text;
        assert!(
            text.contains("on hold by the breaker: 5 of the last 20"),
            "{text}"
        );
        assert!(text.contains("`postroom release 01JRUN`"), "{text}");
        assert!(alarms.look(held(), &[], None, &now()).is_empty());
        let mut later = held();
        later[0].0.created_at += 1;
        assert_eq!(
            alarms.look(later, &[], None, &now()).len(),
            1,
            "it was released, and held again"
        );
    }

    #[test]
    fn only_what_postroom_holds_by_itself_waits_for_a_person() {
        let run = || Scope::Run("01JRUN".to_owned());
        assert!(hold("breaker", run()).waits_for_a_person());
        assert!(hold("canary", run()).waits_for_a_person());
        assert!(!hold("uid 0 (root)", run()).waits_for_a_person());
        assert!(!hold("breaker", Scope::All).waits_for_a_person());
    }
}
