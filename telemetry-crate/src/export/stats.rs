//! Counters of one signal's exported and lost items.
//!
//! The items are spans, log records or data points. The exporter counts them. `/metrics`, `/telemetry` and the shutdown
//! read the counters.

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

/// The largest number of distinct reasons; further reasons count as `_OTHER`.
///
/// firstlight has few reasons of its own. The limit guards against status codes that a broken proxy invents.
const MAX_REASONS: usize = 32;

/// The reason of spans of failed roots that had no room before the root ended.
const FAILED_ROOT: &str = "failed_root_full";

/// The counters of one signal.
#[derive(Debug)]
pub(crate) struct ExportStats {
    signal: Signal,
    /// The capacity of the queue, in items.
    capacity: usize,
    /// Spans that have started and not ended; 0 for other signals.
    open: AtomicU64,
    /// Items that are queued or being exported.
    in_flight: AtomicU64,
    /// Items that an export has taken from the queue.
    exporting: AtomicU64,
    exported: AtomicU64,
    /// Items dropped by the full queue.
    queue_full: AtomicU64,
    /// Items dropped because telemetry was shut down.
    after_shutdown: AtomicU64,
    /// Spans of failed roots that had no room before the root ended.
    failed_root: AtomicU64,
    /// Items that the collector rejected in an accepted request.
    ///
    /// They are not yet counted as failed.
    rejected: AtomicU64,
    failures: Mutex<Failures>,
    /// Whether the last attempt failed.
    failing: AtomicBool,
}

/// The lost items by reason, and the last messages about failures.
#[derive(Debug, Default)]
struct Failures {
    by_reason: BTreeMap<String, u64>,
    last: Option<ExportError>,
    /// The error of the last attempt of the current export.
    attempt: Option<ExportError>,
    /// The collector's warning about an accepted request, until it is logged.
    warning: Option<String>,
}

/// The error of an export.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct ExportError {
    /// The value of the label `error_type`.
    pub(crate) kind: String,
    /// A sentence for log lines.
    pub(crate) text: String,
    pub(super) retry: Retry,
}

