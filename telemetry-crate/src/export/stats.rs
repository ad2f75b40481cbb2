//! What became of one signal's spans, log records or data points: counted where it happens, read by the metrics page
//! and by the shutdown.

use std::{
    collections::BTreeMap,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use crate::collector::{Collector, Samples};
use crate::signal::Signal;

/// Reasons are few and our own; the bound is for the status codes that a broken proxy may invent.
const MAX_REASONS: usize = 32;

#[derive(Debug)]
pub(crate) struct ExportStats {
    signal: Signal,
    /// Of the queue.
    capacity: usize,
    /// Begun, and not ended: only a span takes its time.
    open: AtomicU64,
    /// Queued or under way.
    in_flight: AtomicU64,
    exported: AtomicU64,
    /// Dropped before they reached the exporter: the queue was full, or telemetry was shut down.
    queue_full: AtomicU64,
    after_shutdown: AtomicU64,
    /// Rejected by the collector in a request that it has accepted otherwise, and not yet counted.
    rejected: AtomicU64,
    failures: Mutex<Failures>,
    /// Whether the last try failed.
    failing: AtomicBool,
}

#[derive(Debug, Default)]
struct Failures {
    by_reason: BTreeMap<String, u64>,
    last: Option<ExportError>,
    /// What a collector says of a request that it has accepted whole, until it is logged.
    warning: Option<String>,
}

/// Why an export failed: a word for a label, and a sentence for a person.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct ExportError {
    pub(crate) kind: String,
    pub(crate) text: String,
    pub(super) retry: Retry,
}

/// Whether it helps to try again.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Retry {
    #[default]
    No,
    Yes,
    /// And not before.
    After(Duration),
    /// In smaller requests alone.
    Smaller,
}

impl ExportError {
    pub(super) fn new(kind: impl Into<String>, text: impl Into<String>, retry: Retry) -> Self {
        Self {
            kind: kind.into(),
            text: text.into(),
            retry,
        }
    }

    /// Of what could not be encoded; no other try helps.
    pub(crate) fn encoding(text: impl Into<String>) -> Self {
        Self::new("encoding", text, Retry::No)
    }

    /// Of a limit that a variable sets.
    pub(super) fn timeout(variable: &str, limit: Duration) -> Self {
        let limit = limit.as_millis();
        Self::new(
            "timeout",
            format!("no success within {variable}, {limit} ms"),
            Retry::Yes,
        )
    }
}

impl ExportStats {
    pub(crate) fn new(signal: Signal, capacity: usize) -> Self {
        Self {
            signal,
            capacity,
            open: AtomicU64::new(0),
            in_flight: AtomicU64::new(0),
            exported: AtomicU64::new(0),
            queue_full: AtomicU64::new(0),
            after_shutdown: AtomicU64::new(0),
            rejected: AtomicU64::new(0),
            failures: Mutex::default(),
            failing: AtomicBool::new(false),
        }
    }

    pub(crate) fn signal(&self) -> Signal {
        self.signal
    }

    pub(crate) fn opened(&self) {
        self.open.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn ended(&self) {
        self.open.fetch_sub(1, Ordering::Relaxed);
    }

    pub(crate) fn open(&self) -> u64 {
        self.open.load(Ordering::Relaxed)
    }

    pub(super) fn queued(&self, items: usize) {
        self.in_flight.fetch_add(items as u64, Ordering::Release);
    }

    /// Delivered or lost, and counted as such.
    pub(super) fn done(&self, items: usize) {
        self.in_flight.fetch_sub(items as u64, Ordering::Release);
    }

    pub(crate) fn in_flight(&self) -> u64 {
        self.in_flight.load(Ordering::Acquire)
    }

    pub(super) fn exported(&self, items: u64) {
        self.exported.fetch_add(items, Ordering::Relaxed);
        self.failing.store(false, Ordering::Relaxed);
    }

    pub(super) fn failed(&self, items: u64, error: &ExportError) {
        self.failing.store(true, Ordering::Relaxed);
        let mut failures = self.failures();
        let known = failures.by_reason.contains_key(&error.kind);
        let kind = if known || failures.by_reason.len() < MAX_REASONS {
            &error.kind
        } else {
            "_OTHER"
        };
        *failures.by_reason.entry(kind.to_owned()).or_default() += items;
        failures.last = Some(error.clone());
    }

    pub(super) fn dropped_queue_full(&self) {
        self.queue_full.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn total_queue_full(&self) -> u64 {
        self.queue_full.load(Ordering::Relaxed)
    }

    pub(super) fn dropped_after_shutdown(&self) {
        self.after_shutdown.fetch_add(1, Ordering::Relaxed);
    }

    /// A try that failed; whether its batch is lost shows later.
    pub(super) fn remember(&self, error: ExportError) {
        self.failing.store(true, Ordering::Relaxed);
        self.failures().last = Some(error);
    }

    pub(super) fn rejected(&self, items: u64) {
        self.rejected.fetch_add(items, Ordering::Relaxed);
    }

    pub(super) fn warned(&self, message: String) {
        self.failures().warning = Some(message);
    }

    pub(super) fn take_warning(&self) -> Option<String> {
        self.failures().warning.take()
    }

    pub(super) fn take_rejected(&self) -> u64 {
        self.rejected.swap(0, Ordering::Relaxed)
    }

    pub(crate) fn last_error(&self) -> Option<ExportError> {
        self.failures().last.clone()
    }

    pub(crate) fn total_exported(&self) -> u64 {
        self.exported.load(Ordering::Relaxed)
    }

    pub(crate) fn total_lost(&self) -> u64 {
        self.total_failed()
            + self.queue_full.load(Ordering::Relaxed)
            + self.after_shutdown.load(Ordering::Relaxed)
    }

    fn total_failed(&self) -> u64 {
        self.failures().by_reason.values().sum()
    }

    /// Whether the last try failed.
    pub(crate) fn is_failing(&self) -> bool {
        self.failing.load(Ordering::Relaxed)
    }

    /// How many may wait.
    pub(crate) fn capacity(&self) -> usize {
        self.capacity
    }

    /// What was lost by reason, without the reasons that there were none for.
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
    fn collect(&self, samples: &mut dyn Samples) {
        let exported = self.signal.exported();
        // Success has an empty `error_type`: the semantic conventions set the attribute on failures only.
        samples.sample(
            exported,
            &[("error_type", "")],
            self.total_exported() as f64,
        );
        for (reason, items) in &self.failures().by_reason {
            samples.sample(exported, &[("error_type", reason)], *items as f64);
        }
        let Some(queue) = self.signal.queue() else {
            return;
        };
        let processed_ok = self.total_exported() + self.total_failed();
        for (reason, count) in [
            ("", processed_ok),
            ("queue_full", self.queue_full.load(Ordering::Relaxed)),
            (
                "already_shutdown",
                self.after_shutdown.load(Ordering::Relaxed),
            ),
        ] {
            samples.sample(queue.processed, &[("error_type", reason)], count as f64);
        }
        samples.sample(queue.size, &[], self.in_flight() as f64);
        samples.sample(queue.capacity, &[], self.capacity as f64);
    }
}
