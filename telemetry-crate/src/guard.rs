//! The guard of running telemetry; dropping it flushes and shuts telemetry down.

mod dropped;
mod flush;

use std::{
    error::Error,
    net::SocketAddr,
    process::ExitCode,
    sync::{Arc, OnceLock},
    time::{Duration, Instant},
};

use crate::{
    CheckReport, NoRuntime, Readiness,
    check::Pipelines,
    error::{LostKind, ShutdownError},
    export::{Exporters, LOSS_TARGET, Unsent},
    logs::LogWriter,
    metrics::MetricsHandle,
    recorder::last_words::Writer,
    runtime::RuntimeObserver,
    secret::without_credentials,
    signal::Signal,
    status::{End, Status},
    values::{counted, with_causes},
};

/// Longest wait for the end to be in the recorder's file.
const FILE_TIMEOUT: Duration = Duration::from_millis(500);

/// The guard of running telemetry; keep it until the program ends.
///
/// Bind the guard to a name: `let _ = firstlight::init()?` drops it at once, and telemetry ends before the program starts
/// its work. Dropping the guard flushes within `FIRSTLIGHT_SHUTDOWN_TIMEOUT` (5 s by default) and logs one log line. If the
/// process still runs 2 s later and has not received the signal to stop, a warning is logged.
/// [`shutdown`](Self::shutdown) flushes with a deadline of your own and returns what was lost.
///
/// The drop and `shutdown` block the calling thread and need no runtime. Both may happen in async code at the end of
/// `main`.
#[derive(Debug)]
#[must_use = "dropping the guard shuts telemetry down; bind it with `let telemetry = ...`, not `let _ = ...`"]
pub struct TelemetryGuard {
    parts: Parts,
    is_down: bool,
}

/// The running parts of telemetry.
#[derive(Debug)]
pub(crate) struct Parts {
    pub(crate) exporters: Exporters,
    pub(crate) metrics: MetricsHandle,
    pub(crate) logs: LogWriter,
    pub(crate) readiness: Readiness,
    pub(crate) runtime: Arc<RuntimeObserver>,
    pub(crate) status: Arc<Status>,
    /// Empty until the listener is bound.
    pub(crate) admin_address: Arc<OnceLock<SocketAddr>>,
    /// `None` if the last words have no file.
    pub(crate) last_words: Option<Writer>,
    pub(crate) shutdown_timeout: Duration,
}

impl TelemetryGuard {
    pub(crate) fn new(parts: Parts) -> Self {
        Self {
            parts,
            is_down: false,
        }
    }

    /// Returns the [`Readiness`] that `/readyz` reports.
    #[must_use]
    pub fn readiness(&self) -> Readiness {
        self.parts.readiness.clone()
    }

    /// Returns a handle on the metrics, for a program that serves them itself.
    #[must_use]
    pub fn metrics(&self) -> MetricsHandle {
        self.parts.metrics.clone()
    }

    /// Returns the address of the admin listener.
    ///
    /// The listener serves `/metrics`, `/livez`, `/readyz`, `/log-filter` and `/telemetry`. Returns `None` if the
    /// listener is off, or not bound yet because the address is in use.
    #[must_use]
    pub fn admin_address(&self) -> Option<SocketAddr> {
        self.parts.admin_address.get().copied()
    }

    /// Instruments the current tokio runtime.
    ///
    /// Measures its load and scheduling delay, and whether it is blocked. Telemetry that starts inside a runtime, such
    /// as in an async `main`, instruments that runtime already. Call this method if telemetry started before the runtime,
    /// or to instrument another runtime. Only the latest runtime is instrumented.
    ///
    /// # Errors
    ///
    /// [`NoRuntime`] outside a runtime.
    ///
    /// ```no_run
    /// fn main() -> Result<(), Box<dyn std::error::Error>> {
    ///     let telemetry = firstlight::init!()?;
    ///     let runtime = tokio::runtime::Runtime::new()?;
    ///     runtime.block_on(async {
    ///         telemetry.instrument_runtime()?;
    ///         // ... serve ...
    ///         Ok(())
    ///     })
    /// }
    /// ```
    pub fn instrument_runtime(&self) -> Result<(), NoRuntime> {
        self.parts.runtime.observe_current()
    }

