//! What our own keys are called: flat by default, or as Elastic, Google Cloud or Datadog expect them.
//!
//! Everything else about a line is the same in all of them. What a backend needs on every line and never changes (the
//! service's name, the version of the schema) is rendered once.

use tracing::Level;

use super::json::{escape, write_text};
use crate::{config::LogFormat, resource::Resource};

/// The keys of one format.
#[derive(Debug)]
pub(super) struct Schema {
    pub(super) time: &'static str,
    pub(super) level: &'static str,
    pub(super) target: &'static str,
    pub(super) trace_id: &'static str,
    pub(super) span_id: &'static str,
    /// From `ERROR` to `TRACE`.
    levels: [&'static str; 5],
    pub(super) ids: Ids,
    /// What a program's field becomes that is called like one of the keys above or below. `message` is not here: the
    /// event's own is shown, any other was renamed when it was recorded.
    reserved: &'static [(&'static str, &'static str)],
    /// Keys of every line, and the resource's attributes that are their values.
    service: &'static [(&'static str, &'static str)],
}

/// How ids are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ids {
    Hexadecimal,
    /// 64 bits, decimal: the form in which Datadog joins logs and traces.
    Decimal,
}

const LOWER: [&str; 5] = ["error", "warn", "info", "debug", "trace"];

/// The OpenTelemetry names, flat.
pub(super) static FLAT: Schema = Schema {
    time: "timestamp",
    level: "level",
    target: "target",
    trace_id: "trace_id",
    span_id: "span_id",
    levels: ["ERROR", "WARN", "INFO", "DEBUG", "TRACE"],
    ids: Ids::Hexadecimal,
    reserved: &[
        ("timestamp", "field.timestamp"),
        ("level", "field.level"),
        ("target", "field.target"),
        ("trace_id", "field.trace_id"),
        ("span_id", "field.span_id"),
    ],
    service: &[],
};

/// [Elastic Common Schema](https://www.elastic.co/guide/en/ecs/current/index.html), with dotted names.
static ECS: Schema = Schema {
    time: "@timestamp",
    level: "log.level",
    target: "log.logger",
    trace_id: "trace.id",
    span_id: "span.id",
    levels: LOWER,
    ids: Ids::Hexadecimal,
    reserved: &[
        ("@timestamp", "field.@timestamp"),
        ("log.level", "field.log.level"),
        ("log.logger", "field.log.logger"),
        ("trace.id", "field.trace.id"),
        ("span.id", "field.span.id"),
        ("ecs.version", "field.ecs.version"),
        ("service.name", "field.service.name"),
        ("service.version", "field.service.version"),
        ("service.environment", "field.service.environment"),
    ],
    service: &[
        ("service.name", "service.name"),
        ("service.version", "service.version"),
        ("service.environment", "deployment.environment.name"),
    ],
};

/// [Structured logging of Google Cloud](https://cloud.google.com/logging/docs/structured-logging).
static GCP: Schema = Schema {
    time: "time",
    level: "severity",
    target: "target",
    trace_id: "logging.googleapis.com/trace",
    span_id: "logging.googleapis.com/spanId",
    levels: ["ERROR", "WARNING", "INFO", "DEBUG", "DEBUG"],
    ids: Ids::Hexadecimal,
    reserved: &[
        ("time", "field.time"),
        ("severity", "field.severity"),
        ("target", "field.target"),
        (
            "logging.googleapis.com/trace",
            "field.logging.googleapis.com/trace",
        ),
        (
            "logging.googleapis.com/spanId",
            "field.logging.googleapis.com/spanId",
        ),
    ],
    service: &[],
};

/// [Attributes of Datadog](https://docs.datadoghq.com/logs/log_configuration/attributes_naming_convention/).
static DATADOG: Schema = Schema {
    time: "timestamp",
    level: "status",
    target: "logger.name",
    trace_id: "dd.trace_id",
    span_id: "dd.span_id",
    levels: LOWER,
    ids: Ids::Decimal,
    reserved: &[
        ("timestamp", "field.timestamp"),
        ("status", "field.status"),
        ("logger.name", "field.logger.name"),
        ("dd.trace_id", "field.dd.trace_id"),
        ("dd.span_id", "field.dd.span_id"),
        ("dd.service", "field.dd.service"),
        ("dd.version", "field.dd.version"),
        ("dd.env", "field.dd.env"),
    ],
    service: &[
        ("dd.service", "service.name"),
        ("dd.version", "service.version"),
        ("dd.env", "deployment.environment.name"),
    ],
};

/// A schema with this process's part of it rendered.
#[derive(Debug, Clone)]
pub(super) struct Keys {
    pub(super) schema: &'static Schema,
    /// `{"time":"`, with the schema's key.
    pub(super) opening: Vec<u8>,
    /// `","level":"INFO","target":"`, with the schema's keys, from `ERROR` to `TRACE`.
    levels: [Vec<u8>; 5],
    /// `,"key":"value"` for each key that never changes.
    pub(super) constant: Vec<u8>,
    /// What stands before a trace id.
    pub(super) trace_prefix: Vec<u8>,
}

impl Keys {
    pub(super) fn new(format: LogFormat, resource: &Resource) -> Self {
        let schema = match format {
            LogFormat::Json | LogFormat::Pretty => &FLAT,
            LogFormat::Ecs => &ECS,
            LogFormat::Gcp => &GCP,
            LogFormat::Datadog => &DATADOG,
        };
        let mut constant = Vec::new();
        if format == LogFormat::Ecs {
            write_text(&mut constant, "ecs.version", "8.11.0");
        }
        for (key, attribute) in schema.service {
            if let Some(value) = resource.get(attribute) {
                write_text(&mut constant, key, value);
            }
        }
        let mut trace_prefix = Vec::new();
        // Without the project, Google Cloud shows the id and joins nothing.
        if let (LogFormat::Gcp, Some(project)) = (format, resource.get("cloud.account.id")) {
            trace_prefix.extend_from_slice(b"projects/");
            escape(&mut trace_prefix, project);
            trace_prefix.extend_from_slice(b"/traces/");
        }
        Self {
            schema,
            opening: format!("{{\"{}\":\"", schema.time).into_bytes(),
            levels: schema.levels.map(|level| {
                let (key, target) = (schema.level, schema.target);
                format!("\",\"{key}\":\"{level}\",\"{target}\":\"").into_bytes()
            }),
            constant,
            trace_prefix,
        }
    }

    /// What stands between the time and the target of a line.
    pub(super) fn level(&self, level: Level) -> &[u8] {
        let [error, warn, info, debug, trace] = &self.levels;
        match level {
            Level::ERROR => error,
            Level::WARN => warn,
            Level::INFO => info,
            Level::DEBUG => debug,
            Level::TRACE => trace,
        }
    }
}

impl Schema {
    pub(super) fn unreserved(&self, name: &'static str) -> &'static str {
        let reserved = self.reserved.iter().find(|(key, _)| *key == name);
        reserved.map_or(name, |(_, renamed)| renamed)
    }
}
