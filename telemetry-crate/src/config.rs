//! The configuration: every setting, its default and the reason for the default.
//!
//! [`TelemetryConfig`] holds the choices of the program's author. The environment belongs to the operator and takes
//! precedence: **environment > setters > defaults**. `build()` merges both once into the private `Settings`, which
//! the rest of the crate reads. No other module reads the environment.

mod address;
mod buckets;
mod cardinality;
mod declared;
mod destination;
mod env;
mod export;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzz;
mod host;
mod key_values;
mod limits;
mod log_format;
mod log_output;
mod metric_alias;
mod process;
mod protocol;
mod queries;
mod recorder;
mod server;
mod settings;
#[cfg(test)]
mod tests;
mod trace_url;
mod traces;
mod unread;

use std::{net::SocketAddr, time::Duration};

use crate::{Readiness, declared::DeclaredMetric};

#[cfg(feature = "otlp-tls")]
pub(crate) use destination::PemFile;
#[cfg(all(test, feature = "testing"))]
pub(crate) use destination::Tls;
pub(crate) use env::{PROMETHEUS_PORT, RECORDER_FILE};
pub use env::{VARIABLES, Variable};
pub use log_format::LogFormat;
pub use log_output::LogOutput;
#[cfg(any(feature = "sqlx-postgres", feature = "sqlx-sqlite"))]
pub(crate) use process::lossy_variable as process_lossy;
pub(crate) use process::{variable as process_environment, variables as process_variables};
#[cfg(feature = "db")]
pub(crate) use queries::QueryLimits;
#[cfg(feature = "axum")]
pub(crate) use server::ServerLimits;
pub use traces::RemoteParent;
pub(crate) use {
    buckets::validate_buckets,
    cardinality::CardinalityLimits,
    destination::Destination,
    export::{BatchExport, Batching, PeriodicExport},
    limits::{RecordLimits, SpanLimits},
    metric_alias::MetricAlias,
    protocol::Protocol,
    settings::Settings,
    traces::{Propagator, SamplerSetting},
    unread::warnings as unread_warnings,
};

/// The configuration that the program's author chooses.
///
/// Environment variables override it; each setter names its variable. Every setting has a working default, so an empty
/// configuration is complete.
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
    pub(crate) log_output: Option<LogOutput>,
    pub(crate) redact: Vec<String>,
    pub(crate) trace_filter: Option<String>,
    pub(crate) otlp_endpoint: Option<String>,
    pub(crate) admin: Option<Admin>,
    pub(crate) admin_required: bool,
    pub(crate) declared: Vec<DeclaredMetric>,
    pub(crate) buckets: Vec<(String, Vec<f64>)>,
    pub(crate) cardinality_limits: Vec<(String, usize)>,
    pub(crate) total_cardinality_limit: Option<usize>,
    pub(crate) metric_aliases: Vec<MetricAlias>,
    pub(crate) slow_query: Option<Duration>,
    pub(crate) n_plus_one: Option<u32>,
    pub(crate) shutdown_timeout: Option<Duration>,
    pub(crate) readiness: Readiness,
}

/// The program author's choice of an admin listener.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Admin {
    Off,
    At(SocketAddr),
}

impl TelemetryConfig {
    /// Creates a configuration in which every setting has its default.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets `service.name`.
    ///
    /// Default: `unknown_service:` and the name of the executable, as the OpenTelemetry resource conventions require.
    /// Overridden by `OTEL_SERVICE_NAME` and by `service.name` in `OTEL_RESOURCE_ATTRIBUTES`.
    pub fn service_name(mut self, name: impl Into<String>) -> Self {
        self.service_name = Some(name.into());
        self
    }

    /// Sets `service.version`.
    ///
    /// Unset by default. Overridden by `service.version` in `OTEL_RESOURCE_ATTRIBUTES`.
    pub fn service_version(mut self, version: impl Into<String>) -> Self {
        self.service_version = Some(version.into());
        self
    }

    /// Adds a resource attribute, shown on every span and on `target_info`.
    ///
    /// Overridden by the same key in `OTEL_RESOURCE_ATTRIBUTES`.
    pub fn resource_attribute(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.resource_attributes.push((key.into(), value.into()));
        self
    }

    /// Sets which events become log lines, in the syntax of `RUST_LOG`.
    ///
    /// Default: `info`, the level that most services run at in production. The filter never removes a span from a
    /// trace. Overridden by `RUST_LOG`.
    pub fn log_filter(mut self, directives: impl Into<String>) -> Self {
        self.log_filter = Some(directives.into());
        self
    }