/// Whether and when a request may be retried.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Retry {
    #[default]
    No,
    Yes,
    /// The request may be sent again after at least this delay.
    After(Duration),
    /// The records may be sent again in smaller requests.
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

    /// The error of a message that cannot be encoded, which no retry changes.
    pub(crate) fn encoding(text: impl Into<String>) -> Self {
        Self::new("encoding", text, Retry::No)
    }

    /// The error of a timeout that `variable` sets, if no attempt has failed.
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
            exporting: AtomicU64::new(0),
            exported: AtomicU64::new(0),
            queue_full: AtomicU64::new(0),
            after_shutdown: AtomicU64::new(0),
            failed_root: AtomicU64::new(0),
            rejected: AtomicU64::new(0),
            failures: Mutex::default(),
            failing: AtomicBool::new(false),
        }
    }

    pub(crate) fn signal(&self) -> Signal {
        self.signal
    }

    /// Counts a span that has started.
    pub(crate) fn opened(&self) {
        self.open.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts a span that has ended.
    pub(crate) fn ended(&self) {
        self.open.fetch_sub(1, Ordering::Relaxed);
    }

    pub(crate) fn open(&self) -> u64 {
        self.open.load(Ordering::Relaxed)
    }

    /// Counts items that were queued.
    pub(super) fn queued(&self, items: usize) {
        self.in_flight.fetch_add(items as u64, Ordering::Release);
    }

    /// Counts items that an export has taken from the queue.
    pub(super) fn taken(&self, items: usize) {
        self.exporting.fetch_add(items as u64, Ordering::Relaxed);
    }

    /// Ends the export of items that are delivered or lost.
    pub(super) fn done(&self, items: usize) {
        self.exporting.fetch_sub(items as u64, Ordering::Relaxed);
        self.in_flight.fetch_sub(items as u64, Ordering::Release);
    }

    /// The items in the queue, without those that are being exported.
    pub(crate) fn waiting(&self) -> u64 {
        let exporting = self.exporting.load(Ordering::Relaxed);
        self.in_flight().saturating_sub(exporting)
    }

    pub(crate) fn in_flight(&self) -> u64 {
        self.in_flight.load(Ordering::Acquire)
    }

    /// Counts items that were delivered.
    pub(super) fn exported(&self, items: u64) {
        self.exported.fetch_add(items, Ordering::Relaxed);
        self.failing.store(false, Ordering::Relaxed);
        self.failures().attempt = None;
    }

    /// Counts items that were lost because of an error, and stores the error.
    pub(super) fn failed(&self, items: u64, error: &ExportError) {
        self.failing.store(true, Ordering::Relaxed);
        let mut failures = self.failures();
        let is_known = failures.by_reason.contains_key(&error.kind);
        let kind = if is_known || failures.by_reason.len() < MAX_REASONS {
            &error.kind
        } else {
            "_OTHER"
        };
        *failures.by_reason.entry(kind.to_owned()).or_default() += items;
        failures.last = Some(error.clone());
        failures.attempt = None;
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

    /// Counts unsampled spans of a failed root that had no room before it ended.
    pub(crate) fn dropped_of_failed_root(&self, spans: u64) {
        self.failed_root.fetch_add(spans, Ordering::Relaxed);
    }

    /// Stores an error without counting a loss.
    pub(super) fn remember(&self, error: ExportError) {
        self.failing.store(true, Ordering::Relaxed);
        let mut failures = self.failures();
        failures.attempt = Some(error.clone());
        failures.last = Some(error);
    }

    /// Returns the error of an export that did not succeed within its limit.
    ///
    /// It has the kind and the text of the last attempt, because a refused connection needs another remedy than a collector
    /// that does not answer.
    pub(super) fn timed_out(&self, variable: &str, limit: Duration) -> ExportError {
        let timeout = ExportError::timeout(variable, limit);
        match self.failures().attempt.take() {
            Some(attempt) => ExportError {
                text: format!("{}; {}", attempt.text, timeout.text),
                kind: attempt.kind,
                retry: timeout.retry,
            },
            None => timeout,
        }
    }

    /// The error of the current export's last attempt.
    pub(super) fn attempt_error(&self) -> Option<ExportError> {
        self.failures().attempt.clone()
    }

    /// The error of the current export's last attempt, or of the last export.
    ///
    /// `None` if the last attempt succeeded.
    pub(super) fn current_error(&self) -> Option<ExportError> {
        let failures = self.failures();
        let last = failures.last.as_ref().filter(|_| self.is_failing());
        failures.attempt.as_ref().or(last).cloned()
    }

    /// Counts items that the collector rejected in an accepted request.
    pub(super) fn rejected(&self, items: u64) {
        self.rejected.fetch_add(items, Ordering::Relaxed);
    }

    /// Stores a warning of the collector until it is logged.
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
            + self.failed_root.load(Ordering::Relaxed)
    }

    fn total_failed(&self) -> u64 {
        self.failures().by_reason.values().sum()
    }

    /// Whether the last attempt failed.
    pub(crate) fn is_failing(&self) -> bool {
        self.failing.load(Ordering::Relaxed)
    }

    /// How many items may wait.
    pub(crate) fn capacity(&self) -> usize {
        self.capacity
    }

    /// The numbers of lost items by reason, without zeros.
    pub(crate) fn lost_by_reason(&self) -> Vec<(String, u64)> {
        let mut lost: Vec<(String, u64)> = self.failures().by_reason.clone().into_iter().collect();
        for (reason, count) in [
            ("queue_full", &self.queue_full),
            ("already_shutdown", &self.after_shutdown),
            (FAILED_ROOT, &self.failed_root),
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
        // A failed export counts as processed: only dropped items have an `error_type` here.
        let processed = self.total_exported() + self.total_failed();
        for (reason, count) in [
            ("", processed),
            ("queue_full", self.queue_full.load(Ordering::Relaxed)),
            (
                "already_shutdown",
                self.after_shutdown.load(Ordering::Relaxed),
            ),
        ] {
            samples.sample(queue.processed, &[("error_type", reason)], count as f64);
        }
        let lost = self.failed_root.load(Ordering::Relaxed);
        if lost > 0 {
            let labels = [("error_type", FAILED_ROOT)];
            samples.sample(queue.processed, &labels, lost as f64);
        }
        samples.sample(queue.size, &[], self.waiting() as f64);
        samples.sample(queue.capacity, &[], self.capacity as f64);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exported_items_are_not_waiting() {
        let stats = ExportStats::new(Signal::Traces, 1);
        stats.queued(3);
        stats.taken(2);
        assert_eq!((stats.waiting(), stats.in_flight()), (1, 3));
        stats.done(2);
        assert_eq!((stats.waiting(), stats.in_flight()), (1, 1));
    }

    #[test]
    fn timeouts_name_the_last_attempts_error() {
        let stats = ExportStats::new(Signal::Traces, 1);
        let limit = Duration::from_secs(30);
        let timed_out = || stats.timed_out("OTEL_BSP_EXPORT_TIMEOUT", limit);
        assert_eq!(timed_out().kind, "timeout");

        let refused = || ExportError::new("connect", "connection refused", Retry::Yes);
        stats.remember(refused());
        let error = timed_out();
        assert_eq!(error.kind, "connect");
        assert_eq!(
            error.text,
            "connection refused; no success within OTEL_BSP_EXPORT_TIMEOUT, 30000 ms"
        );

        // An attempt of an export that has ended says nothing about the next export.
        stats.remember(refused());
        stats.failed(1, &refused());
        assert_eq!(timed_out().kind, "timeout");
        stats.remember(refused());
        stats.exported(1);
        assert_eq!(timed_out().kind, "timeout");
    }
}
