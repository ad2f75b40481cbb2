//! The number of bytes that the recorder may use.

use super::atomic::{AtomicUsize, Ordering};

/// A limit on bytes, shared by all parts of the recorder.
#[derive(Debug)]
pub(super) struct Budget {
    max: usize,
    used: AtomicUsize,
}

impl Budget {
    pub(super) fn new(max: usize) -> Self {
        Self {
            max,
            used: AtomicUsize::new(0),
        }
    }

    pub(super) fn max(&self) -> usize {
        self.max
    }

    pub(super) fn used(&self) -> usize {
        self.used.load(Ordering::Relaxed)
    }

    /// Takes bytes; returns `false` if that many are not left.
    pub(super) fn reserve(&self, bytes: usize) -> bool {
        // An addition is cheaper than a loop that compares and exchanges. The limit holds, because the bytes are returned
        // before they are used.
        let used = self.used.fetch_add(bytes, Ordering::Relaxed) + bytes;
        if used > self.max {
            self.release(bytes);
            return false;
        }
        true
    }

    pub(super) fn release(&self, bytes: usize) {
        self.used.fetch_sub(bytes, Ordering::Relaxed);
    }
}
