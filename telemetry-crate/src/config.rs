//! Every choice that can be made, its default and the reason for the default.
//!
//! [`TelemetryConfig`] holds what the program's author prefers. The environment, which belongs to the operator of the
//! program, wins over it: **environment > setters > defaults**. Both are merged once, in `build()`, into the private
//! `Settings`, which the rest of the crate reads; nothing else looks at the environment.

mod address;
mod buckets;
mod budget;
mod destination;
mod env;
mod export;
mod host;
mod limits;
mod queries;
mod server;
mod settings;
#[cfg(test)]
mod tests;
mod traces;
mod unread;

use std::{net::SocketAddr, time::Duration};

use crate::Readiness;

#[cfg(feature = "otlp-tls")]
pub(crate) use destination::PemFile;
#[cfg(all(test, feature = "testing"))]
pub(crate) use destination::Tls;
#[cfg(any(feature = "sqlx-postgres", feature = "sqlx-sqlite"))]
pub(crate) use env::process_lossy;
pub(crate) use env::{PROMETHEUS_PORT, process as process_environment, unread as unread_variables};
pub use env::{VARIABLES, Variable};
#[cfg(feature = "sqlx")]
pub(crate) use queries::QueryLimits;
#[cfg(feature = "axum")]
pub(crate) use server::ServerLimits;
pub use traces::RemoteParent;
pub(crate) use {
    buckets::validate_buckets,
    budget::CardinalityLimits,
    destination::{Destination, Protocol},
    export::{BatchExport, Batching, PeriodicExport},
    limits::{RecordLimits, SpanLimits},
    settings::Settings,
    traces::{Propagator, SamplerSetting},
};

/// What the program's author prefers; the environment wins over it.
///
/// Each setter names the variable that overrides it. Everything has a default that works, so an empty configuration is
/// a complete one.
///
/// ```no_run
/// use firstlight::TelemetryConfig;
///
/// # fn main() -> Result<(), firstlight::InitError> {
/// let telemetry = TelemetryConfig::new()
///     .service_name("orders")
///     .service_version(env!("CARGO_PKG_VERSION"))
///     .buckets("order_value_euros", [1.0, 10.0, 100.0, 1_000.0])
///     .init()?;
/// # drop(telemetry);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Default)]
#[must_use = "a configuration does nothing until `init()` or `build()` is called"]
pub struct TelemetryConfig {
    pub(crate) service_name: Option<String>,
    pub(crate) service_version: Option<String>,
    pub(crate) resource_attributes: Vec<(String, String)>,
    pub(crate) log_filter: Option<String>,
    pub(crate) log_format: Option<LogFormat>,
    pub(crate) redact: Vec<String>,
    pub(crate) trace_filter: Option<String>,
    pub(crate) otlp_endpoint: Option<String>,
    pub(crate) admin: Option<Admin>,
    pub(crate) admin_required: bool,
    pub(crate) buckets: Vec<(String, Vec<f64>)>,
    pub(crate) series_budgets: Vec<(String, usize)>,
    pub(crate) series_total: Option<usize>,
    pub(crate) slow_query: Option<Duration>,
    pub(crate) n_plus_one: Option<u32>,
    pub(crate) shutdown_timeout: Option<Duration>,
    pub(crate) readiness: Readiness,
}

/// Where the admin listener listens, if the program's author has said so.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Admin {
    Off,
    At(SocketAddr),
}

/// How log lines look. Overridden by `FIRSTLIGHT_LOG_FORMAT`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum LogFormat {
    /// One JSON object a line. The default when standard output is not a terminal: machines read it there.
    Json,
    /// For people, with colours. The default on a terminal.
    Pretty,
    /// JSON with the keys of the Elastic Common Schema. Fields of that schema have its types; all others are `labels` and
    /// `numeric_labels`, so that Elasticsearch refuses no line.
    Ecs,
    /// JSON with the keys of Google Cloud's structured logging. With `cloud.account.id` in the resource (the project),
    /// log lines are joined with traces.
    Gcp,
    /// JSON with the keys of Datadog, and trace ids in the 64-bit decimal form by which it joins logs and traces.
    Datadog,
}

