//! The end-to-end check of telemetry.
//!
//! A deployment runs the check to see that telemetry works, and not only how it is configured. The check writes a log
//! line, finds a counter in the exposition that a scraper gets, and waits until the collector has acknowledged a span.
//! It cannot see whether the collector forwards the span to its backend.

mod port;

use std::{
    fmt,
    net::SocketAddr,
    process::ExitCode,
    time::{Duration, Instant},
};

pub(crate) use self::port::describe_user;
use self::port::{fetch, reachable};
use crate::{
    InitError, catalog,
    export::{ExportError, ExportStats, Exporters, Flush, LONGEST_DEADLINE, Unsent},
    logs::LogWriter,
    metrics::{Format, MetricsHandle},
    signal::Signal,
    status::{Status, hint},
    traces::{self, Canary},
};

/// The results of a check.
///
/// The `Display` form has one line per signal, with advice for failures. Returned by [`check()`](crate::check()) and
/// [`TelemetryGuard::check`](crate::TelemetryGuard::check).
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use = "show it, and return its `exit_code()`"]
pub struct CheckReport {
    parts: Vec<(&'static str, Outcome)>,
    /// Remarks that do not make the check fail.
    notes: Vec<String>,
}

/// The result for one signal.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Outcome {
    Works(String),
    /// The signal is not configured, which is not a failure.
    Off(String),
    Fails(String),
}

impl CheckReport {
    /// Creates the report of a failed start.
    pub(crate) fn failed_start(error: &InitError) -> Self {
        Self {
            parts: vec![("start", Outcome::Fails(error.to_string()))],
            notes: Vec::new(),
        }
    }

    pub(crate) fn note(&mut self, note: String) {
        self.notes.push(note);
    }

    /// Returns whether every signal that is on works.
    ///
    /// A signal that is off, such as traces without an endpoint, is not a failure.
    #[must_use]
    pub fn is_ok(&self) -> bool {
        let fails = |(_, outcome): &(_, Outcome)| matches!(outcome, Outcome::Fails(_));
        !self.parts.iter().any(fails)
    }

    /// Returns the exit code for `main`: success if [`is_ok`](Self::is_ok).
    #[must_use = "return it from `main`"]
    pub fn exit_code(&self) -> ExitCode {
        if self.is_ok() {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        }
    }
}

impl fmt::Display for CheckReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verdict = if self.is_ok() { "ok" } else { "failed" };
        write!(f, "telemetry check: {verdict}")?;
        for (signal, outcome) in &self.parts {
            match outcome {
                Outcome::Works(detail) => write!(f, "\n  {signal}: ok, {detail}")?,
                Outcome::Off(detail) => write!(f, "\n  {signal}: off, {detail}")?,
                Outcome::Fails(detail) => write!(f, "\n  {signal}: failed, {detail}")?,
            }
        }
        for note in &self.notes {
            write!(f, "\n  note: {note}")?;
        }
        Ok(())
    }
}

/// The parts of running telemetry that a check needs.
pub(crate) struct Pipelines<'a> {
    pub(crate) status: &'a Status,
    pub(crate) logs: &'a LogWriter,
    pub(crate) metrics: &'a MetricsHandle,
    pub(crate) exporters: &'a Exporters,
    pub(crate) admin_address: Option<SocketAddr>,
}

