//! Logging in again with what a secret has become, over loopback.

use std::time::Duration;

use postroom::clock::Clock;
use postroom::config::{Login, Proof, Tls};
use postroom::sandbox::{Options, Sandbox};
use postroom::secret::Secret;
use postroom::smtp::{Identity, Session, SmtpError, Target, Trouble, connect_as};
use tempfile::TempDir;

use crate::world::bench::start;
use crate::world::sandbox::successor;
use crate::world::script::target;

/// A server that takes one secret, and a vault that holds what it holds.
struct Place {
    folder: TempDir,
    sandbox: Sandbox,
    target: Target,
}

impl Place {
    async fn new() -> Self {
        let sandbox = taking("right", 0).await;
        let target = Target {
            host: "127.0.0.1".to_owned(),
            port: sandbox.plain_address().unwrap().port(),
            tls: Tls::None,
            ..target()
        };
        let folder = tempfile::tempdir().unwrap();
        Self {
            folder,
            sandbox,
            target,
        }
    }

    /// Another server comes in its place.
    async fn takes(mut self, secret: &str) -> Self {
        self.sandbox.stop().await;
        self.sandbox = taking(secret, self.target.port).await;
        self
    }

    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).display().to_string()
    }

    /// What the vault gives at each reading, the last one from then on.
    fn holds(&self, values: &[&str]) {
        std::fs::write(self.path("values"), values.join("\n") + "\n").unwrap();
    }

    fn readings(&self) -> usize {
        let readings = std::fs::read_to_string(self.path("readings"));
        readings.unwrap_or_default().lines().count()
    }

    fn identity(&self, proof: fn(Secret) -> Proof, keep: Option<Duration>) -> Identity {
        let script = format!(
            "cd {}; echo x >> readings; head -n 1 values
             [ $(wc -l < values) -gt 1 ] && sed -i 1d values; true",
            self.folder.path().display()
        );
        let argv = ["sh", "-c", &script].map(str::to_owned).to_vec();
        Identity::new(&Login {
            user: "ada".to_owned(),
            proof: proof(Secret::Command { argv, keep }),
        })
    }

    async fn dial(&self, identity: &Identity, at: u64) -> Result<Session, SmtpError> {
        let now = Duration::from_secs(60 * at);
        connect_as(&self.target, Some(identity), now).await
    }

    fn connections(&self) -> u64 {
        self.sandbox.counts().connections
    }
}

async fn taking(secret: &str, port: u16) -> Sandbox {
    let options = Options {
        plain: Some(([127, 0, 0, 1], port).into()),
        login: Some(("ada".to_owned(), secret.to_owned())),
        ..Options::default()
    };
    successor(&options, &Clock::simulated(start(), 1)).await
}

const KEEP: Option<Duration> = Some(Duration::from_secs(3000));

/// B33: a token ends, or a password is changed, while a run is on its way.
#[tokio::test]
async fn a_secret_that_was_renewed_is_tried_at_once() {
    for (proof, keep) in [
        (Proof::Token as fn(Secret) -> Proof, KEEP),
        (Proof::Token, None),
        (Proof::Password, KEEP),
        (Proof::Password, None),
    ] {
        let place = Place::new().await;
        place.holds(&["old", "right"]);
        let identity = place.identity(proof, keep);
        let session = place.dial(&identity, 1).await;
        assert!(session.is_ok(), "{:?}", session.err());
        assert_eq!((place.connections(), place.readings()), (2, 2));
        // What was taken is kept, if it may be.
        assert!(place.dial(&identity, 2).await.is_ok());
        let readings = if keep.is_some() { 2 } else { 3 };
        assert_eq!((place.connections(), place.readings()), (3, readings));
    }
}

/// B30: each wrong login counts towards a lock.
#[tokio::test]
async fn the_same_secret_is_not_tried_twice() {
    for keep in [KEEP, None] {
        let place = Place::new().await;
        place.holds(&["wrong"]);
        let identity = place.identity(Proof::Password, keep);
        let error = place.dial(&identity, 1).await.err().unwrap();
        assert!(error.is_refused_login(), "{error}");
        assert_eq!((place.connections(), place.readings()), (1, 2));
        // A probe later: one login, and once it is mended none is refused.
        let error = place.dial(&identity, 5).await.err().unwrap();
        assert!(error.is_refused_login(), "{error}");
        assert_eq!(place.connections(), 2);
        place.holds(&["right"]);
        assert!(place.dial(&identity, 20).await.is_ok());
        assert_eq!(place.connections(), 3);
    }
}

#[tokio::test]
async fn two_wrong_secrets_are_enough_for_one_probe() {
    let place = Place::new().await;
    place.holds(&["wrong", "worse", "right"]);
    let identity = place.identity(Proof::Token, KEEP);
    let error = place.dial(&identity, 1).await.err().unwrap();
    assert!(error.is_refused_login(), "{error}");
    assert_eq!((place.connections(), place.readings()), (2, 2));
    let told = error.to_string();
    assert!(told.contains("refused the login of ada: 535"), "{told}");
    assert!(
        told.contains("(status 401, scope postroom sandbox)"),
        "{told}"
    );
    // The next one does not begin with what was refused last.
    assert!(place.dial(&identity, 2).await.is_ok());
    assert_eq!((place.connections(), place.readings()), (3, 3));
}

/// A server in trouble refused a good token. When that token ends, a new one is fetched at once.
#[tokio::test]
async fn a_refusal_that_was_taken_back_is_forgotten() {
    let place = Place::new().await;
    place.holds(&["one"]);
    let identity = place.identity(Proof::Token, KEEP);
    assert!(place.dial(&identity, 1).await.is_err());
    let place = place.takes("one").await;
    assert!(place.dial(&identity, 2).await.is_ok());
    let place = place.takes("two").await;
    place.holds(&["two"]);
    let session = place.dial(&identity, 3).await;
    assert!(session.is_ok(), "{:?}", session.err());
}

#[tokio::test]
async fn sessions_that_fail_together_renew_a_token_once() {
    let place = Place::new().await;
    place.holds(&["old", "right"]);
    let identity = place.identity(Proof::Token, KEEP);
    let (a, b, c) = tokio::join!(
        place.dial(&identity, 1),
        place.dial(&identity, 1),
        place.dial(&identity, 1)
    );
    for session in [a, b, c] {
        assert!(session.is_ok(), "{:?}", session.err());
    }
    assert_eq!(place.readings(), 2);
}

#[tokio::test]
async fn a_secret_that_cannot_be_read_is_said_to_be_so() {
    let place = Place::new().await;
    let login = Login {
        user: "ada".to_owned(),
        proof: Proof::Token(Secret::File(place.path("nowhere").into())),
    };
    let error = place.dial(&Identity::new(&login), 1).await.err().unwrap();
    assert!(matches!(error.trouble, Trouble::Missing(_)));
    let told = error.to_string();
    assert!(told.starts_with("the token cannot be had: /"), "{told}");
    assert_eq!(place.connections(), 0);
}