impl LogFormat {
    const ALL: [Self; 5] = [
        Self::Json,
        Self::Pretty,
        Self::Ecs,
        Self::Gcp,
        Self::Datadog,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::Pretty => "pretty",
            Self::Ecs => "ecs",
            Self::Gcp => "gcp",
            Self::Datadog => "datadog",
        }
    }

    fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|format| format.name() == name)
    }
}

impl TelemetryConfig {
    /// A configuration in which everything has its default.
    pub fn new() -> Self {
        Self::default()
    }

    /// `service.name`; default `unknown_service:` and the name of the executable, as the OpenTelemetry resource
    /// conventions say. Overridden by `OTEL_SERVICE_NAME` and by `service.name` in `OTEL_RESOURCE_ATTRIBUTES`.
    pub fn service_name(mut self, name: impl Into<String>) -> Self {
        self.service_name = Some(name.into());
        self
    }

    /// `service.version`; unset by default. Overridden by `service.version` in `OTEL_RESOURCE_ATTRIBUTES`.
    pub fn service_version(mut self, version: impl Into<String>) -> Self {
        self.service_version = Some(version.into());
        self
    }

    /// One more resource attribute, on every span and on `target_info`. Overridden by the same key in
    /// `OTEL_RESOURCE_ATTRIBUTES`.
    pub fn resource_attribute(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.resource_attributes.push((key.into(), value.into()));
        self
    }

    /// Which events become log lines, in the syntax of `RUST_LOG`, which overrides it; default `info`, the level at
    /// which a service tells its story without telling all of it. It never removes a span from a trace.
    pub fn log_filter(mut self, directives: impl Into<String>) -> Self {
        self.log_filter = Some(directives.into());
        self
    }

    /// How log lines look; default [`LogFormat::Pretty`] on a terminal and [`LogFormat::Json`] elsewhere. Overridden by
    /// `FIRSTLIGHT_LOG_FORMAT`.
    pub fn log_format(mut self, format: LogFormat) -> Self {
        self.log_format = Some(format);
        self
    }

    /// One more name of a field whose value is shown as `***`, on log lines, on spans and in labels of metrics, also
    /// behind a dot, an underscore or a hyphen. `password`, `token`, `authorization`, `cookie` and the like always are.
    /// `FIRSTLIGHT_REDACT` adds to it.
    pub fn redact(mut self, field: impl Into<String>) -> Self {
        self.redact.push(field.into());
        self
    }

    /// Which spans become part of a trace, as `target=level` directives; default `info`: spans below it are
    /// a library's inner life. Overridden by `FIRSTLIGHT_TRACE_FILTER`.
    pub fn trace_filter(mut self, directives: impl Into<String>) -> Self {
        self.trace_filter = Some(directives.into());
        self
    }

    /// The collector's base address, such as `http://localhost:4318`, to which `/v1/traces` and the other signals' paths
    /// are appended. Unset by default, and then nothing is exported. It turns traces on; metrics and log records are sent
    /// if `OTEL_METRICS_EXPORTER` and `OTEL_LOGS_EXPORTER` say so. Overridden by `OTEL_EXPORTER_OTLP_ENDPOINT` and by the
    /// signals' own variables, such as `OTEL_EXPORTER_OTLP_TRACES_ENDPOINT`.
    pub fn otlp_endpoint(mut self, endpoint: impl Into<String>) -> Self {
        self.otlp_endpoint = Some(endpoint.into());
        self
    }

    /// Where `/metrics`, `/livez`, `/readyz`, `/log-filter` and `/telemetry` are served; default `localhost:9464`, the OpenTelemetry specification's
    /// Prometheus exporter address. Port 0 takes a free port. Overridden by `OTEL_EXPORTER_PROMETHEUS_HOST` and
    /// `OTEL_EXPORTER_PROMETHEUS_PORT`.
    pub fn admin_address(mut self, address: SocketAddr) -> Self {
        self.admin = Some(Admin::At(address));
        self
    }

    /// No admin listener: for a command-line program or a batch job that is not scraped. An address in the environment
    /// turns it on again.
    pub fn without_admin(mut self) -> Self {
        self.admin = Some(Admin::Off);
        self
    }

