//! The task that empties a queue: a batch when it is full, when it is time, or when a flush waits.

use std::time::Duration;

use tokio::time::{Instant, sleep_until, timeout};

use super::{health::Health, queue::Queue, stats::ExportError};
use crate::config::Batching;

/// Sends a batch of one signal.
pub(crate) trait Export: Send + 'static {
    /// What a batch is made of.
    type Item: Send + 'static;

    /// Sends it, with retries. What is rejected by the collector is counted, and no error.
    fn export(
        &mut self,
        batch: Vec<Self::Item>,
    ) -> impl Future<Output = Result<(), ExportError>> + Send;
}
pub(crate) struct Batches<E: Export> {
    queue: Queue<E::Item>,
    exporter: E,
    schedule_delay: Duration,
    timeout: Duration,
    /// The variable that `timeout` comes from.
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

    /// Never ends: a span may end after a shutdown, and a flush may be asked for at any time.
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
                // A batch that filled up meanwhile does not wait for the timer; nor does a flush whose wake-up was taken
                // by a retry.
                if !self.queue.batch_is_full() && !flushes.is_waited_for() {
                    break;
                }
            }
            next = Instant::now() + self.schedule_delay;
        }
    }

    /// Exports what waits now, and answers the flushes that were asked for by now; what keeps coming does not delay the
    /// answer.
    async fn export_waiting(&mut self, health: &mut Health) {
        let flushes = self.queue.flushes().take();
        let mut waiting = self.queue.waiting();
        while waiting > 0 {
            let batch = self.queue.take_batch();
            let items = batch.len();
            let result = match timeout(self.timeout, self.exporter.export(batch)).await {
                Ok(result) => result,
                Err(_) => Err(ExportError::timeout(self.timeout_variable, self.timeout)),
            };
            health.settled(items, result);
            self.queue.stats().done(items);
            waiting = waiting.saturating_sub(items);
        }
        self.queue.flushes().answer(flushes);
    }
}
