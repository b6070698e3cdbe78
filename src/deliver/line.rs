//! A lane's connection: opened when there is work, renewed before the server minds.

use std::sync::Arc;
use std::time::Duration;

use super::account::AccountWork;
use crate::smtp::{Session, SmtpError, connect_as};

/// An open connection and its use so far.
pub(super) struct Line {
    pub(super) session: Session,
    opened: Duration,
    /// Messages that were offered over it.
    pub(super) messages: usize,
    _counted: Counted,
}

impl Line {
    /// Connects and logs in.
    pub(super) async fn open(work: &Arc<AccountWork>) -> Result<Self, SmtpError> {
        let now = work.tools.clock.ticks();
        let session = connect_as(&work.target, work.identity.as_ref(), now).await?;
        Ok(Self {
            session,
            opened: work.tools.clock.ticks(),
            messages: 0,
            _counted: Counted::new(work),
        })
    }

    /// Whether it has carried as many messages as it may, or is as old as it may be.
    pub(super) fn is_spent(&self, work: &AccountWork) -> bool {
        let (account, now) = (&work.account, work.tools.clock.ticks());
        let most = account.messages_per_connection;
        let most = work.state().limits.messages(most, now);
        let offered = self.session.capabilities().mail_max.unwrap_or(most);
        self.messages >= most.min(offered) || now - self.opened > account.connection_age
    }

    /// How many recipients the server says that it takes at once.
    pub(super) fn recipients_max(&self) -> usize {
        self.session.capabilities().rcpt_max.unwrap_or(usize::MAX)
    }

    /// When it was opened, by the clock's ticks.
    pub(super) fn opened(&self) -> Duration {
        self.opened
    }

    /// Messages that were offered before the one under way.
    pub(super) fn carried(&self) -> usize {
        self.messages.saturating_sub(1)
    }
}

/// Counts an open connection for as long as it exists.
struct Counted(Arc<AccountWork>);

impl Counted {
    fn new(work: &Arc<AccountWork>) -> Self {
        work.state().connections += 1;
        Self(Arc::clone(work))
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.state().connections -= 1;
    }
}
