//! Queues in which this process enqueues jobs, but for which it has no worker.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Mutex, MutexGuard, PoisonError},
};

use super::TARGET;

static QUEUES: Mutex<Queues> = Mutex::new(Queues {
    running: 0,
    with_worker: BTreeSet::new(),
    enqueued: BTreeMap::new(),
});

/// The queues of this process.
struct Queues {
    /// The number of running sets of workers.
    running: usize,
    /// The queues that had a worker at any time.
    with_worker: BTreeSet<String>,
    /// The queues in which jobs were enqueued, and whether a warning was logged.
    enqueued: BTreeMap<String, bool>,
}

fn queues() -> MutexGuard<'static, Queues> {
    QUEUES.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A running set of workers, until it is dropped.
#[derive(Debug)]
pub(super) struct RunningWorkers(());

impl RunningWorkers {
    /// Registers a set of workers for these queues.
    pub(super) fn register<'a>(names: impl Iterator<Item = &'a str>) -> Self {
        let mut queues = queues();
        queues.running += 1;
        queues.with_worker.extend(names.map(str::to_owned));
        Self(())
    }
}

impl Drop for RunningWorkers {
    fn drop(&mut self) {
        queues().running -= 1;
    }
}

/// Records that a job was enqueued.
///
/// Warns once per queue if this process runs workers and has never had one for the queue.
pub(super) fn record_enqueued(name: &str) {
    let mut queues = queues();
    let lacks_worker = queues.running > 0 && !queues.with_worker.contains(name);
    // A known queue needs no allocation.
    if !queues.enqueued.contains_key(name) {
        queues.enqueued.insert(name.to_owned(), false);
    }
    let must_warn = match queues.enqueued.get_mut(name) {
        Some(is_warned) if lacks_worker => !std::mem::replace(is_warned, true),
        _ => false,
    };
    drop(queues);
    if must_warn {
        tracing::warn!(target: TARGET, "{}", caution(name));
    }
}

/// Returns a sentence for each queue without a worker.
///
/// It returns no sentence while no workers run, because another process may have all workers.
pub(crate) fn cautions() -> Vec<String> {
    let queues = queues();
    let lacks_worker = |name: &&String| queues.running > 0 && !queues.with_worker.contains(*name);
    let workerless = queues.enqueued.keys().filter(lacks_worker);
    workerless.map(|name| caution(name)).collect()
}

fn caution(name: &str) -> String {
    format!(
        "queue {name:?}: jobs are enqueued here, but no worker of this process runs them; add it to Workers, unless another process runs them"
    )
}
