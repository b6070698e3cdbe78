//! What several sessions share of a secret: its value for a while, and what a refusal leads to.

use std::fs;
use std::time::Duration;

use postroom::secret::{Kept, Secret};
use tempfile::TempDir;

use super::{file, folder};

const MINUTE: Duration = Duration::from_secs(60);

/// A vault: a program that prints what is in a file, and counts how often it was asked.
struct Vault(TempDir);

impl Vault {
    fn holding(value: &str) -> Self {
        let vault = Self(folder());
        vault.hold(value);
        vault
    }

    fn hold(&self, value: &str) {
        fs::write(self.0.path().join("value"), value).unwrap();
    }

    fn readings(&self) -> usize {
        let readings = fs::read_to_string(self.0.path().join("readings"));
        readings.unwrap_or_default().lines().count()
    }

    fn opened(&self, keep: Option<Duration>) -> Kept {
        let script = format!(
            "cd {}; echo x >> readings; cat value",
            self.0.path().display()
        );
        let argv = ["sh", "-c", &script].map(str::to_owned).to_vec();
        Kept::new(Secret::Command { argv, keep })
    }
}

async fn reveal(kept: &Kept, at: Duration) -> String {
    kept.reveal(at).await.unwrap().to_string()
}

async fn refused(kept: &Kept, value: &str, at: Duration) -> Option<String> {
    let other = kept.refused(value, at).await.unwrap();
    other.map(|other| other.to_string())
}

#[tokio::test]
async fn a_value_is_kept_for_its_time() {
    let vault = Vault::holding("one");
    let kept = vault.opened(Some(50 * MINUTE));
    assert_eq!(reveal(&kept, 10 * MINUTE).await, "one");
    vault.hold("two");
    assert_eq!(reveal(&kept, 59 * MINUTE).await, "one");
    assert_eq!(vault.readings(), 1);
    assert_eq!(reveal(&kept, 60 * MINUTE).await, "two");
    assert_eq!(vault.readings(), 2);
}

#[tokio::test]
async fn without_a_word_nothing_is_kept() {
    let vault = Vault::holding("one");
    let kept = vault.opened(None);
    assert_eq!(reveal(&kept, MINUTE).await, "one");
    vault.hold("two");
    assert_eq!(reveal(&kept, MINUTE).await, "two");
}

#[tokio::test]
async fn sessions_that_begin_together_read_once() {
    let vault = Vault::holding("one");
    let kept = vault.opened(Some(MINUTE));
    let (a, b, c) = tokio::join!(
        reveal(&kept, MINUTE),
        reveal(&kept, MINUTE),
        reveal(&kept, MINUTE)
    );
    assert_eq!((a.as_str(), b.as_str(), c.as_str()), ("one", "one", "one"));
    assert_eq!(vault.readings(), 1);
}

#[tokio::test]
async fn a_refused_token_is_renewed_once_for_all_sessions() {
    let vault = Vault::holding("old");
    let kept = vault.opened(Some(50 * MINUTE));
    assert_eq!(reveal(&kept, MINUTE).await, "old");
    vault.hold("new");
    let at = 2 * MINUTE;
    let (a, b) = tokio::join!(refused(&kept, "old", at), refused(&kept, "old", at));
    assert_eq!((a.as_deref(), b.as_deref()), (Some("new"), Some("new")));
    // One that was on its way for longer.
    assert_eq!(refused(&kept, "old", at).await.as_deref(), Some("new"));
    assert_eq!(reveal(&kept, at).await, "new");
    assert_eq!(vault.readings(), 2);
}

/// Trying the same again at once would only count against the account.
#[tokio::test]
async fn a_refused_value_is_not_handed_out_again_for_the_same_refusal() {
    for keep in [None, Some(50 * MINUTE)] {
        let vault = Vault::holding("wrong");
        let kept = vault.opened(keep);
        assert_eq!(reveal(&kept, MINUTE).await, "wrong");
        let (a, b) = tokio::join!(
            refused(&kept, "wrong", MINUTE),
            refused(&kept, "wrong", MINUTE)
        );
        assert_eq!((a, b), (None, None), "{keep:?}");
        assert_eq!(vault.readings(), 2, "{keep:?}: once more for both");
        // The next probe reads, and so finds what was mended meanwhile.
        vault.hold("right");
        assert_eq!(reveal(&kept, 2 * MINUTE).await, "right", "{keep:?}");
    }
}

/// The second value is refused too: the next probe does not begin with it.
#[tokio::test]
async fn a_value_that_is_forgotten_is_read_again() {
    let vault = Vault::holding("one");
    let kept = vault.opened(Some(50 * MINUTE));
    assert_eq!(reveal(&kept, MINUTE).await, "one");
    kept.forget("another").await;
    assert_eq!(reveal(&kept, MINUTE).await, "one");
    assert_eq!(vault.readings(), 1);
    kept.forget("one").await;
    assert_eq!(reveal(&kept, MINUTE).await, "one");
    assert_eq!(vault.readings(), 2);
}

/// A server in trouble refused a good token; an hour later the same token has ended.
#[tokio::test]
async fn a_value_that_was_taken_since_is_renewed_once_more() {
    let vault = Vault::holding("one");
    let kept = vault.opened(Some(50 * MINUTE));
    assert_eq!(reveal(&kept, MINUTE).await, "one");
    assert_eq!(refused(&kept, "one", MINUTE).await, None);
    assert_eq!(reveal(&kept, 2 * MINUTE).await, "one");
    kept.accepted("one").await;
    vault.hold("two");
    assert_eq!(
        refused(&kept, "one", 3 * MINUTE).await.as_deref(),
        Some("two")
    );
}

#[tokio::test]
async fn a_password_that_was_changed_is_found_after_its_refusal() {
    let folder = folder();
    let kept = Kept::new(Secret::File(file(&folder, b"old", 0o600)));
    assert_eq!(reveal(&kept, MINUTE).await, "old");
    assert_eq!(refused(&kept, "old", MINUTE).await, None);
    file(&folder, b"new", 0o600);
    assert_eq!(
        refused(&kept, "older", MINUTE).await.as_deref(),
        Some("new")
    );
}

#[tokio::test]
async fn a_vault_that_is_shut_is_no_refusal() {
    let vault = Vault::holding("one");
    let kept = vault.opened(Some(50 * MINUTE));
    assert_eq!(reveal(&kept, MINUTE).await, "one");
    fs::remove_file(vault.0.path().join("value")).unwrap();
    assert!(kept.refused("one", MINUTE).await.is_err());
    vault.hold("two");
    assert_eq!(refused(&kept, "one", MINUTE).await.as_deref(), Some("two"));
}