impl Pipelines<'_> {
    /// Runs the check; blocks the calling thread until the deadline at most.
    pub(crate) fn check(&self, deadline: Duration) -> CheckReport {
        let deadline = deadline.min(LONGEST_DEADLINE);
        let end = Instant::now() + deadline;
        // Logs and metrics are local and take milliseconds; the rest of the time is for the collector.
        let local = deadline / 4;
        let mut parts = vec![
            ("logs", self.logs(Instant::now() + local)),
            ("metrics", self.metrics(local)),
        ];
        // They start together, so that a signal that hangs takes no time from the others.
        let pushes = [
            ("metrics push", Signal::Metrics),
            ("log records", Signal::Logs),
        ]
        .map(|(name, signal)| (name, self.start_export(signal)));
        parts.push(("traces", self.traces(end)));
        for (name, push) in pushes {
            let outcome = push.map(|push| push.outcome(end));
            parts.extend(outcome.map(|outcome| (name, outcome)));
        }
        CheckReport {
            parts,
            notes: self.status.notes(),
        }
    }

    /// Writes one log line, and waits until it is written.
    fn logs(&self, deadline: Instant) -> Outcome {
        if !self.status.log_layer_is_in_subscriber() {
            return Outcome::Fails(
                "firstlight's layer is not in this thread's subscriber, which is the global subscriber unless the thread has set its own: add Telemetry::layer() to it"
                    .to_owned(),
            );
        }
        let dropped = self.logs.dropped();
        // The log filter always passes this target.
        tracing::info!(target: "firstlight::check", "telemetry check: this line is its canary");
        let unwritten = self.logs.flush(deadline);
        if unwritten > 0 {
            return Outcome::Fails(format!(
                "{} is blocked: its reader has stopped reading",
                self.logs.output()
            ));
        }
        if self.logs.dropped() > dropped {
            return Outcome::Fails(format!("a line was lost: {}", self.logs.last_error()));
        }
        Outcome::Works(format!(
            "one line written to {} ({}, filter {})",
            self.logs.output(),
            self.status.log_format(),
            self.status.log_filter().text()
        ))
    }

    /// Counts one sample, and looks for it in the exposition.
    fn metrics(&self, time: Duration) -> Outcome {
        let name = catalog::FIRSTLIGHT_CHECKS.name;
        let before = value(&self.metrics.render(Format::Text), name);
        ::metrics::counter!(name).increment(1);
        let address = self.admin_address.filter(|_| self.status.serves_metrics());
        let (exposition, place) = match address {
            None => (self.metrics.render(Format::Text), "in memory".to_owned()),
            Some(address) => {
                let url = format!("http://{}/metrics", reachable(address));
                match fetch(reachable(address), "/metrics", time, usize::MAX) {
                    Ok(exposition) => (exposition, format!("at {url}")),
                    Err(error) => {
                        return Outcome::Fails(format!("{url} does not answer: {error}"));
                    }
                }
            }
        };
        if value(&exposition, name) <= before {
            return Outcome::Fails(format!(
                "{name} was counted and is not {place}: another recorder takes this thread's metrics"
            ));
        }
        match address {
            Some(_) => Outcome::Works(format!("{name} was counted and found {place}")),
            None => Outcome::Off(format!(
                "{name} was counted and found {place}, and is served nowhere: set OTEL_EXPORTER_PROMETHEUS_PORT to serve it, with `prometheus` in OTEL_METRICS_EXPORTER"
            )),
        }
    }

    /// Sends one span, and waits until the collector has acknowledged it.
    fn traces(&self, end: Instant) -> Outcome {
        let Some((endpoint, stats)) = self.status.export(Signal::Traces) else {
            return Outcome::Off(self.status.why_no_traces().to_owned());
        };
        let lost = stats.total_lost();
        let trace_id = match traces::send_canary() {
            Canary::Ended(trace_id) => trace_id,
            Canary::Hidden => {
                return Outcome::Fails(
                    "the filter lets no span through: check FIRSTLIGHT_TRACE_FILTER, or firstlight's layer is not in this thread's subscriber"
                        .to_owned(),
                );
            }
            Canary::Unsampled => {
                return Outcome::Fails(
                    "the sampler keeps no trace at all, so nothing is exported: check OTEL_TRACES_SAMPLER"
                        .to_owned(),
                );
            }
        };
        match self.flush(Signal::Traces, end) {
            Err(unsent) => Outcome::Fails(format!(
                "{endpoint} did not accept a span: {}",
                cause_with_hint(Signal::Traces, unsent, stats.last_error())
            )),
            Ok(()) if stats.total_lost() > lost => {
                Outcome::Fails(format!("spans are being lost on the way to {endpoint}"))
            }
            Ok(()) => Outcome::Works(format!(
                "{endpoint} has acknowledged a span of the trace {trace_id}"
            )),
        }
    }

    /// Starts an export of metrics or log records; `None` if it is off.
    ///
    /// Among the items sent are the log line and the sample of the preceding checks.
    fn start_export(&self, signal: Signal) -> Option<Push<'_>> {
        let (endpoint, stats) = self.status.export(signal)?;
        let exported_before = stats.total_exported();
        Some(Push {
            endpoint,
            stats,
            exported_before,
            flush: self.exporters.flush(signal),
        })
    }

    fn flush(&self, signal: Signal, end: Instant) -> Result<(), Unsent> {
        self.exporters
            .flush(signal)
            .map_or(Ok(()), |flush| flush.wait(end))
    }
}

