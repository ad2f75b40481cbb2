//! Periodic export of the metrics over OTLP.

use std::{sync::Arc, time::SystemTime};

use prost::Message;

use super::MetricsHandle;
use crate::{
    InitError,
    config::PeriodicExport,
    export::{ExportStats, ExporterThread, Intervals, IntervalsHandle, OtlpClient},
    resource::Resource,
};

/// The export of metrics, built and not yet running.
pub(crate) struct MetricsPush {
    endpoint: String,
    intervals: Intervals,
}

impl MetricsPush {
    pub(crate) fn new(
        export: &PeriodicExport,
        metrics: MetricsHandle,
        resource: &Resource,
    ) -> Result<Self, InitError> {
        let client = OtlpClient::of_metrics(&export.destination)?;
        let resource = resource.clone();
        let read = move || {
            let requests = metrics.to_otlp(&resource, SystemTime::now());
            let encoded = requests
                .into_iter()
                .map(|part| (part.request.encode_to_vec().into(), part.points));
            encoded.collect()
        };
        Ok(Self {
            endpoint: export.destination.address(),
            intervals: Intervals::new(export, client, Box::new(read)),
        })
    }

    pub(crate) fn stats(&self) -> Arc<ExportStats> {
        self.intervals.handle().stats().clone()
    }

    pub(crate) fn install(self, thread: &mut ExporterThread) -> IntervalsHandle {
        let handle = self.intervals.handle();
        thread.add_intervals(self.endpoint, self.intervals);
        handle
    }
}
