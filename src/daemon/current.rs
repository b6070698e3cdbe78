//! The configuration that holds now.

use std::sync::Arc;

use tokio::sync::watch;

use crate::config::Config;

/// The configuration that holds now. Clones see the same one; whoever has begun something by an
/// earlier one ends it by that.
#[derive(Clone)]
pub struct Current(Arc<watch::Sender<Arc<Config>>>);

impl Current {
    /// Begins with `config`.
    #[must_use]
    pub fn new(config: Arc<Config>) -> Self {
        Self(Arc::new(watch::Sender::new(config)))
    }

    /// The one that holds now.
    #[must_use]
    pub fn get(&self) -> Arc<Config> {
        Arc::clone(&self.0.borrow())
    }

    /// Another one holds from now on.
    pub fn set(&self, config: Config) {
        self.0.send_replace(Arc::new(config));
    }

    /// Hears of each that holds from now on.
    #[must_use]
    pub fn changes(&self) -> watch::Receiver<Arc<Config>> {
        self.0.subscribe()
    }
}
