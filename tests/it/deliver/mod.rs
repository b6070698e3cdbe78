//! From the outbox to a server and back: every answer ends where it belongs.

mod accounts;
mod blame;
mod breaking;
mod chained;
mod failover;
mod faults;
mod holding;
mod international;
mod limits;
mod paced;
mod panics;
mod recipients;
mod renewing;
mod stopping;
mod together;
mod tokens;
mod turns;
mod two_accounts;
mod verdicts;

use postroom::sandbox::{Counts, Options};

use crate::world::abrupt::{Abrupt, Temper};
use crate::world::office::{Office, Plan};

/// An office whose server behaves as `server` says.
async fn office_with(account: &str, server: Options) -> Office {
    Office::new(Plan {
        account,
        server,
        ..Plan::default()
    })
    .await
}

/// An office that sends through `elsewhere`; `secret` in it opens every door.
async fn office_at(elsewhere: String, account: &str) -> Office {
    let office = Office::new(Plan {
        elsewhere: Some(elsewhere),
        account,
        ..Plan::default()
    })
    .await;
    office.house.write("secret", "sesame\n");
    office
}

/// An office with one connection to a server that hangs up.
async fn office_with_abrupt(temper: Temper) -> (Office, Abrupt) {
    let office = Office::new(Plan {
        account: "connections = 1",
        deserted: true,
        ..Plan::default()
    })
    .await;
    let server = Abrupt::start(([127, 0, 0, 1], office.port()).into(), temper).await;
    (office, server)
}

fn counts(office: &Office) -> Counts {
    office.sandbox.as_ref().unwrap().counts()
}

/// Some addresses, in their own order.
fn people(count: usize) -> Vec<String> {
    (0..count).map(|n| format!("p{n:04}@example.org")).collect()
}

/// Everybody once, by what the server says itself, with one try and without trouble.
fn each_once(office: &Office, people: &[String], mut taken: Vec<String>) {
    taken.sort();
    assert_eq!(taken, people);
    for address in people {
        let tries = office.tries(address);
        assert_eq!(tries.len(), 1, "{address}: {tries:#?}");
    }
    assert!(office.trouble().is_none(), "{:?}", office.trouble());
}

/// Whom the sandbox said 250 for.
fn taken(office: &Office) -> Vec<String> {
    let accepted = office.accepted();
    let to = accepted.iter().map(|line| line["to"][0].as_str().unwrap());
    to.map(str::to_owned).collect()
}
