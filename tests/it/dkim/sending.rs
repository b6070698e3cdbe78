//! Signing as the last step of a delivery: nothing ever goes out without, and nothing is lost.

use std::path::Path;
use std::time::Duration;

use postroom::compose::dkim::SigningKey;
use postroom::deliver::{Settings, recompose};
use postroom::sandbox::{Options, Sandbox};
use tempfile::TempDir;

use super::{SEED, python_with_dkimpy, records, signer, verify};
use crate::world::office::{Office, Plan, lull, until};

const KEY: &str = "dkim = { selector = \"ed\", key = { file = \"key\" } }";
const READER: &str = "ada@example.org";

struct Scene {
    office: Office,
    mail: TempDir,
}

impl Scene {
    /// An office whose server keeps what it takes.
    async fn new(account: &str) -> Self {
        let mail = tempfile::tempdir().unwrap();
        let server = Options {
            dir: Some(mail.path().to_owned()),
            ..Options::default()
        };
        let office = Office::new(Plan {
            account,
            server,
            ..Plan::default()
        })
        .await;
        Self { office, mail }
    }

    fn mails(&self) -> Vec<Vec<u8>> {
        kept(self.mail.path())
    }

    /// By the key of this text.
    #[track_caller]
    fn assert_signed(&self, key: &str, count: usize) {
        let Some(python) = python_with_dkimpy("what was sent was not verified") else {
            return;
        };
        let mails = self.mails();
        assert_eq!(mails.len(), count);
        let records = records(&[signer("ed", key)]);
        let judged = verify(python, &records, &mails);
        assert_eq!(
            judged.iter().filter(|it| ***it == [true]).count(),
            1,
            "{judged:?}"
        );
    }

    async fn until_trouble(&self, words: &str) {
        until(words, || {
            let trouble = self.office.trouble();
            trouble.is_some_and(|it| it.text.contains(words))
        })
        .await;
    }
}

fn kept(folder: &Path) -> Vec<Vec<u8>> {
    let files = std::fs::read_dir(folder.join("mail/new"))
        .into_iter()
        .flatten();
    files
        .map(|it| std::fs::read(it.unwrap().path()).unwrap())
        .collect()
}

/// The digest on record is of the message without its signatures: a new key strands nobody.
#[tokio::test]
async fn what_is_on_record_does_not_depend_on_the_key() {
    let scene = Scene::new(KEY).await;
    scene.office.house.write("key", SEED);
    scene.office.send(&[READER]).await;
    scene.office.until_states(&["accepted"]).await;
    scene.assert_signed(SEED, 1);
    let reader = scene.office.outbox.reader().unwrap();
    let run = scene.office.rows()[0]
        .id
        .split('.')
        .next()
        .unwrap()
        .to_owned();
    let again = recompose(&reader, &run, READER, &[]).unwrap();
    assert_eq!((again.same, again.account.as_str()), (Some(true), "ops"));
    let mail = &scene.mails()[0];
    assert!(mail.ends_with(&again.bytes) && mail.len() > again.bytes.len());
}

/// What the server is told of the size is what it gets.
#[tokio::test]
async fn the_size_that_is_told_includes_the_signature() {
    let scene = Scene::new(KEY).await;
    scene.office.house.write("key", SEED);
    let size = {
        scene.office.send(&[READER]).await;
        scene.office.until_states(&["accepted"]).await;
        scene.office.accepted()[0]["size"].clone()
    };

    let size: usize = serde_json::from_value(size).unwrap();
    for (most, state) in [(size, "accepted"), (size - 1, "rejected")] {
        let office = Office::new(Plan {
            account: KEY,
            server: Options {
                max_message_size: most,
                ..Options::default()
            },
            ..Plan::default()
        })
        .await;
        office.house.write("key", SEED);
        office.send(&[READER]).await;
        office.until_states(&[state]).await;
    }
}

#[tokio::test]
async fn without_its_key_nothing_is_sent_and_nothing_is_lost() {
    let scene = Scene::new(KEY).await;
    scene.office.send(&[READER, "bo@example.org"]).await;
    scene.until_trouble("the DKIM key `ed` cannot be had").await;
    scene.office.house.write("key", "hunter2");
    let mut words = String::new();
    for _ in 0..50 {
        crate::world::office::jump(Duration::from_secs(6)).await;
        lull().await;
        words = scene.office.trouble().unwrap().text;
        if words.contains("no private key") {
            break;
        }
    }
    assert!(
        words.contains("no private key") && words.contains("no mail leaves unsigned"),
        "{words}"
    );
    assert!(!words.contains("hunter2"), "{words}");
    assert_eq!(scene.office.states(), ["queued", "queued"]);
    assert!(scene.office.tries(READER).is_empty(), "no attempt is burnt");
    assert!(scene.mails().is_empty());
    scene.office.house.write("key", SEED);
    let minutes = Duration::from_secs(60);
    scene
        .office
        .skip_until_states(minutes, &["accepted"; 2])
        .await;
    let Some(python) = python_with_dkimpy("what was sent was not verified") else {
        return;
    };
    let records = records(&[signer("ed", SEED)]);
    assert_eq!(
        verify(python, &records, &scene.mails()),
        vec![vec![true]; 2]
    );
}

