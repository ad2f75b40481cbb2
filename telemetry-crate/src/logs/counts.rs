//! The counts of log lines.

use std::sync::atomic::{AtomicU64, Ordering};

use tracing::Level;

use super::LogWriter;
use crate::{
    catalog,
    collector::{Collector, Samples},
};

/// Counts of log lines, for `/metrics`.
#[derive(Debug)]
pub(crate) struct LogCounts {
    by_level: [AtomicU64; 5],
    /// Lines with a truncated value or a dropped field.
    pub(super) truncated: AtomicU64,
    writer: LogWriter,
}

/// All levels, each with the text of its `level` label.
const LEVELS: [(Level, &str); 5] = [
    (Level::ERROR, "error"),
    (Level::WARN, "warn"),
    (Level::INFO, "info"),
    (Level::DEBUG, "debug"),
    (Level::TRACE, "trace"),
];

impl LogCounts {
    pub(super) fn new(writer: LogWriter) -> Self {
        Self {
            by_level: Default::default(),
            truncated: AtomicU64::new(0),
            writer,
        }
    }

    /// Counts a line with a truncated value or a dropped field.
    pub(super) fn count_truncated(&self) {
        self.truncated.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn count(&self, level: Level) {
        for ((candidate, _), counter) in LEVELS.iter().zip(&self.by_level) {
            if *candidate == level {
                counter.fetch_add(1, Ordering::Relaxed);
            }
        }
    }
}

impl LogCounts {
    /// All log lines since the start.
    pub(crate) fn total(&self) -> u64 {
        self.by_level
            .iter()
            .map(|count| count.load(Ordering::Relaxed))
            .sum()
    }
}

impl Collector for LogCounts {
    fn collect(&self, samples: &mut dyn Samples) {
        for ((_, name), counter) in LEVELS.iter().zip(&self.by_level) {
            samples.sample(
                &catalog::LOGGING_EVENTS,
                &[("level", name)],
                counter.load(Ordering::Relaxed) as f64,
            );
        }
        samples.sample(
            &catalog::LOGGING_EVENTS_TRUNCATED,
            &[],
            self.truncated.load(Ordering::Relaxed) as f64,
        );
        samples.sample(
            &catalog::LOGGING_EVENTS_DROPPED,
            &[],
            self.writer.dropped() as f64,
        );
    }
}
