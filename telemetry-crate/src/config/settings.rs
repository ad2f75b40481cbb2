//! The merged configuration of this process.

use std::{collections::BTreeMap, num::NonZeroU32, time::Duration};

use tracing_subscriber::filter::{LevelFilter, Targets};

use super::{
    Admin, CardinalityLimits, Destination, LogFormat, LogOutput, MetricAlias, RecordLimits,
    RemoteParent, SpanLimits, TelemetryConfig,
    buckets::validate_buckets,
    cardinality::cardinality_limits,
    declared, env,
    env::Env,
    export::{Exports, exports},
    host,
    key_values::{key_value, pairs},
    queries::{QueryLimits, query_limits},
    recorder::{RecorderSettings, recorder},
    server::{ServerLimits, known_methods, server_limits},
    trace_url::{TraceUrl, trace_url},
    traces::{
        Propagator, SamplerSetting, propagators, record_limits, remote_parent, sampler,
        span_limits, trace_events, trace_failures, trace_filter,
    },
};
use crate::{
    InitError, Secret, declared::DeclaredMetric, directives::Directives, resource::Resource,
    signal::Signal,
};

/// The result of merging environment, setters and defaults.
///
/// Created once in `build()`. All other modules read the settings from here.
#[derive(Debug)]
pub(crate) struct Settings {
    pub(crate) disabled: bool,
    pub(crate) resource: Resource,
    /// Valid directives that choose which events become log lines.
    pub(crate) log_filter: String,
    pub(crate) log_format: LogFormat,
    pub(crate) log_output: LogOutput,
    /// Whether a person starts the service and reads its log lines.
    #[cfg_attr(not(feature = "console"), expect(dead_code, reason = "for the link"))]
    pub(crate) is_terminal: bool,
    /// Whether standard output shows colors.
    pub(crate) colors: bool,
    /// Names of redacted fields, besides the well-known names.
    pub(crate) redact: Vec<String>,
    pub(crate) trace_filter: Targets,
    pub(crate) trace_events: LevelFilter,
    pub(crate) sampler: SamplerSetting,
    /// How many failed local roots a second are exported though they are not sampled.
    pub(crate) trace_failures: Option<NonZeroU32>,
    /// Where the trace backend shows a trace.
    pub(crate) trace_url: Option<TraceUrl>,
    pub(crate) span_limits: SpanLimits,
    pub(crate) propagators: Vec<Propagator>,
    pub(crate) remote_parent: Option<RemoteParent>,
    pub(crate) record_limits: RecordLimits,
    pub(crate) exports: Exports,
    /// Host and port, not yet resolved.
    pub(crate) admin: Option<(String, u16)>,
    /// Whether an admin address that is in use is an error.
    pub(crate) admin_required: bool,
    /// The bearer token that changes through the admin listener require.
    pub(crate) admin_token: Option<Secret<String>>,
    /// The metrics that the program declares; not checked yet.
    pub(crate) declared: Vec<DeclaredMetric>,
    pub(crate) buckets: Vec<(String, Vec<f64>)>,
    pub(crate) cardinality_limits: CardinalityLimits,
    pub(crate) metric_aliases: Vec<MetricAlias>,
    /// Whether samples get exemplars, which name the trace of a sample.
    pub(crate) exemplars: bool,
    #[cfg_attr(not(feature = "db"), expect(dead_code, reason = "for queries"))]
    pub(crate) query_limits: QueryLimits,
    #[cfg_attr(
        not(any(feature = "axum", test)),
        expect(dead_code, reason = "for `http::serve`")
    )]
    pub(crate) server_limits: ServerLimits,
    /// HTTP methods that replace those of the semantic conventions.
    pub(crate) known_methods: Option<Vec<String>>,
    /// `None` without a flight recorder.
    pub(crate) recorder: Option<RecorderSettings>,
    pub(crate) shutdown_timeout: Duration,
    /// The time between the signal to stop and the end of accepting connections.
    pub(crate) drain_delay: Duration,
    /// The time for requests, jobs and cron runs in flight after `drain_delay`.
    pub(crate) drain_timeout: Option<Duration>,
    /// Warnings about the environment; logged after logging is set up.
    pub(crate) warnings: Vec<String>,
}

