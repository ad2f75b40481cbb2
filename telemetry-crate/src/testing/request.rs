//! A received request, independent of its content.

use std::collections::BTreeMap;

use http::{HeaderMap, request::Parts};

/// A request as it arrived, accepted or not.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ReceivedRequest {
    /// The path, such as `/v1/traces`.
    ///
    /// Over gRPC, an example is `/opentelemetry.proto.collector.trace.v1.TraceService/Export`.
    pub path: String,
    /// `http/protobuf` or `grpc`, as `OTEL_EXPORTER_OTLP_PROTOCOL` spells them.
    pub protocol: &'static str,
    /// The headers by lowercase name.
    ///
    /// Values of a repeated header are joined by a comma; bytes that are not text are replaced.
    pub headers: BTreeMap<String, String>,
    /// The compression, such as `gzip`; empty if there was none.
    pub encoding: String,
}

impl ReceivedRequest {
    pub(super) fn new(head: &Parts, protocol: &'static str, encoding: &str) -> Self {
        Self {
            path: head.uri.path().to_owned(),
            protocol,
            headers: headers_of(&head.headers),
            encoding: match encoding {
                "identity" => String::new(),
                encoding => encoding.to_owned(),
            },
        }
    }
}

fn headers_of(headers: &HeaderMap) -> BTreeMap<String, String> {
    let mut all: BTreeMap<String, String> = BTreeMap::new();
    for (name, value) in headers {
        let value = String::from_utf8_lossy(value.as_bytes());
        all.entry(name.as_str().to_owned())
            .and_modify(|values| {
                values.push(',');
                values.push_str(&value);
            })
            .or_insert_with(|| value.into_owned());
    }
    all
}
