//! The queues whose state cannot be read, with the reason.
//!
//! Their log line is written once, and other lines soon replace it among those that are kept.

use std::{
    fmt::Display,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::SystemTime,
};

use crate::{secret::without_credentials, values::prefix};

/// The longest reason in bytes.
const MAX_REASON: usize = 1024;

/// All queues that cannot be read.
///
/// Global, because a queue is watched by the program and not by telemetry.
static ALL: Mutex<Vec<UnreadableQueue>> = Mutex::new(Vec::new());

static NEXT: AtomicU64 = AtomicU64::new(0);

/// A queue whose state cannot be read.
#[derive(Debug, Clone)]
pub(crate) struct UnreadableQueue {
    number: u64,
    pub(crate) queue: String,
    pub(crate) since: SystemTime,
    /// The last error.
    pub(crate) reason: String,
}

impl UnreadableQueue {
    pub(crate) fn new(queue: &str, since: SystemTime, reason: &dyn Display) -> Self {
        Self {
            number: NEXT.fetch_add(1, Ordering::Relaxed),
            queue: queue.to_owned(),
            since,
            reason: text(reason),
        }
    }
}

/// The entry of a queue, which is removed when this is dropped.
#[derive(Debug)]
pub(super) struct Unreadable(u64);

impl Unreadable {
    pub(super) fn new(queue: &str, reason: &dyn Display) -> Self {
        let entry = UnreadableQueue::new(queue, SystemTime::now(), reason);
        let number = entry.number;
        lock().push(entry);
        Self(number)
    }

    pub(super) fn update(&self, reason: &dyn Display) {
        let reason = text(reason);
        let mut all = lock();
        let entry = all.iter_mut().find(|entry| entry.number == self.0);
        if let Some(entry) = entry {
            entry.reason = reason;
        }
    }
}

impl Drop for Unreadable {
    fn drop(&mut self) {
        lock().retain(|entry| entry.number != self.0);
    }
}

/// The queues that cannot be read at this moment.
pub(crate) fn unreadable() -> Vec<UnreadableQueue> {
    lock().clone()
}

fn text(reason: &dyn Display) -> String {
    let reason = reason.to_string();
    prefix(&without_credentials(&reason, false), MAX_REASON).to_owned()
}

fn lock() -> MutexGuard<'static, Vec<UnreadableQueue>> {
    ALL.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queues_are_listed_until_they_are_read() {
        let of = |queue: &str| {
            let all = unreadable().into_iter();
            let all = all.filter(|entry| entry.queue == queue);
            all.map(|entry| entry.reason).collect::<Vec<_>>()
        };
        let mails = Unreadable::new("unreadable mails", &"refused");
        let other = Unreadable::new("unreadable mails", &"\u{fc}".repeat(MAX_REASON));
        mails.update(&"no answer");
        assert_eq!(of("unreadable mails")[0], "no answer");
        assert_eq!(of("unreadable mails")[1].len(), MAX_REASON);
        drop(mails);
        assert_eq!(of("unreadable mails").len(), 1);
        drop(other);
        let secret = Unreadable::new("unreadable mails", &"postgres://ada:hunter2@db/shop");
        assert!(!of("unreadable mails")[0].contains("hunter2"));
        drop(secret);
        assert_eq!(of("unreadable mails").len(), 0);
    }
}
