//! The task that sends the metrics: at every interval, and when a flush waits.
//!
//! Metrics are cumulative: an export that fails loses a moment's resolution and no count.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use tokio::time::{Instant, sleep_until, timeout};

use super::{
    client::OtlpClient,
    flush::{Flush, Flushes},
    health::Health,
    stats::{ExportError, ExportStats},
};
use crate::config::PeriodicExport;

/// Reads all metrics, as encoded requests and the number of data points in each.
pub(crate) type Reader = Box<dyn Fn() -> Vec<(Bytes, usize)> + Send>;
pub(crate) struct Intervals {
    client: OtlpClient,
    read: Reader,
    interval: Duration,
    timeout: Duration,
    handle: IntervalsHandle,
}

/// What the rest of the program holds of it.
#[derive(Debug, Clone)]
pub(crate) struct IntervalsHandle {
    flushes: Arc<Flushes>,
    stats: Arc<ExportStats>,
}

impl IntervalsHandle {
    /// Begins to send what the metrics say now.
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
            if !self.handle.flushes.is_waited_for() {
                tokio::select! {
                    () = self.handle.flushes.notified() => {
                        // For a flush that the push before this one has served.
                        if !self.handle.flushes.is_waited_for() {
                            continue;
                        }
                    }
                    () = sleep_until(next) => {}
                }
            }
            let flushes = self.handle.flushes.take();
            for (request, points) in (self.read)() {
                self.handle.stats.queued(points);
                let result = match timeout(self.timeout, self.client.send(request)).await {
                    Ok(result) => result,
                    Err(_) => Err(ExportError::timeout(
                        "OTEL_METRIC_EXPORT_TIMEOUT",
                        self.timeout,
                    )),
                };
                health.settled(points, result);
                self.handle.stats.done(points);
            }
            self.handle.flushes.answer(flushes);
            // Not from the start of the export: a collector that is slow is not asked more often.
            next = Instant::now() + self.interval;
        }
    }
}
