//! One thread writes. Everything that arrives while a commit runs goes into the next one.
//!
//! Results, arms and claims come before bulk rows, and a batch takes no more of those than one
//! large request has, so that opening a run of a million delays no message under way, and a
//! thousand runs of one person share commits. Requests of one kind keep their order: a result that
//! is submitted before an arm is durable no later than that arm.

use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Condvar, Mutex};
use std::task::{Context, Poll};
use std::thread::JoinHandle;

use tokio::sync::oneshot::{self, error::TryRecvError};

use super::OutboxError;
use super::store::{Store, Tx, Work};

/// So many requests share a transaction at most: with arms and results of some 20 microseconds
/// each, a commit then comes every few milliseconds at the latest.
const BATCH: usize = 512;
/// So many rows of bulk requests share a transaction at most, unless one has more by itself.
const BULK_ROWS: usize = 500;

/// Something that the outbox can be asked to do, whole or not at all.
pub trait Operation: Send + 'static {
    /// What the asker gets once it is durable.
    type Receipt: Send + 'static;
    /// How urgent it is, and whether it may use the last bytes of the disk.
    const RANK: Rank;
    /// Whether it has to run outside of any transaction, so that nothing of it can be rolled back.
    const ALONE: bool = false;
    /// How many rows it touches, where that is known: small bulk requests share a transaction.
    fn rows(&self) -> usize {
        BULK_ROWS
    }
    /// Does it. Called again from the start if the transaction had to be rolled back.
    fn apply(&self, tx: &mut Tx<'_>) -> rusqlite::Result<Self::Receipt>;
}

/// How an operation is served.
#[derive(Clone, Copy, Eq, PartialEq)]
pub enum Rank {
    /// Records what already happened.
    Result,
    /// Lets something happen.
    Step,
    /// Many rows, nobody waits for one of them.
    Bulk,
}

/// The answer to a submitted operation. The operation runs whether or not this is awaited.
#[must_use = "a receipt says whether the operation is durable"]
pub struct Receipt<R>(oneshot::Receiver<Result<R, OutboxError>>);

impl<R> Future for Receipt<R> {
    type Output = Result<R, OutboxError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.0).poll(cx).map(gone_is_stopped)
    }
}

impl<R> Receipt<R> {
    /// Waits on a thread that is not a worker of the runtime.
    ///
    /// # Errors
    /// As the operation.
    pub fn wait(mut self) -> Result<R, OutboxError> {
        match self.0.try_recv() {
            Ok(answer) => answer, // an outbox without a thread has answered: there is no wait
            Err(TryRecvError::Empty) => gone_is_stopped(self.0.blocking_recv()),
            Err(TryRecvError::Closed) => Err(stopped()),
        }
    }
}

fn gone_is_stopped<R>(
    answer: Result<Result<R, OutboxError>, oneshot::error::RecvError>,
) -> Result<R, OutboxError> {
    answer.unwrap_or_else(|_| Err(stopped()))
}

fn stopped() -> OutboxError {
    OutboxError::Stopped("the outbox is closed".to_owned())
}

/// Where operations are handed in: a thread in production, the caller's own in a simulation.
#[derive(Clone)]
pub(super) enum Door {
    Thread(Arc<Inbox>),
    Inline(Arc<Mutex<Mortal>>),
}

/// What becomes of a process at a write to its outbox, in a simulation.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Fate {
    /// It goes on.
    Live,
    /// It dies before the write is durable: the write did not happen.
    DieBefore,
    /// It dies once the write is durable, and nobody hears of that.
    DieAfter,
    /// The disk is slow: it is written with what comes next, or by [`Outbox::write`].
    ///
    /// [`Outbox::write`]: super::Outbox::write
    Wait,
}

