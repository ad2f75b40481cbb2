//! Looking at a queue's store from time to time.
//!
//! A scrape must not query the database: several Prometheus servers and a curious engineer would each cost one query more,
//! and a database that hangs would take the whole page with it. So a task reads at its own pace, and the page shows what it
//! read last.

use std::{fmt::Display, time::Duration};

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

use super::{TARGET, catch::Caught, queue::Queue, stats::QueueStats};
use crate::catalog;

/// Shorter than this, the look itself would be load.
const SHORTEST: Duration = Duration::from_secs(1);

/// A store that answers later than this is as good as away, however short the interval.
const STORE_TIMEOUT: Duration = Duration::from_secs(5);

/// Keeps a queue's gauges up to date; made by [`Queue::watch`]. Dropped, they say NaN.
#[derive(Debug)]
#[must_use = "dropped, it looks no more"]
pub struct Watch {
    task: JoinHandle<()>,
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Queue {
    /// Reads the queue's state from its store now and every `interval` from now on, into `worker_queue_depth` and
    /// `worker_queue_oldest_age_seconds`, as long as the [`Watch`] is held.
    ///
    /// 15 s is a good interval: what Prometheus scrapes at in most places, so that a faster look is never scraped, and four
    /// queries a minute by each instance are no load. Less than a second is a second.
    ///
    /// When the source fails, panics, or takes longer than the interval (5 s at least), the gauges become NaN, because a
    /// number from before would be taken for the truth, and `worker_queue_up` becomes 0, because no alert fires on NaN. One line says
    /// so, and one when it works again. Spans of the source are not sampled, unless the sampler heeds no parent: four root
    /// traces a minute about nothing would be the most frequent thing in many a backend.
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime, like `tokio::spawn`.
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
    pub fn watch<S, F, E>(&self, every: Duration, mut source: S) -> Watch
    where
        S: FnMut() -> F + Send + 'static,
        F: Future<Output = Result<QueueStats, E>> + Send,
        E: Display + Send,
    {
        let every = every.max(SHORTEST);
        let mut seen = Seen::new(self.clone());
        let task = tokio::spawn(async move {
            let mut ticks = interval(every);
            ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
            loop {
                ticks.tick().await;
                // The call itself is inside, too: it is the program's, and may panic like the rest.
                let look = Caught::new(async { source().await });
                let look = look.with_context(unsampled());
                let limit = every.max(STORE_TIMEOUT);
                match timeout(limit, look).await {
                    Ok(Ok(Ok(stats))) => seen.read(&stats),
                    Ok(Ok(Err(error))) => seen.lost(&error),
                    Ok(Err(panic)) => seen.lost(&format_args!("panicked: {panic}")),
                    Err(_) => seen.lost(&format_args!("no answer within {limit:?}")),
                }
            }
        });
        Watch { task }
    }
}

/// A context that whatever is inside is no part of a sampled trace of. Taking the subscriber away would do the same and more:
/// `tracing` asks whichever is current whether a line is of interest when it first comes by, and remembers the answer for all.
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

/// What the page shows of the queue.
struct Seen {
    queue: Queue,
    /// What was read last; it says which series there are.
    last: QueueStats,
    is_up: Option<bool>,
}

impl Seen {
    fn new(queue: Queue) -> Self {
        Self {
            queue,
            last: QueueStats::new(),
            is_up: None,
        }
    }

    fn read(&mut self, stats: &QueueStats) {
        self.queue.export_budget();
        #[expect(clippy::cast_precision_loss, reason = "no queue has 2^53 jobs")]
        for ((state, depth), (_, before)) in stats.depths().zip(self.last.depths()) {
            match depth {
                Some(depth) => self.depth(state, depth as f64),
                None if before.is_some() => self.depth(state, f64::NAN),
                None => {}
            }
        }
        match stats.age() {
            Some(age) => self.age(age.as_secs_f64()),
            None if self.last.age().is_some() => self.age(f64::NAN),
            None => {}
        }
        self.last = stats.clone();
        self.up(true);
        if self.is_up.replace(true) == Some(false) {
            let queue = self.queue.name();
            tracing::info!(
                target: TARGET,
                { messaging.destination.name = queue },
                "the state of the queue {queue} can be read again"
            );
        }
    }

    fn lost(&mut self, reason: &dyn Display) {
        self.queue.export_budget();
        self.forget();
        if self.is_up.replace(false) != Some(false) {
            let queue = self.queue.name();
            tracing::warn!(
                target: TARGET,
                { messaging.destination.name = queue, exception.message = %reason },
                "the state of the queue {queue} cannot be read; its depth and age are NaN until that works again"
            );
        }
    }

    fn forget(&self) {
        for (state, _) in self.last.depths().filter(|(_, depth)| depth.is_some()) {
            self.depth(state, f64::NAN);
        }
        if self.last.age().is_some() {
            self.age(f64::NAN);
        }
        self.up(false);
    }

    fn depth(&self, state: &'static str, depth: f64) {
        let labels = [
            ("queue", self.queue.name().to_owned()),
            ("status", state.to_owned()),
        ];
        ::metrics::gauge!(catalog::WORKER_QUEUE_DEPTH.name, &labels).set(depth);
    }

    fn age(&self, seconds: f64) {
        let queue = self.queue.name().to_owned();
        ::metrics::gauge!(catalog::WORKER_QUEUE_OLDEST_AGE.name, "queue" => queue).set(seconds);
    }

    fn up(&self, is_up: bool) {
        let queue = self.queue.name().to_owned();
        ::metrics::gauge!(catalog::WORKER_QUEUE_UP.name, "queue" => queue)
            .set(f64::from(u8::from(is_up)));
    }
}

/// The watch has ended.
impl Drop for Seen {
    fn drop(&mut self) {
        self.forget();
    }
}
