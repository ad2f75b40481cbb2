//! The received telemetry, shared between the threads of the server and the test.

use std::{
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use super::{
    CollectorAnswer, ReceivedLog, ReceivedMetric, ReceivedRequest, ReceivedSpan,
    otlp_signal::Received,
};

/// The largest number of spans, and of log records.
///
/// A test looks at fewer. At about a kilobyte each, they fit into memory even if a demonstration runs for days.
pub(super) const MAX_ITEMS: usize = 16_384;

/// The largest number of data points.
///
/// It is above [`MAX_ITEMS`], because a service sends all of its series with every export.
const MAX_POINTS: usize = 65_536;

/// The largest number of requests.
const MAX_REQUESTS: usize = 1_024;

/// The received telemetry and a notification about arrivals.
#[derive(Debug, Default)]
pub(super) struct Store {
    kept: Mutex<Kept>,
    arrived: Condvar,
}

/// The newest items of each kind, and the current answer.
#[derive(Debug, Default)]
pub(super) struct Kept {
    pub(super) spans: Vec<ReceivedSpan>,
    pub(super) logs: Vec<ReceivedLog>,
    pub(super) metrics: Vec<ReceivedMetric>,
    pub(super) requests: Vec<ReceivedRequest>,
    answer: CollectorAnswer,
}

impl Store {
    /// Locks the content, also after a panic of a test's predicate.
    pub(super) fn lock(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn set_answer(&self, answer: CollectorAnswer) {
        self.lock().answer = answer;
    }

    /// Stores a request, and its content if the answer keeps it; returns the answer.
    ///
    /// The content is `None` if the request cannot be read.
    pub(super) fn receive(
        &self,
        request: ReceivedRequest,
        received: Option<Received>,
    ) -> CollectorAnswer {
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
        // The newest metrics are kept. A metric without points counts as one point.
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
