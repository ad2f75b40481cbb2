//! OTLP log records, one per event, beside the log lines.
//!
//! A record has the content of the JSON line, with OTLP's types
//! ([log data model](https://opentelemetry.io/docs/specs/otel/logs/data-model/)): severity, body, trace, and the fields as
//! attributes. An attribute has the same name as the field in a line of the default format, except
//! `error` and `err`, which become `exception.message`. The name of the instrumentation scope is
//! the event's target, as in other log appenders.
//! Implementations of [`RecordSink`] queue and send the records.

#[cfg(test)]
mod tests;

use std::{collections::BTreeMap, fmt::Debug, sync::Arc};

use opentelemetry_proto::tonic::{
    collector::logs::v1::ExportLogsServiceRequest,
    common::v1::{AnyValue, any_value::Value},
    logs::v1::{LogRecord, ResourceLogs, ScopeLogs, SeverityNumber},
};
use tracing::Level;

use super::{LogLine, schema::FLAT};
use crate::{
    config::RecordLimits,
    proto::{attribute, scope, text},
    resource::Resource,
    values::{Kind, prefix},
};

/// A log record, and the target of its event, which becomes the scope.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Record {
    pub(crate) target: Box<str>,
    pub(crate) record: LogRecord,
}

/// Receives log records.
///
/// Called inside the program's log calls, so an implementation must neither block nor log.
pub(crate) trait RecordSink: Debug + Send + Sync {
    fn push(&self, record: Record);
}

/// Maximum length of a target in bytes.
///
/// The target of a `log` record may be built at run time.
const MAX_TARGET: usize = 1024;

/// Converts events to log records and passes them to a sink.
#[derive(Debug, Clone)]
pub(crate) struct Records {
    sink: Arc<dyn RecordSink>,
    limits: RecordLimits,
}

impl Records {
    pub(crate) fn new(sink: Arc<dyn RecordSink>, limits: RecordLimits) -> Self {
        Self { sink, limits }
    }

    pub(super) fn push(&self, line: &LogLine<'_>) {
        self.sink.push(Record {
            target: prefix(line.target, MAX_TARGET).into(),
            record: record_of(line, self.limits),
        });
    }
}

fn record_of<'a>(line: &LogLine<'a>, limits: RecordLimits) -> LogRecord {
    let (number, severity) = severity_of(line.level);
    let time = line.time;
    let message = line.event.message();
    let mut record = LogRecord {
        time_unix_nano: time,
        observed_time_unix_nano: time,
        severity_number: number.into(),
        severity_text: severity.to_owned(),
        body: Some(AnyValue {
            value: Some(text(message)),
        }),
        dropped_attributes_count: u32::try_from(line.event.dropped()).unwrap_or(u32::MAX),
        ..LogRecord::default()
    };
    if let Some(ids) = line.ids {
        record.trace_id = ids.trace_id.to_bytes().to_vec();
        record.span_id = ids.span_id.to_bytes().to_vec();
        record.flags = ids.flags.to_u8().into();
    }
    let mut names: Vec<&'a str> = Vec::with_capacity(16);
    let mut add = |name: &'a str, value: &str, kind| {
        let name = match name {
            // Span events rename the field in the same way. The conventions use `error` as a namespace, so no attribute can
            // have the name.
            "error" | "err" => "exception.message",
            name => name,
        };
        if names.contains(&name) {
            return;
        }
        names.push(name);
        if record.attributes.len() < limits.attributes {
            let value = value_of(value, kind, limits.value_length);
            // Reserved names are renamed as in the line, so that one query serves lines and records.
            record.attributes.push(attribute(FLAT.name(name), value));
        } else {
            record.dropped_attributes_count += 1;
        }
    };
    for (name, value, kind) in line.event.iter() {
        add(name.as_ref(), value, kind);
    }
    (line.spans)(&mut |span| {
        let span = span.fields();
        for (name, value, kind) in span.iter() {
            add(name, value, kind);
        }
    });
    record
}

/// The severity number and text of a level.
///
/// The number is the lowest of the level's range, and the text is the same as in the line.
fn severity_of(level: Level) -> (SeverityNumber, &'static str) {
    match level {
        Level::TRACE => (SeverityNumber::Trace, "TRACE"),
        Level::DEBUG => (SeverityNumber::Debug, "DEBUG"),
        Level::INFO => (SeverityNumber::Info, "INFO"),
        Level::WARN => (SeverityNumber::Warn, "WARN"),
        Level::ERROR => (SeverityNumber::Error, "ERROR"),
    }
}

fn value_of(value: &str, kind: Kind, length: usize) -> Value {
    let bare = || match value {
        "true" => Some(Value::BoolValue(true)),
        "false" => Some(Value::BoolValue(false)),
        // A number beyond `i64` stays text, because a floating-point number would change its value.
        digits
            if digits
                .bytes()
                .all(|byte| byte.is_ascii_digit() || byte == b'-') =>
        {
            digits.parse().ok().map(Value::IntValue)
        }
        number => number.parse().ok().map(Value::DoubleValue),
    };
    match kind {
        Kind::Bare => bare(),
        Kind::Text | Kind::Message => None,
    }
    .unwrap_or_else(|| text(truncate(value, length)))
}

/// The first `characters` characters of a value.
fn truncate(value: &str, characters: usize) -> &str {
    // A text has at least as many bytes as characters.
    if value.len() <= characters {
        return value;
    }
    let end = value.char_indices().nth(characters);
    end.and_then(|(end, _)| value.get(..end)).unwrap_or(value)
}

/// One request with all records, in one scope per target.
pub(crate) fn logs_request(
    resource: &Resource,
    records: impl IntoIterator<Item = Record>,
) -> ExportLogsServiceRequest {
    let mut scopes: BTreeMap<Box<str>, Vec<LogRecord>> = BTreeMap::new();
    for Record { target, record } in records {
        scopes.entry(target).or_default().push(record);
    }
    let scopes = scopes.into_iter().map(|(target, log_records)| ScopeLogs {
        scope: Some(scope(target)),
        log_records,
        ..ScopeLogs::default()
    });
    ExportLogsServiceRequest {
        resource_logs: vec![ResourceLogs {
            resource: Some(resource.to_proto()),
            scope_logs: scopes.collect(),
            ..ResourceLogs::default()
        }],
    }
}
