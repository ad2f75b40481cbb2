//! Logs the events of a failed root that the log filter had disabled.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::Instant,
};

use tracing::level_filters::LevelFilter;

use super::{
    record::{Record, records},
    root::Root,
    spin::try_lock,
};
use crate::{
    evidence::{HeldEvent, HeldSink},
    span_ids::SpanIds,
};

/// Maximum number of events of one root; the last ones are logged.
const EVENTS_PER_ROOT: usize = 200;

/// Maximum number of events in a second.
const EVENTS_PER_SECOND: usize = 1_000;

/// Logs the held events of failed roots.
#[derive(Debug)]
pub(super) struct FailureLog {
    sink: Arc<dyn HeldSink>,
    level: LevelFilter,
    started: Instant,
    window: Mutex<Window>,
    dropped: AtomicU64,
}

/// A second since the start of the log, and the number of events in it.
#[derive(Debug, Default)]
struct Window {
    second: u64,
    events: usize,
}

impl FailureLog {
    pub(super) fn new(sink: Arc<dyn HeldSink>, level: LevelFilter) -> Self {
        Self {
            sink,
            level,
            started: Instant::now(),
            window: Mutex::default(),
            dropped: AtomicU64::new(0),
        }
    }

    /// The number of held events that were dropped because of a limit.
    pub(super) fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }

    /// Logs the held events of a root that has failed.
    pub(super) fn write(&self, root: &Root) {
        let Some(bytes) = root.copy_detail() else {
            return;
        };
        let events = records(&bytes).filter_map(|record| match record {
            Record::Event(event) => Some(event),
            _ => None,
        });
        let held: Vec<_> = events
            .filter(|event| !event.is_logged && self.level >= event.level)
            .collect();
        let second = self.started.elapsed().as_secs();
        let allowed = self.take(second, held.len().min(EVENTS_PER_ROOT));
        let (dropped, logged) = held.split_at(held.len() - allowed);
        self.dropped
            .fetch_add(dropped.len() as u64, Ordering::Relaxed);
        for event in logged {
            self.sink.write(&HeldEvent {
                ids: SpanIds {
                    trace_id: root.trace_id,
                    span_id: event.span_id,
                    flags: event.flags,
                },
                time: event.time,
                level: event.level,
                target: event.target,
                message: event.message,
                fields: &event.fields,
            });
        }
    }

    /// Returns how many of `events` may be logged in this second.
    fn take(&self, second: u64, events: usize) -> usize {
        let Some(mut window) = try_lock(&self.window) else {
            return 0;
        };
        // A thread may come late with the second before.
        if second > window.second {
            *window = Window { second, events: 0 };
        }
        let allowed = events.min(EVENTS_PER_SECOND - window.events);
        window.events += allowed;
        allowed
    }
}
