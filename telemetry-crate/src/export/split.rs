//! A request that is too large becomes several, and a record that is too large alone loses its details.
//!
//! Receivers of gRPC take 4 MiB by default, unpacked, and refuse all of a larger message. Only the number of records in
//! a batch is limited before it is encoded, so the size is known here first.

use bytes::Bytes;
use opentelemetry_proto::tonic::{
    collector::{
        logs::v1::ExportLogsServiceRequest, metrics::v1::ExportMetricsServiceRequest,
        trace::v1::ExportTraceServiceRequest,
    },
    logs::v1::LogRecord,
    metrics::v1::Metric,
    trace::v1::Span,
};
use prost::Message;

use crate::signal::Signal;

/// Below the 4 MiB of gRPC receivers, with room for what a proxy adds.
pub(super) const MAX_REQUEST_BYTES: usize = 3_500 * 1024;

/// Requests do not become smaller than this, however often they are too large.
const MIN_REQUEST_BYTES: usize = 16 * 1024;

/// After a request of that size was too large: `nginx` takes 1 MiB by default, so half would often be too much again.
pub(super) fn smaller_than(bytes: usize) -> usize {
    (bytes / 4).max(MIN_REQUEST_BYTES)
}

/// An encoded request, and how many records are lost if it is.
#[derive(Debug, PartialEq)]
pub(super) struct Part {
    pub(super) message: Bytes,
    pub(super) records: u64,
}

/// Requests of at most so many bytes, as far as records allow it. `None` if there is nothing to split.
pub(super) fn split(signal: Signal, message: &Bytes, max_bytes: usize) -> Option<Vec<Part>> {
    let mut parts = Vec::new();
    match signal {
        Signal::Traces => parts_of::<ExportTraceServiceRequest>(message, max_bytes, &mut parts),
        Signal::Metrics => parts_of::<ExportMetricsServiceRequest>(message, max_bytes, &mut parts),
        Signal::Logs => parts_of::<ExportLogsServiceRequest>(message, max_bytes, &mut parts),
    }
    // One that is as it was before would be answered as before.
    let is_same = parts.len() == 1 && parts[0].message.len() >= message.len();
    (!parts.is_empty() && !is_same).then_some(parts)
}

fn parts_of<R: Records>(message: &Bytes, max_bytes: usize, parts: &mut Vec<Part>) {
    if let Ok(request) = R::decode(&**message) {
        split_into(request, max_bytes, parts);
    }
}

fn split_into<R: Records>(mut request: R, max_bytes: usize, parts: &mut Vec<Part>) {
    let records = request.records();
    if records > 1 && request.encoded_len() > max_bytes {
        let rest = request.split_off(records / 2);
        split_into(request, max_bytes, parts);
        split_into(rest, max_bytes, parts);
        return;
    }
    if request.encoded_len() > max_bytes {
        request.shrink(max_bytes);
    }
    parts.push(Part {
        message: request.encode_to_vec().into(),
        records: records as u64,
    });
}

/// A request of one signal.
trait Records: Message + Default {
    fn records(&self) -> usize;

    /// Leaves the first `at` records, and returns the others, with their resource and scope.
    fn split_off(&mut self, at: usize) -> Self;

    /// Leaves out the details of the records, counted on them, until the request is small enough.
    fn shrink(&mut self, max_bytes: usize);
}

macro_rules! records {
    ($($request:ident: $resources:ident, $scopes:ident, $records:ident;)*) => {$(
        impl Records for $request {
            fn records(&self) -> usize {
                let scopes = self.$resources.iter().flat_map(|resource| &resource.$scopes);
                scopes.map(|scope| scope.$records.len()).sum()
            }

            fn split_off(&mut self, at: usize) -> Self {
                let mut left = at;
                let mut rest = Self::default();
                for resource in &mut self.$resources {
                    let scopes = std::mem::take(&mut resource.$scopes);
                    // What is split has one resource, whose copy is small.
                    let mut others = resource.clone();
                    for mut scope in scopes {
                        let mut first = std::mem::take(&mut scope.$records);
                        let here = left.min(first.len());
                        left -= here;
                        let second = first.split_off(here);
                        for (records, scopes) in [
                            (first, &mut resource.$scopes),
                            (second, &mut others.$scopes),
                        ] {
                            if !records.is_empty() {
                                let mut scope = scope.clone();
                                scope.$records = records;
                                scopes.push(scope);
                            }
                        }
                    }
                    if !others.$scopes.is_empty() {
                        rest.$resources.push(others);
                    }
                }
                rest
            }

            fn shrink(&mut self, max_bytes: usize) {
                for detail in [Detail::Events, Detail::Attributes, Detail::Body] {
                    if self.encoded_len() <= max_bytes {
                        return;
                    }
                    let scopes = self.$resources.iter_mut().flat_map(|it| &mut it.$scopes);
                    scopes
                        .flat_map(|scope| &mut scope.$records)
                        .for_each(|record| record.leave_out(detail));
                }
            }
        }
    )*};
}

