//! The export of spans over OTLP.
//!
//! [`SpanEncoder`] encodes most spans, the exporter of `opentelemetry-otlp` encodes the others, and `OtlpClient` sends them.
//! The exporter reports every error of its HTTP client as "network error". So it gets an HTTP client that only stores the
//! encoded request. `OtlpClient` then sends the request and returns the actual error.

use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;
use http::{Request, Response, header::CONTENT_ENCODING};
use opentelemetry_http::{HttpClient, HttpError};
use opentelemetry_otlp::{Protocol, RetryPolicy, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::trace::{SpanData, SpanExporter};

use super::encoding::SpanEncoder;
use crate::{
    InitError,
    config::Destination,
    export::{Export, ExportError, OtlpClient, Queue},
    resource::Resource,
};

pub(super) struct SpanExport {
    encoder: SpanEncoder,
    /// Encodes the spans that `encoder` cannot encode.
    exporter: opentelemetry_otlp::SpanExporter,
    encoded: EncodedRequest,
    client: OtlpClient,
}

impl SpanExport {
    pub(super) fn new(
        destination: &Destination,
        queue: &Queue<SpanData>,
        resource: &Resource,
    ) -> Result<Self, InitError> {
        let encoded = EncodedRequest::default();
        let mut exporter = opentelemetry_otlp::SpanExporter::builder()
            .with_http()
            // Set explicitly, because Cargo features of other crates change the default.
            // `OtlpClient` decides between HTTP and gRPC.
            .with_protocol(Protocol::HttpBinary)
            .with_http_client(encoded.clone())
            .with_endpoint(destination.endpoint.to_string())
            .with_timeout(destination.request_timeout)
            .with_retry_policy(RetryPolicy::disabled())
            // `OtlpClient` splits requests that are too large for a collector.
            .with_max_request_body_size(usize::MAX)
            .build()
            .map_err(|error| InitError::Exporter {
                reason: error.to_string(),
            })?;
        exporter.set_resource(&resource.to_sdk());
        Ok(Self {
            encoder: SpanEncoder::new(resource),
            exporter,
            encoded,
            client: OtlpClient::of_queue(destination, queue)?,
        })
    }
}

impl Export for SpanExport {
    type Item = SpanData;

    async fn export(&mut self, batch: Vec<SpanData>) -> Result<(), ExportError> {
        let mut message = Vec::new();
        // The order of the spans is kept.
        let is_same =
            |a: &SpanData, b: &SpanData| SpanEncoder::can_encode(a) == SpanEncoder::can_encode(b);
        for spans in batch.chunk_by(is_same) {
            if spans.iter().all(SpanEncoder::can_encode) {
                self.encoder.write(&mut message, spans);
                continue;
            }
            let result = self.exporter.export(spans.to_vec()).await;
            let Some(encoded) = self.encoded.take() else {
                return Err(ExportError::encoding(match result {
                    Err(error) => error.to_string(),
                    Ok(()) => "the exporter made no request".to_owned(),
                }));
            };
            message.extend_from_slice(&encoded);
        }
        self.client.send(message.into()).await
    }
}

/// The HTTP client of the exporter, which only stores the encoded request.
#[derive(Debug, Clone, Default)]
struct EncodedRequest(Arc<Mutex<Option<Bytes>>>);

impl EncodedRequest {
    fn take(&self) -> Option<Bytes> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

#[async_trait]
impl HttpClient for EncodedRequest {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        // The exporter itself reads the compression variables, and compresses if another crate
        // enables its feature `gzip-http` or `zstd-http`.
        if request.headers().contains_key(CONTENT_ENCODING) {
            let found = "found a compressed request, expected a plain one; disable the features gzip-http and zstd-http of opentelemetry-otlp in this program";
            return Err(found.into());
        }
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(request.into_body());
        Ok(Response::new(Bytes::new()))
    }
}
