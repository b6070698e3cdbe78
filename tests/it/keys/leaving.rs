//! `[unsubscribe]` and what mail says of its kind.

use postroom::compose::{TokenKey, Unsubscription, read_token};
use postroom::deliver::token_keys;
use postroom::outbox::{Banned, Suppress};
use postroom::plan::{Order, open};

use super::stage::{MINUTE, Scenery, Stage, refusal};
use super::toml::{Toml, base, schedule};
use super::wire::Mail;

const ADA: &[&str] = &["ada@example.org"];
const KEY: &str = "a key of 16 bytes or more";
const OLD: &str = "the key of last year, as long";

/// News that can be left, and the same template in a notice.
fn toml(unsubscribe: &str) -> Toml {
    base()
        .with("[schedule.hello]", "class = \"bulk\"")
        .with("[account.ops]", "postal_address = \"1 High Street\"")
        .with("[unsubscribe]", "url = \"https://example.org/u/{{token}}\"")
        .with("[unsubscribe]", "key = { file = \"key\" }")
        .with("[unsubscribe]", unsubscribe)
}

fn scenery() -> Scenery {
    let text = "Hello {{email}}\n\n{{unsubscribe_url}}\n{{postal_address}}\n";
    Scenery::with_files(&[
        ("templates/hello/body.txt", text),
        ("key", KEY),
        ("old", OLD),
    ])
}

async fn mail(toml: Toml) -> Mail {
    let stage = Stage::among(scenery(), toml);
    stage.send(ADA, MINUTE).await;
    stage.mails().remove(0)
}

fn body(mail: &Mail) -> String {
    let (_, body) = mail.text.split_once("\r\n\r\n").unwrap();
    body.replace("=\r\n", "").replace("=3D", "=")
}

/// The token in what stands between these.
fn token<'t>(text: &'t str, before: &str) -> &'t str {
    let from = text.find(before).unwrap_or_else(|| panic!("{text}")) + before.len();
    let rest = &text[from..];
    let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && !"-_".contains(c));
    &rest[..end.unwrap_or(rest.len())]
}

fn said(token: &str, key: &str) -> Option<Unsubscription> {
    read_token(token, &[TokenKey::new(key.as_bytes()).unwrap()])
}

fn ada(scope: &str) -> Option<Unsubscription> {
    Some(Unsubscription {
        address: ADA[0].to_owned(),
        scope: scope.to_owned(),
    })
}

#[tokio::test(start_paused = true)]
pub(super) async fn url_of_unsubscribe_stands_in_header_and_text_with_a_token() {
    for url in ["https://example.org/u/", "https://leave.example.net/?t="] {
        let mail = mail(toml(&format!("url = \"{url}{{{{token}}}}\""))).await;
        let header = mail.header("List-Unsubscribe").unwrap();
        assert!(header.starts_with(&format!("<{url}")), "{header}");
        let token = token(header, url);
        assert_eq!(said(token, KEY), ada("hello"));
        assert!(body(&mail).contains(&format!("{url}{token}\r\n")));
        let post = mail.header("List-Unsubscribe-Post");
        assert_eq!(post, Some("List-Unsubscribe=One-Click"));
    }
}

#[tokio::test(start_paused = true)]
pub(super) async fn mailto_of_unsubscribe_takes_the_token_as_a_subject() {
    for to in ["leave@example.org", "stop@example.net"] {
        let toml = toml(&format!("mailto = \"{to}\""));
        let both = mail(toml.clone()).await;
        let header = both.unfolded("List-Unsubscribe").unwrap();
        let before = format!(", <mailto:{to}?subject=");
        assert_eq!(said(token(&header, &before), KEY), ada("hello"));
        // Alone, it is what the text shows, and nothing can be posted to it.
        let alone = mail(toml.without("[unsubscribe]", "url")).await;
        let header = alone.header("List-Unsubscribe").unwrap();
        assert!(header.starts_with(&format!("<mailto:{to}?")), "{header}");
        assert!(body(&alone).contains(&format!("\r\nmailto:{to}?subject=")));
        assert_eq!(alone.header("List-Unsubscribe-Post"), None);
    }
}

#[tokio::test(start_paused = true)]
pub(super) async fn key_of_unsubscribe_signs_the_tokens() {
    for (file, own, other) in [("key", KEY, OLD), ("old", OLD, KEY)] {
        let mail = mail(toml(&format!("key = {{ file = \"{file}\" }}"))).await;
        let token = token(mail.header("List-Unsubscribe").unwrap(), "/u/");
        assert_eq!(said(token, own), ada("hello"));
        assert_eq!(said(token, other), None);
    }
}