records! {
    ExportTraceServiceRequest: resource_spans, scope_spans, spans;
    ExportMetricsServiceRequest: resource_metrics, scope_metrics, metrics;
    ExportLogsServiceRequest: resource_logs, scope_logs, log_records;
}

/// What a record can do without, in that order: ids, times and the name stay.
#[derive(Clone, Copy)]
enum Detail {
    /// And links.
    Events,
    Attributes,
    Body,
}

trait Record {
    fn leave_out(&mut self, detail: Detail);
}

fn clear<T>(list: &mut Vec<T>, dropped: &mut u32) {
    let count = u32::try_from(list.len()).unwrap_or(u32::MAX);
    *dropped = dropped.saturating_add(count);
    list.clear();
}

impl Record for Span {
    fn leave_out(&mut self, detail: Detail) {
        match detail {
            Detail::Events => {
                clear(&mut self.events, &mut self.dropped_events_count);
                clear(&mut self.links, &mut self.dropped_links_count);
            }
            Detail::Attributes => {
                clear(&mut self.attributes, &mut self.dropped_attributes_count);
            }
            Detail::Body => {}
        }
    }
}

impl Record for LogRecord {
    fn leave_out(&mut self, detail: Detail) {
        match detail {
            Detail::Events => {}
            Detail::Attributes => {
                clear(&mut self.attributes, &mut self.dropped_attributes_count);
            }
            Detail::Body => self.body = None,
        }
    }
}

/// Its points are made into requests of a bounded size where they are read.
impl Record for Metric {
    fn leave_out(&mut self, _: Detail) {}
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, span::Event};

    use super::*;

    fn spans(names: impl IntoIterator<Item = String>) -> Bytes {
        let spans = names.into_iter().map(|name| Span {
            name,
            ..Span::default()
        });
        let scope = ScopeSpans {
            spans: spans.collect(),
            schema_url: "kept".to_owned(),
            ..ScopeSpans::default()
        };
        request(scope)
    }

    fn request(scope: ScopeSpans) -> Bytes {
        let resource = ResourceSpans {
            scope_spans: vec![scope],
            ..ResourceSpans::default()
        };
        let request = ExportTraceServiceRequest {
            resource_spans: vec![resource],
        };
        request.encode_to_vec().into()
    }

    #[test]
    fn parts_have_every_record_in_order() {
        let names: Vec<String> = (0..100).map(|index| format!("{index:0>1000}")).collect();
        let message = spans(names.clone());
        let parts = split(Signal::Traces, &message, 10_000).unwrap();
        let mut found = Vec::new();
        for part in &parts {
            assert!(part.message.len() <= 10_000, "{}", part.message.len());
            let request = ExportTraceServiceRequest::decode(&*part.message).unwrap();
            let scope = &request.resource_spans[0].scope_spans[0];
            assert_eq!(scope.schema_url, "kept");
            assert_eq!(scope.spans.len() as u64, part.records);
            found.extend(scope.spans.iter().map(|span| span.name.clone()));
        }
        assert_eq!(found, names);
        assert_eq!(split(Signal::Traces, &spans(["a".to_owned()]), 10), None);
    }

    #[test]
    fn a_record_too_large_alone_is_cut() {
        let event = Event {
            name: "x".repeat(1000),
            ..Event::default()
        };
        let span = Span {
            name: "kept".to_owned(),
            events: vec![event; 20],
            ..Span::default()
        };
        let message = request(ScopeSpans {
            spans: vec![span],
            ..ScopeSpans::default()
        });
        let parts = split(Signal::Traces, &message, 10_000).unwrap();
        let request = ExportTraceServiceRequest::decode(&*parts[0].message).unwrap();
        let span = &request.resource_spans[0].scope_spans[0].spans[0];
        assert_eq!((&*span.name, span.dropped_events_count), ("kept", 20));
        assert_eq!(parts.len(), 1);
    }
}
