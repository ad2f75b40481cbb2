//! Settings of traces: filter, sampling, limits, propagation and remote parents.

use std::{fmt, num::NonZeroU32};

use tracing_subscriber::filter::{LevelFilter, Targets};

use super::{RecordLimits, SpanLimits, TelemetryConfig, env, env::Env};
use crate::{InitError, directives::targets};

/// A format of propagation headers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Propagator {
    TraceContext,
    Baggage,
    B3,
    B3Multi,
    Jaeger,
}

/// How a request continues the trace and the baggage of its caller.
///
/// Every client can send a `traceparent`. The header can make the service keep traces that its sampler would drop, or
/// add spans to a trace of another client. If only your own services can call the service, this is intended. On an edge
/// that the public can reach, choose [`Link`](Self::Link) or [`Ignore`](Self::Ignore): the service's sampler then
/// decides, and the caller's decision has no effect. Overridden by `FIRSTLIGHT_REMOTE_PARENT`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum RemoteParent {
    /// The request continues the caller's trace.
    ///
    /// The default, because otherwise a trace ends at each service.
    #[default]
    Continue,
    /// The request starts a new trace with a link to the caller's trace.
    ///
    /// The caller's baggage is dropped.
    Link,
    /// The request starts a new trace without a link.
    ///
    /// The caller's baggage is dropped.
    Ignore,
}

/// Which new traces are sampled, and whether the caller's decision is followed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct SamplerSetting {
    pub(crate) parent_based: bool,
    /// The share of new traces that are sampled, from 0 to 1.
    pub(crate) ratio: f64,
}

impl SamplerSetting {
    /// Parses a sampler's name.
    ///
    /// See the general SDK configuration under "Environment variables" in the OpenTelemetry specification.
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

pub(super) fn trace_filter(
    config: &TelemetryConfig,
    env: &mut Env<'_>,
) -> Result<Targets, InitError> {
    let expected = "directives such as `info` or `info,orders=debug`";
    if let Some(filter) = env.parsed(env::TRACE_FILTER, expected, targets) {
        if filter.default_level().is_none() {
            env.warn_once(format!(
                "{}: only the targets that are named make spans; a level for all others is missing, as in `info,orders=debug`",
                env::TRACE_FILTER
            ));
        }
        return Ok(filter);
    }
    let directives = config.trace_filter.as_deref().unwrap_or("info");
    targets(directives)
        .ok_or_else(|| InitError::invalid("TelemetryConfig::trace_filter", directives, expected))
}

/// Reads the level from which events are written on their span.
pub(super) fn trace_events(env: &mut Env<'_>) -> LevelFilter {
    let levels = "`error`, `warn`, `info`, `debug`, `trace` or `off`";
    env.number(env::TRACE_EVENTS, levels)
        .unwrap_or(LevelFilter::WARN)
}

pub(super) fn sampler(env: &mut Env<'_>) -> SamplerSetting {
    // A parent-based sampler keeps a trace as a whole or not at all. The ratio is 1, because a new service has little
    // traffic. The log line at the start names the sampler.
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
    env.choice(
        env::TRACES_SAMPLER,
        "`always_on`, `always_off`, `traceidratio`, `parentbased_always_on`, `parentbased_always_off` or `parentbased_traceidratio`",
        |name| SamplerSetting::parse(name, ratio),
    )
    .unwrap_or(default)
}

/// Reads how many failed local roots a second are exported; `None` for none.
pub(super) fn trace_failures(env: &mut Env<'_>) -> Option<NonZeroU32> {
    let limit = env.parsed(
        env::TRACE_FAILURES,
        "a whole number from 0 to 1000, of failed requests, jobs and scheduled runs a second",
        |value| value.parse().ok().filter(|limit| *limit <= 1000),
    );
    NonZeroU32::new(limit.unwrap_or(0))
}

/// Reads the limits of spans.
///
/// A limit for spans takes precedence over the general limit. See "Span Limits" in the OpenTelemetry specification.
pub(super) fn span_limits(env: &mut Env<'_>) -> SpanLimits {
    let default = SpanLimits::default();
    let mut limit = |names: &[&'static str], default: usize| {
        names
            .iter()
            .find_map(|name| env.number(name, "a whole number"))
            .unwrap_or(default)
    };
    SpanLimits {
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

/// Reads the limits of log records.
///
/// A limit for log records takes precedence over the general limit. See "LogRecord Limits" in the OpenTelemetry
/// specification.
pub(super) fn record_limits(env: &mut Env<'_>) -> RecordLimits {
    let mut limit = |own: &str, general: &str| {
        env.number(own, "a whole number")
            .or_else(|| env.number(general, "a whole number"))
    };
    let default = RecordLimits::default();
    RecordLimits {
        value_length: limit(
            env::LOGRECORD_ATTRIBUTE_VALUE_LENGTH_LIMIT,
            env::ATTRIBUTE_VALUE_LENGTH_LIMIT,
        )
        .unwrap_or(default.value_length),
        attributes: limit(
            env::LOGRECORD_ATTRIBUTE_COUNT_LIMIT,
            env::ATTRIBUTE_COUNT_LIMIT,
        )
        .unwrap_or(default.attributes),
    }
}

pub(super) fn propagators(env: &mut Env<'_>) -> Vec<Propagator> {
    let default = vec![Propagator::TraceContext, Propagator::Baggage];
    let Some(list) = env.text(env::PROPAGATORS) else {
        return default;
    };
    let mut propagators = Vec::new();
    for name in list.to_ascii_lowercase().split(',').map(str::trim) {
        let propagator = match name {
            "tracecontext" => Propagator::TraceContext,
            "baggage" => Propagator::Baggage,
            "b3" => Propagator::B3,
            "b3multi" => Propagator::B3Multi,
            "jaeger" => Propagator::Jaeger,
            "none" => return Vec::new(),
            _ => {
                env.warn(
                    env::PROPAGATORS,
                    &list,
                    "a list of `tracecontext`, `baggage`, `b3`, `b3multi` and `jaeger`, or `none`",
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

pub(super) fn remote_parent(value: &str) -> Option<RemoteParent> {
    match value {
        "continue" => Some(RemoteParent::Continue),
        "link" => Some(RemoteParent::Link),
        "ignore" => Some(RemoteParent::Ignore),
        _ => None,
    }
}