    /// Sets the format of log lines.
    ///
    /// Default: [`LogFormat::Pretty`] on a terminal and [`LogFormat::Json`] elsewhere. Overridden by
    /// `FIRSTLIGHT_LOG_FORMAT`.
    pub fn log_format(mut self, format: LogFormat) -> Self {
        self.log_format = Some(format);
        self
    }

    /// Sets where log lines go.
    ///
    /// Default: standard output. Overridden by `FIRSTLIGHT_LOG_OUTPUT`.
    pub fn log_output(mut self, output: LogOutput) -> Self {
        self.log_output = Some(output);
        self
    }

    /// Adds a field name whose values are shown as `***`.
    ///
    /// Applies to log lines, spans and metric labels. A field also matches if its name ends in a dot, an underscore or a
    /// hyphen and the given name. `password`, `token`, `authorization`, `cookie` and similar names are always redacted.
    /// `FIRSTLIGHT_REDACT` adds further names.
    pub fn redact(mut self, field: impl Into<String>) -> Self {
        self.redact.push(field.into());
        self
    }

    /// Sets which spans become part of a trace, as `target=level` directives.
    ///
    /// Default: `info`, because spans below it describe the internals of libraries. Overridden by
    /// `FIRSTLIGHT_TRACE_FILTER`.
    pub fn trace_filter(mut self, directives: impl Into<String>) -> Self {
        self.trace_filter = Some(directives.into());
        self
    }

    /// Sets the base address of the collector, such as `http://localhost:4318`.
    ///
    /// `/v1/traces` and the other signals' paths are appended. Unset by default. Without an address, nothing is
    /// exported unless a variable turns an export on. An address turns the export of traces on. Metrics and log records
    /// are sent if `OTEL_METRICS_EXPORTER` and `OTEL_LOGS_EXPORTER` include `otlp`. Overridden by
    /// `OTEL_EXPORTER_OTLP_ENDPOINT` and by the signals' own variables, such as `OTEL_EXPORTER_OTLP_TRACES_ENDPOINT`.
    pub fn otlp_endpoint(mut self, endpoint: impl Into<String>) -> Self {
        self.otlp_endpoint = Some(endpoint.into());
        self
    }

    /// Sets the address of the admin listener.
    ///
    /// The listener serves `/metrics`, `/livez`, `/readyz`, `/log-filter` and `/telemetry`. Default: `localhost:9464`, the
    /// Prometheus exporter address of the OpenTelemetry specification. Port 0 selects a free port. Overridden by
    /// `OTEL_EXPORTER_PROMETHEUS_HOST` and `OTEL_EXPORTER_PROMETHEUS_PORT`.
    pub fn admin_address(mut self, address: SocketAddr) -> Self {
        self.admin = Some(Admin::At(address));
        self
    }

    /// Turns the admin listener off.
    ///
    /// Suits a command-line program or a batch job that is not scraped. An address in the environment turns the listener
    /// on again.
    pub fn without_admin(mut self) -> Self {
        self.admin = Some(Admin::Off);
        self
    }

    /// Sets the [`Readiness`] that `/readyz` reports.
    ///
    /// Default: an empty `Readiness`, which is ready at once. A program that is not ready when it starts sets its own. A
    /// latch taken before [`init()`](Self::init) is held when the admin listener answers its first request. A latch
    /// taken afterward may be too late for the first probe.
    /// [`TelemetryGuard::readiness`](crate::TelemetryGuard::readiness) returns the same `Readiness`.
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

    /// Makes an admin address that is in use an error of [`build()`](Self::build).
    ///
    /// By default, an address in use causes a warning, and the listener tries to bind it again every 5 s. Until it
    /// succeeds, the service runs without `/metrics`, and the alert on a target that is down fires. Overridden by
    /// `FIRSTLIGHT_ADMIN_REQUIRED`.
    pub fn require_admin(mut self) -> Self {
        self.admin_required = true;
        self
    }

    /// Sets the upper bounds of the buckets of one histogram.
    ///
    /// `metric` is the name in the exposition. `bounds` are in the histogram's own unit, in increasing order. Defaults:
    /// the semantic conventions' duration buckets for names that end in `_seconds`, powers of four for names that end in
    /// `_bytes`, and the OpenTelemetry SDK's default buckets otherwise.
    pub fn buckets(mut self, metric: impl Into<String>, bounds: impl Into<Vec<f64>>) -> Self {
        self.buckets.push((metric.into(), bounds.into()));
        self
    }