#[tokio::test(start_paused = true)]
pub(super) async fn former_keys_have_signed_tokens_that_are_good_still() {
    let token = TokenKey::new(OLD.as_bytes()).unwrap().sign(ADA[0], "hello");
    for (former, says) in [("[]", None), ("[{ file = \"old\" }]", ada("hello"))] {
        let stage = Stage::among(scenery(), toml(&format!("former_keys = {former}")));
        let (keys, faults) = token_keys(stage.config.unsubscribe.as_ref().unwrap()).await;
        assert_eq!((read_token(&token, &keys), faults), (says, Vec::new()));
    }
}

#[tokio::test(start_paused = true)]
pub(super) async fn scope_of_unsubscribe_is_what_somebody_leaves() {
    for (scope, of) in [("schedule", "hello"), ("all", "")] {
        let mail = mail(toml(&format!("scope = \"{scope}\""))).await;
        let token = token(mail.header("List-Unsubscribe").unwrap(), "/u/");
        assert_eq!(said(token, KEY), ada(of));
    }
}

#[tokio::test(start_paused = true)]
pub(super) async fn class_says_what_the_header_and_the_texts_owe_the_reader() {
    let bulk = mail(toml("")).await;
    assert_eq!(bulk.header("Precedence"), Some("bulk"));
    assert_eq!(bulk.header("Auto-Submitted"), None);
    assert_eq!(bulk.header("List-Id"), Some("<hello.example.org>"));
    let plain = scenery();
    plain.house.write("templates/hello/body.txt", "Hello\n");
    let notice = toml("").with("[schedule.hello]", "class = \"notice\"");
    let stage = Stage::among(plain, notice);
    stage.send(ADA, MINUTE).await;
    let notice = stage.mails().remove(0);
    assert_eq!(notice.header("Precedence"), None);
    assert_eq!(notice.header("Auto-Submitted"), Some("auto-generated"));
    for header in ["List-Id", "List-Unsubscribe", "List-Unsubscribe-Post"] {
        assert_eq!(notice.header(header), None, "nobody leaves their invoices");
    }
    let told = refusal(&schedule("class = \"bulk\""));
    for wanted in ["nobody can leave it", "does not say where its sender is"] {
        assert!(told.contains(wanted), "{told}");
    }
}

/// Whoever writes the link into a notice means it.
#[tokio::test(start_paused = true)]
async fn a_notice_that_shows_a_link_has_the_header() {
    let mail = mail(toml("").with("[schedule.hello]", "class = \"notice\"")).await;
    let token = token(mail.header("List-Unsubscribe").unwrap(), "/u/");
    assert!(body(&mail).contains(token));
}

#[tokio::test(start_paused = true)]
pub(super) async fn list_id_is_how_readers_sort() {
    for id in ["news.example.org", "weekly.news.example.net"] {
        let toml = schedule(&format!("list_id = \"{id}\""));
        let mail = mail(
            toml.clone()
                .with("[account.ops]", "postal_address = \"x\"")
                .with(
                    "[unsubscribe]",
                    "mailto = \"u@example.org\"\nkey = { file = \"key\" }",
                ),
        )
        .await;
        assert_eq!(mail.header("List-Id"), Some(&*format!("<{id}>")));
    }
}

#[tokio::test(start_paused = true)]
pub(super) async fn reply_to_of_a_schedule_is_where_its_answers_go() {
    let account = toml("").with("[account.ops]", "reply_to = \"help@example.org\"");
    let answers = |mail: &Mail| mail.header("Reply-To").map(str::to_owned);
    let usual = mail(account.clone()).await;
    assert_eq!(answers(&usual).as_deref(), Some("help@example.org"));
    for to in ["editors@example.org", "Desk <desk@example.net>"] {
        let lines = format!("reply_to = \"{to}\"");
        let own = mail(account.clone().with("[schedule.hello]", &lines)).await;
        assert_eq!(answers(&own).as_deref(), Some(to));
    }
}

#[tokio::test(start_paused = true)]
pub(super) async fn postal_address_is_what_texts_show() {
    for address in ["Example Ltd, 1 High Street", "2 Low Road"] {
        let lines = format!("postal_address = \"{address}\"");
        let mail = mail(toml("").with("[account.ops]", &lines)).await;
        assert!(body(&mail).contains(&format!("\r\n{address}")));
    }
}

#[tokio::test(start_paused = true)]
pub(super) async fn feedback_id_says_who_sends() {
    assert_eq!(mail(toml("")).await.header("Feedback-ID"), None);
    for id in ["exampleltd", "us123"] {
        let mail = mail(toml("").with("[account.ops]", &format!("feedback_id = \"{id}\""))).await;
        let wanted = format!("hello:hello:bulk:{id}");
        assert_eq!(mail.header("Feedback-ID"), Some(wanted.as_str()));
    }
}