/// An export of metrics or log records in progress.
struct Push<'a> {
    endpoint: String,
    stats: &'a ExportStats,
    exported_before: u64,
    flush: Option<Flush>,
}

impl Push<'_> {
    /// Waits until the collector has acknowledged the items.
    fn outcome(self, end: Instant) -> Outcome {
        let (endpoint, signal) = (&self.endpoint, self.stats.signal());
        let unit = signal.unit();
        let flushed = self.flush.map_or(Ok(()), |flush| flush.wait(end));
        let exported = self.stats.total_exported() - self.exported_before;
        match flushed {
            Err(unsent) => Outcome::Fails(format!(
                "{endpoint} did not accept the {unit}: {}",
                cause_with_hint(signal, unsent, self.stats.last_error())
            )),
            Ok(()) if exported == 0 => Outcome::Fails(format!(
                "{endpoint} has acknowledged no {unit}: none were sent, or there was no answer within the deadline"
            )),
            Ok(()) => Outcome::Works(format!(
                "{endpoint} has acknowledged {}",
                unit.counted(exported)
            )),
        }
    }
}

/// Returns the cause of a failed flush, with advice.
fn cause_with_hint(signal: Signal, unsent: Unsent, last_error: Option<ExportError>) -> String {
    match last_error {
        Some(error) => format!("{}; {}", unsent.cause, hint(signal, &error.kind)),
        // No attempt has ended yet, so nothing is known but the cause.
        None => unsent.cause,
    }
}

/// Returns the value of a series without labels; `None` before its first sample.
fn value(exposition: &str, name: &str) -> Option<u64> {
    exposition
        .lines()
        .filter_map(|line| line.strip_prefix(name)?.strip_prefix(' '))
        .find_map(|value| value.parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn report_is_ok_unless_a_part_fails() {
        let mut report = CheckReport {
            parts: vec![
                ("logs", Outcome::Works("written".to_owned())),
                ("traces", Outcome::Off("no endpoint".to_owned())),
            ],
            notes: Vec::new(),
        };
        assert!(report.is_ok());
        report.note("mind the gap".to_owned());
        assert_eq!(
            report.to_string(),
            "telemetry check: ok\n  logs: ok, written\n  traces: off, no endpoint\n  note: mind the gap"
        );
        report
            .parts
            .push(("metrics", Outcome::Fails("lost".to_owned())));
        assert!(!report.is_ok());
        assert!(report.to_string().starts_with("telemetry check: failed\n"));
    }

    #[test]
    fn hint_is_never_empty() {
        let unsent = || Unsent {
            count: 1,
            cause: "no answer".to_owned(),
        };
        assert_eq!(cause_with_hint(Signal::Logs, unsent(), None), "no answer");
        let error = ExportError::encoding("too long");
        let text = cause_with_hint(Signal::Logs, unsent(), Some(error));
        assert_eq!(text, "no answer; the collector's own log may say more");
    }

    #[test]
    fn series_are_found_by_their_whole_name() {
        let exposition = "# TYPE a_total counter\na_total_b 7\na_total{x=\"y\"} 8\na_total 9\n";
        assert_eq!(value(exposition, "a_total"), Some(9));
        assert_eq!(value(exposition, "b_total"), None);
    }
}