    /// What `/readyz` answers; default an empty [`Readiness`], which is ready at once.
    ///
    /// For a program that is not ready when it starts: a latch taken from it before [`init()`](Self::init) is held when the admin
    /// listener gives its first answer. One taken afterwards may come too late for a probe. It stays the same that
    /// [`TelemetryGuard::readiness`](crate::TelemetryGuard::readiness) returns.
    ///
    /// ```no_run
    /// use firstlight::Readiness;
    ///
    /// # fn main() -> Result<(), firstlight::InitError> {
    /// let readiness = Readiness::new();
    /// let starting = readiness.latch("start");
    /// let telemetry = firstlight::config!().readiness(readiness).init()?;
    /// // ... migrate, warm caches, open the port ...
    /// starting.release();
    /// # drop(telemetry);
    /// # Ok(())
    /// # }
    /// ```
    pub fn readiness(mut self, readiness: Readiness) -> Self {
        self.readiness = readiness;
        self
    }

    /// An admin address that is in use is an error of [`build()`](Self::build). By default it is a warning, and the address is
    /// tried again every 5 s: a service without its metrics page serves, and the alert on a target that is down says so.
    /// Overridden by `FIRSTLIGHT_ADMIN_REQUIRED`.
    pub fn require_admin(mut self) -> Self {
        self.admin_required = true;
        self
    }

    /// Upper bounds of the buckets of one histogram, by its name on the metrics page, in the histogram's own unit,
    /// rising. Defaults: the semantic conventions' duration buckets for names that end in `_seconds`, powers of four
    /// for `_bytes`, and the OpenTelemetry SDK's general ones otherwise.
    pub fn buckets(mut self, metric: impl Into<String>, bounds: impl Into<Vec<f64>>) -> Self {
        self.buckets.push((metric.into(), bounds.into()));
        self
    }

    /// How many series one metric may have, by its name on the metrics page; default 2,000, the OpenTelemetry SDK's
    /// cardinality limit. What exceeds it is counted in one series, `otel_metric_overflow="true"`, and one log line names
    /// the label that has the most values. Overridden by `FIRSTLIGHT_METRICS_SERIES_BUDGET`.
    pub fn series_budget(mut self, metric: impl Into<String>, series: usize) -> Self {
        self.series_budgets.push((metric.into(), series));
        self
    }

    /// How many series all of the program's metrics may have together; default 50,000, some 30 MB here and a page of 10 to
    /// 20 MB, which is where Prometheus servers start to complain. Each metric keeps room for its first 10. Overridden by
    /// `FIRSTLIGHT_METRICS_SERIES_TOTAL`.
    pub fn series_total(mut self, series: usize) -> Self {
        self.series_total = Some(series);
        self
    }

    /// From which duration on a statement is worth a WARN line of its own, in place of sqlx's; default 1 s, which is what
    /// sqlx takes for slow, and all that most requests have. Zero is never. With the feature `sqlx`. Overridden by
    /// `FIRSTLIGHT_SLOW_QUERY`.
    pub fn slow_query(mut self, threshold: Duration) -> Self {
        self.slow_query = Some(threshold);
        self
    }

    /// From how many runs of one statement in one request on it is an N+1: one WARN line at the request's end, an
    /// attribute on its span, and a count in `sql_n_plus_one_total`. Default 10: below, it is a handful of lookups that
    /// no user would notice, and a page of a list has ten rows or more. Zero is never. With the feature `sqlx`. Overridden
    /// by `FIRSTLIGHT_N_PLUS_ONE`.
    pub fn n_plus_one(mut self, repeats: u32) -> Self {
        self.n_plus_one = Some(repeats);
        self
    }

    /// How long a dropped guard may flush; default 5 s, half of what Kubernetes leaves after a typical drain.
    /// Overridden by `FIRSTLIGHT_SHUTDOWN_TIMEOUT`.
    pub fn shutdown_timeout(mut self, timeout: Duration) -> Self {
        self.shutdown_timeout = Some(timeout);
        self
    }
}
