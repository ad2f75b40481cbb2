//! The task that exports a queue in batches.
//!
//! The task exports when a batch is full, after every delay, and when a flush waits.

use std::time::Duration;

use tokio::time::{Instant, sleep_until, timeout};

use super::{health::Health, queue::Queue, stats::ExportError};
use crate::config::Batching;

/// Sends the batches of one signal.
pub(crate) trait Export: Send + 'static {
    /// A span or a log record.
    type Item: Send + 'static;

    /// Sends a batch, with retries.
    ///
    /// Records that the collector rejects are counted and are not an error.
    fn export(
        &mut self,
        batch: Vec<Self::Item>,
    ) -> impl Future<Output = Result<(), ExportError>> + Send;
}

/// The queue of one signal, its exporter, and the settings of the export loop.
pub(crate) struct Batches<E: Export> {
    queue: Queue<E::Item>,
    exporter: E,
    schedule_delay: Duration,
    timeout: Duration,
    /// The variable that sets `timeout`.
    timeout_variable: &'static str,
}

impl<E: Export> Batches<E> {
    pub(crate) fn new(queue: Queue<E::Item>, exporter: E, settings: &Batching) -> Self {
        Self {
            queue,
            exporter,
            schedule_delay: settings.schedule_delay,
            timeout: settings.timeout,
            timeout_variable: settings.timeout_variable,
        }
    }

    /// Runs the export loop.
    ///
    /// The loop never ends, because spans may end and flushes may be requested after a shutdown.
    pub(super) async fn run(mut self, mut health: Health) {
        let flushes = self.queue.flushes().clone();
        let mut next = Instant::now() + self.schedule_delay;
        loop {
            tokio::select! {
                () = flushes.notified() => {}
                () = sleep_until(next) => {}
            }
            loop {
                self.export_waiting(&mut health).await;
                health.check_overflow();
                // The loop does not wait for the timer if another batch has filled up, or if a flush waits. A retry may
                // have consumed the wake-up of that flush.
                if !self.queue.batch_is_full() && !flushes.has_waiting() {
                    break;
                }
            }
            next = Instant::now() + self.schedule_delay;
        }
    }

    /// Exports the items that wait now, and answers the flushes requested before.
    ///
    /// Items that arrive during the export do not delay the answer.
    async fn export_waiting(&mut self, health: &mut Health) {
        let flushes = self.queue.flushes().take();
        let mut waiting = self.queue.waiting();
        while waiting > 0 {
            let batch = self.queue.take_batch();
            let items = batch.len();
            let export = timeout(self.timeout, self.exporter.export(batch));
            let result = match health.watch(export).await {
                Ok(result) => result,
                Err(_) => {
                    let stats = self.queue.stats();
                    Err(stats.timed_out(self.timeout_variable, self.timeout))
                }
            };
            health.export_finished(items, result);
            self.queue.stats().done(items);
            waiting = waiting.saturating_sub(items);
        }
        self.queue.flushes().answer(flushes);
    }
}
