//! Work of the store that waits for a lock.

use std::sync::{Arc, atomic::Ordering};

use opentelemetry::trace::SpanId;

use super::{Ended, LocalRoots};
use crate::recorder::{
    open::{ENTRY_BYTES, OpenSpan},
    root::Root,
};

/// What could not be done at once, because a lock was taken.
#[derive(Debug)]
pub(in crate::recorder) enum LateWork {
    Insert {
        span: SpanId,
        open: OpenSpan,
    },
    End {
        root: Arc<Root>,
        span: u32,
        time: u64,
    },
    Keep(Ended),
    /// The root of this span has lost an event.
    Lose(SpanId),
    Release(SpanId),
}

impl LocalRoots {
    /// Forgets a span that no code refers to.
    pub(in crate::recorder) fn release(&self, span: SpanId) {
        if !self.try_release(span) {
            self.later(LateWork::Release(span));
        }
    }

    /// Returns `false` if the span's shard is locked, or the span is not there yet.
    fn try_release(&self, span: SpanId) -> bool {
        let is_removed = self.open.try_remove(span) == Ok(true);
        if is_removed {
            self.budget.release(ENTRY_BYTES);
        }
        is_removed
    }

    /// Does work after the next event or start of a span, or before the next read.
    pub(in crate::recorder) fn later(&self, work: LateWork) {
        self.late.push(work);
    }

    /// Does late work and makes memory free, if there is need of it.
    ///
    /// Called while no lock of the recorder is held.
    pub(in crate::recorder) fn catch_up(&self) {
        if self.late.has_work() {
            self.late.catch_up(|work| match work {
                LateWork::Insert { span, open } => {
                    self.open.try_insert(*span, open.clone()).is_ok()
                }
                LateWork::End { root, span, time } => root.try_end(*span, *time),
                LateWork::Keep(ended) => self.try_keep(ended.clone()).is_ok(),
                LateWork::Lose(span) => self.try_lose(*span),
                LateWork::Release(span) => self.try_release(*span),
            });
        }
        if self.wants_memory.load(Ordering::Relaxed) {
            self.free();
        }
    }

    /// Returns `false` if the span's shard is locked.
    fn try_lose(&self, span: SpanId) -> bool {
        let open = self.open.try_get(span);
        if let Ok(Some(open)) = &open {
            open.root.lose();
        }
        open.is_ok()
    }
}
