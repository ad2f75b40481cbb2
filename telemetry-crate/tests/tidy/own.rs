//! Emitted names outside OpenTelemetry's conventions, with their descriptions.

/// The library's own names: attributes, fields of log lines, labels and metrics.
///
/// A name that ends in `.` or `_` is a prefix.
pub(crate) const OWN: &[(&str, &str)] = &[
    ("address", "log line: the address of the admin listener"),
    ("admin_", "metrics: the admin listener"),
    (
        "attempts",
        "log line: the number of requests to the admin listener that the line reports",
    ),
    (
        "build_info",
        "metric: the running build, named as Prometheus' exporters name it",
    ),
    (
        "cgroup_",
        "metric: the limits of the process's control group",
    ),
    (
        "connections",
        "log line: the connections that a drain cuts, or those of a database pool",
    ),
    ("cron", "label: the scheduled job"),
    ("cron.", "span, log line: scheduled jobs"),
    ("cron_", "metrics: scheduled jobs"),
    ("data_", "metrics and their label: the age of served data"),
    (
        "data_points.",
        "last log line: the number of lost data points",
    ),
    ("endpoint", "log line: the OTLP endpoint"),
    (
        "firstlight.trace.",
        "span: exported because its local root failed, and its lost spans",
    ),
    ("firstlight_", "metrics and a label: the library itself"),
    ("jobs", "log line: the number of jobs that may run at once"),
    ("kind", "label: the kind of a job"),
    ("level", "label, span event: the level of a log line"),
    (
        "limit",
        "label, log line: the limit of a server that was applied",
    ),
    ("log_lines.", "last log line: the number of lost log lines"),
    (
        "log_records.",
        "last log line: the number of lost log records",
    ),
    ("logging_", "metrics: log lines"),
    ("logs", "first log line: where log records go"),
    (
        "message",
        "span event: the message of a log line with an error",
    ),
    (
        "metric",
        "label: the metric whose series or samples are limited or rejected",
    ),
    ("metrics", "first log line: where metrics go"),
    (
        "metrics_",
        "metrics: series and samples that were limited or rejected",
    ),
    (
        "firstlight.held",
        "log line: an event that was withheld until its request failed",
    ),
    (
        "most",
        "log line: the maximum number of undeclared queues that are watched",
    ),
    ("new", "log line: the log filter that is in force"),
    ("old", "log line: the log filter that was in force"),
    (
        "outcome",
        "label: how a job, a scheduled run or a transaction ended",
    ),
    ("panic.", "log line: the location of a panic"),
    (
        "previous.",
        "log line: the last process, as the recorder's file tells",
    ),
    ("queue", "label, log line: the queue of a job"),
    ("reason", "label: why a metric was rejected"),
    (
        "recorder",
        "first log line: where the flight recorder is read",
    ),
    ("recorder_", "metric: the flight recorder"),
    (
        "removed",
        "log line: the number of finished jobs that were removed",
    ),
    (
        "request.id",
        "span and log line: the id that a client can quote, of `TelemetryLayer::request_id`",
    ),
    ("requests", "log line: the requests that a drain cuts"),
    (
        "result",
        "label: where data came from, or whether a failed root is exported",
    ),
    ("revision", "label: the revision of the running build"),
    (
        "serve.",
        "span and log line: the limit of `http::serve` that rejected a request",
    ),
    ("serve_", "metrics: the server of `http::serve`"),
    ("signal", "log line: the signal that ends the process"),
    (
        "slow_query.",
        "log line: the threshold that a statement exceeded",
    ),
    (
        "span_name",
        "label: a root span that is neither a request nor a call",
    ),
    (
        "spans.",
        "last log line: the numbers of exported and lost spans",
    ),
    (
        "sql.",
        "span, log line: statements and transactions, where OpenTelemetry has no name",
    ),
    ("sql_", "metrics: statements and transactions"),
    (
        "stalled",
        "log line: for how long the runtime has been blocked",
    ),
    ("status", "label: the status of a job in its store"),
    ("target", "span event: the target of a log line"),
    (
        "tokio_",
        "metrics: the runtime, named as its `RuntimeMetrics` names them",
    ),
    ("trace_", "metric: failed roots that were not sampled"),
    ("traces", "first log line: where spans go"),
    ("until", "log line: when a change of the log filter ends"),
    ("version", "label: the version of the running build"),
    (
        "who",
        "log line: who changed the log filter, as the request says",
    ),
    (
        "why",
        "log line: why the log filter was changed, as the request says",
    ),
    ("worker", "label: a thread of the runtime"),
    ("worker.", "span, log line: jobs"),
    ("worker_", "metrics: jobs"),
];

/// Names of Prometheus inside namespaces of OpenTelemetry.
///
/// Common dashboards query them.
pub(crate) const PROMETHEUS: [&str; 8] = [
    "process_cpu_seconds_total",
    "process_max_fds",
    "process_open_fds",
    "process_resident_memory_bytes",
    "process_start_time_seconds",
    "process_threads",
    "process_virtual_memory_bytes",
    "target_info",
];

/// Names that the scan finds and that are not emitted attributes.
pub(crate) const NOT_EMITTED: [&str; 10] = [
    // These names are internal to the library.
    "firstlight.accepted_at",
    "firstlight.probe",
    "canary",
    // The library reads the statement from this field of sqlx's events.
    "db.statement",
    // The field becomes `exception.message` on span events and log records. On a log line it is the program's own
    // field.
    "error",
    // These are the names of files.
    "memory.limit_in_bytes",
    "memory.max",
    "metrics.md",
    // `tracing-opentelemetry` reads these fields as the kind and the name of a span.
    "otel.kind",
    "otel.name",
];

/// A name of the SDK's specification that is not among the conventions.
pub(crate) const OVERFLOW: &str = "otel.metric.overflow";
