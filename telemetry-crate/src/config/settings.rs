//! Environment and setters merged: what this process will really do.

use std::{collections::BTreeMap, fmt, io::IsTerminal, time::Duration};

use http::Uri;
use percent_encoding::percent_decode_str;
use tracing_subscriber::filter::{LevelFilter, Targets};

use super::{Admin, AdminToken, LogFormat, TelemetryConfig, env, env::Env};
use crate::{
    InitError,
    logs::LogFilter,
    metrics::{self, BudgetOptions},
    resource::Resource,
    traces::{Limits, RemoteParent},
};

/// What this process will do. Made once; everything else reads it.
#[derive(Debug)]
pub(crate) struct Settings {
    pub(crate) disabled: bool,
    pub(crate) resource: Resource,
    pub(crate) log_filter: LogFilter,
    pub(crate) log_format: LogFormat,
    /// Whether standard output shows colours.
    pub(crate) colours: bool,
    /// Names of fields, beside the well-known ones.
    pub(crate) redact: Vec<String>,
    pub(crate) trace_filter: Targets,
    pub(crate) trace_events: LevelFilter,
    pub(crate) sampler: SamplerSetting,
    pub(crate) span_limits: Limits,
    pub(crate) propagators: Vec<Propagator>,
    pub(crate) remote_parent: Option<RemoteParent>,
    pub(crate) export: Option<ExportSettings>,
    /// Whether an operator has said `none`.
    pub(crate) export_refused: bool,
    /// Host and port, not yet resolved.
    pub(crate) admin: Option<(String, u16)>,
    /// What a change through the admin listener must show.
    pub(crate) admin_token: Option<AdminToken>,
    pub(crate) buckets: Vec<(String, Vec<f64>)>,
    pub(crate) budget: BudgetOptions,
    pub(crate) shutdown_timeout: Duration,
    /// Between the signal to stop and the end of accepting.
    pub(crate) drain_delay: Duration,
    /// What in the environment made no sense; logged once the log lines work.
    pub(crate) warnings: Vec<String>,
}

/// A W3C header format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Propagator {
    TraceContext,
    Baggage,
}

/// Which new traces are kept, and whether the caller's decision is followed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct SamplerSetting {
    pub(crate) parent_based: bool,
    /// Share of new traces, 0 to 1.
    pub(crate) ratio: f64,
}

impl SamplerSetting {
    /// Specification, "Environment variables", general SDK configuration.
    fn parse(name: &str, ratio: f64) -> Option<Self> {
        let (parent_based, root) = match name.strip_prefix("parentbased_") {
            Some(root) => (true, root),
            None => (false, name),
        };
        let ratio = match root {
            "always_on" => 1.0,
            "always_off" => 0.0,
            "traceidratio" => ratio,
            _ => return None,
        };
        Some(Self {
            parent_based,
            ratio,
        })
    }
}

impl fmt::Display for SamplerSetting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.parent_based {
            "parentbased_"
        } else {
            ""
        })?;
        match self.ratio {
            1.0 => f.write_str("always_on"),
            0.0 => f.write_str("always_off"),
            ratio => write!(f, "traceidratio={ratio}"),
        }
    }
}

/// Where spans go, and in what portions.
#[derive(Clone)]
pub(crate) struct ExportSettings {
    /// Complete, with its path and without credentials.
    pub(crate) endpoint: Uri,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) request_timeout: Duration,
    pub(crate) batch_timeout: Duration,
    pub(crate) schedule_delay: Duration,
    pub(crate) max_queue_size: usize,
    pub(crate) max_batch_size: usize,
}

impl fmt::Debug for ExportSettings {
    // Header values are credentials more often than not.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ExportSettings")
            .field("endpoint", &self.endpoint)
            .finish_non_exhaustive()
    }
}