impl Settings {
    /// The OTLP destination of a signal, if it is exported.
    pub(crate) fn destination(&self, signal: Signal) -> Option<&Destination> {
        let Exports {
            traces,
            metrics,
            logs,
            ..
        } = &self.exports;
        match signal {
            Signal::Traces => traces.as_ref().map(|export| &export.destination),
            Signal::Metrics => metrics.as_ref().map(|export| &export.destination),
            Signal::Logs => logs.as_ref().map(|export| &export.destination),
        }
    }

    /// The reason why traces are not exported, or how to turn their export on.
    pub(crate) fn why_no_traces(&self) -> &'static str {
        if self.disabled {
            "OTEL_SDK_DISABLED is true"
        } else if self.exports.traces_refused {
            "OTEL_TRACES_EXPORTER is none"
        } else {
            "set OTEL_EXPORTER_OTLP_ENDPOINT to export"
        }
    }

    pub(crate) fn resolve(
        config: TelemetryConfig,
        lookup: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Self, InitError> {
        let mut env = Env::new(lookup);
        let env = &mut env;

        let disabled = env.boolean(env::SDK_DISABLED).unwrap_or(false);
        let mut exports = exports(&config, env)?;
        if disabled {
            (exports.traces, exports.metrics, exports.logs) = (None, None, None);
        }
        let log_output = env
            .choice(env::LOG_OUTPUT, "`stdout` or `stderr`", LogOutput::parse)
            .or(config.log_output)
            .unwrap_or_default();
        let is_terminal = log_output.is_terminal();
        let log_format = env
            .choice(
                env::LOG_FORMAT,
                "`json`, `pretty`, `ecs`, `gcp` or `datadog`",
                LogFormat::parse,
            )
            .or(config.log_format)
            .unwrap_or(if is_terminal {
                LogFormat::Pretty
            } else {
                LogFormat::Json
            });

        if let Some(file) = env.text(env::CONFIG_FILE) {
            env.warn(
                env::CONFIG_FILE,
                &file,
                "it to be unset: this version reads variables, not files",
            );
        }
        for (metric, bounds) in &config.buckets {
            validate_buckets(bounds).map_err(|reason| InitError::InvalidBuckets {
                metric: metric.clone(),
                reason,
            })?;
        }

        Ok(Self {
            disabled,
            log_filter: log_filter(&config, env)?,
            log_format,
            log_output,
            redact: redact(&config, env),
            is_terminal,
            colors: is_terminal && env.text(env::NO_COLOR).is_none(),
            // The empty filter removes every span, so a disabled SDK does not create any.
            trace_filter: if disabled {
                Targets::new()
            } else {
                trace_filter(&config, env)?
            },
            trace_events: if disabled {
                LevelFilter::OFF
            } else {
                trace_events(env)
            },
            sampler: sampler(env),
            trace_failures: trace_failures(env),
            trace_url: trace_url(env),
            span_limits: span_limits(env),
            propagators: propagators(env),
            remote_parent: env.choice(
                env::REMOTE_PARENT,
                "`continue`, `link` or `ignore`",
                remote_parent,
            ),
            record_limits: record_limits(env),
            exports,
            admin: admin(&config, env)?,
            admin_required: env
                .boolean(env::ADMIN_REQUIRED)
                .unwrap_or(config.admin_required),
            admin_token: env.text(env::ADMIN_TOKEN).map(Secret::new),
            query_limits: query_limits(&config, env),
            server_limits: server_limits(env),
            known_methods: known_methods(env),
            recorder: recorder(env).filter(|_| !disabled),
            drain_delay: env.milliseconds(env::DRAIN_DELAY).unwrap_or_default(),
            drain_timeout: env.milliseconds(env::DRAIN_TIMEOUT),
            shutdown_timeout: env
                .milliseconds(env::SHUTDOWN_TIMEOUT)
                .or(config.shutdown_timeout)
                .unwrap_or(Duration::from_secs(5)),
            resource: Resource::new(
                config.service_name,
                config.service_version,
                config.resource_attributes,
                resource_attributes(env),
                env.text(env::SERVICE_NAME),
            ),
            buckets: declared::buckets(&config.declared, config.buckets),
            metric_aliases: config.metric_aliases,
            exemplars: env
                .choice(
                    env::METRICS_EXEMPLAR_FILTER,
                    "`trace_based` or `always_off`",
                    |value| match value {
                        "trace_based" => Some(true),
                        "always_off" => Some(false),
                        _ => None,
                    },
                )
                .unwrap_or(true),
            cardinality_limits: cardinality_limits(
                declared::cardinality_limits(&config.declared, config.cardinality_limits),
                config.total_cardinality_limit,
                env,
            )?,
            declared: config.declared,
            warnings: std::mem::take(&mut env.warnings),
        })
    }
}

