//! Which signals are exported over OTLP, and how they are batched.

use std::time::Duration;

use super::{
    TelemetryConfig,
    destination::{Destination, destination},
    env,
    env::{Env, positive},
};
use crate::{InitError, signal::Signal};

/// The export of each signal, if it is on.
///
/// `OTEL_METRICS_EXPORTER` also decides whether `/metrics` is served.
#[derive(Debug)]
pub(crate) struct Exports {
    pub(crate) traces: Option<BatchExport>,
    pub(crate) metrics: Option<PeriodicExport>,
    pub(crate) logs: Option<BatchExport>,
    /// Whether `/metrics` is served.
    pub(crate) prometheus: bool,
    /// Whether the operator has turned the export of traces off.
    pub(crate) traces_refused: bool,
}

/// The export of spans or log records.
#[derive(Debug, Clone)]
pub(crate) struct BatchExport {
    pub(crate) destination: Destination,
    pub(crate) batching: Batching,
}

/// How records are queued and batched.
#[derive(Debug, Clone)]
pub(crate) struct Batching {
    /// The time that one batch may take, retries included.
    pub(crate) timeout: Duration,
    /// The variable that sets `timeout`.
    pub(crate) timeout_variable: &'static str,
    /// The time between two exports.
    pub(crate) schedule_delay: Duration,
    pub(crate) max_queue_size: usize,
    pub(crate) max_batch_size: usize,
}

/// The export of metrics.
#[derive(Debug, Clone)]
pub(crate) struct PeriodicExport {
    pub(crate) destination: Destination,
    pub(crate) interval: Duration,
    pub(crate) timeout: Duration,
}

/// An exporter that a variable may name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Exporter {
    Otlp,
    Prometheus,
    /// Has no effect: log lines go to standard output in any case.
    Console,
}

pub(super) fn exports(config: &TelemetryConfig, env: &mut Env<'_>) -> Result<Exports, InitError> {
    let has_endpoint = |env: &Env<'_>, own: &str| env.text(own).is_some();
    let has_general_endpoint =
        has_endpoint(env, env::OTLP.endpoint) || config.otlp_endpoint.is_some();

    let chosen = exporters(env, env::TRACES_EXPORTER, "`otlp` or `none`", |name| {
        (name == "otlp").then_some(Exporter::Otlp)
    });
    let traces_refused = chosen.as_ref().is_some_and(Vec::is_empty);
    let traces = chosen.map_or(
        has_general_endpoint || has_endpoint(env, env::OTLP_TRACES.endpoint),
        |chosen| !chosen.is_empty(),
    );
    let traces = traces
        .then(|| {
            Ok(BatchExport {
                destination: destination(Signal::Traces, config, env)?,
                batching: batching(env, &BSP),
            })
        })
        .transpose()?;

    let chosen = exporters(
        env,
        env::METRICS_EXPORTER,
        "`prometheus`, `otlp`, both with a comma between them, or `none`",
        |name| match name {
            "otlp" => Some(Exporter::Otlp),
            "prometheus" => Some(Exporter::Prometheus),
            _ => None,
        },
    );
    let prometheus = chosen
        .as_ref()
        .is_none_or(|chosen| chosen.contains(&Exporter::Prometheus));
    let push = chosen.map_or(has_endpoint(env, env::OTLP_METRICS.endpoint), |chosen| {
        chosen.contains(&Exporter::Otlp)
    });
    let metrics = push
        .then(|| {
            warn_unless(env, env::METRICS_TEMPORALITY, "cumulative");
            warn_unless(env, env::METRICS_HISTOGRAM, "explicit_bucket_histogram");
            Ok(PeriodicExport {
                destination: destination(Signal::Metrics, config, env)?,
                interval: env
                    // `timeout` rejects zero, which would make the export loop run without a pause.
                    .timeout(env::METRIC_EXPORT_INTERVAL)
                    .unwrap_or(Duration::from_secs(60)),
                timeout: env
                    .timeout(env::METRIC_EXPORT_TIMEOUT)
                    .unwrap_or(Duration::from_secs(30)),
            })
        })
        .transpose()?;

    let chosen = exporters(
        env,
        env::LOGS_EXPORTER,
        "`otlp`, `console`, both with a comma between them, or `none`",
        |name| match name {
            "otlp" => Some(Exporter::Otlp),
            "console" => Some(Exporter::Console),
            _ => None,
        },
    );
    let logs = chosen.map_or(has_endpoint(env, env::OTLP_LOGS.endpoint), |chosen| {
        chosen.contains(&Exporter::Otlp)
    });
    let logs = logs
        .then(|| {
            Ok(BatchExport {
                destination: destination(Signal::Logs, config, env)?,
                batching: batching(env, &BLRP),
            })
        })
        .transpose()?;

    Ok(Exports {
        traces,
        metrics,
        logs,
        prometheus,
        traces_refused,
    })
}