#[tokio::test]
async fn another_key_holds_from_the_next_reload_on() {
    let mut scene = Scene::new(KEY).await;
    let other = SigningKey::new_ed25519().unwrap();
    scene.office.house.write("key", SEED);
    scene.office.send(&[READER]).await;
    scene.office.until_states(&["accepted"]).await;
    scene.office.house.write("key", &other);
    scene.office.send(&[READER]).await;
    scene.office.until_states(&["accepted"; 2]).await;
    assert_eq!(signed_with(&scene, SEED), 2, "it is kept until then");
    let settings = Settings::of(&scene.office.config);
    scene.office.renew(settings).await;
    scene.office.send(&[READER]).await;
    scene.office.until_states(&["accepted"; 3]).await;
    scene.assert_signed(&other, 3);
}

fn signed_with(scene: &Scene, key: &str) -> usize {
    let Some(python) = python_with_dkimpy("what was sent was not verified") else {
        return 2;
    };
    let judged = verify(python, &records(&[signer("ed", key)]), &scene.mails());
    judged.iter().filter(|it| ***it == [true]).count()
}

/// A reload looks for a key that was missing at once.
#[tokio::test]
async fn a_reload_mends_a_missing_key_without_a_wait() {
    let mut scene = Scene::new(KEY).await;
    scene.office.send(&[READER]).await;
    scene.until_trouble("cannot be had").await;
    scene.office.house.write("key", SEED);
    let settings = Settings::of(&scene.office.config);
    scene.office.renew(settings).await;
    scene.office.until_states(&["accepted"]).await;
    scene.assert_signed(SEED, 1);
}

/// From is the first account's, so is the signature, whoever carries it.
#[tokio::test]
async fn mail_that_another_account_carries_is_signed_by_its_own() {
    let mail = tempfile::tempdir().unwrap();
    let options = Options {
        dir: Some(mail.path().to_owned()),
        plain: Some(Options::default().listen),
        ..Options::default()
    };
    let clock = postroom::clock::Clock::system();
    let sandbox = Sandbox::start(options, clock).await.unwrap();
    let port = sandbox.plain_address().unwrap().port();
    let account = format!(
        "{KEY}\n[account.spare]\nhost = \"127.0.0.1\"\nport = {port}\ntls = \"none\"\n\
         from = \"ops@example.org\"\ndkim = {{ selector = \"no\", key = {{ file = \"none\" }} }}"
    );
    let office = Office::new(Plan {
        deserted: true,
        account: &account,
        schedule: "[schedule.both]\nsend = \"hello\"\nto = \"people\"\nvia = [\"ops\", \"spare\"]",
        ..Plan::default()
    })
    .await;
    office.house.write("key", SEED);
    office.send_by("both", &[READER]).await;
    office
        .skip_until_states(Duration::from_secs(3), &["accepted"])
        .await;
    assert_eq!(office.tries(READER)[0].account, "spare");
    let Some(python) = python_with_dkimpy("what was sent was not verified") else {
        return;
    };
    let records = records(&[signer("ed", SEED)]);
    assert_eq!(verify(python, &records, &kept(mail.path())), [[true]]);
}

/// An account that only lacks its key is not stood in for: nobody else has the key either.
#[tokio::test]
async fn an_account_that_carries_anothers_mail_is_not_at_fault_for_its_key() {
    let account = "[account.spare]\nhost = \"127.0.0.1\"\nport = 9\ntls = \"none\"\n\
                   from = \"ops@example.org\"";
    let mut scene = Scene::new(&format!("{KEY}\n{account}")).await;
    scene.office.send(&[READER]).await;
    scene.until_trouble("cannot be had").await;
    for _ in 0..5 {
        crate::world::office::jump(Duration::from_secs(20)).await;
        lull().await;
    }
    let views = scene.office.deliver.as_ref().unwrap().watch().accounts();
    assert_eq!(views[0].carried_by, None);
    assert!(views[1].trouble.is_none(), "{:?}", views[1].trouble);
    scene.office.drain_during(Duration::ZERO).await;
    assert_eq!(scene.office.states(), ["queued"]);
}

/// One message to a group is signed once, for all.
#[tokio::test]
async fn a_message_to_a_group_is_signed() {
    let mail = tempfile::tempdir().unwrap();
    let office = Office::new(Plan {
        account: KEY,
        schedule: "group = true",
        body: Some("Hello all\n"),
        server: Options {
            dir: Some(mail.path().to_owned()),
            ..Options::default()
        },
        ..Plan::default()
    })
    .await;
    office.house.write("key", SEED);
    office.send(&[READER, "bo@example.org"]).await;
    office.until_states(&["accepted"; 2]).await;
    let Some(python) = python_with_dkimpy("what was sent was not verified") else {
        return;
    };
    let mails = kept(mail.path());
    let records = records(&[signer("ed", SEED)]);
    assert_eq!(
        verify(python, &records, &mails),
        vec![vec![true]; mails.len()]
    );
    assert!(!mails.is_empty());
}
