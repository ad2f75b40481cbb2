//! Collects tokio's stable metrics, and the duration of a stall, at each scrape.

use std::time::Instant;

use super::RuntimeObserver;
use crate::{
    catalog,
    collector::{Collector, Samples},
};

impl Collector for RuntimeObserver {
    fn collect(&self, samples: &mut dyn Samples) {
        let Some(observed) = self.observed() else {
            return;
        };
        let tokio = observed.metrics;
        let stalled = observed.probe.stalled(Instant::now());
        for (metric, value) in [
            (&catalog::TOKIO_WORKERS, tokio.num_workers() as f64),
            (&catalog::TOKIO_ALIVE_TASKS, tokio.num_alive_tasks() as f64),
            (
                &catalog::TOKIO_GLOBAL_QUEUE_DEPTH,
                tokio.global_queue_depth() as f64,
            ),
            (&catalog::TOKIO_SCHEDULER_STALLED, stalled.as_secs_f64()),
        ] {
            samples.sample(metric, &[], value);
        }
        // tokio has these counters only with 64-bit atomics.
        #[cfg(target_has_atomic = "64")]
        for worker in 0..tokio.num_workers() {
            let busy = tokio.worker_total_busy_duration(worker).as_secs_f64();
            let parks = tokio.worker_park_count(worker) as f64;
            let worker = worker.to_string();
            let labels = [("worker", worker.as_str())];
            samples.sample(&catalog::TOKIO_WORKER_BUSY_SECONDS, &labels, busy);
            samples.sample(&catalog::TOKIO_WORKER_PARK, &labels, parks);
        }
    }
}
