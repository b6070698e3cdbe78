//! What people and clocks do in a simulation between two waits.

use postroom::clock::Timestamp;
use postroom::deliver::Deliver;
use postroom::outbox::{
    Act, Banned, Change, DeliveryId, ForgetError, Hold, Outbox, OutboxError, RunNo, Scope,
    Suppress, Unhold, Unsuppress, forget,
};
use postroom::plan::{OpenError, Order, open};

use super::ground;
use super::story::{Story, answer};

const AUTHOR: &str = "grace";

/// One thing that happens.
#[derive(Clone, Copy, Debug)]
enum Deed {
    Open,
    Again,
    Suppress,
    Unsuppress,
    Hold,
    Release,
    Change(Act),
    Forget,
    Jump,
    Restart,
}

impl Story {
    fn deed(&mut self) -> Deed {
        let swarm = &self.server.swarm;
        let shares = [
            (Deed::Open, 10),
            (Deed::Again, swarm.again),
            (Deed::Suppress, swarm.suppress),
            (Deed::Unsuppress, swarm.suppress / 2),
            (Deed::Hold, swarm.hold),
            (Deed::Release, swarm.hold),
            (Deed::Change(Act::Retry), swarm.change),
            (Deed::Change(Act::Cancel), swarm.change),
            (Deed::Change(Act::Sent), swarm.change / 2),
            (Deed::Change(Act::NotSent), swarm.change / 2),
            (Deed::Forget, swarm.forget),
            (Deed::Jump, swarm.jump),
            (Deed::Restart, swarm.restart),
        ];
        let sum: u32 = shares.iter().map(|(_, share)| share).sum();
        let mut at = self.dice.u32(..sum);
        let mut deeds = shares.into_iter();
        let deed = deeds.find_map(|(deed, share)| match at.checked_sub(share) {
            None => Some(deed),
            Some(left) => {
                at = left;
                None
            }
        });
        deed.expect("the dice stay below the sum")
    }

    /// One thing happens; whether the process is to end by it.
    pub(super) async fn act(&mut self, outbox: &Outbox, deliver: &Deliver) -> bool {
        let deed = if self.ordered.is_empty() {
            Deed::Open
        } else {
            self.deed()
        };
        self.server.memory().log.note(format!("{deed:?}"));
        match deed {
            Deed::Open => {
                let schedule = ground::SCHEDULES[self.dice.usize(..3)];
                let occurrence = format!("occurrence {}", self.ordered.len());
                let order = Order::due(schedule, occurrence, self.clock.now());
                self.ordered.push(order.clone());
                self.open(outbox, deliver, &order);
            }
            Deed::Again => {
                let order = self.ordered[self.dice.usize(..self.ordered.len())].clone();
                self.open(outbox, deliver, &order);
            }
            Deed::Suppress => self.suppress(outbox).await,
            Deed::Unsuppress => self.unsuppress(outbox).await,
            Deed::Hold => self.hold(outbox).await,
            Deed::Release => self.release(outbox).await,
            Deed::Change(act) => {
                self.change(outbox, act).await;
                deliver.watch().wake();
            }
            Deed::Forget => self.forget(outbox),
            Deed::Jump => {
                let minutes = self.dice.i64(-180..180);
                let to = self.clock.now().as_millisecond() + minutes * 60_000;
                self.clock.jump_to(Timestamp::from_millisecond(to).unwrap());
            }
            Deed::Restart => return true,
        }
        false
    }

    /// Opens a run; one that its process did not live to see whole is opened again later.
    pub(super) fn open(&mut self, outbox: &Outbox, deliver: &Deliver, order: &Order) {
        match open(&self.config, outbox, &self.clock, order) {
            Ok(_) | Err(OpenError::TooLate(_)) => deliver.watch().wake(),
            Err(OpenError::Outbox(OutboxError::Stopped(_))) => self.open_again.push(order.clone()),
            Err(error) => panic!("{error}"),
        }
    }

