//! What our own keys are called, flat by default, or as Elastic, Google Cloud or Datadog expect them, and where a program's
//! fields go beside them.
//!
//! Everything else about a line is the same in all of them. What a backend needs on every line and never changes (the
//! service's name, the version of the schema) is rendered once.

mod reserved;
#[cfg(test)]
mod tests;

use std::{borrow::Cow, sync::LazyLock};

use tracing::Level;

use self::reserved::Reserved;
pub(super) use self::reserved::{LARGEST, Type};
use super::{
    bound::{MAX_CONSTANT, write_within},
    json::{escape, write_constant},
};
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
    place: fn(&str) -> Place,
    pub(super) aside: Aside,
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

/// Where a program's field goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// Under its name.
    Free,
    /// Under its name if its value is of the type that the backend takes there, or else aside.
    As(Type),
    /// Aside: the name is the backend's.
    Aside,
}

/// Where fields go that cannot have their name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Aside {
    /// To `field.<name>`.
    Prefixed,
    /// To `labels.<name>` as text and `numeric_labels.<name>` as numbers: objects with one type of value each, so that no
    /// value is refused because an earlier one had another type.
    Labels,
}

/// How many fields are not on the line. In every format: no backend has a name for it.
pub(super) const DROPPED: &str = "firstlight.dropped_fields";

/// Before the name of a field that is put aside.
pub(super) const PREFIX: &str = "field.";

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
    place: flat,
    aside: Aside::Prefixed,
    service: &[],
};

/// Our own keys, and what Loki calls the parts of an OTLP record: it keeps attributes beside them, with each dot a `_`.
fn flat(name: &str) -> Place {
    let reserved: &[&str] = match name.len() {
        5 => &["level", "flags"],
        6 => &["target"],
        7 => &["message", "span_id"],
        8 => &["trace_id"],
        9 => &["timestamp"],
        10 => &["scope_name"],
        13 => &["severity_text", "scope_version"],
        15 => &["severity_number"],
        18 => &["observed_timestamp"],
        24 => &["dropped_attributes_count"],
        25 => &["firstlight_dropped_fields"],
        _ => return Place::Free,
    };
    let plain = |byte: u8| if byte == b'.' { b'_' } else { byte };
    let is_same = |known: &&str| known.bytes().eq(name.bytes().map(plain));
    if reserved.iter().any(is_same) {
        Place::Aside
    } else {
        Place::Free
    }
}

/// [Elastic Common Schema](https://www.elastic.co/guide/en/ecs/current/index.html), with dotted names.
static ECS: Schema = Schema {
    time: "@timestamp",
    level: "log.level",
    target: "log.logger",
    trace_id: "trace.id",
    span_id: "span.id",
    levels: LOWER,
    ids: Ids::Hexadecimal,
    // Custom fields are labels there, whatever they are called: what is a name of one's own today is the schema's tomorrow.
    place: |name| ECS_NAMES.listed(name).unwrap_or(Place::Aside),
    aside: Aside::Labels,
    service: &[
        ("service.name", "service.name"),
        ("service.version", "service.version"),
        ("service.environment", "deployment.environment.name"),
    ],
};

/// Of the list of fields.
const ECS_VERSION: &str = "9.4.0";

static ECS_NAMES: LazyLock<Reserved> = LazyLock::new(|| {
    let ours = ECS.own_keys().chain(["ecs.version"]);
    Reserved::new(include_str!("schema/ecs.txt"), ours, true)
});

/// [Structured logging of Google Cloud](https://cloud.google.com/logging/docs/structured-logging).
static GCP: Schema = Schema {
    time: "time",
    level: "severity",
    target: "target",
    trace_id: "logging.googleapis.com/trace",
    span_id: "logging.googleapis.com/spanId",
    levels: ["ERROR", "WARNING", "INFO", "DEBUG", "DEBUG"],
    ids: Ids::Hexadecimal,
    place: |name| GCP_NAMES.place(name),
    aside: Aside::Prefixed,
    service: &[],
};

static GCP_NAMES: LazyLock<Reserved> =
    LazyLock::new(|| Reserved::new(include_str!("schema/gcp.txt"), GCP.own_keys(), false));

/// [Attributes of Datadog](https://docs.datadoghq.com/logs/log_configuration/attributes_naming_convention/).
static DATADOG: Schema = Schema {
    time: "timestamp",
    level: "status",
    target: "logger.name",
    trace_id: "dd.trace_id",
    span_id: "dd.span_id",
    levels: LOWER,
    ids: Ids::Decimal,
    place: |name| DATADOG_NAMES.place(name),
    aside: Aside::Prefixed,
    service: &[
        ("dd.service", "service.name"),
        ("dd.version", "service.version"),
        ("dd.env", "deployment.environment.name"),
    ],
};

static DATADOG_NAMES: LazyLock<Reserved> =
    LazyLock::new(|| Reserved::new(include_str!("schema/datadog.txt"), DATADOG.own_keys(), true));

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
        // The names are read here, and not for the first line.
        schema.place("");
        let mut constant = Vec::new();
        if format == LogFormat::Ecs {
            write_constant(&mut constant, "ecs.version", ECS_VERSION);
        }
        for (key, attribute) in schema.service {
            if let Some(value) = resource.get(attribute) {
                write_constant(&mut constant, key, value);
            }
        }
        let mut trace_prefix = Vec::new();
        // Without the project, Google Cloud shows the id and joins nothing.
        if let (LogFormat::Gcp, Some(project)) = (format, resource.get("cloud.account.id")) {
            trace_prefix.extend_from_slice(b"projects/");
            write_within(&mut trace_prefix, project, MAX_CONSTANT, escape);
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
    /// The keys of every line, and `message`, which is called so in all of them.
    fn own_keys(&self) -> impl Iterator<Item = &'static str> + use<> {
        let service = self.service.iter().map(|(key, _)| *key);
        let keys = [self.time, self.level, self.target, self.trace_id];
        keys.into_iter()
            .chain([self.span_id, "message", DROPPED])
            .chain(service)
    }

    pub(super) fn place(&self, name: &str) -> Place {
        let place = (self.place)(name);
        // What is put aside and what is called so anyway are two fields.
        if place == Place::Free && name.starts_with(PREFIX) {
            return Place::Aside;
        }
        place
    }

    /// The name that a field has whose type does not matter.
    pub(super) fn name<'a>(&self, name: &'a str) -> Cow<'a, str> {
        match self.place(name) {
            Place::Aside => Cow::Owned(format!("{PREFIX}{name}")),
            Place::Free | Place::As(_) => Cow::Borrowed(name),
        }
    }
}
