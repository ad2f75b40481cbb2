//! The JSON schemas: the names of firstlight's keys, and of the program's fields.
//!
//! The default schema is flat. The other schemas have the keys that Elastic, Google Cloud and
//! Datadog expect. Schemas differ in their names, the words for levels, and the notation of ids.
//! Constant parts, such as the service's name and the version of the schema, are rendered once.

mod reserved;
#[cfg(test)]
mod tests;

use std::{borrow::Cow, sync::LazyLock};

use tracing::Level;

use self::reserved::Reserved;
pub(super) use self::reserved::{NUMBER_LIMIT, Type};
use super::{
    bound::{MAX_CONSTANT, write_truncated},
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
    /// The names of the levels, from `ERROR` to `TRACE`.
    levels: [&'static str; 5],
    pub(super) ids: Ids,
    /// Returns whether a field of this name can keep it.
    naming: fn(&str) -> Naming,
    pub(super) renaming: Renaming,
    /// Keys of every line, each with the resource attribute whose value it has.
    service: &'static [(&'static str, &'static str)],
}

/// The notation of ids.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ids {
    Hexadecimal,
    /// The lower 64 bits in decimal, by which Datadog joins logs and traces.
    Decimal,
}

/// Whether a program's field can keep its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Naming {
    /// The field keeps its name.
    Keep,
    /// The field keeps its name if its value is of this type.
    ///
    /// Otherwise it is renamed.
    KeepIf(Type),
    /// The field is renamed, because the backend or firstlight uses the name.
    Rename,
}

/// The new name of a field that cannot keep its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Renaming {
    /// `field.<name>`.
    Prefix,
    /// `labels.<name>` for texts, and `numeric_labels.<name>` for numbers.
    ///
    /// Each of the two objects has values of one type, so that no value is rejected because an earlier value had another
    /// type.
    Labels,
}

/// The key for the number of dropped fields, in every format.
///
/// No backend has a name for it.
pub(super) const DROPPED: &str = "firstlight.dropped_fields";

/// The prefix of a renamed field.
pub(super) const PREFIX: &str = "field.";

/// The levels in lower case.
const LOWERCASE_LEVELS: [&str; 5] = ["error", "warn", "info", "debug", "trace"];

/// The default schema, with OpenTelemetry's names.
pub(super) static FLAT: Schema = Schema {
    time: "timestamp",
    level: "level",
    target: "target",
    trace_id: "trace_id",
    span_id: "span_id",
    levels: ["ERROR", "WARN", "INFO", "DEBUG", "TRACE"],
    ids: Ids::Hexadecimal,
    naming: flat_naming,
    renaming: Renaming::Prefix,
    service: &[],
};

/// Reserves firstlight's keys, and Loki's names for the parts of an OTLP record.
///
/// Loki stores attributes beside those parts and replaces each dot by `_`.
fn flat_naming(name: &str) -> Naming {
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
        _ => return Naming::Keep,
    };
    let without_dots = |byte: u8| if byte == b'.' { b'_' } else { byte };
    let is_same = |reserved_name: &&str| reserved_name.bytes().eq(name.bytes().map(without_dots));
    if reserved.iter().any(is_same) {
        Naming::Rename
    } else {
        Naming::Keep
    }
}

/// Elastic Common Schema, with dotted names.
///
/// See [the reference](https://www.elastic.co/guide/en/ecs/current/index.html).
static ECS: Schema = Schema {
    time: "@timestamp",
    level: "log.level",
    target: "log.logger",
    trace_id: "trace.id",
    span_id: "span.id",
    levels: LOWERCASE_LEVELS,
    ids: Ids::Hexadecimal,
    // All custom fields become labels, because a later version of the schema may define any other name.
    naming: |name| ECS_NAMES.listed(name).unwrap_or(Naming::Rename),
    renaming: Renaming::Labels,
    service: &[
        ("service.name", "service.name"),
        ("service.version", "service.version"),
        ("service.environment", "deployment.environment.name"),
    ],
};

/// The version of ECS whose fields `ecs.txt` lists.
const ECS_VERSION: &str = "9.4.0";

static ECS_NAMES: LazyLock<Reserved> = LazyLock::new(|| {
    let own_keys = ECS.own_keys().chain(["ecs.version"]);
    Reserved::new(include_str!("schema/ecs.txt"), own_keys, true)
});

/// Structured logging of Google Cloud.
///
/// See [the reference](https://cloud.google.com/logging/docs/structured-logging).
pub(super) static GCP: Schema = Schema {
    time: "time",
    level: "severity",
    target: "target",
    trace_id: "logging.googleapis.com/trace",
    span_id: "logging.googleapis.com/spanId",
    levels: ["ERROR", "WARNING", "INFO", "DEBUG", "DEBUG"],
    ids: Ids::Hexadecimal,
    naming: |name| GCP_NAMES.naming(name),
    renaming: Renaming::Prefix,
    service: &[],
};

