//! Recipients that misbehave by name.

use std::time::Duration;

use postroom::sandbox::Options;

use super::script::{Client, clock, message_to, reception};

#[tokio::test(start_paused = true)]
async fn recipients_are_refused_as_their_name_says() {
    let reception = reception(&Options::default());
    let mut client = Client::greeted(&reception).await;
    client
        .play(
            "C: MAIL FROM:<ada@example.org>
             S: 250 …
             C: RCPT TO:<4xx@example.org>
             S: 451 4.3.0 …
             C: RCPT TO:<5xx@example.org>
             S: 550 5.1.1 …
             C: RCPT TO:<full@example.org>
             S: 452 4.2.2 …
             C: RCPT TO:<571@example.org>
             S: 571 5.0.0 …
             C: RCPT TO:<greylist+7@example.org>
             S: 450 4.7.1 …
             C: RCPT TO:<greylist+8@example.org>
             S: 450 4.7.1 …
             C: RCPT TO:<greylist+7@example.org>
             S: 250 …
             C: RCPT TO:<bob@example.org>
             S: 250 …
             C: RCPT TO:<421@example.org>
             S: 421 4.3.2 …
             S: <end>",
        )
        .await;
    let counts = reception.counts();
    assert_eq!((counts.deferred, counts.refused), (5, 2));
}

#[tokio::test(start_paused = true)]
async fn messages_are_refused_as_a_recipients_name_says() {
    let reception = reception(&Options::default());
    let mut client = Client::greeted(&reception).await;
    for (recipient, reply) in [
        ("dot4xx", "451 4.3.0 …"),
        ("dot5xx+1", "554 5.7.1 …"),
        ("dot471", "471 4.0.0 …"),
    ] {
        client
            .play(&message_to(&format!("{recipient}@example.org")))
            .await;
        client.play(&format!("S: {reply}")).await;
    }
    client.play(&message_to("dot421@example.org")).await;
    client.play("S: 421 …\nS: <end>").await;
    assert_eq!(reception.counts().accepted, 0);
}

#[tokio::test(start_paused = true)]
async fn slow_answers_take_their_time_on_top_of_the_latency() {
    let options = Options {
        latency: Duration::from_millis(200),
        ..Options::default()
    };
    let reception = reception(&options);
    for (recipient, expected) in [("bob", 200), ("slow", 5_200), ("slow30", 30_200)] {
        let mut client = Client::greeted(&reception).await;
        client
            .play(&message_to(&format!("{recipient}@example.org")))
            .await;
        let clock = clock();
        let began = clock.ticks();
        client.play("S: 250 …").await;
        let took = clock.ticks() - began;
        assert_eq!(took, Duration::from_millis(expected), "{recipient}@");
    }
}

#[tokio::test(start_paused = true)]
async fn a_dropped_message_is_not_kept_and_a_doubtful_one_is() {
    let reception = reception(&Options::default());
    let mut client = Client::greeted(&reception).await;
    client.play(&message_to("drop@example.org")).await;
    client.play("S: <end>").await;
    assert_eq!(
        (reception.counts().accepted, reception.counts().dropped),
        (0, 1)
    );

    let mut client = Client::greeted(&reception).await;
    client.play(&message_to("doubt@example.org")).await;
    client.play("S: <end>").await;
    assert_eq!(
        (reception.counts().accepted, reception.counts().dropped),
        (1, 2)
    );

    let mut client = Client::greeted(&reception).await;
    client.play(&message_to("doubt@example.org")).await;
    client.play("S: 250 …").await;
    assert_eq!(
        (reception.counts().accepted, reception.counts().dropped),
        (2, 2)
    );
}

#[tokio::test(start_paused = true)]
async fn a_hanging_recipient_is_never_answered() {
    let reception = reception(&Options::default());
    let mut client = Client::greeted(&reception).await;
    client
        .play("C: MAIL FROM:<a@x.org>\nC: RCPT TO:<hang@x.org>\nC: DATA\nS: 250 …")
        .await;
    let patience = Duration::from_secs(1800);
    assert!(
        tokio::time::timeout(patience, client.reply())
            .await
            .is_err()
    );
}
