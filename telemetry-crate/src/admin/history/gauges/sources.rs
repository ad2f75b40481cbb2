//! Where the values of the gauges come from.

use super::{
    super::{
        counts::{Bounds, Counts},
        row::Interval,
    },
    Gauges, Measure,
};
use crate::{
    catalog,
    collector::Collector,
    metrics::{ProcessMemory, SampleList, Series, cpu_seconds, label_pairs, unescape},
    status::Status,
};

const fn measure(metric: &'static str, unit: &'static str, label: &'static str) -> Measure {
    Measure {
        metric,
        unit,
        label,
    }
}

const OPEN_ROOTS: Measure = measure(catalog::RECORDER_OPEN_ROOTS.name, "{root}", "");
const BUSY: Measure = measure("tokio_worker_busy_ratio", "1", "");
const DELAY: Measure = measure("tokio_scheduler_delay_p99_seconds", "s", "");
const CPU: Measure = measure("process_cpu_seconds_per_second", "1", "");
const MEMORY: Measure = measure(catalog::PROCESS_RESIDENT_MEMORY.name, "By", "");
const DEPTH: Measure = measure(catalog::WORKER_QUEUE_DEPTH.name, "{job}", "queue");
const AGE: Measure = measure(catalog::WORKER_QUEUE_OLDEST_AGE.name, "s", "queue");
#[cfg(feature = "db")]
const USED: Measure = measure("db_client_connections_used", "{connection}", "pool");
#[cfg(feature = "db")]
const WAITING: Measure = measure("db_client_connections_waiting", "{call}", "pool");

/// The sources, with their counts at the last point.
#[derive(Debug)]
pub(in super::super) struct Sources {
    memory: ProcessMemory,
    cpu: Option<f64>,
    busy: Option<f64>,
    delay: Counts,
    bounds: Bounds,
}

impl Sources {
    /// Starts to count from now on.
    pub(in super::super) fn new() -> Self {
        Self {
            memory: ProcessMemory::new(),
            cpu: cpu_seconds(),
            busy: None,
            delay: Counts::default(),
            bounds: Bounds::default(),
        }
    }

    /// Sets the values of a point.
    pub(in super::super) fn sample(
        &mut self,
        status: &Status,
        gauges: &mut Gauges,
        interval: Interval,
    ) {
        let number = interval.number;
        self.process(gauges, interval);
        self.runtime(status, gauges, interval);
        if let Some(recorder) = status.recorder() {
            let open = recorder.open_count() as f64;
            gauges.set(number, OPEN_ROOTS, "", (open, None));
        }
        queues(status, gauges, number);
        #[cfg(feature = "db")]
        pools(gauges, number);
    }

    fn process(&mut self, gauges: &mut Gauges, interval: Interval) {
        let Interval { number, seconds } = interval;
        let cpu = cpu_seconds();
        if let (Some(before), Some(now)) = (self.cpu, cpu) {
            gauges.set(number, CPU, "", ((now - before).max(0.0) / seconds, None));
        }
        self.cpu = cpu;
        if let Some(used) = self.memory.used() {
            let limit = self.memory.limit().map(|limit| limit as f64);
            gauges.set(number, MEMORY, "", (used as f64, limit));
        }
    }

    fn runtime(&mut self, status: &Status, gauges: &mut Gauges, interval: Interval) {
        let Interval { number, seconds } = interval;
        let mut samples = SampleList::default();
        status.runtime().collect(&mut samples);
        let workers = samples.value(&catalog::TOKIO_WORKERS);
        let busy = samples.of(&catalog::TOKIO_WORKER_BUSY_SECONDS);
        let busy = workers.map(|_| busy.map(|sample| sample.value).sum::<f64>());
        if let (Some(before), Some(now), Some(workers)) = (self.busy, busy, workers)
            // The sum decreases if another runtime is observed from now on.
            && now >= before
        {
            let ratio = ((now - before) / seconds / workers).min(1.0);
            gauges.set(number, BUSY, "", (ratio, Some(1.0)));
        }
        self.busy = busy;
        let mut delay = Counts::default();
        for (_, series) in status.series_of(&catalog::TOKIO_SCHEDULER_DELAY) {
            if let Series::Histogram(histogram) = series {
                self.bounds.read(&histogram);
                delay.add(&histogram, &self.bounds, false);
            }
        }
        let since = delay.since(&self.delay);
        self.delay = delay;
        if let Some(delay) = since.quantile(0.99, &self.bounds) {
            gauges.set(number, DELAY, "", (delay, None));
        }
    }
}

fn queues(status: &Status, gauges: &mut Gauges, number: u64) {
    let value_of = |labels: &str, label| {
        let mut pairs = label_pairs(labels);
        let found = pairs.find(|(name, _)| *name == label);
        found.map_or_else(String::new, |(_, value)| unescape(value))
    };
    for (labels, series) in status.series_of(&catalog::WORKER_QUEUE_DEPTH) {
        if let Some(depth) = series.number()
            && value_of(&labels, "status") == "ready"
        {
            gauges.set(number, DEPTH, &value_of(&labels, "queue"), (depth, None));
        }
    }
    let budgets = status.series_of(&catalog::WORKER_QUEUE_LATENCY_BUDGET);
    for (labels, series) in status.series_of(&catalog::WORKER_QUEUE_OLDEST_AGE) {
        let queue = value_of(&labels, "queue");
        let mut budgets = budgets.iter();
        let budget = budgets.find(|(labels, _)| value_of(labels, "queue") == queue);
        let budget = budget.and_then(|(_, series)| series.number());
        if let Some(age) = series.number() {
            gauges.set(number, AGE, &queue, (age, budget));
        }
    }
}

#[cfg(feature = "db")]
fn pools(gauges: &mut Gauges, number: u64) {
    let (pools, _) = crate::db::pool_uses();
    for pool in &pools {
        let users = pool.uses.iter();
        let waiting = users.filter(|found| found.state != crate::db::UseState::Holds);
        let waiting = waiting.count() as f64;
        let name = pool.pool.as_deref().unwrap_or_default();
        if pool.pool.is_some() {
            let used = (f64::from(pool.used), Some(f64::from(pool.max)));
            gauges.set(number, USED, name, used);
        }
        gauges.set(number, WAITING, name, (waiting, None));
    }
}
