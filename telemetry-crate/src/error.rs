//! Errors of the start and the shutdown of telemetry.
//!
//! [`InitError`] is for the operator who deploys the service: each message names the setting, what was found, what was
//! expected, and what to do. [`ShutdownError`] lists lost items for the caller of a flush or a shutdown. Failures of
//! telemetry at run time are not errors of the service: they are counted in the metrics, and logged when the state
//! changes.

use std::{fmt, io, net::SocketAddr, time::Duration};

use crate::{secret, values::truncated};

/// The longest value that a message shows, in bytes.
///
/// A variable may have 128 KiB, and what to do stands behind its value.
const MAX_FOUND: usize = 256;

/// Returns a part of a setting's value for a message, cut if it is long.
pub(crate) fn cut(value: &str) -> String {
    truncated(value.to_owned(), MAX_FOUND)
}

/// Returns a setting's value for a message.
///
/// It is without secrets, and cut if it is long.
pub(crate) fn found(setting: &str, value: &str) -> String {
    // The value may be that of another setting, and have a secret.
    cut(&secret::shown(setting, value))
}

/// The reason why telemetry did not start.
///
/// Nothing was installed, and no thread or listener remains, except where a variant says otherwise.
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum InitError {
    /// Telemetry already runs in this process.
    #[error(
        "telemetry is already initialized in this process: call init() once, first thing in main(), and pass the guard on"
    )]
    AlreadyInitialized,

    /// A setting holds a value that cannot work.
    #[error("{setting}: found {found:?}, expected {expected}")]
    #[non_exhaustive]
    InvalidSetting {
        /// The environment variable or setter.
        ///
        /// Setters are those of [`TelemetryConfig`](crate::TelemetryConfig).
        setting: String,
        /// The value, without credentials, and cut if it is long.
        found: String,
        /// What would be accepted, and what to do.
        expected: String,
    },

    /// The bounds of a histogram's buckets cannot work.
    #[error("TelemetryConfig::buckets, {metric}: {reason}")]
    #[non_exhaustive]
    InvalidBuckets {
        /// The name of the histogram.
        metric: String,
        /// What was found, what is expected, and what to do.
        reason: String,
    },

    /// A declaration of a metric cannot work.
    #[error("TelemetryConfig::declare, {metric}: {reason}")]
    #[non_exhaustive]
    InvalidMetric {
        /// The name of the metric, as declared.
        metric: String,
        /// What was found, what is expected, and what to do.
        reason: String,
    },

    /// The admin listener could not be bound.
    #[error(
        "admin listener: cannot listen on {address}: {reason}; choose another address with OTEL_EXPORTER_PROMETHEUS_HOST and OTEL_EXPORTER_PROMETHEUS_PORT (port 0 takes a free one)"
    )]
    #[non_exhaustive]
    AdminListener {
        /// The address, as configured.
        address: String,
        /// The operating system's reason, which the message contains.
        reason: io::Error,
    },

    /// The OTLP exporter rejected its configuration.
    #[error("OTLP exporter: {reason}; check the OTEL_EXPORTER_OTLP_* variables")]
    #[non_exhaustive]
    Exporter {
        /// The exporter's message.
        reason: String,
    },

    /// A thread could not be started.
    ///
    /// The globals are registered already and stay. Threads that were started before continue to run.
    #[error("cannot start the thread {name:?}: {reason}; raise the process's limit of threads")]
    #[non_exhaustive]
    Thread {
        /// The thread's name.
        name: &'static str,
        /// The operating system's reason, which the message contains.
        reason: io::Error,
    },

    /// Another crate has set the global `tracing` subscriber.
    #[error(
        "a global tracing subscriber is set already: remove the other one, or add firstlight's layer to it with TelemetryConfig::build() and Telemetry::layer()"
    )]
    SubscriberTaken,

    /// Another crate has set the global `log` logger.
    ///
    /// The `tracing` subscriber is installed already and stays.
    #[error(
        "a global logger of the `log` crate is set already: remove the other one; firstlight receives `log` records itself"
    )]
    LoggerTaken,

    /// Another crate has set the global `metrics` recorder.
    ///
    /// Unless the program owns its subscriber, the `tracing` subscriber and the `log` bridge are installed already and
    /// stay.
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
            found: self::found(setting, &found.into()),
            expected: expected.into(),
        }
    }

    pub(crate) fn is_address_in_use(&self) -> bool {
        matches!(self, Self::AdminListener { reason, .. } if reason.kind() == io::ErrorKind::AddrInUse)
    }

    pub(crate) fn admin_listener(address: impl Into<String>, reason: io::Error) -> Self {
        Self::AdminListener {
            address: address.into(),
            reason,
        }
    }
}

/// The items that a flush or a shutdown did not deliver within its deadline.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ShutdownError {
    /// The deadline of the call, for all signals together.
    pub deadline: Duration,
    /// One entry per kind of items that this flush lost; never empty.
    pub lost: Vec<Lost>,
}

/// How much of one signal was lost, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Lost {
    /// The kind of the lost items.
    pub kind: LostKind,
    /// The number of items lost in this flush.
    pub count: u64,
    /// The number of items lost since the process started, including `count`.
    pub since_start: u64,
    /// The last error, with its causes.
    pub cause: String,
}

/// A kind of items that can be lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum LostKind {
    /// Spans of traces.
    Spans,
    /// Data points of metrics that are pushed.
    ///
    /// Metrics are cumulative, so the next successful push has their counts.
    DataPoints,
    /// Log records over OTLP; their log lines are on standard output.
    LogRecords,
    /// Log lines on standard output.
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
    /// Returns a number with the kind of items, such as `1 span` or `2 spans`.
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

// A `main` that returns an error prints its `Debug` form, which should be the message for operators.
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

/// Returns a collector's address without its query, which may contain a key.
pub(crate) fn without_query(endpoint: &http::Uri) -> String {
    let text = endpoint.to_string();
    match text.split_once('?') {
        Some((shown, _)) => shown.to_owned(),
        None => text,
    }
}

/// Returns the URL of an address, such as `http://127.0.0.1:9464`.
pub(crate) fn url_of(address: SocketAddr) -> String {
    format!("http://{address}")
}