    /// Sets how many series one metric may have.
    ///
    /// `metric` is the name in the exposition. Default: 2,000, the OpenTelemetry SDK's cardinality limit. Samples
    /// beyond the limit go to one overflow series, `otel_metric_overflow="true"`, and one log line names the label that
    /// has the most values. Overridden by `FIRSTLIGHT_METRICS_CARDINALITY_LIMIT`.
    pub fn cardinality_limit(mut self, metric: impl Into<String>, series: usize) -> Self {
        self.cardinality_limits.push((metric.into(), series));
        self
    }

    /// Sets how many series all of the program's metrics may have together.
    ///
    /// Default: 50,000. That is about 30 MB in this process and an exposition of 10 to 20 MB, a size at which
    /// Prometheus servers start to have difficulties. Each metric keeps room for its first 10 series. Overridden by
    /// `FIRSTLIGHT_METRICS_TOTAL_CARDINALITY_LIMIT`.
    pub fn total_cardinality_limit(mut self, series: usize) -> Self {
        self.total_cardinality_limit = Some(series);
        self
    }

    /// Shows a metric on `/metrics` under a second name.
    ///
    /// Dashboards and alerts that were made for another exporter continue to work, while those of firstlight have the
    /// metric's own name. `metric` is the name in the exposition, or that of a histogram with `_count` for its count
    /// alone. `labels` are pairs of a label and its name under the alias; other labels keep their names. Values and
    /// buckets are those of the metric. The alias adds its series to each scrape, and neither to the cardinality
    /// limits nor to metrics over OTLP.
    ///
    /// A metric of the program that has the name of an alias is not recorded, as any second metric of one name, and is
    /// listed at `/telemetry`. An alias of a metric that has no sample is listed there too.
    ///
    /// ```
    /// use firstlight::TelemetryConfig;
    ///
    /// // The names and labels of axum-prometheus.
    /// let labels = [
    ///     ("http_request_method", "method"),
    ///     ("http_response_status_code", "status"),
    ///     ("http_route", "endpoint"),
    /// ];
    /// let duration = "http_server_request_duration_seconds";
    /// let config = TelemetryConfig::new()
    ///     .metric_alias(duration, "axum_http_requests_duration_seconds", &labels)
    ///     .metric_alias(format!("{duration}_count"), "axum_http_requests_total", &labels);
    /// # drop(config);
    /// ```
    ///
    /// # Errors
    ///
    /// `init()` fails if the alias or one of its labels is not a valid name, or if the name is taken by a metric of
    /// firstlight or by another alias.
    pub fn metric_alias(
        mut self,
        metric: impl Into<String>,
        alias: impl Into<String>,
        labels: &[(&str, &str)],
    ) -> Self {
        let owned = |(label, alias): &(&str, &str)| ((*label).to_owned(), (*alias).to_owned());
        self.metric_aliases.push(MetricAlias {
            metric: metric.into(),
            alias: alias.into(),
            labels: labels.iter().map(owned).collect(),
        });
        self
    }

    /// Sets the duration from which a statement is logged as slow.
    ///
    /// The WARN line replaces the line that sqlx logs about a slow statement. Default: 1 s, sqlx's threshold and the
    /// timeout of most requests. Zero turns the warning off. Takes effect with the feature `db`. Overridden by
    /// `FIRSTLIGHT_SLOW_QUERY`.
    pub fn slow_query(mut self, threshold: Duration) -> Self {
        self.slow_query = Some(threshold);
        self
    }

    /// Sets how many runs of one statement in a request are an N+1 query.
    ///
    /// A request with so many runs or more gets one WARN line at its end, an attribute on its span, and a count in
    /// `sql_n_plus_one_total`. Default: 10. Fewer runs are a few lookups that no user notices, while one page of a list
    /// has ten rows or more. Zero turns the detection off. Takes effect with the feature `db`. Overridden by
    /// `FIRSTLIGHT_N_PLUS_ONE`.
    pub fn n_plus_one(mut self, repeats: u32) -> Self {
        self.n_plus_one = Some(repeats);
        self
    }

    /// Sets how long a dropped guard may flush.
    ///
    /// Default: 5 s. By default, Kubernetes kills a pod 30 s after the signal to stop. A drain of 20 s leaves 10 s, and
    /// the flush takes at most half of them. Overridden by `FIRSTLIGHT_SHUTDOWN_TIMEOUT`.
    pub fn shutdown_timeout(mut self, timeout: Duration) -> Self {
        self.shutdown_timeout = Some(timeout);
        self
    }
}
