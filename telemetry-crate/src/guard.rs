//! The guard: as long as it lives telemetry runs, and when it goes everything that waits is sent.

mod dropped;

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
    error::{Lost, LostKind, ShutdownError},
    export::{Exporters, Flush, LONGEST_DEADLINE, LOSS_TARGET, Unsent},
    logs::LogWriter,
    metrics::MetricsHandle,
    runtime::RuntimeObserver,
    signal::Signal,
    status::{End, Status},
    values::{counted, with_causes},
};

/// The share of the deadline that is kept back for the log lines, which report what became of the rest.
const FOR_LOGS: f64 = 0.2;

/// Running telemetry. Keep it until the program ends.
///
/// Bind it to a name: `let _ = firstlight::init()?` drops it at once, and with it everything that was still to be
/// sent. Dropping it flushes within `FIRSTLIGHT_SHUTDOWN_TIMEOUT` (5 s by default) and logs one line, and another, a warning, if
/// the process goes on for 2 s;
/// [`shutdown`](Self::shutdown) does the same with a deadline of your own and tells you what was lost.
///
/// Both block the calling thread and need no runtime; calling them inside async code at the end of `main` is fine.
#[derive(Debug)]
#[must_use = "dropping the guard shuts telemetry down; bind it with `let telemetry = ...`, not `let _ = ...`"]
pub struct TelemetryGuard {
    parts: Parts,
    is_down: bool,
}

/// What runs.
#[derive(Debug)]
pub(crate) struct Parts {
    pub(crate) exporters: Exporters,
    pub(crate) metrics: MetricsHandle,
    pub(crate) logs: LogWriter,
    pub(crate) readiness: Readiness,
    pub(crate) runtime: Arc<RuntimeObserver>,
    pub(crate) status: Arc<Status>,
    /// Empty as long as nothing is served.
    pub(crate) admin_address: Arc<OnceLock<SocketAddr>>,
    pub(crate) shutdown_timeout: Duration,
}

impl TelemetryGuard {
    pub(crate) fn new(parts: Parts) -> Self {
        Self {
            parts,
            is_down: false,
        }
    }

    /// What `/readyz` answers.
    #[must_use]
    pub fn readiness(&self) -> Readiness {
        self.parts.readiness.clone()
    }

    /// The metrics page, for a program that serves it itself.
    #[must_use]
    pub fn metrics(&self) -> MetricsHandle {
        self.parts.metrics.clone()
    }

    /// Where `/metrics`, `/livez`, `/readyz`, `/log-filter` and `/telemetry` are served; `None` if nowhere, or not yet, because
    /// the address is in use.
    #[must_use]
    pub fn admin_address(&self) -> Option<SocketAddr> {
        self.parts.admin_address.get().copied()
    }

    /// Observes the tokio runtime that this is called in: its load, its scheduling delay, and whether it stands still.
    ///
    /// A telemetry that was started inside of a runtime, such as in an async `main`, does so already. Call this for one
    /// that was started before its runtime, or for another runtime; one is observed at a time, the latest.
    ///
    /// # Errors
    ///
    /// [`NoRuntime`] outside of a runtime.
    ///
    /// ```no_run
    /// fn main() -> Result<(), Box<dyn std::error::Error>> {
    ///     let telemetry = firstlight::init!()?;
    ///     let runtime = tokio::runtime::Runtime::new()?;
    ///     runtime.block_on(async {
    ///         telemetry.observe_runtime()?;
    ///         // ... serve ...
    ///         Ok(())
    ///     })
    /// }
    /// ```
    pub fn observe_runtime(&self) -> Result<(), NoRuntime> {
        self.parts.runtime.observe_current()
    }

    /// From here on a runtime that stands still is not reported.
    pub(crate) fn observe_no_runtime(&self) {
        self.parts.runtime.stop();
    }

    /// Sends a canary through every pipeline and says what became of it: one log line, one count on the metrics page, and
    /// one span, which the collector must acknowledge within the deadline, and so for log records and metrics if they are sent
    /// to one. Blocks the calling thread.
    ///
    /// [`check()`](crate::check()) does it for a program that does nothing else.
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

    /// Sends everything that waits, under one deadline for all signals: spans and metrics first, then log lines, which say
    /// what became of them.
    ///
    /// # Errors
    ///
    /// [`ShutdownError`] says, signal by signal, how much this flush lost and why.
    pub fn flush(&self, deadline: Duration) -> Result<(), ShutdownError> {
        self.flush_with(deadline, |_| {})
    }

