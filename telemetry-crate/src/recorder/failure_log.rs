//! The log lines of a failed root that the log filter had withheld.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicU64, Ordering},
};

use tracing::level_filters::LevelFilter;

use super::{
    record::{Record, records},
    root::Root,
    spin::try_lock,
};
use crate::evidence::{HeldEvent, HeldSink};

/// The largest number of lines of one root: the last ones before the failure.
const LINES_PER_ROOT: usize = 200;

/// The largest number of lines in a second.
///
/// It is some hundred kilobytes, far below what a log shipper reads.
const LINES_PER_SECOND: u64 = 1_000;

/// Writes the held events of failed roots to the log.
#[derive(Debug)]
pub(super) struct FailureLog {
    sink: Arc<dyn HeldSink>,
    level: LevelFilter,
    /// The current second, and the number of lines in it.
    window: Mutex<(u64, u64)>,
    withheld: AtomicU64,
}

impl FailureLog {
    pub(super) fn new(sink: Arc<dyn HeldSink>, level: LevelFilter) -> Self {
        Self {
            sink,
            level,
            window: Mutex::new((0, 0)),
            withheld: AtomicU64::new(0),
        }
    }

    /// The number of held events that were not written.
    pub(super) fn withheld(&self) -> u64 {
        self.withheld.load(Ordering::Relaxed)
    }

    /// Writes the held events of a root that has failed at `time`.
    pub(super) fn write(&self, root: &Root, time: u64) {
        let Some(bytes) = root.copy_detail() else {
            return;
        };
        let events = records(&bytes).filter_map(|(record, _)| match record {
            Record::Event(event) => Some(event),
            _ => None,
        });
        let held: Vec<_> = events
            .filter(|event| !event.is_logged && self.level >= event.level)
            .collect();
        let allowed = self.take(time / 1_000_000_000, held.len().min(LINES_PER_ROOT));
        let (withheld, written) = held.split_at(held.len() - allowed);
        self.withheld
            .fetch_add(withheld.len() as u64, Ordering::Relaxed);
        for event in written {
            self.sink.write(&HeldEvent {
                trace_id: root.trace_id,
                span_id: event.span_id,
                time: event.time,
                level: event.level,
                target: event.target,
                message: event.message,
                fields: &event.fields,
            });
        }
    }

    /// Returns how many of `lines` may be written in this second.
    fn take(&self, second: u64, lines: usize) -> usize {
        let Some(mut window) = try_lock(&self.window) else {
            return 0;
        };
        if window.0 != second {
            *window = (second, 0);
        }
        let left = LINES_PER_SECOND.saturating_sub(window.1);
        let allowed = lines.min(usize::try_from(left).unwrap_or(usize::MAX));
        window.1 += allowed as u64;
        allowed
    }
}
