//! The counts of what the recorder did not keep.

use std::sync::atomic::{AtomicU64, Ordering};

/// Counts since the start.
#[derive(Debug, Default)]
pub(super) struct Losses {
    contended: AtomicU64,
    records: AtomicU64,
    spans: AtomicU64,
    roots: AtomicU64,
    evicted: AtomicU64,
    errors: AtomicU64,
    values: AtomicU64,
}

impl Losses {
    /// Counts a record that was lost because its lock was taken.
    pub(super) fn contended(&self) {
        self.contended.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts records that did not fit, or made room for newer ones of the same root.
    pub(super) fn records(&self, records: u64) {
        self.records.fetch_add(records, Ordering::Relaxed);
    }

    /// Counts a record that was kept without the end of a value.
    pub(super) fn value(&self) {
        self.values.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts a span that did not fit.
    pub(super) fn span(&self) {
        self.spans.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts a local root that did not fit.
    pub(super) fn root(&self) {
        self.roots.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts what was removed for newer roots.
    ///
    /// These are kept roots, and the detail of open ones.
    pub(super) fn evicted(&self, roots: u64) {
        self.evicted.fetch_add(roots, Ordering::Relaxed);
    }

    /// Counts an error that did not fit.
    pub(super) fn error(&self) {
        self.errors.fetch_add(1, Ordering::Relaxed);
    }

    /// All counts by their reason.
    pub(super) fn counts(&self) -> [(&'static str, u64); 7] {
        [
            ("contention", &self.contended),
            ("record_limit", &self.records),
            ("span_limit", &self.spans),
            ("root_limit", &self.roots),
            ("eviction", &self.evicted),
            ("error_limit", &self.errors),
            ("value_limit", &self.values),
        ]
        .map(|(reason, count)| (reason, count.load(Ordering::Relaxed)))
    }
}