/// A store that is written to inline, until its process dies.
pub(super) struct Mortal {
    store: Store,
    fate: Box<dyn FnMut(&'static str) -> Fate + Send>,
    waiting: Vec<Box<dyn Work>>,
    is_dead: bool,
}

impl Mortal {
    /// Work that is dropped tells its asker that the outbox is closed.
    fn commit(&mut self, work: Option<Box<dyn Work>>, name: &'static str) {
        let fate = if self.is_dead {
            Fate::DieBefore
        } else {
            (self.fate)(name)
        };
        self.is_dead = matches!(fate, Fate::DieBefore | Fate::DieAfter);
        self.waiting.extend(work);
        if fate == Fate::Wait {
            return;
        }
        let mut batch = std::mem::take(&mut self.waiting);
        match fate {
            Fate::Live => self.store.commit(&mut batch),
            Fate::DieAfter => drop(self.store.attempt(&mut batch)),
            Fate::DieBefore | Fate::Wait => {}
        }
    }
}

/// The name of an operation, without the way to it.
fn name_of<O>() -> &'static str {
    let path = std::any::type_name::<O>();
    path.rsplit("::").next().unwrap_or(path)
}

pub(super) struct Inbox {
    queue: Mutex<Queue>,
    filled: Condvar,
}

#[derive(Default)]
struct Queue {
    urgent: VecDeque<Box<dyn Work>>,
    /// With the rows that each touches.
    bulk: VecDeque<(usize, Box<dyn Work>)>,
    closed: bool,
}

impl Door {
    /// Starts the writer's thread.
    pub(super) fn thread(store: Store) -> (Self, JoinHandle<()>) {
        let inbox = Arc::new(Inbox {
            queue: Mutex::default(),
            filled: Condvar::new(),
        });
        let door = Self::Thread(Arc::clone(&inbox));
        let handle = std::thread::Builder::new()
            .name("outbox".to_owned())
            .spawn(move || write_until_closed(store, &inbox))
            .expect("the machine can start one more thread");
        (door, handle)
    }

    /// Writes inline; `fate` is asked before every write.
    pub(super) fn inline(
        store: Store,
        fate: impl FnMut(&'static str) -> Fate + Send + 'static,
    ) -> Self {
        Self::Inline(Arc::new(Mutex::new(Mortal {
            store,
            fate: Box::new(fate),
            waiting: Vec::new(),
            is_dead: false,
        })))
    }

    /// Writes what waits for a slow disk. A thread needs no telling.
    pub(super) fn write(&self) {
        if let Self::Inline(store) = self {
            let mut store = store.lock().expect("the store does not panic");
            if !store.waiting.is_empty() {
                store.commit(None, "");
            }
        }
    }

    /// Hands in an operation; what was handed in first is durable first.
    pub(super) fn submit<O: Operation>(&self, operation: O) -> Receipt<O::Receipt> {
        let (reply, receiver) = oneshot::channel();
        let rows = operation.rows();
        let work: Box<dyn Work> = Box::new(Pending {
            operation,
            receipt: None,
            reply: Some(reply),
        });
        match self {
            Self::Inline(store) => {
                let mut store = store.lock().expect("the store does not panic");
                store.commit(Some(work), name_of::<O>());
            }
            Self::Thread(inbox) => inbox.push(work, O::RANK, rows),
        }
        Receipt(receiver)
    }

    /// Lets the thread finish what was handed in, and stop.
    pub(super) fn close(&self) {
        if let Self::Thread(inbox) = self {
            inbox
                .queue
                .lock()
                .expect("the queue's holders do not panic")
                .closed = true;
            inbox.filled.notify_one();
        }
    }
}

impl Inbox {
    fn push(&self, work: Box<dyn Work>, rank: Rank, rows: usize) {
        let mut queue = self.queue.lock().expect("the queue's holders do not panic");
        if queue.closed {
            return; // dropping the work tells the asker that the outbox is closed
        }
        match rank {
            Rank::Bulk => queue.bulk.push_back((rows, work)),
            Rank::Result | Rank::Step => queue.urgent.push_back(work),
        }
        self.filled.notify_one();
    }

