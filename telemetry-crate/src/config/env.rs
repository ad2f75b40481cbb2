//! The table of all environment variables, and typed access to them with warnings.
//!
//! No other module reads the environment. The OpenTelemetry specification defines the rules ("Environment variable
//! specification"): an empty value means unset, and an invalid enumeration value or number causes a warning and is
//! ignored. Tests compare the tables in the README and the book with this table.

use std::{num::NonZeroU64, str::FromStr, time::Duration};

use crate::error;

/// One environment variable that firstlight reads.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Variable {
    /// The name of the variable.
    pub name: &'static str,
    /// The value that applies when the variable is unset or empty.
    pub default: &'static str,
    /// The effect of the variable, in one line.
    pub effect: &'static str,
}

/// The names of the OTLP variables of one signal, or of the general variables.
///
/// A signal's own variables take precedence.
#[derive(Debug)]
pub(super) struct OtlpVariables {
    pub(super) endpoint: &'static str,
    pub(super) protocol: &'static str,
    pub(super) headers: &'static str,
    pub(super) timeout: &'static str,
    pub(super) compression: &'static str,
    pub(super) insecure: &'static str,
    pub(super) certificate: &'static str,
    pub(super) client_certificate: &'static str,
    pub(super) client_key: &'static str,
}

macro_rules! otlp_variables {
    ($prefix:literal) => {
        OtlpVariables {
            endpoint: concat!($prefix, "ENDPOINT"),
            protocol: concat!($prefix, "PROTOCOL"),
            headers: concat!($prefix, "HEADERS"),
            timeout: concat!($prefix, "TIMEOUT"),
            compression: concat!($prefix, "COMPRESSION"),
            insecure: concat!($prefix, "INSECURE"),
            certificate: concat!($prefix, "CERTIFICATE"),
            client_certificate: concat!($prefix, "CLIENT_CERTIFICATE"),
            client_key: concat!($prefix, "CLIENT_KEY"),
        }
    };
}

macro_rules! variables {
    (
        $($constant:ident = $name:literal, $default:literal, $effect:literal;)*
        @of each signal $($signal:ident = $prefix:literal, $endpoint:literal;)*
    ) => {
        $(pub(crate) const $constant: &str = $name;)*
        $(pub(super) const $signal: OtlpVariables = otlp_variables!($prefix);)*

        /// Every environment variable that firstlight reads, grouped by topic.
        pub const VARIABLES: &[Variable] = &[
            $(Variable { name: $name, default: $default, effect: $effect },)*
            $(
                Variable { name: $signal.endpoint, default: "unset", effect: $endpoint },
                Variable { name: $signal.protocol, default: "unset", effect: "Wins over `OTEL_EXPORTER_OTLP_PROTOCOL`." },
                Variable { name: $signal.headers, default: "unset", effect: "Wins over `OTEL_EXPORTER_OTLP_HEADERS`. Never logged." },
                Variable { name: $signal.timeout, default: "unset", effect: "Wins over `OTEL_EXPORTER_OTLP_TIMEOUT`." },
                Variable { name: $signal.compression, default: "unset", effect: "Wins over `OTEL_EXPORTER_OTLP_COMPRESSION`." },
                Variable { name: $signal.insecure, default: "unset", effect: "Wins over `OTEL_EXPORTER_OTLP_INSECURE`." },
                Variable { name: $signal.certificate, default: "unset", effect: "Wins over `OTEL_EXPORTER_OTLP_CERTIFICATE`." },
                Variable { name: $signal.client_certificate, default: "unset", effect: "Wins over `OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE`." },
                Variable { name: $signal.client_key, default: "unset", effect: "Wins over `OTEL_EXPORTER_OTLP_CLIENT_KEY`." },
            )*
        ];
    };
}

/// The general OTLP variables.
pub(super) const OTLP: OtlpVariables = OtlpVariables {
    endpoint: OTLP_ENDPOINT,
    protocol: OTLP_PROTOCOL,
    headers: OTLP_HEADERS,
    timeout: OTLP_TIMEOUT,
    compression: OTLP_COMPRESSION,
    insecure: OTLP_INSECURE,
    certificate: OTLP_CERTIFICATE,
    client_certificate: OTLP_CLIENT_CERTIFICATE,
    client_key: OTLP_CLIENT_KEY,
};