    /// Flushes and ends telemetry. Spans that end later are dropped and counted; log lines still come out.
    ///
    /// For what wants to know whether all was sent, such as a test. A program ends with [`finish`](Self::finish), whose exit code
    /// is the program's own: a collector that is away is no failure of it.
    ///
    /// # Errors
    ///
    /// [`ShutdownError`] says, signal by signal, how much was lost and why; the same stands in the last log line.
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
        self.go_down(deadline, End::Asked)
    }

    /// The end of `main`: a failure becomes one log line with all of its causes, then telemetry is shut down.
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
        // A start that failed has let go of its latches.
        self.parts.readiness.drain();
        let code = match result {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                let error = with_causes(error.into().as_ref());
                tracing::error!(target: "firstlight::end", "the program failed: {error}");
                ExitCode::FAILURE
            }
        };
        // What could not be sent is in the last line; it does not make a success of the program a failure.
        let _ = self.go_down(self.parts.shutdown_timeout, End::Asked);
        code
    }

    /// Ends the process with a code of the program's own, and before that telemetry, within `FIRSTLIGHT_SHUTDOWN_TIMEOUT`
    /// (5 s by default).
    ///
    /// In place of [`std::process::exit`], which runs no destructor: a guard that is alive then is never dropped, so the
    /// spans that wait for their batch (5 s by default) are lost, and the log lines of the last milliseconds may be.
    /// Like that one it ends all threads wherever they are. A program that can return from `main` should rather do that, with
    /// [`finish`](Self::finish).
    ///
    /// ```no_run
    /// # fn main() -> Result<(), firstlight::InitError> {
    /// let telemetry = firstlight::init!()?;
    /// tracing::error!("no configuration");
    /// telemetry.exit(78) // EX_CONFIG
    /// # }
    /// ```
    pub fn exit(mut self, code: i32) -> ! {
        // What could not be sent is in the last line; the code is the program's.
        let _ = self.go_down(self.parts.shutdown_timeout, End::Asked);
        std::process::exit(code)
    }

    fn go_down(&mut self, deadline: Duration, end: End) -> Result<(), ShutdownError> {
        self.is_down = true;
        // This may block the runtime until the deadline, and that is no incident.
        self.parts.runtime.stop();
        self.parts.readiness.drain();
        self.parts.metrics.warn_overflows();
        let result = self.flush_with(deadline, |unsent| self.log_last_line(unsent));
        self.parts.exporters.close();
        self.parts.status.ended(end);
        result
    }

    /// What was exported and lost in the life of the process; as a warning, and whatever the log filter says, if anything was
    /// lost.
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
            let now = unsent.iter().find(|(unsent, _)| *unsent == signal);
            let now = now.map_or(0, |(_, unsent)| unsent.count);
            if stats.total_lost() > now {
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
        // A batch that is still under way at the deadline is not counted by the exporter.
        let lost = spans.map_or(0, |spans| spans.total_lost() + spans.in_flight()) + open;
        if losses.is_empty() {
            tracing::info!(
                target: "firstlight",
                { spans.exported = exported, spans.lost = lost, log_lines.dropped = lines_dropped },
                "telemetry is down"
            );
        } else {
            tracing::warn!(
                target: LOSS_TARGET,
                { spans.exported = exported, spans.lost = lost, log_lines.dropped = lines_dropped },
                "telemetry is down; {}", losses.join("; ")
            );
        }
    }

    /// The log records go last, because the last line is one of them.
    fn flush_with(
        &self,
        deadline: Duration,
        report: impl FnOnce(&[(Signal, Unsent)]),
    ) -> Result<(), ShutdownError> {
        let deadline = deadline.min(LONGEST_DEADLINE);
        let end = Instant::now() + deadline;
        let dropped_before = self.parts.logs.dropped();
        let exporters = &self.parts.exporters;

        // All at once: a signal that hangs takes no time from the others.
        let (traces, metrics) = (
            exporters.flush(Signal::Traces),
            exporters.flush(Signal::Metrics),
        );
        let records = exporters.flush(Signal::Logs);
        let first = end - deadline.mul_f64(FOR_LOGS);
        let mut unsent = Vec::new();
        let mut wait = |signal, flush: Option<Flush>, end| {
            if let Some(Err(lost)) = flush.map(|flush| flush.wait(end)) {
                unsent.push((signal, lost));
            }
        };
        wait(Signal::Traces, traces, first);
        wait(Signal::Metrics, metrics, first);
        wait(Signal::Logs, records, first);
        report(&unsent);
        let last = exporters.flush(Signal::Logs);
        let unwritten = self.parts.logs.flush(end);
        if let Some(Err(lost)) = last.map(|flush| flush.wait(end)) {
            unsent.retain(|(signal, _)| *signal != Signal::Logs);
            unsent.push((Signal::Logs, lost));
        }

        let mut lost = Vec::new();
        for (signal, Unsent { count, cause }) in unsent {
            let since_start = exporters
                .stats(signal)
                .map_or(0, |stats| stats.total_lost());
            lost.push(Lost {
                kind: signal.into(),
                count,
                since_start: since_start.max(count),
                cause,
            });
        }
        let count = unwritten + self.parts.logs.dropped() - dropped_before;
        if count > 0 {
            lost.push(Lost {
                kind: LostKind::LogLines,
                count,
                since_start: self.parts.logs.dropped() + unwritten,
                cause: self.parts.logs.last_error(),
            });
        }
        if lost.is_empty() {
            Ok(())
        } else {
            Err(ShutdownError { deadline, lost })
        }
    }
}

impl Drop for TelemetryGuard {
    fn drop(&mut self) {
        if !self.is_down {
            // The last line has said what was lost; no other place is left to say it.
            let _ = self.go_down(self.parts.shutdown_timeout, End::Dropped);
            dropped::watch();
        }
    }
}
