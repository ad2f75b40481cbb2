//! The task that exports the metrics at every interval, and when a flush waits.
//!
//! Metrics are cumulative, so a failed export loses no counts: the next export has them all.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use tokio::time::{Instant, sleep_until, timeout};

use super::{
    client::OtlpClient,
    flush::{Flush, Flushes},
    health::Health,
    stats::ExportStats,
};
use crate::config::PeriodicExport;

/// Reads all metrics, as encoded requests with the number of data points in each.
pub(crate) type Reader = Box<dyn Fn() -> Vec<(Bytes, usize)> + Send>;

/// The periodic exporter of metrics.
pub(crate) struct Intervals {
    client: OtlpClient,
    read: Reader,
    interval: Duration,
    timeout: Duration,
    handle: IntervalsHandle,
}

/// A handle on the exporter, used outside its thread.
#[derive(Debug, Clone)]
pub(crate) struct IntervalsHandle {
    flushes: Arc<Flushes>,
    stats: Arc<ExportStats>,
}

impl IntervalsHandle {
    /// Starts sending the current values of the metrics.
    pub(crate) fn flush(&self) -> Flush {
        Flush::begin(&self.flushes, &self.stats, None)
    }

    pub(crate) fn stats(&self) -> &Arc<ExportStats> {
        &self.stats
    }
}

impl Intervals {
    pub(crate) fn new(settings: &PeriodicExport, client: OtlpClient, read: Reader) -> Self {
        let handle = IntervalsHandle {
            flushes: client.flushes().clone(),
            stats: client.stats().clone(),
        };
        Self {
            client,
            read,
            interval: settings.interval,
            timeout: settings.timeout,
            handle,
        }
    }

    pub(crate) fn handle(&self) -> IntervalsHandle {
        self.handle.clone()
    }

    pub(super) async fn run(self, mut health: Health) {
        let mut next = Instant::now() + self.interval;
        loop {
            if !self.handle.flushes.has_waiting() {
                tokio::select! {
                    () = self.handle.flushes.notified() => {
                        // The previous push may have served the flush that caused the notification.
                        if !self.handle.flushes.has_waiting() {
                            continue;
                        }
                    }
                    () = sleep_until(next) => {}
                }
            }
            let flushes = self.handle.flushes.take();
            for (request, points) in (self.read)() {
                self.handle.stats.queued(points);
                self.handle.stats.taken(points);
                let export = timeout(self.timeout, self.client.send(request));
                let result = match health.watch(export).await {
                    Ok(result) => result,
                    Err(_) => {
                        let stats = &self.handle.stats;
                        Err(stats.timed_out("OTEL_METRIC_EXPORT_TIMEOUT", self.timeout))
                    }
                };
                health.export_finished(points, result);
                self.handle.stats.done(points);
            }
            self.handle.flushes.answer(flushes);
            // The interval starts at the end of the export, so that a slow collector has a pause between requests.
            next = Instant::now() + self.interval;
        }
    }
}
