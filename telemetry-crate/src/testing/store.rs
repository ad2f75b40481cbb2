//! What was received, shared between the server's thread and the test's.

use std::{
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use super::{Answer, ReceivedLog, ReceivedMetric, ReceivedRequest, ReceivedSpan, signal::Received};

/// Spans, and as many log records: more than any test looks at, and at about a kilobyte each no burden; a demonstration
/// may run for days.
pub(super) const MAX_ITEMS: usize = 16_384;

/// Data points. A service sends all of its series with every export.
const MAX_POINTS: usize = 65_536;

const MAX_REQUESTS: usize = 1_024;

#[derive(Debug, Default)]
pub(super) struct Store {
    kept: Mutex<Kept>,
    arrived: Condvar,
}

/// The newest of everything.
#[derive(Debug, Default)]
pub(super) struct Kept {
    pub(super) spans: Vec<ReceivedSpan>,
    pub(super) logs: Vec<ReceivedLog>,
    pub(super) metrics: Vec<ReceivedMetric>,
    pub(super) requests: Vec<ReceivedRequest>,
    answer: Answer,
}

impl Store {
    /// A test's predicate may panic while it holds the lock; what was received stays readable.
    pub(super) fn lock(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn set_answer(&self, answer: Answer) {
        self.lock().answer = answer;
    }

    /// Keeps the request, and what was in it if the answer, which is returned, says so; `None` is a request that cannot be
    /// read.
    pub(super) fn receive(&self, request: ReceivedRequest, received: Option<Received>) -> Answer {
        let mut kept = self.lock();
        keep(&mut kept.requests, vec![request], MAX_REQUESTS);
        let answer = kept.answer.clone();
        match received.filter(|_| answer.keeps()) {
            Some(Received::Spans(spans)) => keep(&mut kept.spans, spans, MAX_ITEMS),
            Some(Received::Logs(logs)) => keep(&mut kept.logs, logs, MAX_ITEMS),
            Some(Received::Metrics(metrics)) => kept.keep_metrics(metrics),
            None => {}
        }
        drop(kept);
        self.arrived.notify_all();
        answer
    }

    /// Waits until `enough` holds or the deadline has passed.
    pub(super) fn wait(
        &self,
        deadline: Duration,
        enough: impl Fn(&Kept) -> bool,
    ) -> MutexGuard<'_, Kept> {
        let waited = self
            .arrived
            .wait_timeout_while(self.lock(), deadline, |kept| !enough(kept));
        waited.unwrap_or_else(PoisonError::into_inner).0
    }
}

impl Kept {
    fn keep_metrics(&mut self, received: Vec<ReceivedMetric>) {
        self.metrics.extend(received);
        let mut points = 0;
        // From the newest backwards; a metric without points costs as much as one.
        let fits = |metric: &&ReceivedMetric| {
            points += metric.points.len().max(1);
            points <= MAX_POINTS
        };
        let newest = self.metrics.iter().rev().take_while(fits).count();
        self.metrics.drain(..self.metrics.len() - newest);
    }
}

fn keep<T>(kept: &mut Vec<T>, received: Vec<T>, most: usize) {
    kept.extend(received);
    let excess = kept.len().saturating_sub(most);
    kept.drain(..excess);
}
