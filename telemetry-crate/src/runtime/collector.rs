//! Collects tokio's stable metrics, and the duration of a stall, at each scrape.

use tokio::runtime::RuntimeMetrics;

use super::RuntimeObserver;
use crate::{
    catalog,
    collector::{Collector, Samples},
};

impl Collector for RuntimeObserver {
    fn collect(&self, samples: &mut dyn Samples) {
        let observed = self.observed();
        if observed.is_empty() {
            return;
        }
        let sum = |value: fn(&RuntimeMetrics) -> usize| {
            let values = observed.iter().map(|observed| value(&observed.metrics));
            values.sum::<usize>() as f64
        };
        for (metric, value) in [
            (&catalog::TOKIO_WORKERS, sum(RuntimeMetrics::num_workers)),
            (
                &catalog::TOKIO_ALIVE_TASKS,
                sum(RuntimeMetrics::num_alive_tasks),
            ),
            (
                &catalog::TOKIO_GLOBAL_QUEUE_DEPTH,
                sum(RuntimeMetrics::global_queue_depth),
            ),
            (
                &catalog::TOKIO_SCHEDULER_STALLED,
                self.stalled().as_secs_f64(),
            ),
        ] {
            samples.sample(metric, &[], value);
        }
        // tokio has these counters only with 64-bit atomics.
        #[cfg(target_has_atomic = "64")]
        for observed in &observed {
            let tokio = &observed.metrics;
            for worker in 0..tokio.num_workers() {
                let busy = tokio.worker_total_busy_duration(worker).as_secs_f64();
                let parks = tokio.worker_park_count(worker) as f64;
                let number = (observed.first_worker + worker).to_string();
                let labels = [("worker", number.as_str())];
                samples.sample(&catalog::TOKIO_WORKER_BUSY_SECONDS, &labels, busy);
                samples.sample(&catalog::TOKIO_WORKER_PARK, &labels, parks);
            }
        }
    }
}
