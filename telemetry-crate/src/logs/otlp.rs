//! One event as an OTLP log record, beside its line.
//!
//! The record has what the JSON line has, under the same names, with the types that OTLP knows
//! ([log data model](https://opentelemetry.io/docs/specs/otel/logs/data-model/)): severity, body, trace and the fields as
//! attributes. What it leaves out: the queue and the sending, which are behind [`RecordSink`], and an instrumentation
//! scope per library: the target of the event is the scope's name, as with the other appenders.

#[cfg(test)]
mod tests;

use std::{collections::BTreeMap, fmt::Debug, sync::Arc};

use opentelemetry_proto::tonic::{
    collector::logs::v1::ExportLogsServiceRequest,
    common::v1::{AnyValue, any_value::Value},
    logs::v1::{LogRecord, ResourceLogs, ScopeLogs, SeverityNumber},
};
use tracing::Level;

use super::{Line, fields::Kind, schema::FLAT};
use crate::{
    config::RecordLimits,
    proto::{attribute, nanos, scope, text},
    resource::Resource,
    values::prefix,
};

/// A log record and the target of its event, which becomes the scope that it is sent in.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Record {
    pub(crate) target: Box<str>,
    pub(crate) record: LogRecord,
}

/// Takes records. It is called inside the program's own log call, so it must neither block nor log.
pub(crate) trait RecordSink: Debug + Send + Sync {
    fn push(&self, record: Record);
}

/// Bytes of a target, which a record of the `log` crate may make up.
const MAX_TARGET: usize = 1024;

/// Where the records of a layer go.
#[derive(Debug, Clone)]
pub(crate) struct Records {
    sink: Arc<dyn RecordSink>,
    limits: RecordLimits,
}

impl Records {
    pub(crate) fn new(sink: Arc<dyn RecordSink>, limits: RecordLimits) -> Self {
        Self { sink, limits }
    }

    pub(super) fn push(&self, line: &Line<'_>) {
        self.sink.push(Record {
            target: prefix(line.target, MAX_TARGET).into(),
            record: record_of(line, self.limits),
        });
    }
}

fn record_of<'a>(line: &Line<'a>, limits: RecordLimits) -> LogRecord {
    let (number, severity) = severity_of(line.level);
    let time = nanos(line.time);
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
            // As on the events of spans: `error` is a namespace of the conventions.
            "error" | "err" => "exception.message",
            name => name,
        };
        if names.contains(&name) {
            return;
        }
        names.push(name);
        if record.attributes.len() < limits.attributes {
            let value = value_of(value, kind, limits.value_length);
            // The names of the line, so that a query means the same in both.
            record.attributes.push(attribute(FLAT.name(name), value));
        } else {
            record.dropped_attributes_count += 1;
        }
    };
    for (name, value, kind) in line.event.iter() {
        add(name.as_ref(), value, kind);
    }
    (line.spans)(&mut |span| {
        for (name, value, kind) in span.iter() {
            add(name, value, kind);
        }
    });
    record
}

/// The lowest number of each range, and the name that the line has as well.
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
        // Beyond 64 signed bits it stays a text: a floating-point number would be another number.
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
    .unwrap_or_else(|| text(cut(value, length)))
}

fn cut(value: &str, characters: usize) -> &str {
    // Nothing to count where there are fewer bytes than characters allowed.
    if value.len() <= characters {
        return value;
    }
    let end = value.char_indices().nth(characters);
    end.and_then(|(end, _)| value.get(..end)).unwrap_or(value)
}

/// One request with all of the records, in one scope per target.
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
