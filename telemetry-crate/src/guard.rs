//! The guard: as long as it lives telemetry runs, and when it goes everything that waits is sent.

use std::{
    error::Error,
    net::SocketAddr,
    process::ExitCode,
    sync::Arc,
    time::{Duration, Instant},
};

use crate::{
    CheckReport, NoRuntime, Readiness,
    check::Pipelines,
    error::{Lost, ShutdownError, with_causes},
    logs::LogWriter,
    metrics::MetricsHandle,
    runtime::RuntimeObserver,
    status::Status,
    traces::{TracesHandle, Unsent},
};

/// The share of the deadline that is kept back for the log lines, which report what became of the spans.
const FOR_LOGS: f64 = 0.2;

/// Running telemetry. Keep it until the program ends.
///
/// Bind it to a name: `let _ = firstlight::init()?` drops it at once, and with it everything that was still to be
/// sent. Dropping it flushes within `FIRSTLIGHT_SHUTDOWN_TIMEOUT` (5 s by default) and logs one line;
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
    pub(crate) traces: TracesHandle,
    pub(crate) metrics: MetricsHandle,
    pub(crate) logs: LogWriter,
    pub(crate) readiness: Readiness,
    pub(crate) runtime: Arc<RuntimeObserver>,
    pub(crate) status: Arc<Status>,
    pub(crate) admin_address: Option<SocketAddr>,
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

    /// Where `/metrics`, `/livez`, `/readyz`, `/log-filter` and `/telemetry` are served; `None` if nowhere.
    #[must_use]
    pub fn admin_address(&self) -> Option<SocketAddr> {
        self.parts.admin_address
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

    /// Sends a canary through every pipeline and says what became of it: one log line, one count on the metrics page, and
    /// one span, which the collector must acknowledge within the deadline. Blocks the calling thread.
    ///
    /// [`check()`](crate::check()) does it for a program that does nothing else.
    pub fn check(&self, deadline: Duration) -> CheckReport {
        Pipelines {
            status: &self.parts.status,
            logs: &self.parts.logs,
            metrics: &self.parts.metrics,
            traces: &self.parts.traces,
            admin_address: self.parts.admin_address,
        }
        .check(deadline)
    }

    /// Sends everything that waits, under one deadline for all signals: spans first, then log lines.
    ///
    /// # Errors
    ///
    /// [`ShutdownError`] says, signal by signal, how much this flush lost and why.
    pub fn flush(&self, deadline: Duration) -> Result<(), ShutdownError> {
        self.flush_with(deadline, |_| {})
    }

    /// Flushes and ends telemetry. Spans that end later are dropped and counted; log lines still come out.
    ///
    /// # Errors
    ///
    /// [`ShutdownError`] says, signal by signal, how much was lost and why; the same stands in the last log line.
    ///
    /// ```no_run
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let telemetry = firstlight::init()?;
    /// // ... the program ...
    /// telemetry.shutdown(std::time::Duration::from_secs(3))?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn shutdown(mut self, deadline: Duration) -> Result<(), ShutdownError> {
        self.go_down(deadline)
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
        let code = match result {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                let error = with_causes(error.into().as_ref());
                tracing::error!(target: "firstlight", "the program failed: {error}");
                ExitCode::FAILURE
            }
        };
        // What could not be sent is in the last line; it does not make a success of the program a failure.
        let _ = self.go_down(self.parts.shutdown_timeout);
        code
    }

    fn go_down(&mut self, deadline: Duration) -> Result<(), ShutdownError> {
        self.is_down = true;
        // This may block the runtime until the deadline, and that is no incident.
        self.parts.runtime.stop();
        self.parts.readiness.drain();
        self.parts.metrics.warn_over_budget();
        let result = self.flush_with(deadline, |traces| self.log_last_line(traces));
        if let Some((processor, _)) = self.parts.traces.export() {
            processor.close();
        }
        result
    }

    fn log_last_line(&self, traces: &Result<(), Unsent>) {
        let (exported, lost) = match self.parts.traces.export() {
            Some((_, stats)) => (stats.total_exported(), stats.total_lost()),
            None => (0, 0),
        };
        let lines_dropped = self.parts.logs.dropped();
        match traces {
            Err(Unsent { spans, cause }) => tracing::warn!(
                target: "firstlight",
                {
                    spans.exported = exported,
                    // A batch that is still under way at the deadline is not counted by the exporter.
                    spans.lost = lost.max(*spans),
                    log_lines.dropped = lines_dropped
                },
                "telemetry is down; {spans} spans could not be delivered: {cause}"
            ),
            Ok(()) => tracing::info!(
                target: "firstlight",
                { spans.exported = exported, spans.lost = lost, log_lines.dropped = lines_dropped },
                "telemetry is down"
            ),
        }
    }

    fn flush_with(
        &self,
        deadline: Duration,
        report: impl FnOnce(&Result<(), Unsent>),
    ) -> Result<(), ShutdownError> {
        let end = Instant::now() + deadline;
        let dropped_before = self.parts.logs.dropped();

        let export = self.parts.traces.export();
        let traces = export.map_or(Ok(()), |(processor, _)| {
            processor.flush(end - deadline.mul_f64(FOR_LOGS))
        });
        report(&traces);
        let unwritten = self.parts.logs.flush(end);

        let traces = traces.err().map(|Unsent { spans, cause }| Lost {
            count: spans,
            since_start: export.map_or(0, |(_, stats)| stats.total_lost()).max(spans),
            cause,
        });
        let count = unwritten + self.parts.logs.dropped() - dropped_before;
        let logs = (count > 0).then(|| Lost {
            count,
            since_start: self.parts.logs.dropped() + unwritten,
            cause: self.parts.logs.last_error(),
        });
        match (&traces, &logs) {
            (None, None) => Ok(()),
            _ => Err(ShutdownError {
                deadline,
                traces,
                logs,
            }),
        }
    }
}

impl Drop for TelemetryGuard {
    fn drop(&mut self) {
        if !self.is_down {
            // The last line has said what was lost; there is nobody else to tell.
            let _ = self.go_down(self.parts.shutdown_timeout);
        }
    }
}
