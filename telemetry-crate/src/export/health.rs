//! Log lines when the export of a signal fails, recovers or loses items.

use std::{
    pin::pin,
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::time::{self, MissedTickBehavior, interval_at};
use tracing::{Dispatch, dispatcher};

use super::stats::{ExportError, ExportStats};
use crate::signal::Signal;
use crate::thread;

/// The state of one signal's export.
pub(super) struct Health {
    signal: Signal,
    endpoint: String,
    stats: Arc<ExportStats>,
    /// The program's subscriber at `init()`.
    dispatch: Dispatch,
    failing: Option<Failing>,
    /// The time at which a failure was last logged.
    failure_logged: Option<Instant>,
    /// The last logged warning of the collector, and when it was logged.
    warned: Option<(String, Instant)>,
    /// The last logged count of items dropped by the full queue, with its time.
    overflow: Option<(u64, Instant)>,
}

/// A period in which exporting fails.
struct Failing {
    /// The number of items lost before the period.
    lost_before: u64,
    /// Whether the failure has been logged.
    ///
    /// A short failure soon after another is not logged.
    is_logged: bool,
}

/// The shortest time between two log lines about the same problem.
const LOG_INTERVAL: Duration = Duration::from_secs(60);

/// The time for which the attempts of an export may fail without a log line.
///
/// A restart of the collector is shorter. The end of the export, by default up to 30 s later, would
/// be too late for the first line.
const UNLOGGED_FAILURE: Duration = Duration::from_secs(5);

/// The interval of the checks during an export.
const CHECK_INTERVAL: Duration = Duration::from_secs(1);

/// The target of the events about losses, which the log filter does not remove.
pub(crate) const LOSS_TARGET: &str = "firstlight::loss";

impl Health {
    pub(super) fn new(
        signal: Signal,
        endpoint: String,
        stats: Arc<ExportStats>,
        dispatch: Dispatch,
    ) -> Self {
        Self {
            signal,
            endpoint,
            stats,
            dispatch,
            failing: None,
            failure_logged: None,
            warned: None,
            overflow: None,
        }
    }

    /// Waits for an export, and logs failed attempts and a full queue.
    pub(super) async fn watch<F: Future>(&mut self, export: F) -> F::Output {
        let started = Instant::now();
        let mut export = pin!(export);
        let mut checks = interval_at(time::Instant::now() + CHECK_INTERVAL, CHECK_INTERVAL);
        checks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                biased;
                result = &mut export => return result,
                _ = checks.tick() => {
                    self.check_overflow();
                    self.check_attempts(started);
                }
            }
        }
    }

    /// Logs the failure of the attempts since `started` if it lasts.
    fn check_attempts(&mut self, started: Instant) {
        if started.elapsed() < UNLOGGED_FAILURE {
            return;
        }
        if let Some(error) = self.stats.attempt_error() {
            let lost_before = self.stats.total_lost();
            self.failed(&error, lost_before);
        }
    }

    /// Counts the items of a finished export, and logs a change of state.
    pub(super) fn export_finished(&mut self, items: usize, result: Result<(), ExportError>) {
        let lost_before = self.stats.total_lost();
        let rejected = self.stats.take_rejected().min(items as u64);
        self.check_warning();
        match result {
            Ok(()) if rejected > 0 => {
                self.stats.exported(items as u64 - rejected);
                let error = self.stats.last_error().unwrap_or_default();
                self.stats.failed(rejected, &error);
                self.failed(&error, lost_before);
            }
            Ok(()) => {
                self.stats.exported(items as u64);
                self.recovered();
            }
            Err(error) => {
                self.stats.failed(items as u64, &error);
                self.failed(&error, lost_before);
            }
        }
    }

    /// Logs a new warning of the collector, at most one per minute.
    ///
    /// A warning is a message without rejected items; see "Partial Success" in the OTLP specification. It is new if it
    /// differs from the last logged warning.
    fn check_warning(&mut self) {
        let Some(warning) = self.stats.take_warning() else {
            return;
        };
        let is_logged = self
            .warned
            .as_ref()
            .is_some_and(|(last, at)| *last == warning || at.elapsed() < LOG_INTERVAL);
        if is_logged {
            return;
        }
        // The collector's text may have any length.
        let shown: String = warning.chars().take(200).collect();
        self.warned = Some((warning, Instant::now()));
        let (signal, endpoint) = (self.signal.name(), &self.endpoint);
        self.log(|| {
            tracing::warn!(
                endpoint,
                "the collector accepted the {signal} and warns: {shown}"
            );
        });
    }

    /// Logs that the queue was full, at most once per minute.
    pub(super) fn check_overflow(&mut self) {
        let Some(queue) = self.signal.queue() else {
            return;
        };
        let lost = self.stats.total_queue_full();
        let is_logged = self
            .overflow
            .is_some_and(|(logged, at)| lost == logged || at.elapsed() < LOG_INTERVAL);
        if lost == 0 || is_logged {
            return;
        }
        let new = lost - self.overflow.map_or(0, |(logged, _)| logged);
        self.overflow = Some((lost, Instant::now()));
        let (unit, capacity) = (self.signal.unit(), self.stats.capacity());
        let dropped = unit.counted(new);
        // A longer queue is no remedy for a collector that accepts nothing.
        let failing = self.stats.current_error();
        self.log(|| match failing {
            Some(error) => tracing::warn!(
                target: LOSS_TARGET,
                endpoint = self.endpoint,
                error.r#type = error.kind,
                "{dropped} dropped: the queue of {capacity} was full, because their export fails: {}",
                error.text
            ),
            None => tracing::warn!(
                target: LOSS_TARGET,
                "{dropped} dropped: the queue of {capacity} was full; {} makes it longer, and a smaller sampling ratio or a stricter filter makes fewer {unit}",
                queue.variable
            ),
        });
    }

    /// Logs a failure unless it is logged already or follows another too soon.
    fn failed(&mut self, error: &ExportError, lost_before: u64) {
        let failing = self.failing.get_or_insert(Failing {
            lost_before,
            is_logged: false,
        });
        // A failure soon after another is logged only if it lasts.
        let is_due = self
            .failure_logged
            .is_none_or(|at| at.elapsed() >= LOG_INTERVAL);
        if failing.is_logged || !is_due {
            return;
        }
        failing.is_logged = true;
        self.failure_logged = Some(Instant::now());
        let (signal, unit, endpoint) = (self.signal.name(), self.signal.unit(), &self.endpoint);
        self.log(|| {
            tracing::warn!(
                target: LOSS_TARGET,
                endpoint,
                error.r#type = error.kind,
                "export of {signal} fails: {}; {unit} that cannot be sent in time are lost and counted",
                error.text
            );
        });
    }

    /// Logs the end of a failure that was logged.
    fn recovered(&mut self) {
        let Some(Failing {
            lost_before,
            is_logged: true,
        }) = self.failing.take()
        else {
            return;
        };
        let lost = self.stats.total_lost() - lost_before;
        let lost = self.signal.unit().counted(lost);
        let (signal, endpoint) = (self.signal.name(), &self.endpoint);
        self.log(|| {
            tracing::info!(target: LOSS_TARGET, endpoint, "export of {signal} works again; {lost} lost");
        });
    }

    /// Logs to the program's subscriber.
    ///
    /// This is the default subscriber of the thread that called `init()`, which is not always the global subscriber.
    fn log(&self, event: impl FnOnce()) {
        thread::unsuppressed(|| dispatcher::with_default(&self.dispatch, event));
    }
}
