//! The histogram of the durations of one statement.

use metrics::Histogram;

use crate::metrics::Kept;

/// The histogram of a statement's durations, with the system in its labels.
///
/// It saves the look-up by all labels.
#[derive(Debug)]
pub(super) struct KeptDurations(Kept<(&'static str, Histogram)>);

impl KeptDurations {
    /// Records a duration in the histogram that `find` finds, which is kept.
    pub(super) fn record(&self, system: &'static str, seconds: f64, find: impl Fn() -> Histogram) {
        self.0.with(
            || (system, find()),
            |(_, histogram)| histogram,
            |(kept, histogram)| {
                // The system of all statements changes when another pool is added.
                if *kept == system {
                    histogram.record(seconds);
                } else {
                    find().record(seconds);
                }
            },
        );
    }
}

impl Clone for KeptDurations {
    /// Returns an empty one, because a copy of the statement has other labels.
    fn clone(&self) -> Self {
        Self(Kept::new())
    }
}

impl Default for KeptDurations {
    fn default() -> Self {
        Self(Kept::new())
    }
}

impl PartialEq for KeptDurations {
    /// What is kept is no part of the statement.
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for KeptDurations {}
