//! Work that is done later, because a lock was taken.

use super::atomic::{AtomicBool, Mutex, Ordering, Receiver, Sender, channel, try_lock};
use std::collections::VecDeque;

/// The pieces of work for which memory is kept.
const FEW: usize = 16;

/// A queue of work in the order in which it was pushed.
///
/// It has no limit of its own, because none of its work may be lost. It is bounded all the same: work comes only from a
/// thread that finds a lock taken, and each span has at most four pieces of work, for its start, its end, its root and its
/// release. A span and its root have their part of the budget until the last of them is done, so without budget no span adds work. A lock
/// is held for less than a microsecond, and the next span or event does the work, so the queue has a few pieces at most
/// unless the operating system suspends the thread with the lock.
#[derive(Debug)]
pub(super) struct Late<T> {
    sender: Sender<T>,
    queue: Mutex<Queue<T>>,
    has_work: AtomicBool,
}

#[derive(Debug)]
struct Queue<T> {
    receiver: Receiver<T>,
    /// What was received and could not be done yet.
    received: VecDeque<T>,
}

impl<T> Late<T> {
    pub(super) fn new() -> Self {
        let (sender, receiver) = channel();
        Self {
            sender,
            queue: Mutex::new(Queue {
                receiver,
                received: VecDeque::new(),
            }),
            has_work: AtomicBool::new(false),
        }
    }

    /// Adds work, without waiting.
    pub(super) fn push(&self, work: T) {
        // Fails only if the receiver is gone, and it never is.
        let _ = self.sender.send(work);
        self.flag();
    }

    fn flag(&self) {
        // Exchanges continue each other's release, so who clears the flag sees the work of all who have set it. After a
        // mere write, the work of earlier ones might be overlooked.
        self.has_work.swap(true, Ordering::Release);
    }

    /// Whether work waits.
    pub(super) fn has_work(&self) -> bool {
        self.has_work.load(Ordering::Relaxed)
    }

    /// Does the work that waits, until `try_do` returns `false`.
    ///
    /// That work and what follows it stay for the next call. Does nothing while another thread is in a call.
    #[cold]
    pub(super) fn catch_up(&self, mut try_do: impl FnMut(&T) -> bool) {
        let Some(mut queue) = try_lock(&self.queue) else {
            return;
        };
        let Queue { receiver, received } = &mut *queue;
        // An exchange, because it sees the work of the last push; a mere write might overtake the reads below.
        self.has_work.swap(false, Ordering::AcqRel);
        while let Ok(work) = receiver.try_recv() {
            received.push_back(work);
        }
        while let Some(work) = received.front() {
            if !try_do(work) {
                self.flag();
                return;
            }
            received.pop_front();
        }
        // After a peak, the memory is free again.
        received.shrink_to(FEW);
    }
}