    /// Waits for requests; an empty batch means closed and drained.
    fn next_batch(&self) -> Vec<Box<dyn Work>> {
        let mut queue = self.queue.lock().expect("the queue's holders do not panic");
        while queue.urgent.is_empty() && queue.bulk.is_empty() && !queue.closed {
            queue = self
                .filled
                .wait(queue)
                .expect("the queue's holders do not panic");
        }
        let urgent = queue.urgent.len().min(BATCH);
        let mut batch: Vec<_> = queue.urgent.drain(..urgent).collect();
        batch.extend(queue.next_bulk());
        batch
    }
}

impl Queue {
    /// The oldest bulk request, and as many more as are small enough to go with it.
    fn next_bulk(&mut self) -> Vec<Box<dyn Work>> {
        let mut taken = Vec::new();
        let mut room = BULK_ROWS;
        while let Some((rows, _)) = self.bulk.front() {
            let rows = (*rows).max(1);
            if rows > room && !taken.is_empty() {
                break;
            }
            room = room.saturating_sub(rows);
            taken.extend(self.bulk.pop_front().map(|(_, work)| work));
        }
        taken
    }
}

fn write_until_closed(mut store: Store, inbox: &Inbox) {
    let _last_word = LastWord(inbox);
    loop {
        let mut batch = inbox.next_batch();
        if batch.is_empty() {
            return store.close();
        }
        store.commit(&mut batch);
    }
}

/// However the thread ends, nobody waits for it any more: dropped work tells its asker.
struct LastWord<'a>(&'a Inbox);

impl Drop for LastWord<'_> {
    fn drop(&mut self) {
        let mut queue = self
            .0
            .queue
            .lock()
            .expect("the queue's holders do not panic");
        queue.closed = true;
        queue.urgent.clear();
        queue.bulk.clear();
    }
}

/// An operation on its way, with its receipt once applied.
struct Pending<O: Operation> {
    operation: O,
    receipt: Option<O::Receipt>,
    reply: Option<oneshot::Sender<Result<O::Receipt, OutboxError>>>,
}

impl<O: Operation> Work for Pending<O> {
    fn apply(&mut self, tx: &mut Tx<'_>) -> rusqlite::Result<()> {
        self.receipt = Some(self.operation.apply(tx)?);
        Ok(())
    }

    fn settle(&mut self, failure: Option<&OutboxError>) {
        let answer = match failure {
            Some(error) => Err(error.clone()),
            None => Ok(self
                .receipt
                .take()
                .expect("a committed operation was applied")),
        };
        if let Some(reply) = self.reply.take() {
            let _ = reply.send(answer); // the asker may have gone away
        }
    }

    fn records_results(&self) -> bool {
        O::RANK == Rank::Result
    }

    fn stands_alone(&self) -> bool {
        O::ALONE
    }
}

#[cfg(test)]
mod tests {
    use super::super::OutboxError;
    use super::super::store::{Tx, Work};
    use super::Queue;

    struct Rows;

    impl Work for Rows {
        fn apply(&mut self, _: &mut Tx<'_>) -> rusqlite::Result<()> {
            Ok(())
        }
        fn settle(&mut self, _: Option<&OutboxError>) {}
        fn records_results(&self) -> bool {
            false
        }
        fn stands_alone(&self) -> bool {
            false
        }
    }

    /// How many requests go at a time, of those with so many rows.
    fn taken(rows: &[usize]) -> Vec<usize> {
        let mut queue = Queue::default();
        for rows in rows {
            queue.bulk.push_back((*rows, Box::new(Rows)));
        }
        let mut taken = Vec::new();
        while !queue.bulk.is_empty() {
            taken.push(queue.next_bulk().len());
        }
        taken
    }

    #[test]
    fn small_bulk_requests_share_a_commit_and_a_large_one_has_its_own() {
        assert_eq!(taken(&[1; 1200]), [500, 500, 200]);
        assert_eq!(taken(&[500, 500, 1]), [1, 1, 1]);
        assert_eq!(taken(&[1, 499, 1, 500]), [2, 1, 1]);
        assert_eq!(taken(&[2000, 0, 500]), [1, 1, 1]);
        assert_eq!(taken(&[0; 600]), [500, 100]);
    }
}
