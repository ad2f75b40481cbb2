//! Periodic reading of a queue's state from its store.
//!
//! A scrape must not query the database: each additional scraper would cost one more query, and a
//! database that hangs would block the whole exposition. So a task reads the state at its own
//! interval, and the exposition has the last result.

use std::{error::Error, fmt::Display, time::Duration};

use opentelemetry::{
    Context, TraceFlags,
    context::FutureExt,
    trace::{SpanContext, TraceContextExt, TraceState},
};
use opentelemetry_sdk::trace::{IdGenerator, RandomIdGenerator};
use tokio::{
    task::JoinHandle,
    time::{MissedTickBehavior, interval, timeout},
};

use super::{TARGET, catch::catch_panic, queue::Queue, stats::QueueStats, unreadable::Unreadable};
use crate::{catalog, panic::message_of, values::text_of};

/// Shortest interval; more frequent queries would load the store.
const MIN_INTERVAL: Duration = Duration::from_secs(1);

/// Shortest timeout of a query, which otherwise is the interval.
const MIN_STORE_TIMEOUT: Duration = Duration::from_secs(5);

/// A handle from [`Queue::watch`] that keeps a queue's gauges up to date.
///
/// Dropping it stops the reading, and sets depth and age to NaN and `worker_queue_up` to 0.
#[derive(Debug)]
#[must_use = "dropping it stops the reading"]
pub struct QueueWatch {
    task: JoinHandle<()>,
}

impl Drop for QueueWatch {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Queue {
    /// Reads the queue's state from its store now and at each interval.
    ///
    /// The result is exported as `worker_queue_depth` and `worker_queue_oldest_age_seconds` while
    /// the [`QueueWatch`] is held.
    ///
    /// 15 s is a good interval. It is the usual scrape interval, so with a shorter interval many
    /// values would never be scraped. Four queries a minute from each instance are a negligible
    /// load. The interval is at least one second.
    ///
    /// When the source fails, panics, or takes longer than the interval (at least 5 s), the gauges
    /// become NaN, because an old value would be mistaken for the current one. `worker_queue_up`
    /// becomes 0, because no alert fires on NaN. One log line reports the failure, and one the
    /// recovery.
    ///
    /// Spans of the source are not sampled, unless the sampler ignores the parent. Otherwise these
    /// four root traces a minute would be the most frequent traces in many backends.
    ///
    /// # Panics
    ///
    /// Panics if called outside a tokio runtime, like `tokio::spawn`.
    ///
    /// ```no_run
    /// # use std::time::Duration;
    /// # use firstlight::jobs::{Queue, QueueStats};
    /// # async fn count() -> Result<u64, std::io::Error> { Ok(0) }
    /// # async fn start(emails: Queue) {
    /// let watch = emails.watch(Duration::from_secs(15), || async {
    ///     Ok::<_, std::io::Error>(QueueStats::new().ready(count().await?))
    /// });
    /// # drop(watch);
    /// # }
    /// ```
    #[track_caller]
    pub fn watch<S, F, E>(&self, every: Duration, mut source: S) -> QueueWatch
    where
        S: FnMut() -> F + Send + 'static,
        F: Future<Output = Result<QueueStats, E>> + Send,
        E: Into<Box<dyn Error + Send + Sync>> + Send,
    {
        let every = every.max(MIN_INTERVAL);
        let mut gauges = QueueGauges::new(self.clone());
        let task = tokio::spawn(async move {
            let mut ticks = interval(every);
            ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
            loop {
                ticks.tick().await;
                // `source` is called inside the future, because the call may panic as well.
                let query = catch_panic(async { source().await });
                let query = query.with_context(unsampled());
                let limit = every.max(MIN_STORE_TIMEOUT);
                match timeout(limit, query).await {
                    Ok(Ok(Ok(stats))) => gauges.update(&stats),
                    Ok(Ok(Err(error))) => gauges.fail(&text_of(error)),
                    Ok(Err(payload)) => {
                        gauges.fail(&format_args!("panicked: {}", message_of(&*payload)));
                    }
                    Err(_) => gauges.fail(&format_args!("no answer within {limit:?}")),
                }
            }
        });
        QueueWatch { task }
    }
}

/// Returns a context in which spans are not sampled.
///
/// Removing the subscriber instead would also affect other code: `tracing` caches for each callsite
/// whether the subscriber that sees it first is interested.
fn unsampled() -> Context {
    let ids = RandomIdGenerator::default();
    let context = SpanContext::new(
        ids.new_trace_id(),
        ids.new_span_id(),
        TraceFlags::NOT_SAMPLED,
        true,
        TraceState::NONE,
    );
    Context::new().with_remote_span_context(context)
}

/// The gauges of a queue, with the state that they show.
struct QueueGauges {
    queue: Queue,
    /// The last state, which decides which series exist.
    last: QueueStats,
    is_up: Option<bool>,
    /// The entry among the queues that cannot be read.
    unreadable: Option<Unreadable>,
}

impl QueueGauges {
    fn new(queue: Queue) -> Self {
        Self {
            queue,
            last: QueueStats::new(),
            is_up: None,
            unreadable: None,
        }
    }