    /// Stops observing the runtime, so that a stall of the runtime is not reported.
    pub(crate) fn stop_observing_runtime(&self) {
        self.parts.runtime.stop();
    }

    /// Sends a test item through every pipeline and reports the results.
    ///
    /// The check writes one log line, counts one sample, and sends one span, which the collector must acknowledge within
    /// the deadline. Log records and metrics are checked in the same way if they are exported. Blocks the calling thread.
    ///
    /// [`check()`](crate::check()) also starts telemetry and shuts it down, for a program that does nothing else.
    pub fn check(&self, deadline: Duration) -> CheckReport {
        Pipelines {
            status: &self.parts.status,
            logs: &self.parts.logs,
            metrics: &self.parts.metrics,
            exporters: &self.parts.exporters,
            admin_address: self.admin_address(),
        }
        .check(deadline)
    }

    /// Sends all pending spans, metrics and log records, within one deadline.
    ///
    /// Log records come last, because they report the result of the other signals.
    ///
    /// # Errors
    ///
    /// [`ShutdownError`] lists how much of each signal this flush lost, and why.
    pub fn flush(&self, deadline: Duration) -> Result<(), ShutdownError> {
        self.parts.flush(deadline, |_| {})
    }

    /// Flushes and shuts telemetry down.
    ///
    /// Spans that end later are dropped and counted. Log lines are still written.
    ///
    /// Suits a caller that needs to know whether everything was sent, such as a test. A program ends with
    /// [`finish`](Self::finish), whose exit code does not depend on the collector.
    ///
    /// # Errors
    ///
    /// [`ShutdownError`] lists how much of each signal was lost, and why. The last log line says the same.
    ///
    /// ```no_run
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let telemetry = firstlight::init()?;
    /// // ... the program ...
    /// if let Err(lost) = telemetry.shutdown(std::time::Duration::from_secs(3)) {
    ///     eprintln!("{lost}");
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn shutdown(mut self, deadline: Duration) -> Result<(), ShutdownError> {
        self.end(deadline, End::Requested)
    }

