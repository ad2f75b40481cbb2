//! Which spans are entered on each thread, to name the code that blocks a thread.
//!
//! A future's span is entered for each of its polls. A thread that is in the same poll at two readings has not reached an
//! `await` in between. Entering a span writes to the thread's slot without a lock, and reads no clock. The admin thread
//! reads all slots ten times a second.
//!
//! Only the workers of runtimes have a slot. Other threads may block: those of `spawn_blocking`, which are inside a runtime
//! and a task as well, those of SQLite's driver, and the thread that waits in `block_on` of a multi-threaded runtime.

use std::{
    cell::Cell,
    sync::{
        LazyLock, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use opentelemetry::trace::TraceContextExt;
use tokio::runtime::worker_index;
use tracing::span::Id;

use super::slot;
use crate::{
    recorder::{Recorder, SpanPlace},
    span_ids::SpanContexts,
};

/// Number of threads that are observed at the same time.
const SLOTS: usize = 256;

/// Number of nested spans of a thread that are kept.
///
/// As many as fit into two cache lines.
const DEPTH: usize = 13;

type Slot = slot::Slot<DEPTH>;

static TABLE: LazyLock<Vec<Slot>> = LazyLock::new(|| {
    let slots = std::iter::repeat_with(Slot::free);
    slots.take(SLOTS).collect()
});

/// The number of slots that were ever taken, so that a reading skips the others.
static EVER_TAKEN: AtomicUsize = AtomicUsize::new(0);

fn slots() -> impl Iterator<Item = &'static Slot> {
    TABLE.iter().take(EVER_TAKEN.load(Ordering::Acquire))
}

/// The slot of a thread.
#[derive(Debug, Clone, Copy)]
enum ThreadSlot {
    /// The thread was no worker yet; with the number of spans that it has entered.
    NoWorker(u32),
    /// All slots were taken, or the thread is ending.
    None,
    Some(&'static Slot),
}

thread_local! {
    // A value without a destructor, which is available until the thread ends.
    static SLOT: Cell<ThreadSlot> = const { Cell::new(ThreadSlot::NoWorker(0)) };
    /// Frees the slot at the end of the thread.
    static FREE_AT_END: FreeAtEnd = const { FreeAtEnd };
}

struct FreeAtEnd;

impl Drop for FreeAtEnd {
    fn drop(&mut self) {
        if let ThreadSlot::Some(slot) = SLOT.replace(ThreadSlot::None) {
            slot.give_back();
        }
    }
}

/// Records that the thread enters a span.
pub(crate) fn enter(span: &Id) {
    let slot = match SLOT.get() {
        ThreadSlot::Some(slot) => slot,
        ThreadSlot::None => return,
        ThreadSlot::NoWorker(before) => match try_take_slot(before) {
            Some(slot) => slot,
            None => return,
        },
    };
    slot.enter(span.into_u64());
}

/// Records that the thread exits its innermost span.
pub(crate) fn exit() {
    if let ThreadSlot::Some(slot) = SLOT.get() {
        slot.exit();
    }
}

/// Takes a slot, if the thread is a worker of a runtime.
///
/// A thread may enter spans before it is one, so further attempts follow, ever more rarely.
#[cold]
fn try_take_slot(before: u32) -> Option<&'static Slot> {
    let count = before.saturating_add(1);
    if !count.is_power_of_two() || worker_index().is_none() {
        SLOT.set(ThreadSlot::NoWorker(count));
        return None;
    }
    take_slot()
}

fn take_slot() -> Option<&'static Slot> {
    // Fails if the thread is ending, and then nothing would free the slot.
    let ends_later = FREE_AT_END.try_with(|_| ()).is_ok();
    let index = ends_later
        .then(|| TABLE.iter().position(Slot::take))
        .flatten();
    EVER_TAKEN.fetch_max(index.map_or(0, |index| index + 1), Ordering::Release);
    let slot = index.map(|index| &TABLE[index]);
    SLOT.set(slot.map_or(ThreadSlot::None, ThreadSlot::Some));
    slot
}

/// A thread that has been in one poll for a while.
#[derive(Debug, Clone)]
pub(crate) struct LongPoll {
    /// The span and its local root.
    pub(crate) place: SpanPlace,
    pub(crate) lasts: Duration,
}

/// The reader of the slots.
#[derive(Debug)]
pub(super) struct Polls {
    recorder: Recorder,
    contexts: SpanContexts,
    seen: Seen,
}

/// For each slot, the number of entered spans and when it last changed.
#[derive(Debug)]
struct Seen(Mutex<Vec<(u64, Instant)>>);

impl Seen {
    fn new() -> Self {
        Self(Mutex::new(vec![(0, Instant::now()); SLOTS]))
    }

    fn sample(&self, now: Instant) {
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for (slot, (entered, since)) in slots().zip(seen.iter_mut()) {
            let now_entered = slot.entered();
            if now_entered != *entered || slot.is_empty() {
                (*entered, *since) = (now_entered, now);
            }
        }
    }