    fn update(&mut self, stats: &QueueStats) {
        self.queue.export_budget();
        #[expect(clippy::cast_precision_loss, reason = "no queue has 2^53 jobs")]
        for ((state, depth), (_, before)) in stats.depths().zip(self.last.depths()) {
            match depth {
                Some(depth) => self.set_depth(state, depth as f64),
                None if before.is_some() => self.set_depth(state, f64::NAN),
                None => {}
            }
        }
        match stats.age() {
            Some(age) => self.set_age(age.as_secs_f64()),
            None if self.last.age().is_some() => self.set_age(f64::NAN),
            None => {}
        }
        self.last = stats.clone();
        self.set_up(true);
        self.unreadable = None;
        if self.is_up.replace(true) == Some(false) {
            let queue = self.queue.name();
            tracing::info!(
                target: TARGET,
                { messaging.destination.name = queue },
                "the state of the queue {queue} can be read again"
            );
        }
    }

    fn fail(&mut self, reason: &dyn Display) {
        self.queue.export_budget();
        self.reset();
        let queue = self.queue.name();
        match &self.unreadable {
            Some(entry) => entry.update(reason),
            None => self.unreadable = Some(Unreadable::new(queue, reason)),
        }
        if self.is_up.replace(false) != Some(false) {
            tracing::warn!(
                target: TARGET,
                { messaging.destination.name = queue, exception.message = %reason },
                "the state of the queue {queue} cannot be read; its depth and age are NaN until that works again"
            );
        }
    }

    fn reset(&self) {
        for (state, _) in self.last.depths().filter(|(_, depth)| depth.is_some()) {
            self.set_depth(state, f64::NAN);
        }
        if self.last.age().is_some() {
            self.set_age(f64::NAN);
        }
        self.set_up(false);
    }

    fn set_depth(&self, state: &'static str, depth: f64) {
        let labels = [
            ("queue", self.queue.name().to_owned()),
            ("status", state.to_owned()),
        ];
        ::metrics::gauge!(catalog::WORKER_QUEUE_DEPTH.name, &labels).set(depth);
    }

    fn set_age(&self, seconds: f64) {
        let queue = self.queue.name().to_owned();
        ::metrics::gauge!(catalog::WORKER_QUEUE_OLDEST_AGE.name, "queue" => queue).set(seconds);
    }

    fn set_up(&self, is_up: bool) {
        let queue = self.queue.name().to_owned();
        ::metrics::gauge!(catalog::WORKER_QUEUE_UP.name, "queue" => queue)
            .set(f64::from(u8::from(is_up)));
    }
}

/// Resets the gauges when the watch ends.
impl Drop for QueueGauges {
    fn drop(&mut self) {
        self.reset();
    }
}
