//! A received log record, as plain types.

use std::{collections::BTreeMap, time::SystemTime};

use opentelemetry_proto::tonic::{
    collector::logs::v1::ExportLogsServiceRequest, logs::v1::LogRecord,
};

use super::value::{Attributes, attributes_of, hex, resource_of, text_of, time_of};

/// A log record as the collector would have received it.
///
/// Attribute values are text, as in [`ReceivedSpan`](super::ReceivedSpan).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ReceivedLog {
    /// The time of the event, by the sender's clock.
    pub time: SystemTime,
    /// The severity as text, such as `INFO`.
    pub severity: String,
    /// The severity as a number.
    ///
    /// 1 to 4 are trace, followed by debug, info, warn, error and fatal with four numbers each; 0 is unknown.
    pub severity_number: i32,
    /// The message.
    pub body: String,
    /// The fields of the event.
    pub attributes: BTreeMap<String, String>,
    /// The number of attributes that the sender dropped because of its limit.
    pub dropped_attributes: u32,
    /// The trace id: 32 lowercase hexadecimal digits; empty outside a span.
    pub trace_id: String,
    /// The span id: 16 lowercase hexadecimal digits; empty outside a span.
    pub span_id: String,
    /// Whether the span was sampled, as far as the sender knew.
    pub is_sampled: bool,
    /// The instrumentation scope's name: for `tracing` events, their target.
    pub scope: String,
    /// The resource of the sender: `service.name` and further attributes.
    pub resource: BTreeMap<String, String>,
}

/// Returns all records of one export, in the order in which they were sent.
pub(super) fn logs_of(request: ExportLogsServiceRequest) -> Vec<ReceivedLog> {
    let mut received = Vec::new();
    for group in request.resource_logs {
        let resource = resource_of(group.resource);
        for scope_logs in group.scope_logs {
            let scope = scope_logs.scope.map(|scope| scope.name).unwrap_or_default();
            let records = scope_logs.log_records.into_iter();
            received.extend(records.map(|record| log_of(record, &resource, &scope)));
        }
    }
    received
}

fn log_of(record: LogRecord, resource: &Attributes, scope: &str) -> ReceivedLog {
    ReceivedLog {
        time: time_of(record.time_unix_nano),
        severity_number: record.severity_number,
        severity: record.severity_text,
        body: record.body.as_ref().map(text_of).unwrap_or_default(),
        attributes: attributes_of(record.attributes),
        dropped_attributes: record.dropped_attributes_count,
        trace_id: hex(&record.trace_id),
        span_id: hex(&record.span_id),
        is_sampled: record.flags & 1 == 1,
        scope: scope.to_owned(),
        resource: resource.clone(),
    }
}