impl Settings {
    pub(crate) fn resolve(
        config: TelemetryConfig,
        lookup: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Self, InitError> {
        let mut env = Env::new(lookup);
        let env = &mut env;

        let disabled = env
            .parsed(env::SDK_DISABLED, "`true` or `false`", boolean)
            .unwrap_or(false);
        let export = export(&config, env)?.filter(|_| !disabled);
        let is_terminal = std::io::stdout().is_terminal();
        let log_format = env
            .parsed(
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

        for (metric, bounds) in &config.buckets {
            metrics::validate_buckets(metric, bounds)
                .map_err(|reason| InitError::invalid("TelemetryConfig::buckets", metric, reason))?;
        }

        Ok(Self {
            disabled,
            log_filter: log_filter(&config, env)?,
            log_format,
            redact: redact(&config, env),
            colours: is_terminal && env.text(env::NO_COLOR).is_none(),
            // Disabled is a filter that nothing passes, so that it costs nothing either.
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
            span_limits: span_limits(env),
            propagators: propagators(env),
            remote_parent: env.parsed(
                env::REMOTE_PARENT,
                "`continue`, `link` or `ignore`",
                remote_parent,
            ),
            export,
            export_refused: env.text(env::TRACES_EXPORTER).as_deref() == Some("none"),
            admin: admin(&config, env),
            admin_token: env.text(env::ADMIN_TOKEN).map(AdminToken::new),
            drain_delay: env.milliseconds(env::DRAIN_DELAY).unwrap_or_default(),
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
            buckets: config.buckets,
            budget: budget(config.series_budgets, env)?,
            warnings: std::mem::take(&mut env.warnings),
        })
    }
}

/// A number in the environment is for all metrics, the program's own choices included: whoever has to bound them all at
/// three in the morning must not have to read the source first. A name keeps its exception.
fn budget(by_metric: Vec<(String, usize)>, env: &mut Env<'_>) -> Result<BudgetOptions, InitError> {
    if let Some((metric, _)) = by_metric.iter().find(|(_, series)| *series == 0) {
        return Err(InitError::invalid(
            "TelemetryConfig::series_budget",
            metric,
            "at least one series; leave the metric out of the program if nobody wants it",
        ));
    }
    let mut budget = BudgetOptions {
        by_metric,
        each: None,
        total: env.parsed(env::METRICS_SERIES_TOTAL, "a positive number", positive),
    };
    let expected = "a positive number, `metric=number`, or a list of them";
    let list = env.parsed(env::METRICS_SERIES_BUDGET, expected, |list| {
        let entry = |entry: &str| match entry.split_once('=') {
            Some((metric, series)) => {
                Some((Some(metric.trim().to_owned()), positive(series.trim())?))
            }
            None => Some((None, positive(entry.trim())?)),
        };
        list.split(',').map(entry).collect::<Option<Vec<_>>>()
    });
    for (metric, series) in list.iter().flatten() {
        if metric.is_none() {
            budget.each = Some(*series);
            budget.by_metric.clear();
        }
    }
    let named = list.into_iter().flatten();
    budget
        .by_metric
        .extend(named.filter_map(|(metric, series)| Some((metric?, series))));
    Ok(budget)
}

fn boolean(value: &str) -> Option<bool> {
    // Specification: only `true` is true, in any case; the rest is false, and what is neither is worth a warning.
    if value.eq_ignore_ascii_case("true") {
        Some(true)
    } else {
        value.eq_ignore_ascii_case("false").then_some(false)
    }
}

fn remote_parent(value: &str) -> Option<RemoteParent> {
    match value {
        "continue" => Some(RemoteParent::Continue),
        "link" => Some(RemoteParent::Link),
        "ignore" => Some(RemoteParent::Ignore),
        _ => None,
    }
}

fn redact(config: &TelemetryConfig, env: &Env<'_>) -> Vec<String> {
    let more = env.text(env::REDACT).unwrap_or_default();
    let more = more.split(',').map(|name| name.trim().to_owned());
    // Both: an operator may forget what the author knows.
    let all = config.redact.iter().cloned().chain(more);
    all.filter(|name| !name.is_empty()).collect()
}

/// An operator's typing error must not take the service down; an author's is found at the first start.
fn log_filter(config: &TelemetryConfig, env: &mut Env<'_>) -> Result<LogFilter, InitError> {
    let expected = "directives such as `info` or `info,orders=debug`";
    if let Some(filter) = env.parsed(env::RUST_LOG, expected, LogFilter::parse) {
        return Ok(filter);
    }
    let directives = config.log_filter.as_deref().unwrap_or("info");
    LogFilter::parse(directives)
        .ok_or_else(|| InitError::invalid("TelemetryConfig::log_filter", directives, expected))
}

fn trace_filter(config: &TelemetryConfig, env: &mut Env<'_>) -> Result<Targets, InitError> {
    let expected = "directives such as `info` or `info,orders=debug`";
    if let Some(filter) = env.number(env::TRACE_FILTER, expected) {
        return Ok(filter);
    }
    let directives = config.trace_filter.as_deref().unwrap_or("info");
    directives
        .parse()
        .map_err(|_| InitError::invalid("TelemetryConfig::trace_filter", directives, expected))
}

fn trace_events(env: &mut Env<'_>) -> LevelFilter {
    let levels = "`error`, `warn`, `info`, `debug`, `trace` or `off`";
    env.number(env::TRACE_EVENTS, levels)
        .unwrap_or(LevelFilter::WARN)
}

fn sampler(env: &mut Env<'_>) -> SamplerSetting {
    // Parent-based, so that a trace is kept whole or not at all; everything, because a team that starts has little
    // traffic and many questions. The line at start says which it is.
    let default = SamplerSetting {
        parent_based: true,
        ratio: 1.0,
    };
    let ratio = env
        .parsed(env::TRACES_SAMPLER_ARG, "a number from 0 to 1", |value| {
            value
                .parse()
                .ok()
                .filter(|ratio| (0.0..=1.0).contains(ratio))
        })
        .unwrap_or(1.0);
    env.parsed(
        env::TRACES_SAMPLER,
        "`always_on`, `always_off`, `traceidratio`, `parentbased_always_on`, `parentbased_always_off` or `parentbased_traceidratio`",
        |name| SamplerSetting::parse(name, ratio),
    )
    .unwrap_or(default)
}

/// Specification, "Span Limits": a span's own limit wins over the general one.
fn span_limits(env: &mut Env<'_>) -> Limits {
    let default = Limits::default();
    let mut limit = |names: &[&'static str], default: usize| {
        names
            .iter()
            .find_map(|name| env.number(name, "a whole number"))
            .unwrap_or(default)
    };
    Limits {
        value_length: limit(
            &[
                env::SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT,
                env::ATTRIBUTE_VALUE_LENGTH_LIMIT,
            ],
            default.value_length,
        ),
        attributes: limit(
            &[env::SPAN_ATTRIBUTE_COUNT_LIMIT, env::ATTRIBUTE_COUNT_LIMIT],
            default.attributes,
        ),
        events: limit(&[env::SPAN_EVENT_COUNT_LIMIT], default.events),
        links: limit(&[env::SPAN_LINK_COUNT_LIMIT], default.links),
        attributes_per_event: limit(
            &[env::EVENT_ATTRIBUTE_COUNT_LIMIT, env::ATTRIBUTE_COUNT_LIMIT],
            default.attributes_per_event,
        ),
        attributes_per_link: limit(
            &[env::LINK_ATTRIBUTE_COUNT_LIMIT, env::ATTRIBUTE_COUNT_LIMIT],
            default.attributes_per_link,
        ),
    }
}

fn propagators(env: &mut Env<'_>) -> Vec<Propagator> {
    let default = vec![Propagator::TraceContext, Propagator::Baggage];
    let Some(list) = env.text(env::PROPAGATORS) else {
        return default;
    };
    let mut propagators = Vec::new();
    for name in list.split(',').map(str::trim) {
        let propagator = match name {
            "tracecontext" => Propagator::TraceContext,
            "baggage" => Propagator::Baggage,
            "none" => return Vec::new(),
            _ => {
                env.warn(
                    env::PROPAGATORS,
                    &list,
                    "a list of `tracecontext` and `baggage`, or `none`",
                );
                return default;
            }
        };
        if !propagators.contains(&propagator) {
            propagators.push(propagator);
        }
    }
    propagators
}

fn admin(config: &TelemetryConfig, env: &mut Env<'_>) -> Option<(String, u16)> {
    let host = env.text(env::PROMETHEUS_HOST);
    let port = env.number(env::PROMETHEUS_PORT, "a port number from 0 to 65535");
    if host.is_none() && port.is_none() {
        match config.admin {
            Some(Admin::Off) => return None,
            Some(Admin::At(address)) => return Some((address.ip().to_string(), address.port())),
            None => {}
        }
    }
    Some((
        host.unwrap_or_else(|| "localhost".to_owned()),
        port.unwrap_or(9464),
    ))
}

/// Specification, "Resource SDK": a value that cannot be decoded makes the whole variable count as unset.
fn resource_attributes(env: &mut Env<'_>) -> BTreeMap<String, String> {
    let Some(list) = env.text(env::RESOURCE_ATTRIBUTES) else {
        return BTreeMap::new();
    };
    match key_values(&list) {
        Some(pairs) => pairs.into_iter().collect(),
        None => {
            env.warn(
                env::RESOURCE_ATTRIBUTES,
                &list,
                "`key=value,key=value` with percent-encoded values",
            );
            BTreeMap::new()
        }
    }
}

fn export(
    config: &TelemetryConfig,
    env: &mut Env<'_>,
) -> Result<Option<ExportSettings>, InitError> {
    let named = env.first(&[env::OTLP_TRACES_ENDPOINT, env::OTLP_ENDPOINT]);
    let exporter = env.parsed(
        env::TRACES_EXPORTER,
        "`otlp` or `none`",
        |value| match value {
            "otlp" => Some(true),
            "none" => Some(false),
            _ => None,
        },
    );
    if !exporter.unwrap_or(named.is_some() || config.otlp_endpoint.is_some()) {
        return Ok(None);
    }

    if let Some((variable, protocol)) = env.first(&[env::OTLP_TRACES_PROTOCOL, env::OTLP_PROTOCOL])
        && protocol != "http/protobuf"
    {
        return Err(InitError::invalid(
            variable,
            protocol,
            "`http/protobuf`, usually on the collector's port 4318",
        ));
    }
    let endpoint = match named {
        Some((variable, value)) if variable == env::OTLP_TRACES_ENDPOINT => {
            endpoint(variable, &value, "")?
        }
        Some((variable, value)) => endpoint(variable, &value, "/v1/traces")?,
        None => {
            let base = config
                .otlp_endpoint
                .as_deref()
                .unwrap_or("http://localhost:4318");
            endpoint("TelemetryConfig::otlp_endpoint", base, "/v1/traces")?
        }
    };

    let max_queue_size = env
        .parsed(env::BSP_MAX_QUEUE_SIZE, "a positive number", positive)
        .unwrap_or(2048);
    let max_batch_size = env
        .parsed(
            env::BSP_MAX_EXPORT_BATCH_SIZE,
            "a positive number",
            positive,
        )
        .unwrap_or(512);
    Ok(Some(ExportSettings {
        endpoint,
        headers: headers(env),
        request_timeout: env
            .milliseconds(env::OTLP_TRACES_TIMEOUT)
            .or_else(|| env.milliseconds(env::OTLP_TIMEOUT))
            .unwrap_or(Duration::from_secs(10)),
        batch_timeout: env
            .milliseconds(env::BSP_EXPORT_TIMEOUT)
            .unwrap_or(Duration::from_secs(30)),
        schedule_delay: env
            .milliseconds(env::BSP_SCHEDULE_DELAY)
            .unwrap_or(Duration::from_secs(5)),
        max_queue_size,
        // Specification: the batch must not be larger than the queue.
        max_batch_size: max_batch_size.min(max_queue_size),
    }))
}

fn positive(value: &str) -> Option<usize> {
    value.parse().ok().filter(|number| *number > 0)
}

fn endpoint(setting: &str, value: &str, path: &str) -> Result<Uri, InitError> {
    let complete = match path {
        "" => value.to_owned(),
        _ => format!("{}{path}", value.trim_end_matches('/')),
    };
    let shown = without_credentials(value);
    let uri: Uri = complete.parse().map_err(|_| {
        InitError::invalid(
            setting,
            &*shown,
            "an address with a scheme, such as http://localhost:4318",
        )
    })?;
    match (uri.scheme_str(), uri.authority()) {
        (Some("http"), Some(authority)) if authority.as_str().contains('@') => {
            Err(InitError::invalid(
                setting,
                shown,
                "an address without credentials: put them into OTEL_EXPORTER_OTLP_HEADERS",
            ))
        }
        (Some("http"), Some(_)) => Ok(uri),
        (Some("https"), _) => Err(InitError::invalid(
            setting,
            shown,
            "an http:// address: this version has no TLS, so export to a collector or agent beside the service and let that one encrypt",
        )),
        _ => Err(InitError::invalid(
            setting,
            shown,
            "an address with a scheme, such as http://localhost:4318",
        )),
    }
}

fn without_credentials(url: &str) -> String {
    match (url.find("://"), url.rfind('@')) {
        (Some(scheme), Some(at)) if scheme + 3 <= at => {
            format!("{}***{}", &url[..scheme + 3], &url[at..])
        }
        (None, Some(at)) => format!("***{}", &url[at..]),
        _ => url.to_owned(),
    }
}

fn headers(env: &mut Env<'_>) -> Vec<(String, String)> {
    let Some((variable, list)) = env.first(&[env::OTLP_TRACES_HEADERS, env::OTLP_HEADERS]) else {
        return Vec::new();
    };
    key_values(&list).unwrap_or_else(|| {
        // Not the value: it is where API keys live.
        env.warn(
            variable,
            "***",
            "`key=value,key=value` with percent-encoded values",
        );
        Vec::new()
    })
}

/// `key=value,key=value`, values percent-encoded; `None` if any of it is malformed.
fn key_values(list: &str) -> Option<Vec<(String, String)>> {
    list.split(',')
        .filter(|pair| !pair.trim().is_empty())
        .map(|pair| {
            let (key, value) = pair.split_once('=')?;
            let key = key.trim();
            let value = percent_decode_str(value.trim()).decode_utf8().ok()?;
            (!key.is_empty()).then(|| (key.to_owned(), value.into_owned()))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

    use super::*;

    fn resolve(config: TelemetryConfig, variables: &[(&str, &str)]) -> Result<Settings, InitError> {
        Settings::resolve(config, &|name| {
            variables
                .iter()
                .find(|(key, _)| *key == name)
                .map(|(_, value)| (*value).to_owned())
        })
    }

    fn environment(variables: &[(&str, &str)]) -> Settings {
        resolve(TelemetryConfig::new(), variables).unwrap()
    }

    fn endpoint_of(variables: &[(&str, &str)]) -> Option<String> {
        environment(variables)
            .export
            .map(|export| export.endpoint.to_string())
    }

    #[test]
    fn a_budget_for_all_in_the_environment_wins_over_the_programs_and_a_name_is_an_exception() {
        let budget = |list: &str| {
            let config = TelemetryConfig::new().series_budget("orders", 7);
            let settings = resolve(config, &[("FIRSTLIGHT_METRICS_SERIES_BUDGET", list)]).unwrap();
            let BudgetOptions {
                by_metric, each, ..
            } = settings.budget;
            (by_metric, each, settings.warnings.len())
        };
        let named = |name: &str, series| (name.to_owned(), series);
        assert_eq!(budget(""), (vec![named("orders", 7)], None, 0));
        assert_eq!(budget("9"), (vec![], Some(9), 0));
        assert_eq!(
            budget("a=1, 9 ,b = 2"),
            (vec![named("a", 1), named("b", 2)], Some(9), 0)
        );
        assert_eq!(
            budget("orders=8"),
            (vec![named("orders", 7), named("orders", 8)], None, 0)
        );
        for wrong in ["0", "x", "9,,", "a=", "a=-1"] {
            assert_eq!(budget(wrong), (vec![named("orders", 7)], None, 1));
        }
        let none = TelemetryConfig::new().series_budget("orders", 0);
        assert!(resolve(none, &[]).is_err());
        let total = environment(&[("FIRSTLIGHT_METRICS_SERIES_TOTAL", "12")]);
        assert_eq!(total.budget.total, Some(12));
    }

    #[test]
    fn traces_are_exported_if_and_only_if_an_endpoint_is_set_or_the_exporter_is_named() {
        let base = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://collector:4318");
        assert_eq!(endpoint_of(&[]), None);
        assert_eq!(
            endpoint_of(&[("OTEL_EXPORTER_OTLP_ENDPOINT", " ")]),
            None,
            "empty means unset"
        );
        assert_eq!(
            endpoint_of(&[base]).unwrap(),
            "http://collector:4318/v1/traces"
        );
        assert_eq!(
            endpoint_of(&[("OTEL_TRACES_EXPORTER", "otlp")]).unwrap(),
            "http://localhost:4318/v1/traces"
        );
        assert_eq!(endpoint_of(&[base, ("OTEL_TRACES_EXPORTER", "none")]), None);
        assert_eq!(endpoint_of(&[base, ("OTEL_SDK_DISABLED", "TRUE")]), None);
    }

    #[test]
    fn the_general_endpoint_gets_a_path_and_the_traces_endpoint_is_verbatim() {
        assert_eq!(
            endpoint_of(&[("OTEL_EXPORTER_OTLP_ENDPOINT", "http://c:1/base/")]).unwrap(),
            "http://c:1/base/v1/traces"
        );
        let both = [
            ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://c:1"),
            ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://t:2/x"),
        ];
        assert_eq!(endpoint_of(&both).unwrap(), "http://t:2/x");
    }

    #[test]
    fn an_endpoint_that_cannot_work_is_an_error_that_names_the_variable_and_hides_credentials() {
        for (value, hint) in [
            ("collector:4318", "with a scheme"),
            ("https://user:hunter2@c:4318", "no TLS"),
            ("http://user:hunter2@c:4318", "OTEL_EXPORTER_OTLP_HEADERS"),
            ("http://", "with a scheme"),
            ("notaurl", "with a scheme"),
        ] {
            let error = resolve(
                TelemetryConfig::new(),
                &[("OTEL_EXPORTER_OTLP_ENDPOINT", value)],
            );
            let Err(error) = error else {
                panic!("{value} was accepted")
            };
            let message = error.to_string();
            assert!(
                message.starts_with("OTEL_EXPORTER_OTLP_ENDPOINT: found"),
                "{message}"
            );
            assert!(message.contains(hint), "{message}");
            assert!(!message.contains("hunter2"), "{message}");
        }
        let grpc = [
            ("OTEL_TRACES_EXPORTER", "otlp"),
            ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"),
        ];
        assert!(
            resolve(TelemetryConfig::new(), &grpc)
                .unwrap_err()
                .to_string()
                .contains("http/protobuf")
        );
    }

    #[test]
    fn operators_win_over_the_author_and_the_author_over_defaults() {
        let config = TelemetryConfig::new()
            .service_name("author")
            .resource_attribute("team", "author")
            .shutdown_timeout(Duration::from_secs(1))
            .admin_address(([127, 0, 0, 1], 1).into());
        let settings = resolve(config.clone(), &[]).unwrap();
        assert_eq!(settings.resource.get("service.name"), Some("author"));
        assert_eq!(settings.shutdown_timeout, Duration::from_secs(1));
        assert_eq!(settings.admin, Some(("127.0.0.1".to_owned(), 1)));

        let settings = resolve(
            config,
            &[
                ("OTEL_SERVICE_NAME", "operator"),
                (
                    "OTEL_RESOURCE_ATTRIBUTES",
                    "service.name=loses,team=a%2Cb,k8s.pod.name=p%2D1",
                ),
                ("FIRSTLIGHT_SHUTDOWN_TIMEOUT", "2000"),
                ("OTEL_EXPORTER_PROMETHEUS_PORT", "0"),
            ],
        )
        .unwrap();
        assert_eq!(settings.resource.get("service.name"), Some("operator"));
        assert_eq!(settings.resource.get("team"), Some("a,b"));
        assert_eq!(settings.resource.get("k8s.pod.name"), Some("p-1"));
        assert_eq!(settings.shutdown_timeout, Duration::from_secs(2));
        assert_eq!(settings.admin, Some(("localhost".to_owned(), 0)));
    }

    #[test]
    fn a_value_that_makes_no_sense_is_one_warning_and_then_the_default() {
        let settings = environment(&[
            ("OTEL_TRACES_SAMPLER", "bogus"),
            ("OTEL_BSP_MAX_QUEUE_SIZE", "-1"),
            ("OTEL_EXPORTER_OTLP_HEADERS", "secretkey"),
            ("OTEL_TRACES_EXPORTER", "otlp"),
            ("OTEL_PROPAGATORS", "b3"),
            ("RUST_LOG", "info,orders=loud"),
        ]);
        assert_eq!(settings.sampler.to_string(), "parentbased_always_on");
        assert_eq!(settings.propagators.len(), 2);
        assert_eq!(settings.export.unwrap().max_queue_size, 2048);
        let warnings = settings.warnings.join("\n");
        for name in [
            "OTEL_TRACES_SAMPLER",
            "OTEL_BSP_MAX_QUEUE_SIZE",
            "OTEL_EXPORTER_OTLP_HEADERS",
            "OTEL_PROPAGATORS",
            "RUST_LOG",
        ] {
            assert_eq!(
                warnings.matches(&format!("{name}:")).count(),
                1,
                "{warnings}"
            );
        }
        assert!(!warnings.contains("secretkey"), "{warnings}");
    }

    #[test]
    fn samplers_are_the_specifications() {
        let sampler = |name, arg| {
            environment(&[
                ("OTEL_TRACES_SAMPLER", name),
                ("OTEL_TRACES_SAMPLER_ARG", arg),
            ])
            .sampler
            .to_string()
        };
        assert_eq!(sampler("always_off", ""), "always_off");
        assert_eq!(
            sampler("parentbased_traceidratio", "0.25"),
            "parentbased_traceidratio=0.25"
        );
        assert_eq!(
            sampler("traceidratio", "7"),
            "always_on",
            "an argument out of range is the default, 1"
        );
    }

    #[test]
    fn a_batch_is_never_larger_than_the_queue() {
        let export = environment(&[
            ("OTEL_TRACES_EXPORTER", "otlp"),
            ("OTEL_BSP_MAX_QUEUE_SIZE", "10"),
            ("OTEL_EXPORTER_OTLP_TIMEOUT", "250"),
        ])
        .export
        .unwrap();
        assert_eq!((export.max_queue_size, export.max_batch_size), (10, 10));
        assert_eq!(export.request_timeout, Duration::from_millis(250));
    }
}
