//! Spans as OTLP requests: `opentelemetry-otlp` encodes them, our client sends them.

use opentelemetry_otlp::{Protocol, RetryPolicy, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::trace::{SpanData, SpanExporter};

use crate::{
    InitError,
    config::Destination,
    otlp::{Export, ExportError, ExportStats, OtlpClient, Queue},
    resource::Resource,
};

/// See the module.
pub(super) struct SpanExport {
    exporter: opentelemetry_otlp::SpanExporter,
    stats: std::sync::Arc<ExportStats>,
}

impl SpanExport {
    pub(super) fn new(
        destination: &Destination,
        queue: &Queue<SpanData>,
        resource: &Resource,
    ) -> Result<Self, InitError> {
        let mut exporter = opentelemetry_otlp::SpanExporter::builder()
            .with_http()
            // Said, not left to the exporter: Cargo features of other crates in the tree change its defaults. Whether
            // it is HTTP or gRPC in the end is the client's affair.
            .with_protocol(Protocol::HttpBinary)
            .with_http_client(OtlpClient::of_queue(destination, queue)?)
            .with_endpoint(destination.endpoint.to_string())
            .with_timeout(destination.request_timeout)
            .with_retry_policy(RetryPolicy::disabled())
            .build()
            .map_err(|error| InitError::Exporter {
                reason: error.to_string(),
            })?;
        exporter.set_resource(&resource.to_sdk());
        Ok(Self {
            exporter,
            stats: queue.stats().clone(),
        })
    }
}

impl Export for SpanExport {
    type Item = SpanData;

    async fn export(&mut self, batch: Vec<SpanData>) -> Result<(), ExportError> {
        // The client has kept the cause, which the SDK's error leaves out.
        self.exporter
            .export(batch)
            .await
            .map_err(|_| self.stats.last_error().unwrap_or_default())
    }
}
