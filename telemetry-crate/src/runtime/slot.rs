//! The spans that a thread has entered.
//!
//! Another thread reads them without a lock.

use super::atomic::{AtomicBool, AtomicU64, Ordering, fence};

/// The spans that a thread has entered, the outermost `DEPTH` of them.
///
/// Deeper spans are not kept, because they would overwrite those in which the thread still is when they are exited.
///
/// Only the thread that has taken the slot writes. Aligned, so that threads do not share a cache line. The writer counts before and after it enters a span, and a reader compares the counts before and after it reads. The
/// fences belong to this: a reader that has seen any write of a later enter also sees that enter's first count.
#[derive(Debug)]
#[repr(align(128))]
pub(super) struct Slot<const DEPTH: usize> {
    is_taken: AtomicBool,
    /// Twice the number of spans that were entered since the start.
    ///
    /// It is odd while one is being entered.
    entered: AtomicU64,
    /// The number of spans that are entered now.
    depth: AtomicU64,
    /// The spans by their depth.
    spans: [AtomicU64; DEPTH],
}

impl<const DEPTH: usize> Slot<DEPTH> {
    pub(super) fn free() -> Self {
        Self {
            is_taken: AtomicBool::new(false),
            entered: AtomicU64::new(0),
            depth: AtomicU64::new(0),
            spans: std::array::from_fn(|_| AtomicU64::new(0)),
        }
    }

    /// Takes the slot for the current thread.
    ///
    /// Returns `false` if another thread has it.
    pub(super) fn take(&self) -> bool {
        let (success, failure) = (Ordering::Acquire, Ordering::Relaxed);
        let taken = self
            .is_taken
            .compare_exchange(false, true, success, failure);
        taken.is_ok()
    }

    /// Gives the slot back, at the end of the thread that has taken it.
    pub(super) fn give_back(&self) {
        self.depth.store(0, Ordering::Relaxed);
        self.is_taken.store(false, Ordering::Release);
    }

    pub(super) fn enter(&self, span: u64) {
        let depth = self.depth.load(Ordering::Relaxed);
        let entered = self.entered.load(Ordering::Relaxed);
        self.entered.store(entered + 1, Ordering::Relaxed);
        fence(Ordering::Release);
        if let Some(place) = self.spans.get(depth as usize) {
            place.store(span, Ordering::Relaxed);
        }
        self.depth.store(depth + 1, Ordering::Relaxed);
        self.entered.store(entered + 2, Ordering::Release);
    }

    /// Exits the innermost span.
    ///
    /// Does not count, because the spans that are left were entered before.
    pub(super) fn exit(&self) {
        let depth = self.depth.load(Ordering::Relaxed);
        // A guard that was moved to another thread exits a span that the thread has not entered.
        self.depth.store(depth.saturating_sub(1), Ordering::Relaxed);
    }

    /// A number that changes with each span that is entered.
    pub(super) fn entered(&self) -> u64 {
        self.entered.load(Ordering::Acquire)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.depth.load(Ordering::Relaxed) == 0
    }

    /// The spans, the innermost first.
    ///
    /// Returns `None` if one was entered since the count was `entered`.
    pub(super) fn spans_since(&self, entered: u64) -> Option<Vec<u64>> {
        let is_being_entered = !entered.is_multiple_of(2);
        if is_being_entered || self.entered() != entered {
            return None;
        }
        let depth = self.depth.load(Ordering::Relaxed);
        let spans = self.spans.iter().take(depth as usize).rev();
        let spans = spans.map(|span| span.load(Ordering::Relaxed)).collect();
        fence(Ordering::Acquire);
        (self.entered.load(Ordering::Relaxed) == entered).then_some(spans)
    }
}