static GCP_NAMES: LazyLock<Reserved> =
    LazyLock::new(|| Reserved::new(include_str!("schema/gcp.txt"), GCP.own_keys(), false));

/// Attributes of Datadog.
///
/// See [the reference](https://docs.datadoghq.com/logs/log_configuration/attributes_naming_convention/).
static DATADOG: Schema = Schema {
    time: "timestamp",
    level: "status",
    target: "logger.name",
    trace_id: "dd.trace_id",
    span_id: "dd.span_id",
    levels: LOWERCASE_LEVELS,
    ids: Ids::Decimal,
    naming: |name| DATADOG_NAMES.naming(name),
    renaming: Renaming::Prefix,
    service: &[
        ("dd.service", "service.name"),
        ("dd.version", "service.version"),
        ("dd.env", "deployment.environment.name"),
    ],
};

static DATADOG_NAMES: LazyLock<Reserved> =
    LazyLock::new(|| Reserved::new(include_str!("schema/datadog.txt"), DATADOG.own_keys(), true));

/// A schema with its constant parts rendered for this process.
#[derive(Debug, Clone)]
pub(super) struct Keys {
    pub(super) schema: &'static Schema,
    /// `{"time":"`, with the schema's key.
    pub(super) opening: Vec<u8>,
    /// `","level":"INFO","target":"`, with the schema's keys, from `ERROR` to `TRACE`.
    levels: [Vec<u8>; 5],
    /// `,"key":"value"` for each constant key.
    pub(super) constant: Vec<u8>,
    /// The text before a trace id, which is the value of its key or the end of that.
    pub(super) before_trace_id: Vec<u8>,
    /// The text between a trace id and a span id.
    pub(super) before_span_id: Vec<u8>,
}

impl Keys {
    pub(super) fn new(format: LogFormat, resource: &Resource) -> Self {
        let schema = match format {
            LogFormat::Json | LogFormat::Pretty => &FLAT,
            LogFormat::Ecs => &ECS,
            LogFormat::Gcp => &GCP,
            LogFormat::Datadog => &DATADOG,
        };
        // Parses the list of names now, so that the first line does not pay for it.
        schema.naming("");
        let mut constant = Vec::new();
        if format == LogFormat::Ecs {
            write_constant(&mut constant, "ecs.version", ECS_VERSION);
        }
        for (key, attribute) in schema.service {
            if let Some(value) = resource.get(attribute) {
                write_constant(&mut constant, key, value);
            }
        }
        let mut before_trace_id = format!(",\"{}\":\"", schema.trace_id).into_bytes();
        // Google Cloud joins logs and traces only if the id is prefixed with the project.
        if let (LogFormat::Gcp, Some(project)) = (format, resource.get("cloud.account.id")) {
            before_trace_id.extend_from_slice(b"projects/");
            write_truncated(&mut before_trace_id, project, MAX_CONSTANT, escape);
            before_trace_id.extend_from_slice(b"/traces/");
        }
        Self {
            schema,
            opening: format!("{{\"{}\":\"", schema.time).into_bytes(),
            levels: schema.levels.map(|level| {
                let (key, target) = (schema.level, schema.target);
                format!("\",\"{key}\":\"{level}\",\"{target}\":\"").into_bytes()
            }),
            constant,
            before_trace_id,
            before_span_id: format!("\",\"{}\":\"", schema.span_id).into_bytes(),
        }
    }

    /// The rendered level, which is between the time and the target of a line.
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
    /// The keys of every line. `message` has the same name in all schemas.
    fn own_keys(&self) -> impl Iterator<Item = &'static str> + use<> {
        let service = self.service.iter().map(|(key, _)| *key);
        let keys = [self.time, self.level, self.target, self.trace_id];
        keys.into_iter()
            .chain([self.span_id, "message", DROPPED])
            .chain(service)
    }

    pub(super) fn naming(&self, name: &str) -> Naming {
        let naming = (self.naming)(name);
        // A field `field.a` must differ from a renamed field `a`.
        if naming == Naming::Keep && name.starts_with(PREFIX) {
            return Naming::Rename;
        }
        naming
    }

    /// The name of a field in a format where its type does not matter.
    pub(super) fn name<'a>(&self, name: &'a str) -> Cow<'a, str> {
        match self.naming(name) {
            Naming::Rename => Cow::Owned(format!("{PREFIX}{name}")),
            Naming::Keep | Naming::KeepIf(_) => Cow::Borrowed(name),
        }
    }
}
