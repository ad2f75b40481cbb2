//! What runs: one exporter for each signal that is exported.

use std::sync::Arc;

use opentelemetry_sdk::trace::SpanData;

use super::{
    flush::Flush, intervals::IntervalsHandle, queue::Queue, signal::Signal, stats::ExportStats,
};
use crate::logs::LogRecord;

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Exporters {
    pub(crate) traces: Option<Queue<SpanData>>,
    pub(crate) metrics: Option<IntervalsHandle>,
    pub(crate) logs: Option<Queue<LogRecord>>,
}

impl Exporters {
    pub(crate) fn flush(&self, signal: Signal) -> Option<Flush> {
        match signal {
            Signal::Traces => self.traces.as_ref().map(Queue::flush),
            Signal::Metrics => self.metrics.as_ref().map(IntervalsHandle::flush),
            Signal::Logs => self.logs.as_ref().map(Queue::flush),
        }
    }

    pub(crate) fn stats(&self, signal: Signal) -> Option<&Arc<ExportStats>> {
        match signal {
            Signal::Traces => self.traces.as_ref().map(Queue::stats),
            Signal::Metrics => self.metrics.as_ref().map(IntervalsHandle::stats),
            Signal::Logs => self.logs.as_ref().map(Queue::stats),
        }
    }

    /// From here on spans and log records are dropped and counted.
    pub(crate) fn close(&self) {
        if let Some(queue) = &self.traces {
            queue.close();
        }
        if let Some(queue) = &self.logs {
            queue.close();
        }
    }
}
