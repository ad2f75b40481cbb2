//! The export of log records over OTLP.

use std::sync::Arc;

use prost::Message;

use super::{LogRecord, RecordSink, logs_request};
use crate::{
    InitError,
    config::BatchExport,
    export::{Batches, Export, ExportError, ExportStats, ExporterThread, OtlpClient, Queue},
    resource::Resource,
    signal::Signal,
};

/// The export of log records, built and not yet running.
pub(crate) struct RecordExport {
    endpoint: String,
    queue: Queue<LogRecord>,
    batches: Batches<RecordExporter>,
}

impl RecordExport {
    pub(crate) fn new(export: &BatchExport, resource: &Resource) -> Result<Self, InitError> {
        let capacity = export.batching.max_queue_size;
        let stats = Arc::new(ExportStats::new(Signal::Logs, capacity));
        let queue = Queue::new(&export.batching, stats);
        let exporter = RecordExporter {
            client: OtlpClient::of_queue(&export.destination, &queue)?,
            resource: resource.clone(),
        };
        Ok(Self {
            endpoint: export.destination.address(),
            batches: Batches::new(queue.clone(), exporter, &export.batching),
            queue,
        })
    }

    pub(crate) fn queue(&self) -> &Queue<LogRecord> {
        &self.queue
    }

    pub(crate) fn install(self, thread: &mut ExporterThread) -> Queue<LogRecord> {
        let stats = self.queue.stats().clone();
        thread.add_batches(Signal::Logs, self.endpoint, stats, self.batches);
        self.queue
    }
}

impl RecordSink for Queue<LogRecord> {
    fn push(&self, record: LogRecord) {
        Queue::push(self, record);
    }
}

struct RecordExporter {
    client: OtlpClient,
    resource: Resource,
}

impl Export for RecordExporter {
    type Item = LogRecord;

    async fn export(&mut self, batch: Vec<LogRecord>) -> Result<(), ExportError> {
        let request = logs_request(&self.resource, batch).encode_to_vec();
        self.client.send(request.into()).await
    }
}
