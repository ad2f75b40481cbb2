//! What can go wrong when telemetry starts and when it stops.
//!
//! Each message names the setting, what was found, what was expected, and what to do. Two types, because they meet
//! two readers: [`InitError`] the one who deploys the service, [`ShutdownError`] the one of its last lines.
//! Nothing that happens in between is an error of the service: telemetry that fails at run time is counted on the
//! metrics page and logged when its state changes.

use std::{fmt, io, net::SocketAddr, time::Duration};

/// Why telemetry did not start. Nothing was installed, no thread and no listener is left behind, except where a
/// variant says otherwise.
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum InitError {
    /// Telemetry runs already in this process.
    #[error(
        "telemetry is already initialized in this process: call init() once, first thing in main(), and pass the guard on"
    )]
    AlreadyInitialized,

    /// A setting holds a value that cannot work.
    #[error("{setting}: found {found:?}, expected {expected}")]
    #[non_exhaustive]
    InvalidSetting {
        /// The environment variable or the setter of [`TelemetryConfig`](crate::TelemetryConfig).
        setting: String,
        /// The value, without credentials.
        found: String,
        /// What would be accepted, and what to do.
        expected: String,
    },

    /// The admin listener could not be bound.
    #[error(
        "admin listener: cannot listen on {address}: {source}; choose another address with OTEL_EXPORTER_PROMETHEUS_HOST and OTEL_EXPORTER_PROMETHEUS_PORT (port 0 takes a free one)"
    )]
    #[non_exhaustive]
    AdminListener {
        /// The address, as configured.
        address: String,
        /// The operating system's reason.
        source: io::Error,
    },

    /// The OTLP exporter refused its configuration.
    #[error("OTLP trace exporter: {reason}; check the OTEL_EXPORTER_OTLP_* variables")]
    #[non_exhaustive]
    Exporter {
        /// The exporter's own words.
        reason: String,
    },

    /// A thread could not be started.
    #[error("cannot start the thread {name:?}: {source}; raise the process's limit of threads")]
    #[non_exhaustive]
    Thread {
        /// The thread's name.
        name: &'static str,
        /// The operating system's reason.
        source: io::Error,
    },

    /// Another crate has set the global `tracing` subscriber.
    #[error(
        "a global tracing subscriber is set already: remove the other one, or add firstlight's layer to it with TelemetryConfig::build() and Telemetry::layer()"
    )]
    SubscriberTaken,

    /// Another crate has set the global `log` logger.
    #[error(
        "a global logger of the `log` crate is set already: remove the other one; firstlight receives `log` records itself"
    )]
    LoggerTaken,

    /// Another crate has set the global `metrics` recorder. The `tracing` subscriber is installed already and stays.
    #[error(
        "a global metrics recorder is set already: remove the other exporter; firstlight serves the same metrics on its admin listener"
    )]
    RecorderTaken,
}

impl InitError {
    pub(crate) fn invalid(
        setting: &str,
        found: impl Into<String>,
        expected: impl Into<String>,
    ) -> Self {
        Self::InvalidSetting {
            setting: setting.to_owned(),
            found: found.into(),
            expected: expected.into(),
        }
    }

    pub(crate) fn is_address_in_use(&self) -> bool {
        matches!(self, Self::AdminListener { source, .. } if source.kind() == io::ErrorKind::AddrInUse)
    }

    pub(crate) fn admin_listener(address: impl Into<String>, source: io::Error) -> Self {
        Self::AdminListener {
            address: address.into(),
            source,
        }
    }
}

/// What a flush or a shutdown could not deliver within its deadline, signal by signal.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ShutdownError {
    /// The deadline that was given, for all signals together.
    pub deadline: Duration,
    /// What this flush lost; never empty.
    pub lost: Vec<Lost>,
}

/// How much of one signal was lost, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Lost {
    /// What was lost.
    pub kind: LostKind,
    /// How many of them in this flush.
    pub count: u64,
    /// How many since the process started, these included.
    pub since_start: u64,
    /// The last error, with its causes.
    pub cause: String,
}

/// What can be lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum LostKind {
    /// Of traces.
    Spans,
    /// Of metrics that are pushed. The counts in them are not lost as long as the process lives: metrics are cumulative.
    DataPoints,
    /// Log records over OTLP; their lines are on standard output.
    LogRecords,
    /// Lines on standard output.
    LogLines,
}

impl fmt::Display for LostKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Spans => "spans",
            Self::DataPoints => "data points",
            Self::LogRecords => "log records",
            Self::LogLines => "log lines",
        })
    }
}

impl LostKind {
    /// `1 span`, `2 spans`.
    pub(crate) fn counted(self, number: u64) -> String {
        let more = self.to_string();
        let one = more.strip_suffix('s').unwrap_or(&more);
        format!("{number} {}", if number == 1 { one } else { &more })
    }
}

impl fmt::Display for ShutdownError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut separator = "";
        for Lost {
            kind,
            count,
            since_start,
            cause,
        } in &self.lost
        {
            write!(
                f,
                "{separator}{} lost ({since_start} since start): {cause}",
                kind.counted(*count)
            )?;
            separator = "; ";
        }
        write!(f, "; deadline {} ms", self.deadline.as_millis())
    }
}

impl std::error::Error for ShutdownError {}

// A `main` that returns an error shows its `Debug` form; the sentence is what an operator can act on.
impl fmt::Debug for InitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Debug for ShutdownError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A collector's address as it may be shown: without the query, where some vendors want their keys.
pub(crate) fn without_query(endpoint: &http::Uri) -> String {
    let text = endpoint.to_string();
    match text.split_once('?') {
        Some((shown, _)) => shown.to_owned(),
        None => text,
    }
}

/// `http://127.0.0.1:9464`, the way people paste it into a browser.
pub(crate) fn url_of(address: SocketAddr) -> String {
    format!("http://{address}")
}
