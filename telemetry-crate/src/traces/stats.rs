//! What became of the spans: counted where it happens, read by the metrics page and by the shutdown.

use std::{
    collections::BTreeMap,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    },
};

use crate::metrics::{Collector, Page, catalog};

/// Reasons are few and our own; the bound is for the status codes that a broken proxy may invent.
const MAX_REASONS: usize = 32;

#[derive(Debug)]
pub(crate) struct ExportStats {
    capacity: usize,
    pub(super) queued: AtomicUsize,
    exported: AtomicU64,
    /// Dropped before they reached the exporter: the queue was full, or telemetry was shut down.
    queue_full: AtomicU64,
    after_shutdown: AtomicU64,
    failures: Mutex<Failures>,
    /// Whether the last export failed.
    failing: AtomicBool,
}

#[derive(Debug, Default)]
struct Failures {
    by_reason: BTreeMap<String, u64>,
    last: Option<ExportError>,
}

/// Why an export failed: a word for a label, and a sentence for a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ExportError {
    pub(crate) kind: String,
    pub(crate) text: String,
}

impl ExportStats {
    pub(super) fn new(capacity: usize) -> Self {
        Self {
            capacity,
            queued: AtomicUsize::new(0),
            exported: AtomicU64::new(0),
            queue_full: AtomicU64::new(0),
            after_shutdown: AtomicU64::new(0),
            failures: Mutex::default(),
            failing: AtomicBool::new(false),
        }
    }

    pub(super) fn exported(&self, spans: usize) {
        self.exported.fetch_add(spans as u64, Ordering::Relaxed);
        self.failing.store(false, Ordering::Relaxed);
    }

    pub(super) fn failed(&self, spans: usize, error: &ExportError) {
        self.failing.store(true, Ordering::Relaxed);
        let mut failures = self.failures();
        let known = failures.by_reason.contains_key(&error.kind);
        let kind = if known || failures.by_reason.len() < MAX_REASONS {
            &error.kind
        } else {
            "_OTHER"
        };
        *failures.by_reason.entry(kind.to_owned()).or_default() += spans as u64;
    }

    pub(super) fn dropped_queue_full(&self) {
        self.queue_full.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn dropped_after_shutdown(&self) {
        self.after_shutdown.fetch_add(1, Ordering::Relaxed);
    }

    /// Kept by the transport, because the SDK's own error does not say why.
    pub(super) fn remember(&self, error: ExportError) {
        self.failures().last = Some(error);
    }

    pub(crate) fn last_error(&self) -> Option<ExportError> {
        self.failures().last.clone()
    }

    pub(crate) fn total_exported(&self) -> u64 {
        self.exported.load(Ordering::Relaxed)
    }

    pub(crate) fn total_lost(&self) -> u64 {
        let failed: u64 = self.failures().by_reason.values().sum();
        failed
            + self.queue_full.load(Ordering::Relaxed)
            + self.after_shutdown.load(Ordering::Relaxed)
    }

    /// Whether the last export failed.
    pub(crate) fn is_failing(&self) -> bool {
        self.failing.load(Ordering::Relaxed)
    }

    /// Spans that wait, and how many may.
    pub(crate) fn queue(&self) -> (usize, usize) {
        (self.queued.load(Ordering::Relaxed), self.capacity)
    }

    /// Lost spans by reason, without the reasons that there were none for.
    pub(crate) fn lost_by_reason(&self) -> Vec<(String, u64)> {
        let mut lost: Vec<(String, u64)> = self.failures().by_reason.clone().into_iter().collect();
        for (reason, count) in [
            ("queue_full", &self.queue_full),
            ("already_shutdown", &self.after_shutdown),
        ] {
            lost.push((reason.to_owned(), count.load(Ordering::Relaxed)));
        }
        lost.retain(|(_, count)| *count > 0);
        lost
    }

    fn failures(&self) -> MutexGuard<'_, Failures> {
        self.failures.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Collector for ExportStats {
    fn collect(&self, page: &mut Page) {
        let exported = &catalog::OTEL_SDK_EXPORTER_SPAN_EXPORTED;
        // Success has an empty `error_type`: the semantic conventions set the attribute on failures only.
        page.sample(
            exported,
            &[("error_type", "")],
            self.total_exported() as f64,
        );
        for (reason, spans) in &self.failures().by_reason {
            page.sample(exported, &[("error_type", reason)], *spans as f64);
        }
        let processed = &catalog::OTEL_SDK_PROCESSOR_SPAN_PROCESSED;
        let processed_ok = self.total_exported() + self.failures().by_reason.values().sum::<u64>();
        page.sample(processed, &[("error_type", "")], processed_ok as f64);
        page.sample(
            processed,
            &[("error_type", "queue_full")],
            self.queue_full.load(Ordering::Relaxed) as f64,
        );
        page.sample(
            processed,
            &[("error_type", "already_shutdown")],
            self.after_shutdown.load(Ordering::Relaxed) as f64,
        );
        page.sample(
            &catalog::OTEL_SDK_PROCESSOR_SPAN_QUEUE_SIZE,
            &[],
            self.queued.load(Ordering::Relaxed) as f64,
        );
        page.sample(
            &catalog::OTEL_SDK_PROCESSOR_SPAN_QUEUE_CAPACITY,
            &[],
            self.capacity as f64,
        );
    }
}
