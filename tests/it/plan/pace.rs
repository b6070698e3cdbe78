//! What of the configuration a run takes along for those who send it: accounts, domains, the first
//! few people.

use postroom::outbox::state::State;
use postroom::outbox::{Claim, Claimed};
use postroom::plan::{Former, Order, open};

use super::Desk;
use crate::world::bench::LEASE;

const CONFIG: &str = "\
[daemon]
state = \".\"
[account.main]
host = \"mx.example.org\"
from = \"Ops <ops@example.org>\"
[account.main.domain.\"gmail.com\"]
rate = \"10/minute\"
[account.backup]
host = \"mx.example.net\"
from = \"Ops <ops@example.org>\"
[account.backup.domain.\"bücher.example\"]
connections = 1
[account.other]
host = \"mx.example.com\"
from = \"Ops <ops@example.org>\"
[account.other.domain.\"qq.com\"]
rate = \"10/minute\"
[list.people]
csv = \"people.csv\"
[list.qq]
inline = [\"eve@qq.com\"]
[schedule.other]
send = \"hello\"
to = \"qq\"
via = \"other\"
[schedule.hello]
send = \"hello\"
to = \"people\"
via = [\"main\", \"backup\"]
canary = { people = 2, wait = \"10m\" }
";

const PEOPLE: [&str; 4] = [
    "ada@GMAIL.com",
    "bob@bücher.example",
    "cyd@qq.com",
    "dan@example.org",
];

fn claim(desk: &Desk, account: &str, out: &[&str]) -> Vec<Claimed> {
    let claim = Claim {
        out: out.iter().map(|name| (*name).to_owned()).collect(),
        ..Claim::of(account, 10, LEASE)
    };
    desk.outbox.submit(claim).wait().unwrap().rows
}

fn opened(order: impl FnOnce(&Desk) -> Order) -> Desk {
    let desk = Desk::new();
    desk.house.people(&PEOPLE);
    let config = desk.config(CONFIG);
    open(&config, &desk.outbox, &desk.clock, &order(&desk)).unwrap();
    desk
}

#[test]
fn a_whole_run_goes_to_its_first_few_people_by_any_of_its_accounts() {
    let desk = opened(|desk| Order::manual("hello", &desk.clock));
    let run = desk.runs().remove(0);
    assert_eq!(run.canary, Some(2));
    assert_eq!(run.via, ["main", "backup"]);
    assert_eq!(claim(&desk, "backup", &[]).len(), 0);
    let rows = claim(&desk, "backup", &["main"]);
    let seqs: Vec<i64> = rows.iter().map(|row| row.id.seq).collect();
    assert_eq!(seqs, [1, 2]);
}

#[test]
fn a_part_of_a_schedule_goes_to_all_of_it_at_once() {
    let desk = opened(|desk| Order::manual("hello", &desk.clock));
    let former = Former {
        run: desk.runs()[0].id.clone(),
        states: vec![State::Queued],
    };
    let part = Order {
        former: Some(former),
        ..Order::manual("hello", &desk.clock)
    };
    open(&desk.config(CONFIG), &desk.outbox, &desk.clock, &part).unwrap();
    assert_eq!(desk.runs()[1].canary, None);
    assert_eq!(claim(&desk, "main", &[]).len(), 2 + 4);
}

#[test]
fn a_message_waits_for_the_limits_of_its_domain_where_an_account_of_its_run_has_them() {
    let desk = opened(|desk| Order::manual("hello", &desk.clock));
    let sql = rusqlite::Connection::open(desk.state().join("postroom.db")).unwrap();
    let mut query = sql
        .prepare("SELECT pool FROM delivery ORDER BY seq")
        .unwrap();
    let pools = query.query_map([], |row| row.get(0)).unwrap();
    let pools: Vec<String> = pools.map(Result::unwrap).collect();
    assert_eq!(pools, ["gmail.com", "xn--bcher-kva.example", "", ""]);
    let queued = desk.runs()[0].counts.of(State::Queued);
    assert_eq!(queued, 4);
}
