//! `/history`: the last 15 minutes of rates, durations and saturation.
//!
//! The rows are a fixed list: each route, method and queue, and what is full or waits. They are sampled on the thread of the
//! admin listener, so that they go on while the application's runtime is blocked. A sample reads only the metrics that it
//! needs, and no thread that records a metric waits for it. Its bytes are part of those of the flight recorder.

mod counts;
mod gauges;
mod json;
mod kind;
mod points;
mod quantile;
mod roots;
mod row;
mod store;
#[cfg(test)]
mod tests;

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use http::{StatusCode, Uri};
use tokio::time::{Instant, MissedTickBehavior, interval_at};

use self::store::Store;
use super::{
    answer::{Answer, recorder_is_off, response, text},
    identity::Identity,
    query::{pairs, quoted},
};
use crate::status::Status;

/// The time between two points.
const INTERVAL: Duration = Duration::from_secs(5);

/// The bytes that the history takes of a recorder of this size.
pub(crate) fn history_bytes(recorder_bytes: usize) -> usize {
    store::bytes(recorder_bytes)
}

/// The history of a process.
#[derive(Debug)]
pub(super) struct History(Mutex<Store>);

impl History {
    /// Creates the history; `None` without a flight recorder, or with a small one.
    pub(super) fn new(status: &Status) -> Option<Arc<Self>> {
        let bytes = status.recorder()?.history_bytes();
        let store = Store::new(bytes, Instant::now())?;
        Some(Arc::new(Self(Mutex::new(store))))
    }

    /// Adds a point every 5 s, without end; runs on the admin thread.
    pub(super) async fn watch(self: Arc<Self>, status: Arc<Status>) {
        let mut interval = interval_at(Instant::now() + INTERVAL, INTERVAL);
        interval.set_missed_tick_behavior(MissedTickBehavior::Skip);
        loop {
            let _ = interval.tick().await;
            self.lock().sample(&status, Instant::now());
        }
    }

    /// Locks the store, which only the admin thread does.
    fn lock(&self) -> MutexGuard<'_, Store> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Answers `/history`.
pub(super) fn answer(status: &Status, history: Option<&History>, uri: &Uri) -> Answer {
    if status.recorder().is_none() {
        return recorder_is_off();
    }
    let after = match after(uri.query().unwrap_or_default()) {
        Ok(after) => after,
        Err(sentence) => return text(StatusCode::BAD_REQUEST, sentence),
    };
    let Some(history) = history else {
        let sentence = "the flight recorder is too small for a history: set FIRSTLIGHT_RECORDER_BYTES to 2097152 or more\n";
        return text(StatusCode::NOT_FOUND, sentence);
    };
    let store = history.lock();
    let numbers = store.numbers(after);
    let json = json::answer(&Identity::of(status), &store, numbers);
    response(StatusCode::OK, "application/json", json)
}

/// Parses the query: the number of the first point.
///
/// # Errors
///
/// A sentence that says what was found and what is expected.
fn after(query: &str) -> Result<Option<u64>, String> {
    let mut after = None;
    for (key, value) in pairs(query) {
        if key != "after" {
            let key = quoted(key);
            return Err(format!("unknown query {key}: there is `after=`\n"));
        }
        let number = value.parse::<u64>().map_err(|_| {
            let value = quoted(&value);
            format!("after: found {value}, expected the number of a point, as in `end`\n")
        })?;
        after = Some(number);
    }
    Ok(after)
}