/// Bulk mail does not leave without its link, and other mail of the account does not wait for it.
#[tokio::test(start_paused = true)]
async fn without_the_key_one_schedule_waits_and_says_why() {
    let other = "send = \"bye\"\nto = \"people\"\nvia = \"ops\"";
    let toml = toml("key = { file = \"none\" }").with("[schedule.bye]", other);
    let scenery = scenery();
    for (name, text) in [("subject.txt", "Bye\n"), ("body.txt", "Bye {{email}}\n")] {
        scenery.house.write(&format!("templates/bye/{name}"), text);
    }
    let stage = Stage::among(scenery, toml);
    stage.house.people(&["ada@example.org", "bob@example.org"]);
    stage.open().unwrap();
    stage.pass(MINUTE / 2).await;
    assert_eq!(stage.states(), ["queued", "queued"]);
    let holds = stage
        .outbox
        .reader()
        .unwrap()
        .holds(stage.clock.now().as_millisecond())
        .unwrap();
    assert!(
        holds[0]
            .reason
            .contains("a key of [unsubscribe] cannot be had"),
        "{holds:?}"
    );
    assert!(holds[0].ends_at.is_some(), "{holds:?}");
    let order = Order::manual("bye", &stage.clock);
    open(&stage.config, &stage.outbox, &stage.clock, &order).unwrap();
    stage.pass(2 * MINUTE).await;
    assert_eq!(stage.readers(), ["ada@example.org", "bob@example.org"]);
    assert!(
        stage
            .mails()
            .iter()
            .all(|mail| mail.header("Subject") == Some("Bye"))
    );
    stage.house.write("none", KEY);
    stage.pass(3 * MINUTE).await;
    assert_eq!(stage.mails().len(), 4);
    let mut news = stage.mails().into_iter().skip(2);
    assert!(news.all(|mail| mail.header("List-Unsubscribe").is_some()));
    let reader = stage.outbox.reader().unwrap();
    for person in ["ada@example.org", "bob@example.org"] {
        let history = reader.history(person).unwrap();
        assert!(
            history.iter().all(|(_, tries, _)| tries.len() == 1),
            "no attempt was burnt"
        );
    }
}

/// A tester who tries the link unsubscribes nobody.
#[tokio::test(start_paused = true)]
async fn a_test_mail_has_a_link_that_is_nobodys() {
    let stage = Stage::among(scenery(), toml("mailto = \"u@example.org\""));
    stage.house.people(ADA);
    let order = Order {
        test: "tester@example.org".parse().ok(),
        ..Order::manual("hello", &stage.clock)
    };
    open(&stage.config, &stage.outbox, &stage.clock, &order).unwrap();
    stage.pass(MINUTE).await;
    let mail = stage.mails().remove(0);
    assert_eq!(mail.to, "tester@example.org");
    let header = mail.header("List-Unsubscribe").unwrap();
    assert_eq!(token(header, "/u/"), "test");
    assert_eq!(token(header, "subject="), "test");
    assert!(body(&mail).contains("https://example.org/u/test\r\n"));
    let (keys, _) = token_keys(stage.config.unsubscribe.as_ref().unwrap()).await;
    assert_eq!(read_token("test", &keys), None);
}

/// Left between the opening of a run and its turn: not sent, here; another schedule's mail is.
#[tokio::test(start_paused = true)]
async fn whoever_leaves_while_a_run_waits_gets_nothing_more_of_that_schedule() {
    let other = "send = \"hello\"\nto = \"people\"\nvia = \"ops\"";
    let stage = Stage::among(scenery(), toml("").with("[schedule.other]", other));
    stage.house.people(&["ada@example.org", "bob@example.org"]);
    for name in ["hello", "other"] {
        let order = Order::manual(name, &stage.clock);
        open(&stage.config, &stage.outbox, &stage.clock, &order).unwrap();
    }
    let banned = Banned {
        scope: "hello".to_owned(),
        ..Banned::new(ADA[0], "unsubscribed", "unsubscribe")
    };
    assert_eq!(
        stage.outbox.submit(Suppress::from(banned)).wait().unwrap(),
        1
    );
    stage.pass(2 * MINUTE).await;
    let id = |mail: &Mail| mail.header("List-Id").map(str::to_owned);
    let mut got: Vec<_> = stage
        .mails()
        .iter()
        .map(|it| (id(it), it.to.clone()))
        .collect();
    got.sort();
    let news = Some("<hello.example.org>".to_owned());
    let [ada, bob] = ["ada@example.org", "bob@example.org"].map(str::to_owned);
    assert_eq!(got, [(None, ada), (None, bob.clone()), (news, bob)]);
    // The next run leaves them out from the first, and says so before.
    let order = Order::manual("hello", &stage.clock);
    let opening = open(&stage.config, &stage.outbox, &stage.clock, &order).unwrap();
    assert_eq!((opening.suppressed, opening.people()), (1, 1));
}