/// Parses a list of exporters.
///
/// Returns an empty list for `none`, and `None` if the variable is unset or invalid.
fn exporters(
    env: &mut Env<'_>,
    variable: &str,
    expected: &str,
    parse: impl Fn(&str) -> Option<Exporter>,
) -> Option<Vec<Exporter>> {
    env.choice(variable, expected, |list| {
        let names: Vec<&str> = list.split(',').map(str::trim).collect();
        if names == ["none"] {
            return Some(Vec::new());
        }
        names.into_iter().map(parse).collect()
    })
}

/// Warns if a variable has a value other than the supported value.
fn warn_unless(env: &mut Env<'_>, variable: &str, supported: &str) {
    let expected = format!("`{supported}`");
    env.parsed(variable, &expected, |value| {
        value.eq_ignore_ascii_case(supported).then_some(())
    });
}

/// The variables of a batch processor, and its default delay.
struct BatchVariables {
    schedule_delay: &'static str,
    max_queue_size: &'static str,
    max_export_batch_size: &'static str,
    export_timeout: &'static str,
    default_delay: Duration,
}

/// The variables of the batch processor of spans.
const BSP: BatchVariables = BatchVariables {
    schedule_delay: env::BSP_SCHEDULE_DELAY,
    max_queue_size: env::BSP_MAX_QUEUE_SIZE,
    max_export_batch_size: env::BSP_MAX_EXPORT_BATCH_SIZE,
    export_timeout: env::BSP_EXPORT_TIMEOUT,
    default_delay: Duration::from_secs(5),
};

/// The variables of the batch processor of log records.
const BLRP: BatchVariables = BatchVariables {
    schedule_delay: env::BLRP_SCHEDULE_DELAY,
    max_queue_size: env::BLRP_MAX_QUEUE_SIZE,
    max_export_batch_size: env::BLRP_MAX_EXPORT_BATCH_SIZE,
    export_timeout: env::BLRP_EXPORT_TIMEOUT,
    default_delay: Duration::from_secs(1),
};

/// Reads the settings of a batch processor.
///
/// See the batch processors of spans and log records under "Environment variables" in the OpenTelemetry specification.
fn batching(env: &mut Env<'_>, variables: &BatchVariables) -> Batching {
    let mut number = |name, default| {
        env.parsed(name, "a positive number", positive)
            .unwrap_or(default)
    };
    let max_queue_size = number(variables.max_queue_size, 2048);
    let max_batch_size = number(variables.max_export_batch_size, 512);
    Batching {
        timeout: env
            .timeout(variables.export_timeout)
            .unwrap_or(Duration::from_secs(30)),
        timeout_variable: variables.export_timeout,
        schedule_delay: env
            .milliseconds(variables.schedule_delay)
            .unwrap_or(variables.default_delay),
        max_queue_size,
        // The specification requires that a batch is not larger than the queue.
        max_batch_size: max_batch_size.min(max_queue_size),
    }
}
