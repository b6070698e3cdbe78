//! An outbox on a bench: operations are done when `submit` returns, and time stands where the test
//! puts it.

use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use postroom::clock::{Clock, Timestamp};
use postroom::config::OnUncertain;
use postroom::outbox::state::State;
use postroom::outbox::{
    Act, AddRows, Arm, ArmRefusal, Banned, Change, Changed, Claim, Claimed, Claims, ClearRun,
    DeliveryId, DeliveryRow, FinishRun, FrozenRun, Kept, NewDelivery, NewRun, Opened, Outbox,
    OutboxError, Outcome, Receipt, Record, Release, RowKey, RunNo, RunRow, SealKeys, Settle,
    Settled, Suppress, Sweep, Swept,
};
use tempfile::TempDir;

pub(crate) const START: &str = "2026-06-01T08:00:00Z";
pub(crate) const ACCOUNT: &str = "ops";
/// Who changes things.
pub(crate) const GRACE: &str = "uid 1000 (grace)";
pub(crate) const LEASE: Duration = Duration::from_secs(15 * 60);

pub(crate) fn start() -> Timestamp {
    START.parse().unwrap()
}

/// The answer of an outbox without a thread, which is there at once.
pub(crate) fn now<R>(receipt: Receipt<R>) -> Result<R, OutboxError> {
    let poll = pin!(receipt).poll(&mut Context::from_waker(Waker::noop()));
    match poll {
        Poll::Ready(answer) => answer,
        Poll::Pending => panic!("an inline outbox answers at once"),
    }
}

pub(crate) struct Bench {
    pub(crate) dir: TempDir,
    pub(crate) clock: Clock,
    pub(crate) outbox: Outbox,
}

pub(crate) fn frozen() -> FrozenRun {
    FrozenRun {
        account: ACCOUNT.to_owned(),
        template: "{}".to_owned(),
        sender: "{}".to_owned(),
        utc_offset: 0,
        retry: vec![Duration::from_secs(60)],
        on_uncertain: OnUncertain::Resend,
        resend_after: Duration::from_secs(15 * 60),
        zone: None,
        carried: None,
    }
}

pub(crate) fn row(seq: i64, address: &str) -> NewDelivery {
    NewDelivery {
        seq,
        list: "staff".to_owned(),
        place: seq + 1,
        key: address.to_lowercase(),
        address: address.to_owned(),
        name: None,
        fields: "{}".to_owned(),
        invalid: None,
        left_out: None,
        hour: None,
        pool: String::new(),
        files: None,
    }
}

impl Bench {
    pub(crate) fn new() -> Self {
        Self::seeded(1)
    }