    /// Somebody of the list; rather one whose mail is on its way.
    fn somebody(&mut self) -> String {
        let memory = &mut *self.server.memory();
        memory.look();
        let busy: Vec<&String> = (memory.seen.rows.iter())
            .filter(|(_, row)| row.state == "leased")
            .map(|(id, _)| &memory.seen.lives[id].key)
            .collect();
        if busy.is_empty() || self.dice.u32(..3) == 0 {
            return format!("p{}@example.org", self.dice.usize(..7));
        }
        busy[self.dice.usize(..busy.len())].clone()
    }

    async fn suppress(&mut self, outbox: &Outbox) {
        let address = self.somebody();
        let suppress = Suppress::from(Banned::new(&address, "asked us to stop", "a person"));
        answer(outbox.submit(suppress)).await;
        self.now_sure(|memory| memory.bans.insert(address));
    }

    async fn unsuppress(&mut self, outbox: &Outbox) {
        let key = self.somebody();
        self.now_sure(|memory| memory.bans.remove(&key));
        let author = AUTHOR.to_owned();
        answer(outbox.submit(Unsuppress {
            key,
            scope: String::new(),
            author,
        }))
        .await;
    }

    /// What people know of from now on; what was written before was written without.
    fn now_sure<R>(&self, learn: impl FnOnce(&mut super::memory::Memory) -> R) {
        let memory = &mut *self.server.memory();
        memory.look();
        learn(memory);
    }

    async fn hold(&mut self, outbox: &Outbox) {
        let runs: Vec<String> = {
            let memory = self.server.memory();
            memory
                .seen
                .lives
                .values()
                .map(|life| life.run.clone())
                .collect()
        };
        let mut scopes = vec![
            ("all", String::new()),
            ("account", "ops".to_owned()),
            ("schedule", "daily".to_owned()),
        ];
        scopes.extend(runs.last().map(|run| ("run", run.clone())));
        let (scope, name) = scopes[self.dice.usize(..scopes.len())].clone();
        let hold = Hold {
            scope: self::scope(scope, &name),
            reason: "looks wrong".to_owned(),
            author: AUTHOR.to_owned(),
            ends_at: None,
        };
        answer(outbox.submit(hold)).await;
        self.now_sure(|memory| memory.holds.insert((scope, name)));
    }

    /// Whatever is on hold is not any more.
    pub(super) async fn release(&self, outbox: &Outbox) {
        self.now_sure(|memory| memory.holds.clear());
        let holds = self.server.memory().holds_in_the_file();
        for (scope, name) in holds {
            let (scope, author) = (self::scope(&scope, &name), AUTHOR.to_owned());
            answer(outbox.submit(Unhold { scope, author })).await;
        }
    }

    /// Does something to a delivery in a state that it may fit.
    async fn change(&mut self, outbox: &Outbox, act: Act) {
        let fit: &[&str] = match act {
            Act::Retry => &["rejected", "expired", "cancelled", "deferred", "accepted"],
            Act::Cancel => &["queued", "leased", "deferred", "uncertain", "armed"],
            Act::Sent | Act::NotSent => &["uncertain"],
        };
        let row = {
            let memory = &mut *self.server.memory();
            memory.look();
            let rows = memory.seen.rows.values();
            let fit: Vec<_> = rows
                .filter(|row| fit.contains(&row.state.as_str()))
                .collect();
            if fit.is_empty() {
                return;
            }
            fit[self.dice.usize(..fit.len())].clone()
        };
        let change = Change {
            act,
            rows: vec![DeliveryId {
                run: RunNo(row.run),
                seq: row.seq,
            }],
            states: vec![row.state],
            author: AUTHOR.to_owned(),
            detail: "one".to_owned(),
            audit: None,
        };
        answer(outbox.submit(change)).await;
    }

    fn forget(&mut self, outbox: &Outbox) {
        let key = self.somebody();
        match forget(outbox, &key, AUTHOR) {
            Ok(_) => self.now_sure(|memory| memory.bans.insert(key)),
            Err(ForgetError::OnItsWay | ForgetError::Outbox(OutboxError::Stopped(_))) => {}
            Err(error) => panic!("{error}"),
        }
    }
}

fn scope(scope: &str, name: &str) -> Scope {
    match scope {
        "all" => Scope::All,
        "account" => Scope::Account(name.to_owned()),
        "schedule" => Scope::Schedule(name.to_owned()),
        _ => Scope::Run(name.to_owned()),
    }
}
