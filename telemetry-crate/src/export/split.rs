//! Splitting of export requests that are too large.
//!
//! A request is split by records. A single record that is still too large loses its events and links, then its
//! attributes, then its body. gRPC receivers accept 4 MiB by default, uncompressed, and reject a larger message as a
//! whole. A batch is limited by its number of records, so the size of a request is known only after encoding.

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

/// The default size limit.
///
/// It is below the 4 MiB of gRPC receivers, with room for proxies.
pub(super) const MAX_REQUEST_BYTES: usize = 3_500 * 1024;

/// The smallest size limit, which rejected requests do not reduce further.
const MIN_REQUEST_BYTES: usize = 16 * 1024;

/// The size limit after a request of `bytes` was too large.
///
/// It is a quarter of `bytes`. `nginx` accepts 1 MiB by default, so half of a request would often still be too large.
pub(super) fn smaller_than(bytes: usize) -> usize {
    (bytes / 4).max(MIN_REQUEST_BYTES)
}

/// An encoded request, and the number of records in it.
#[derive(Debug, PartialEq)]
pub(super) struct Part {
    pub(super) message: Bytes,
    pub(super) records: u64,
}

/// Splits a request into parts of at most `max_bytes`.
///
/// A part with a single record may be larger. Returns `None` if the request cannot become smaller
/// or cannot be decoded.
pub(super) fn split(signal: Signal, message: &Bytes, max_bytes: usize) -> Option<Vec<Part>> {
    let mut parts = Vec::new();
    match signal {
        Signal::Traces => parts_of::<ExportTraceServiceRequest>(message, max_bytes, &mut parts),
        Signal::Metrics => parts_of::<ExportMetricsServiceRequest>(message, max_bytes, &mut parts),
        Signal::Logs => parts_of::<ExportLogsServiceRequest>(message, max_bytes, &mut parts),
    }
    // An unchanged request would be rejected again.
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

    /// Keeps the first `at` records, and returns the remaining records.
    ///
    /// Both requests have the resource and the scope.
    fn split_off(&mut self, at: usize) -> Self;

    /// Removes details of the records until the request has at most `max_bytes`.
    ///
    /// The `dropped_*_count` fields of the records count the removed events, links and attributes.
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
                let mut to_keep = at;
                let mut rest = Self::default();
                for resource in &mut self.$resources {
                    let scopes = std::mem::take(&mut resource.$scopes);
                    // The scopes were taken out, so only the resource's attributes are copied.
                    let mut others = resource.clone();
                    for mut scope in scopes {
                        let mut first = std::mem::take(&mut scope.$records);
                        let kept = to_keep.min(first.len());
                        to_keep -= kept;
                        let second = first.split_off(kept);
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
                        .for_each(|record| record.remove(detail));
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

/// Details of a record that can be removed, in the order of removal.
///
/// A record keeps its ids, times and name.
#[derive(Clone, Copy)]
enum Detail {
    /// Events and links.
    Events,
    Attributes,
    Body,
}

/// A record whose details can be removed.
trait Record {
    fn remove(&mut self, detail: Detail);
}

/// Clears a list, and adds its length to `dropped`.
fn clear<T>(list: &mut Vec<T>, dropped: &mut u32) {
    let count = u32::try_from(list.len()).unwrap_or(u32::MAX);
    *dropped = dropped.saturating_add(count);
    list.clear();
}

impl Record for Span {
    fn remove(&mut self, detail: Detail) {
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
    fn remove(&mut self, detail: Detail) {
        match detail {
            Detail::Events => {}
            Detail::Attributes => {
                clear(&mut self.attributes, &mut self.dropped_attributes_count);
            }
            Detail::Body => self.body = None,
        }
    }
}

/// Removes nothing: the encoder limits the data points per request.
impl Record for Metric {
    fn remove(&mut self, _: Detail) {}
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
    fn oversized_records_lose_their_events() {
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