variables! {
    SERVICE_NAME = "OTEL_SERVICE_NAME", "the package name with `init!()`, otherwise `unknown_service:<executable>`",
        "Name of the service, on every span and on `target_info`. Wins over `service.name` in `OTEL_RESOURCE_ATTRIBUTES`.";
    RESOURCE_ATTRIBUTES = "OTEL_RESOURCE_ATTRIBUTES", "unset",
        "Further resource attributes: `key=value,key=value`, with percent-encoded values.";
    RUST_LOG = "RUST_LOG", "`info`",
        "Which events become log lines. Never removes a span from a trace.";
    LOG_FORMAT = "FIRSTLIGHT_LOG_FORMAT", "`pretty` on a terminal, otherwise `json`",
        "Format of log lines: `json`, `pretty`, `ecs` (Elastic), `gcp` (Google Cloud) or `datadog`.";
    LOG_OUTPUT = "FIRSTLIGHT_LOG_OUTPUT", "`stdout`",
        "Where log lines go: `stdout`, or `stderr` for a program whose standard output is its result.";
    NO_COLOR = "NO_COLOR", "unset",
        "Any value turns colors off in `pretty` lines. Lines that do not go to a terminal have no colors.";
    REDACT = "FIRSTLIGHT_REDACT", "unset",
        "Further names of fields whose values are shown as `***` on log lines, spans and metric labels: `name,name`. `password`, `token`, `authorization`, `cookie` and similar names are always redacted.";
    PROMETHEUS_HOST = "OTEL_EXPORTER_PROMETHEUS_HOST", "`localhost`",
        "Host of the admin listener, which serves `/metrics`, `/livez`, `/readyz`, `/log-filter`, `/telemetry`, `/logs`, `/traces`, `/errors` and `/explain`, and with the feature `console` the console at `/` and `/history`.";
    PROMETHEUS_PORT = "OTEL_EXPORTER_PROMETHEUS_PORT", "`9464`",
        "Port of the admin listener. `0` takes a free port, which the log line at the start names.";
    ADMIN_REQUIRED = "FIRSTLIGHT_ADMIN_REQUIRED", "`false`",
        "`true` makes an admin address that is in use an error of the start. Otherwise a warning is logged, and the address is tried again every 5 s.";
    METRICS_CARDINALITY_LIMIT = "FIRSTLIGHT_METRICS_CARDINALITY_LIMIT", "`2000`",
        "Series that each metric may have; `2000,orders_total=500` makes exceptions by name. Wins over `cardinality_limit`.";
    METRICS_TOTAL_CARDINALITY_LIMIT = "FIRSTLIGHT_METRICS_TOTAL_CARDINALITY_LIMIT", "`50000`",
        "Series that all of the program's metrics may have together; each metric keeps room for its first 10. Wins over `total_cardinality_limit`.";
    ADMIN_TOKEN = "FIRSTLIGHT_ADMIN_TOKEN", "unset",
        "Bearer token that the admin listener requires for changes and, unless it is on loopback, for reads of `/traces`, `/logs`, `/errors`, `/explain` and `/history`. If it is unset, a listener on loopback allows both without a token, and any other listener refuses both. Never logged.";
    TRACES_EXPORTER = "OTEL_TRACES_EXPORTER", "`otlp` if an endpoint is set, otherwise `none`",
        "`otlp` exports traces, to the default endpoint if none is set. `none` exports no traces.";
    METRICS_EXPORTER = "OTEL_METRICS_EXPORTER", "`prometheus`; `prometheus,otlp` if `OTEL_EXPORTER_OTLP_METRICS_ENDPOINT` is set",
        "`prometheus` serves `/metrics`, and `otlp` pushes the same metrics. The value is one of the two, both separated by a comma, or `none`.";
    LOGS_EXPORTER = "OTEL_LOGS_EXPORTER", "`otlp` if `OTEL_EXPORTER_OTLP_LOGS_ENDPOINT` is set, otherwise `none`",
        "`otlp` also sends log records over OTLP. Log lines are written with every value, so `console` and `none` have the same effect.";
    OTLP_ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT", "unset; exports that are on without it go to `http://localhost:4318` (gRPC: `http://localhost:4317`)",
        "Base address of the collector. Over HTTP, `/v1/traces`, `/v1/metrics` or `/v1/logs` is appended. Turns the export of traces on, but not that of metrics or log records. `https` needs the feature `otlp-tls`.";
    OTLP_PROTOCOL = "OTEL_EXPORTER_OTLP_PROTOCOL", "`http/protobuf`",
        "OTLP transport: `http/protobuf`, or `grpc` with the feature `otlp-grpc`.";
    OTLP_HEADERS = "OTEL_EXPORTER_OTLP_HEADERS", "unset",
        "Headers of every export request: `key=value,key=value`, with percent-encoded values. Never logged.";
    OTLP_TIMEOUT = "OTEL_EXPORTER_OTLP_TIMEOUT", "`10000`",
        "Milliseconds that one attempt of an export request may take.";
    TRACES_SAMPLER = "OTEL_TRACES_SAMPLER", "`parentbased_always_on`",
        "`always_on`, `always_off`, `traceidratio`, or one of them prefixed with `parentbased_`.";
    TRACES_SAMPLER_ARG = "OTEL_TRACES_SAMPLER_ARG", "`1.0`",
        "Share of traces that `traceidratio` keeps, 0 to 1.";
    PROPAGATORS = "OTEL_PROPAGATORS", "`tracecontext,baggage`",
        "Formats of the headers that carry trace context and baggage: `tracecontext`, `baggage`, `b3`, `b3multi`, `jaeger`, or `none`.";
    REMOTE_PARENT = "FIRSTLIGHT_REMOTE_PARENT", "the layer's setting, by default `continue`",
        "How a request treats its caller's trace: `continue` it, `link` to it, or `ignore` it. On an edge that the public can reach, choose `link` or `ignore`.";
    BSP_SCHEDULE_DELAY = "OTEL_BSP_SCHEDULE_DELAY", "`5000`",
        "Milliseconds between two exports of spans.";
    BSP_MAX_QUEUE_SIZE = "OTEL_BSP_MAX_QUEUE_SIZE", "`2048`",
        "Largest number of spans that wait for export. Further spans are dropped and counted.";
    BSP_MAX_EXPORT_BATCH_SIZE = "OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "`512`",
        "Largest number of spans in one export request.";
    BSP_EXPORT_TIMEOUT = "OTEL_BSP_EXPORT_TIMEOUT", "`30000`",
        "Milliseconds that one batch may take, retries included.";
    BLRP_SCHEDULE_DELAY = "OTEL_BLRP_SCHEDULE_DELAY", "`1000`",
        "Milliseconds between two exports of log records.";
    BLRP_MAX_QUEUE_SIZE = "OTEL_BLRP_MAX_QUEUE_SIZE", "`2048`",
        "Largest number of log records that wait for export. Further log records are dropped and counted.";
    BLRP_MAX_EXPORT_BATCH_SIZE = "OTEL_BLRP_MAX_EXPORT_BATCH_SIZE", "`512`",
        "Largest number of log records in one export request.";
    BLRP_EXPORT_TIMEOUT = "OTEL_BLRP_EXPORT_TIMEOUT", "`30000`",
        "Milliseconds that one batch may take, retries included.";
    OTLP_COMPRESSION = "OTEL_EXPORTER_OTLP_COMPRESSION", "`none`",
        "`gzip` (with the feature `otlp-gzip`, which is on by default) or `none`.";
    OTLP_INSECURE = "OTEL_EXPORTER_OTLP_INSECURE", "`false`",
        "Whether a gRPC endpoint without a scheme is `http` rather than `https`.";
    OTLP_CERTIFICATE = "OTEL_EXPORTER_OTLP_CERTIFICATE", "the operating system's certificate authorities",
        "PEM file with the certificate authorities that a collector's certificate is checked against.";
    OTLP_CLIENT_CERTIFICATE = "OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE", "unset",
        "PEM file with the certificate that the service shows to the collector.";
    OTLP_CLIENT_KEY = "OTEL_EXPORTER_OTLP_CLIENT_KEY", "unset",
        "PEM file with the private key of the client certificate.";
    HTTP_PROXY = "HTTP_PROXY", "unset",
        "Not used, like `ALL_PROXY`: exports go to the collector directly, and a warning says so.";
    HTTPS_PROXY = "HTTPS_PROXY", "unset",
        "Not used for `https` endpoints: exports go to the collector directly, and a warning says so.";
    NO_PROXY = "NO_PROXY", "unset",
        "Hosts for which an unused proxy causes no warning: `host,.domain`, or `*`.";
    METRIC_EXPORT_INTERVAL = "OTEL_METRIC_EXPORT_INTERVAL", "`60000`",
        "Milliseconds between two pushes of the metrics.";
    METRIC_EXPORT_TIMEOUT = "OTEL_METRIC_EXPORT_TIMEOUT", "`30000`",
        "Milliseconds that one push may take, retries included.";
    METRICS_EXEMPLAR_FILTER = "OTEL_METRICS_EXEMPLAR_FILTER", "`trace_based`",
        "`trace_based` keeps exemplars of samples inside sampled spans, and `always_off` keeps none. `always_on` is not supported, because an exemplar outside a sampled trace leads to no stored trace.";
    METRICS_TEMPORALITY = "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE", "`cumulative`",
        "Only `cumulative` is supported.";
    METRICS_HISTOGRAM = "OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION", "`explicit_bucket_histogram`",
        "Only `explicit_bucket_histogram` is supported.";
    ATTRIBUTE_VALUE_LENGTH_LIMIT = "OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT", "`8192`",
        "Largest number of characters in an attribute's value. A longer value is cut.";
    ATTRIBUTE_COUNT_LIMIT = "OTEL_ATTRIBUTE_COUNT_LIMIT", "`128`",
        "Largest number of attributes of a span, an event or a link. Further attributes are dropped and counted.";
    SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT = "OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT", "unset",
        "Largest number of characters in the value of a span's attribute. Wins over `OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT`.";
    SPAN_ATTRIBUTE_COUNT_LIMIT = "OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT", "unset",
        "Largest number of attributes of a span. Wins over `OTEL_ATTRIBUTE_COUNT_LIMIT`.";
    SPAN_EVENT_COUNT_LIMIT = "OTEL_SPAN_EVENT_COUNT_LIMIT", "`128`",
        "Largest number of events of a span. Further events are dropped and counted.";
    SPAN_LINK_COUNT_LIMIT = "OTEL_SPAN_LINK_COUNT_LIMIT", "`128`",
        "Largest number of links of a span. Further links are dropped and counted.";
    EVENT_ATTRIBUTE_COUNT_LIMIT = "OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT", "`128`",
        "Largest number of attributes of an event.";
    LINK_ATTRIBUTE_COUNT_LIMIT = "OTEL_LINK_ATTRIBUTE_COUNT_LIMIT", "`128`",
        "Largest number of attributes of a link.";
    LOGRECORD_ATTRIBUTE_VALUE_LENGTH_LIMIT = "OTEL_LOGRECORD_ATTRIBUTE_VALUE_LENGTH_LIMIT", "unset",
        "Largest number of characters in the value of a log record's attribute. Wins over `OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT`.";
    LOGRECORD_ATTRIBUTE_COUNT_LIMIT = "OTEL_LOGRECORD_ATTRIBUTE_COUNT_LIMIT", "unset",
        "Largest number of attributes of a log record. Wins over `OTEL_ATTRIBUTE_COUNT_LIMIT`.";
    TRACE_FILTER = "FIRSTLIGHT_TRACE_FILTER", "`info`",
        "Which spans become part of a trace: `target=level` directives.";
    TRACE_EVENTS = "FIRSTLIGHT_TRACE_EVENTS", "`warn`",
        "Lowest level of the events that are also written on their span: `error`, `warn`, `info`, `debug`, `trace` or `off`.";
    TRACE_FAILURES = "FIRSTLIGHT_TRACE_FAILURES", "`0`",
        "How many failed requests, jobs and scheduled runs a second are exported whatever the sampler said, 0 to 1000. `0` exports only what is sampled.";
    TRACE_URL = "FIRSTLIGHT_TRACE_URL", "unset",
        "Address at which the trace backend shows a trace, with `{trace_id}` in place of the id, such as `https://jaeger.example/trace/{trace_id}`. `/traces/{trace_id}` and the console link to it.";
    RECORDER = "FIRSTLIGHT_RECORDER", "`on`",
        "`off` turns the flight recorder off, which keeps recent requests, jobs and scheduled runs in memory for `/traces`, and log lines for `/logs`.";
    RECORDER_BYTES = "FIRSTLIGHT_RECORDER_BYTES", "`8388608`",
        "Largest size of the flight recorder, in bytes, at least 262144.";
    RECORDER_FILTER = "FIRSTLIGHT_RECORDER_FILTER", "unset",
        "Events that the flight recorder keeps in addition to those that become log lines: `target=level` directives such as `debug,hyper=info`.";
    RECORDER_FILE = "FIRSTLIGHT_RECORDER_FILE", "unset",
        "File of 128 KiB in which the process leaves what it had open, its last log lines, its memory and its last heartbeat. The next start logs them and shows them at `/traces?previous`. In Kubernetes, put it on an `emptyDir`, which survives a restart of the container.";
    LOG_ON_FAILURE = "FIRSTLIGHT_LOG_ON_FAILURE", "`off`",
        "Lowest level of the events that are logged once their request, job or run has failed, although the log filter had withheld them: `warn`, `info`, `debug`, `trace` or `off`. The flight recorder keeps them until then, in addition to those of `FIRSTLIGHT_RECORDER_FILTER`. At most the last 200 of each request, job or run are logged, and 1,000 a second.";
    SLOW_QUERY = "FIRSTLIGHT_SLOW_QUERY", "`1000`",
        "Milliseconds from which a statement of sqlx gets a WARN line. `0` turns the warning off. Needs the feature `db`.";
    N_PLUS_ONE = "FIRSTLIGHT_N_PLUS_ONE", "`10`",
        "How often a request must run one statement for it to count as an N+1 query, which gets a WARN line, a span attribute and a count. `0` turns the detection off. Needs the feature `db`.";
    HTTP_READ_TIMEOUT = "FIRSTLIGHT_HTTP_READ_TIMEOUT", "`10000`",
        "Milliseconds that a client of `http::serve` may take for a request's head, and between two parts of its body. Wins over `header_timeout` and the timeout of `body`, but not over a route's own `BodyLimits`, and it does not restore a limit that the program has removed. Needs the feature `axum`, like the next three variables.";
    HTTP_MAX_BODY = "FIRSTLIGHT_HTTP_MAX_BODY", "`2097152`",
        "Largest size of a request's body, in bytes. Wins over the size of `body`, with the same exceptions.";
    HTTP_MAX_CONNECTIONS = "FIRSTLIGHT_HTTP_MAX_CONNECTIONS", "`900`",
        "Largest number of open connections. Further connections wait. Wins over `max_connections`. Keep it below the limit of open files.";
    HTTP_MAX_REQUESTS = "FIRSTLIGHT_HTTP_MAX_REQUESTS", "`512`",
        "Largest number of requests that wait for their response. Further requests are answered with 503. Wins over `max_requests`.";
    HTTP_KNOWN_METHODS = "OTEL_INSTRUMENTATION_HTTP_KNOWN_METHODS", "the methods of RFC 9110, `PATCH` and `QUERY`",
        "HTTP methods that metrics and spans distinguish: `GET,POST,PROPFIND`. All other methods are `_OTHER`, with `http.request.method_original` on spans and access lines. The list replaces the default, and each member is a value of a label.";
    SHUTDOWN_TIMEOUT = "FIRSTLIGHT_SHUTDOWN_TIMEOUT", "`5000`",
        "Milliseconds that a dropped guard may take to flush.";
    DRAIN_DELAY = "FIRSTLIGHT_DRAIN_DELAY", "`0`",
        "Milliseconds between the signal to stop, when `/readyz` turns to 503, and the completion of `shutdown_signal()`. A load balancer needs this time to take notice.";
    DRAIN_TIMEOUT = "FIRSTLIGHT_DRAIN_TIMEOUT", "`20000`",
        "Milliseconds for which requests, jobs and scheduled runs in flight may continue after `shutdown_signal()` has completed. They are then canceled. Wins over every `drain` setting. Jobs have nine tenths of the time, so that canceled jobs can be returned to their queue.";
    SDK_DISABLED = "OTEL_SDK_DISABLED", "`false`",
        "`true` creates no spans and exports nothing. Log lines and `/metrics` remain.";
    CONFIG_FILE = "OTEL_CONFIG_FILE", "unset",
        "Not read: a warning says so, since the specification lets such a file replace all other variables.";

    @of each signal
    OTLP_TRACES = "OTEL_EXPORTER_OTLP_TRACES_",
        "Address for traces, used unchanged over HTTP. Wins over `OTEL_EXPORTER_OTLP_ENDPOINT`.";
    OTLP_METRICS = "OTEL_EXPORTER_OTLP_METRICS_",
        "Address for metrics, used unchanged over HTTP. Wins over `OTEL_EXPORTER_OTLP_ENDPOINT`, and turns pushing on.";
    OTLP_LOGS = "OTEL_EXPORTER_OTLP_LOGS_",
        "Address for log records, used unchanged over HTTP. Wins over `OTEL_EXPORTER_OTLP_ENDPOINT`, and turns their export on.";
}

