//! The configuration that holds now, and what became of the last attempt to change it.

use std::sync::{Arc, Mutex, MutexGuard};

use tokio::sync::watch;

use super::reloaded::{Configuration, Refused};
use crate::clock::Timestamp;
use crate::config::Config;

/// The configuration that holds now. Clones see the same one; whoever has begun something by an
/// earlier one ends it by that.
#[derive(Clone)]
pub struct Current(Arc<Inner>);

struct Inner {
    holds: watch::Sender<Arc<Config>>,
    standing: Mutex<Configuration>,
}

impl Current {
    /// Begins with `config`.
    #[must_use]
    pub fn new(config: Arc<Config>, now: Timestamp) -> Self {
        Self(Arc::new(Inner {
            holds: watch::Sender::new(config),
            standing: Mutex::new(Configuration {
                loaded_at: now.as_millisecond(),
                generation: 1,
                refused: None,
            }),
        }))
    }

    /// The one that holds now.
    #[must_use]
    pub fn get(&self) -> Arc<Config> {
        Arc::clone(&self.0.holds.borrow())
    }

    /// Another one holds from now on.
    pub fn set(&self, config: Config) {
        self.0.holds.send_replace(Arc::new(config));
    }

    /// Hears of each that holds from now on.
    #[must_use]
    pub fn changes(&self) -> watch::Receiver<Arc<Config>> {
        self.0.holds.subscribe()
    }

    /// Since when it holds, and what was refused since.
    #[must_use]
    pub fn standing(&self) -> Configuration {
        self.lock().clone()
    }

    /// The files were read again; `differs` says whether they mean something else than before.
    pub(super) fn accepted(&self, now: Timestamp, differs: bool) {
        let mut standing = self.lock();
        standing.refused = None;
        if differs {
            standing.loaded_at = now.as_millisecond();
            standing.generation += 1;
        }
    }

    /// The files cannot be used.
    pub(super) fn refused(&self, refused: Refused) {
        self.lock().refused = Some(refused);
    }

    fn lock(&self) -> MutexGuard<'_, Configuration> {
        self.0
            .standing
            .lock()
            .expect("no holder of this lock panics")
    }
}