    /// Ends `main`: logs a failure and shuts telemetry down.
    ///
    /// The log line has the error with all of its causes. Returns the exit code.
    ///
    /// ```no_run
    /// use std::process::ExitCode;
    ///
    /// # fn run() -> Result<(), std::io::Error> { Ok(()) }
    /// fn main() -> ExitCode {
    ///     match firstlight::init!() {
    ///         Ok(telemetry) => telemetry.finish(run()),
    ///         Err(error) => {
    ///             eprintln!("{error}");
    ///             ExitCode::FAILURE
    ///         }
    ///     }
    /// }
    /// ```
    #[must_use = "return it from `main`"]
    pub fn finish<E>(mut self, result: Result<(), E>) -> ExitCode
    where
        E: Into<Box<dyn Error + Send + Sync>>,
    {
        // The program has ended, and traffic should go to other replicas.
        self.parts.readiness.drain();
        let code = match result {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                let error = with_causes(error.into().as_ref());
                tracing::error!(target: "firstlight::end", "the program failed: {error}");
                if let Some(last_words) = &self.parts.last_words {
                    // The message of a log line is redacted by its fields, and this one here.
                    last_words.failed(&without_credentials(&error, false));
                }
                ExitCode::FAILURE
            }
        };
        // The last log line reports what could not be sent. The exit code remains that of the program.
        let _ = self.end(self.parts.shutdown_timeout, End::Requested);
        code
    }

    /// Shuts telemetry down and exits the process with `code`.
    ///
    /// The shutdown takes at most `FIRSTLIGHT_SHUTDOWN_TIMEOUT` (5 s by default).
    ///
    /// Use it in place of [`std::process::exit`], which runs no destructors: the guard would not be dropped, and the
    /// spans that wait for their batch (5 s by default) and possibly the last log lines would be lost. Like
    /// `std::process::exit`, it ends all threads without unwinding them. A program that can return from `main` should use
    /// [`finish`](Self::finish) instead.
    ///
    /// ```no_run
    /// # fn main() -> Result<(), firstlight::InitError> {
    /// let telemetry = firstlight::init!()?;
    /// tracing::error!("no configuration");
    /// telemetry.exit(78) // EX_CONFIG
    /// # }
    /// ```
    pub fn exit(mut self, code: i32) -> ! {
        // The last log line reports what could not be sent. The exit code remains that of the program.
        let _ = self.end(self.parts.shutdown_timeout, End::Requested);
        std::process::exit(code)
    }

    fn end(&mut self, deadline: Duration, end: End) -> Result<(), ShutdownError> {
        self.is_down = true;
        // The flush may block the runtime until the deadline, which must not be reported as a stall.
        self.parts.runtime.stop();
        self.parts.readiness.drain();
        self.parts.metrics.warn_overflows();
        let result = self
            .parts
            .flush(deadline, |unsent| self.log_last_line(unsent));
        self.parts.exporters.close();
        if let Some(last_words) = &self.parts.last_words {
            last_words.end(Instant::now() + FILE_TIMEOUT);
        }
        self.parts.status.record_end(end);
        result
    }

    /// Logs what was exported and lost since the start.
    ///
    /// After a loss the line is a warning that the log filter does not remove.
    fn log_last_line(&self, unsent: &[(Signal, Unsent)]) {
        let mut losses: Vec<String> = unsent
            .iter()
            .map(|(signal, Unsent { count, cause })| {
                let count = signal.unit().counted(*count);
                format!("{count} could not be delivered: {cause}")
            })
            .collect();
        for signal in Signal::ALL {
            let Some(stats) = self.parts.exporters.stats(signal) else {
                continue;
            };
            let unsent = unsent.iter().find(|(unsent, _)| *unsent == signal);
            let lost_now = unsent.map_or(0, |(_, unsent)| unsent.count);
            if stats.total_lost() > lost_now {
                let reasons = stats.lost_by_reason().into_iter();
                let reasons: Vec<_> = reasons.map(|(reason, n)| format!("{reason} {n}")).collect();
                let (unit, reasons) = (signal.unit(), reasons.join(", "));
                losses.push(format!("{unit} lost since the start, by reason: {reasons}"));
            }
        }
        let spans = self.parts.exporters.stats(Signal::Traces);
        let open = spans.map_or(0, |spans| spans.open());
        if open > 0 {
            let open = counted(open, "span has", "spans have");
            losses.push(format!("{open} not ended, and not been sent"));
        }
        let lines_dropped = self.parts.logs.dropped();
        if lines_dropped > 0 {
            let cause = self.parts.logs.last_error();
            let lines = LostKind::LogLines.counted(lines_dropped);
            losses.push(format!("{lines} dropped: {cause}"));
        }
        let exported = spans.map_or(0, |spans| spans.total_exported());
        let lost = self.lost(Signal::Traces, unsent).unwrap_or(0);
        // A field that is `None` is not on the line.
        let data_points_lost = self.lost(Signal::Metrics, unsent);
        let log_records_lost = self.lost(Signal::Logs, unsent);
        if losses.is_empty() {
            tracing::info!(
                target: "firstlight",
                { spans.exported = exported, spans.lost = lost, data_points.lost = data_points_lost, log_records.lost = log_records_lost, log_lines.dropped = lines_dropped },
                "telemetry is down"
            );
        } else {
            tracing::warn!(
                target: LOSS_TARGET,
                { spans.exported = exported, spans.lost = lost, data_points.lost = data_points_lost, log_records.lost = log_records_lost, log_lines.dropped = lines_dropped },
                "telemetry is down; {}", losses.join("; ")
            );
        }
    }

    /// Returns the number of a signal's items lost since the start.
    ///
    /// `None` if the signal is off.
    fn lost(&self, signal: Signal, unsent: &[(Signal, Unsent)]) -> Option<u64> {
        let stats = self.parts.exporters.stats(signal)?;
        let unsent = unsent.iter().find(|(unsent, _)| *unsent == signal);
        // The exporter has not yet counted a batch that is in flight at the deadline. Log records since the flush are not
        // lost, because the last flush sends them.
        let in_flight = match signal {
            Signal::Logs if unsent.is_none() => 0,
            _ => stats.in_flight(),
        };
        let lost = stats.total_lost() + in_flight + stats.open();
        // An export may have ended since the flush gave up.
        Some(lost.max(unsent.map_or(0, |(_, unsent)| unsent.count)))
    }
}

impl Drop for TelemetryGuard {
    fn drop(&mut self) {
        if !self.is_down {
            // The last log line reports what was lost.
            let _ = self.end(self.parts.shutdown_timeout, End::Dropped);
            dropped::watch();
        }
    }
}