    pub(crate) fn seeded(seed: u64) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let clock = Clock::simulated(start(), seed);
        let outbox = Outbox::open_inline(dir.path(), clock.clone()).unwrap();
        Self { dir, clock, outbox }
    }

    /// The process ends without a word, and another one begins.
    pub(crate) fn crash(&mut self) {
        self.outbox = Outbox::open_inline(self.dir.path(), self.clock.clone()).unwrap();
    }

    pub(crate) fn settle(&self) -> Settled {
        now(self.outbox.submit(Settle)).unwrap()
    }

    pub(crate) fn advance(&self, span: Duration) {
        self.clock.advance(span);
    }

    pub(crate) fn now_ms(&self) -> i64 {
        self.clock.now().as_millisecond()
    }

    /// A connection behind the outbox's back.
    pub(crate) fn sql(&self) -> rusqlite::Connection {
        rusqlite::Connection::open(self.dir.path().join("postroom.db")).unwrap()
    }

    pub(crate) fn new_run(&self, schedule: &str, occurrence: &str) -> NewRun {
        NewRun {
            id: self.clock.new_id().to_string(),
            schedule: schedule.to_owned(),
            occurrence: occurrence.to_owned(),
            due_at: self.now_ms(),
            expires_at: self.now_ms() + 24 * 3_600_000,
            overlap: None,
            via: vec![ACCOUNT.to_owned()],
            canary: None,
            frozen: frozen(),
            once: None,
        }
    }

    pub(crate) fn begin(&self, run: NewRun) -> RunNo {
        match now(self.outbox.submit(run)).unwrap() {
            Opened::Fill(run, _) => run,
            Opened::Exists(id) | Opened::Skipped(id) => panic!("there is run {id} already"),
        }
    }

    /// Opens `run` for `addresses`, ready to be claimed.
    pub(crate) fn open_run(&self, run: NewRun, addresses: &[&str]) -> RunNo {
        let no = self.begin(run);
        let rows = (1..).zip(addresses).map(|(seq, to)| row(seq, to)).collect();
        self.fill(no, rows);
        self.seal(no, addresses);
        self.finish(no, addresses.len());
        no
    }

    pub(crate) fn open(&self, addresses: &[&str]) -> RunNo {
        let occurrence = self.clock.new_id().to_string();
        self.open_run(self.new_run("weekly", &occurrence), addresses)
    }

    /// A run of one delivery.
    pub(crate) fn one(&self) -> DeliveryId {
        let run = self.open(&["ada@example.org"]);
        DeliveryId { run, seq: 1 }
    }

    /// A run of one delivery with another policy for doubt.
    pub(crate) fn one_with(&self, policy: OnUncertain) -> DeliveryId {
        let mut run = self.new_run("weekly", &self.clock.new_id().to_string());
        run.frozen.on_uncertain = policy;
        let run = self.open_run(run, &["ada@example.org"]);
        DeliveryId { run, seq: 1 }
    }

    pub(crate) fn fill(&self, run: RunNo, rows: Vec<NewDelivery>) -> u64 {
        now(self.outbox.submit(AddRows { run, rows })).unwrap()
    }

    /// Removes what is in a run, and says in how many steps.
    pub(crate) fn clear(&self, run: RunNo) -> usize {
        let mut steps = 1;
        while now(self.outbox.submit(ClearRun { run })).unwrap() {
            steps += 1;
        }
        steps
    }

    pub(crate) fn seal(&self, run: RunNo, addresses: &[&str]) -> u64 {
        let keys = (1..).zip(addresses).map(|(seq, to)| {
            let key = to.to_lowercase();
            let fingerprint = Kept::fingerprint(&key);
            RowKey {
                fingerprint,
                key,
                seq,
            }
        });
        let mut keys: Vec<_> = keys.collect();
        keys.sort_unstable_by_key(|it| (it.fingerprint, it.seq));
        let sealed = now(self.outbox.submit(SealKeys { run, keys })).unwrap();
        sealed.duplicates
    }

    pub(crate) fn finish(&self, run: RunNo, people: usize) {
        let people = i64::try_from(people).unwrap();
        let (group, lists) = (None, Vec::new());
        let finish = FinishRun {
            run,
            people,
            group,
            lists,
        };
        now(self.outbox.submit(finish)).unwrap();
    }

    pub(crate) fn claims(&self, limit: usize) -> Claims {
        now(self.outbox.submit(Claim::of(ACCOUNT, limit, LEASE))).unwrap()
    }

    pub(crate) fn claim(&self, limit: usize) -> Vec<Claimed> {
        self.claims(limit).rows
    }

    /// Claims the only row that is due.
    pub(crate) fn claim_one(&self) -> Claimed {
        let mut rows = self.claim(10);
        assert_eq!(rows.len(), 1, "one row is due: {rows:?}");
        rows.remove(0)
    }

    pub(crate) fn arm(&self, row: &Claimed) -> Result<(), ArmRefusal> {
        self.arm_with(row, [7; 32])
    }

    pub(crate) fn arm_with(&self, row: &Claimed, digest: [u8; 32]) -> Result<(), ArmRefusal> {
        let rows = vec![row.clone()];
        let account = ACCOUNT.to_owned();
        let arm = Arm {
            rows,
            account,
            digest,
        };
        now(self.outbox.submit(arm)).unwrap().remove(0)
    }

    pub(crate) fn record(&self, row: &Claimed, outcome: Outcome) -> Option<State> {
        now(self.outbox.submit(report(row, outcome))).unwrap()
    }

    pub(crate) fn release(&self, row: &Claimed) {
        let rows = vec![(row.id, row.epoch)];
        now(self.outbox.submit(Release {
            rows,
            next_at: None,
        }))
        .unwrap();
    }

    pub(crate) fn sweep(&self) -> Swept {
        now(self.outbox.submit(Sweep)).unwrap()
    }

    pub(crate) fn suppress(&self, address: &str) -> bool {
        now(self.outbox.submit(Suppress::from(Banned::new(
            &address.to_lowercase(),
            "asked us to stop",
            "a person",
        ))))
        .unwrap()
            > 0
    }

    /// A person changes these rows, whatever their state.
    pub(crate) fn change(&self, act: Act, rows: &[DeliveryId]) -> Changed {
        self.change_in(&State::ALL, act, rows)
    }

    /// The same if they are in one of these states.
    pub(crate) fn change_in(&self, states: &[State], act: Act, rows: &[DeliveryId]) -> Changed {
        now(self.outbox.submit(Change {
            act,
            rows: rows.to_vec(),
            states: states.iter().map(|state| state.name().to_owned()).collect(),
            author: GRACE.to_owned(),
            detail: "looks wrong".to_owned(),
            audit: None,
        }))
        .unwrap()
    }

    pub(crate) fn hold(&self, scope: &str, name: &str, ends_at: Option<i64>) {
        self.sql()
            .execute(
                "INSERT OR REPLACE INTO hold VALUES (?1, ?2, 'looks wrong', 'grace', 0, ?3)",
                rusqlite::params![scope, name, ends_at],
            )
            .unwrap();
    }

    pub(crate) fn unhold(&self) {
        self.sql().execute("DELETE FROM hold", []).unwrap();
    }

    pub(crate) fn delivery(&self, id: DeliveryId) -> DeliveryRow {
        let all = State::ALL.iter().map(|state| state.name().to_owned());
        let filter = postroom::outbox::Filter {
            states: all.collect(),
            ..Default::default()
        };
        let end = format!(".{}", id.seq);
        let run = self.run(id.run).id;
        let rows = self.outbox.reader().unwrap().deliveries(&filter).unwrap();
        let found = rows
            .into_iter()
            .find(|row| row.id.strip_suffix(&end) == Some(&run));
        found.expect("the delivery exists")
    }

    pub(crate) fn state(&self, id: DeliveryId) -> State {
        State::from_name(&self.delivery(id).state).unwrap()
    }

    pub(crate) fn run(&self, no: RunNo) -> RunRow {
        let runs = self.outbox.reader().unwrap().runs(None, None, 10_000);
        let id: String = self
            .sql()
            .query_row("SELECT id FROM run WHERE no = ?1", [no.0], |row| row.get(0))
            .unwrap();
        runs.unwrap().into_iter().find(|run| run.id == id).unwrap()
    }

    /// The outcome and the reply of each try.
    pub(crate) fn tries(&self, id: DeliveryId) -> Vec<(Option<String>, Option<String>)> {
        let tries = self.outbox.reader().unwrap().attempts(id).unwrap();
        tries
            .into_iter()
            .map(|row| (row.outcome, row.reply))
            .collect()
    }
}

pub(crate) fn report(row: &Claimed, outcome: Outcome) -> Record {
    Record {
        id: row.id,
        epoch: row.epoch,
        outcome,
        account: ACCOUNT.to_owned(),
        started_at: 0,
        stage: "end of data",
        code: Some(250),
        enhanced: None,
        reply: "as it said".to_owned(),
    }
}