fn redact(config: &TelemetryConfig, env: &Env<'_>) -> Vec<String> {
    let more = env.text(env::REDACT).unwrap_or_default();
    let more = more.split(',').map(|name| name.trim().to_owned());
    // The environment adds names and never removes one, so that an operator cannot expose a field by accident.
    let all = config.redact.iter().cloned().chain(more);
    all.filter(|name| !name.is_empty()).collect()
}

/// Resolves the log filter.
///
/// A mistake in the environment causes a warning, so that it does not keep a service from restarting. A mistake in the
/// program is an error, because the author finds it at the first start.
fn log_filter(config: &TelemetryConfig, env: &mut Env<'_>) -> Result<String, InitError> {
    let expected = "directives such as `info` or `info,orders=debug`";
    let valid = |text: &str| Directives::parse(text).is_ok().then(|| text.to_owned());
    if let Some(filter) = env.parsed(env::RUST_LOG, expected, valid) {
        return Ok(filter);
    }
    let directives = config.log_filter.as_deref().unwrap_or("info");
    valid(directives)
        .ok_or_else(|| InitError::invalid("TelemetryConfig::log_filter", directives, expected))
}

fn admin(config: &TelemetryConfig, env: &mut Env<'_>) -> Result<Option<(String, u16)>, InitError> {
    let host = env.text(env::PROMETHEUS_HOST);
    if let Some(host) = host.as_deref().filter(|host| !host::is_bindable(host)) {
        return Err(InitError::invalid(
            env::PROMETHEUS_HOST,
            host,
            "a name or an address without scheme and port, such as `0.0.0.0`; the port is OTEL_EXPORTER_PROMETHEUS_PORT",
        ));
    }
    let port = env.number(env::PROMETHEUS_PORT, "a port number from 0 to 65535");
    if host.is_none() && port.is_none() {
        match config.admin {
            Some(Admin::Off) => return Ok(None),
            Some(Admin::At(address)) => {
                return Ok(Some((address.ip().to_string(), address.port())));
            }
            None => {}
        }
    }
    Ok(Some((
        host.unwrap_or_else(|| "localhost".to_owned()),
        port.unwrap_or(9464),
    )))
}

/// Parses the resource attributes.
///
/// A value that cannot be decoded makes the whole variable count as unset. See "Resource SDK" in the OpenTelemetry
/// specification.
fn resource_attributes(env: &mut Env<'_>) -> BTreeMap<String, String> {
    let Some(list) = env.text(env::RESOURCE_ATTRIBUTES) else {
        return BTreeMap::new();
    };
    let pairs = pairs(&list).map(|(_, pair)| key_value(pair).ok_or(pair));
    match pairs.collect() {
        Ok(pairs) => pairs,
        Err(pair) => {
            env.warn(
                env::RESOURCE_ATTRIBUTES,
                pair,
                "each item of the list to be `key=value` with a percent-encoded value",
            );
            BTreeMap::new()
        }
    }
}
