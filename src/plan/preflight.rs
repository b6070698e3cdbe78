//! Work on a stream with all cores, taken up in the order of the stream.
//!
//! A list is read by one thread, its rows are rendered by as many as there are cores, and one
//! takes them up: so an opening takes as long as the slowest of the three, not all of them
//! together. What is under way is bounded, whatever the length of the stream.

use std::num::NonZero;
use std::sync::mpsc::{Receiver, Sender, channel, sync_channel};
use std::sync::{Arc, Mutex};
use std::thread;

/// So many go from one thread to another at once.
const BLOCK: usize = 200;
/// Further cores would wait for the reader.
const MOST_WORKERS: usize = 16;

/// A block to work on, and where it goes then.
type Task<I, T> = (Vec<I>, Sender<Vec<T>>);

/// Hands what `work` makes of each item to `take`, in the order of the items, and ends early with
/// the first error of `take`; then some items after that were worked on for nothing.
///
/// # Panics
/// If reading or work does.
pub(super) fn in_order<I: Send, T: Send, E>(
    mut items: impl Iterator<Item = I> + Send,
    work: impl Fn(I) -> T + Sync,
    mut take: impl FnMut(T) -> Result<(), E>,
) -> Result<(), E> {
    let first = block(&mut items);
    if first.len() < BLOCK {
        // A short list needs no threads.
        return first.into_iter().try_for_each(|item| take(work(item)));
    }
    let workers = thread::available_parallelism().map_or(1, NonZero::get);
    let workers = workers.min(MOST_WORKERS);
    thread::scope(|scope| {
        let (tasks, todo) = sync_channel(workers);
        let (promises, promised) = sync_channel(workers + 2);
        // Shared by the workers alone: without them, the reader ends.
        let todo = Arc::new(Mutex::new(todo));
        for _ in 0..workers {
            let (todo, work) = (Arc::clone(&todo), &work);
            scope.spawn(move || work_on(&todo, work));
        }
        drop(todo);
        scope.spawn(move || {
            let mut next = first;
            while !next.is_empty() {
                let (done, promise) = channel();
                if promises.send(promise).is_err() || tasks.send((next, done)).is_err() {
                    return; // nobody wants more
                }
                next = block(&mut items);
            }
        });
        for promise in promised {
            // Without an answer its worker has panicked, and so will the scope.
            let Ok(block) = promise.recv() else { break };
            block.into_iter().try_for_each(&mut take)?;
        }
        Ok(())
    })
}

fn block<I>(items: &mut impl Iterator<Item = I>) -> Vec<I> {
    let mut block = Vec::with_capacity(BLOCK);
    block.extend(items.take(BLOCK));
    block
}

fn work_on<I, T>(todo: &Mutex<Receiver<Task<I, T>>>, work: &impl Fn(I) -> T) {
    loop {
        let task = todo.lock().expect("no holder of this lock panics").recv();
        let Ok((items, done)) = task else { return };
        // If this fails, nobody wants more.
        let _ = done.send(items.into_iter().map(work).collect());
    }
}

#[cfg(test)]
mod tests {
    use super::in_order;

    #[test]
    fn items_come_out_in_the_order_in_which_they_went_in() {
        let mut taken = Vec::new();
        let work = |n: u64| {
            if n.is_multiple_of(977) {
                std::thread::yield_now();
            }
            n * 2
        };
        let done: Result<(), ()> = in_order(0..20_000, work, |n| {
            taken.push(n);
            Ok(())
        });
        assert_eq!(done, Ok(()));
        assert!(taken.into_iter().eq((0..20_000).map(|n| n * 2)));
    }

    #[test]
    fn the_first_refusal_ends_it_long_before_the_end_of_the_stream() {
        let mut taken = 0;
        let done = in_order(
            0..u64::MAX,
            |n| n,
            |n| {
                taken += 1;
                if n == 5000 { Err("enough") } else { Ok(()) }
            },
        );
        assert_eq!((done, taken), (Err("enough"), 5001));
    }

    #[test]
    #[should_panic = "a scoped thread panicked"]
    fn a_panic_at_work_is_a_panic_of_the_whole() {
        let work = |n: u64| assert!(n < 5000);
        let _: Result<(), ()> = in_order(0..u64::MAX, work, |()| Ok(()));
    }

    #[test]
    #[should_panic = "a scoped thread panicked"]
    fn a_panic_while_reading_is_a_panic_of_the_whole() {
        let items = (0..10_000_u64).inspect(|n| assert!(*n < 5000));
        let _: Result<(), ()> = in_order(items, |n| n, |_| Ok(()));
    }
}