/// Typed access to the environment, and the warnings about its values.
pub(super) struct Env<'a> {
    lookup: &'a dyn Fn(&str) -> Option<String>,
    pub(super) warnings: Vec<String>,
}

impl<'a> Env<'a> {
    pub(super) fn new(lookup: &'a dyn Fn(&str) -> Option<String>) -> Self {
        Self {
            lookup,
            warnings: Vec::new(),
        }
    }

    /// Returns the variable's trimmed value; an empty or blank value counts as unset.
    pub(super) fn text(&self, name: &str) -> Option<String> {
        let value = (self.lookup)(name)?;
        let trimmed = value.trim();
        (!trimmed.is_empty()).then(|| trimmed.to_owned())
    }

    /// Returns the name and the value of the first variable that is set.
    ///
    /// `names` lists a signal's own variable before the general variable.
    pub(super) fn first(&self, names: &[&'static str]) -> Option<(&'static str, String)> {
        names
            .iter()
            .find_map(|name| Some((*name, self.text(name)?)))
    }

    /// Parses a variable; warns about an invalid value, which counts as unset.
    pub(super) fn parsed<T>(
        &mut self,
        name: &str,
        expected: &str,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> Option<T> {
        let value = self.text(name)?;
        let parsed = parse(&value);
        if parsed.is_none() {
            self.warn(name, &value, expected);
        }
        parsed
    }

    /// Parses a value of an enumeration.
    ///
    /// The OpenTelemetry specification says that such values are case-insensitive.
    pub(super) fn choice<T>(
        &mut self,
        name: &str,
        expected: &str,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> Option<T> {
        self.parsed(name, expected, |value| parse(&value.to_ascii_lowercase()))
    }

    pub(super) fn number<T: FromStr>(&mut self, name: &str, expected: &str) -> Option<T> {
        self.parsed(name, expected, |value| value.parse().ok())
    }

    /// Parses a boolean variable.
    ///
    /// `true` and `false` are case-insensitive, as in the OpenTelemetry specification. Any other value causes a warning
    /// and counts as unset.
    pub(super) fn boolean(&mut self, name: &str) -> Option<bool> {
        self.parsed(name, "`true` or `false`", |value| {
            let is = |word| value.eq_ignore_ascii_case(word);
            (is("true") || is("false")).then(|| is("true"))
        })
    }

    pub(super) fn milliseconds(&mut self, name: &str) -> Option<Duration> {
        self.number(name, "a whole number of milliseconds")
            .map(Duration::from_millis)
    }

    /// Parses a duration that must not be zero.
    pub(super) fn timeout(&mut self, name: &str) -> Option<Duration> {
        let expected = "a whole number of milliseconds from 1 on";
        let milliseconds = self.parsed(name, expected, |value| value.parse::<NonZeroU64>().ok());
        milliseconds.map(|milliseconds| Duration::from_millis(milliseconds.get()))
    }

    /// Adds a warning unless the same warning was added before.
    ///
    /// A general variable is read once per signal.
    pub(super) fn warn_once(&mut self, warning: String) {
        if !self.warnings.contains(&warning) {
            self.warnings.push(warning);
        }
    }

    pub(super) fn warn(&mut self, name: &str, found: &str, expected: &str) {
        let found = error::found(name, found);
        self.warn_once(format!(
            "{name}: found {found:?}, expected {expected}; {}",
            instead(name)
        ));
    }
}

/// What applies instead of a variable's invalid value, for the end of a warning.
///
/// The program may have set another value, so this only says what the default is.
pub(super) fn instead(name: &str) -> String {
    let variable = VARIABLES.iter().find(|variable| variable.name == name);
    let Some(Variable {
        default, effect, ..
    }) = variable
    else {
        return "it counts as unset".to_owned();
    };
    // A note about other settings may follow `unset`.
    if default.split(';').next() == Some("unset") {
        return "it counts as unset, which is the default".to_owned();
    }
    let unit = if effect.starts_with("Milliseconds") {
        " ms"
    } else if effect.contains("in bytes") {
        " bytes"
    } else {
        ""
    };
    format!("it counts as unset, and the default is {default}{unit}")
}

pub(super) fn positive(value: &str) -> Option<usize> {
    value.parse().ok().filter(|number| *number > 0)
}