    /// The threads that have entered no span for this time.
    ///
    /// Each with its spans, the innermost first.
    fn long(&self, at_least: Duration, now: Instant) -> Vec<(Vec<u64>, Duration)> {
        let seen = self
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        let mut found = Vec::new();
        for (slot, (entered, since)) in slots().zip(seen) {
            let lasts = now.saturating_duration_since(since);
            if lasts < at_least {
                continue;
            }
            let spans = slot.spans_since(entered);
            if let Some(spans) = spans.filter(|spans| !spans.is_empty()) {
                found.push((spans, lasts));
            }
        }
        found
    }
}

impl Polls {
    pub(super) fn new(recorder: Recorder, contexts: SpanContexts) -> Self {
        Self {
            recorder,
            contexts,
            seen: Seen::new(),
        }
    }

    /// Reads all slots; called again and again.
    pub(super) fn sample(&self, now: Instant) {
        self.seen.sample(now);
    }

    /// The threads that are in one poll for this time, the longest first.
    ///
    /// Code that enters a span outside of a future is like a poll.
    pub(super) fn long(&self, at_least: Duration, now: Instant) -> Vec<LongPoll> {
        let mut found: Vec<_> = (self.seen.long(at_least, now).into_iter())
            .filter_map(|(spans, lasts)| {
                // The innermost span that is in a trace.
                let place = spans.into_iter().find_map(|span| self.locate(span))?;
                Some(LongPoll { place, lasts })
            })
            .collect();
        found.sort_by_key(|poll| std::cmp::Reverse(poll.lasts));
        found
    }

    fn locate(&self, span: u64) -> Option<SpanPlace> {
        let span = Id::from_non_zero_u64(span.try_into().ok()?);
        let context = self.contexts.of(&span)?;
        self.recorder
            .locate(context.span().span_context().span_id())
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    fn id(number: u64) -> Id {
        Id::from_u64(number)
    }

    /// Runs code on the worker of a runtime, which is the current thread.
    fn on_worker<T>(code: impl FnOnce() -> T) -> T {
        let runtime = tokio::runtime::Builder::new_current_thread().build();
        runtime.unwrap().block_on(async { code() })
    }

    #[test]
    fn threads_in_one_poll_are_found() {
        on_worker(|| {
            let (seen, start) = (Seen::new(), Instant::now());
            let after = |seconds| start + Duration::from_secs(seconds);
            // Other tests enter spans too.
            let mine = |now| {
                let found = seen.long(Duration::from_secs(3), now);
                let mut mine = found
                    .into_iter()
                    .filter(|(spans, _)| spans.last() == Some(&u64::MAX));
                mine.next()
            };
            enter(&id(u64::MAX));
            seen.sample(start);
            assert_eq!(mine(after(2)), None);
            let found = mine(after(4));
            assert_eq!(found, Some((vec![u64::MAX], Duration::from_secs(4))));
            enter(&id(7));
            // Not sampled yet, and no longer the same poll.
            assert_eq!(mine(after(4)), None);
            seen.sample(after(4));
            let found = mine(after(9));
            assert_eq!(found, Some((vec![7, u64::MAX], Duration::from_secs(5))));
            exit();
            exit();
            seen.sample(after(9));
            assert_eq!(mine(after(20)), None);
            // The exit of a guard from another thread.
            exit();
            enter(&id(u64::MAX));
            seen.sample(after(20));
            assert!(mine(after(30)).is_some());
            exit();
        });
    }

    #[test]
    fn deep_spans_leave_the_others_alone() {
        on_worker(|| {
            let (seen, start) = (Seen::new(), Instant::now());
            for number in 1_001..=1_020 {
                enter(&id(number));
            }
            let mine = || {
                seen.sample(start);
                let found = seen.long(Duration::ZERO, start);
                let mut spans = found.into_iter().map(|(spans, _)| spans);
                spans.find(|spans| spans.last() == Some(&1_001)).unwrap()
            };
            let expected: Vec<_> = (1_001..=1_000 + DEPTH as u64).rev().collect();
            assert_eq!(mine(), expected);
            (1_003..=1_020).for_each(|_| exit());
            assert_eq!(mine(), [1_002, 1_001]);
            exit();
            exit();
        });
    }

    #[test]
    fn ended_threads_free_their_slots() {
        // More threads than slots, one after the other.
        for _ in 0..2 * SLOTS {
            let thread = std::thread::spawn(|| {
                on_worker(|| {
                    enter(&id(5));
                    matches!(SLOT.get(), ThreadSlot::Some(_))
                })
            });
            assert!(thread.join().unwrap());
        }
    }

    #[test]
    fn threads_without_runtime_have_no_slot() {
        for _ in 0..20 {
            enter(&id(3));
        }
        assert!(matches!(SLOT.get(), ThreadSlot::NoWorker(20)));
    }

    /// Such threads are inside a runtime, and may block.
    #[test]
    fn threads_that_may_block_have_no_slot() {
        fn has_slot() -> bool {
            enter(&id(4));
            matches!(SLOT.get(), ThreadSlot::Some(_))
        }
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .build()
            .unwrap();
        let caller = runtime.block_on(async {
            assert!(!tokio::task::spawn_blocking(has_slot).await.unwrap());
            let worker = tokio::spawn(async {
                // A thread is looked at when it enters its first span.
                let lent = tokio::task::block_in_place(has_slot);
                (lent, has_slot())
            });
            assert_eq!(worker.await.unwrap(), (false, true));
            has_slot()
        });
        assert!(!caller);
    }
}
