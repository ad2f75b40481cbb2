//! A type of data with its window, which is the age that its data may have.

use std::{fmt, time::Duration};

use super::metrics::{Origin, ReadMetrics};
use crate::metrics::Kept;

/// A type of data, such as `profile` or `cart`, with the age that it may have.
///
/// Declare each type as a `static`, once in a service. Its name is the label `data_type` of the
/// metrics.
#[derive(Debug)]
pub struct DataType {
    name: &'static str,
    window: Duration,
    metrics: Kept<ReadMetrics>,
}

impl DataType {
    /// Declares that data of this type may be served for `window`.
    ///
    /// With zero, only answers of the source may be served.
    pub const fn declare(name: &'static str, window: Duration) -> Self {
        Self {
            name,
            window,
            metrics: Kept::new(),
        }
    }

    /// Returns the name, as in the label `data_type`.
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// Returns the age that data of this type may have.
    pub const fn window(&self) -> Duration {
        self.window
    }

    /// Checks and records the age of an answer from a replica or another cache.
    ///
    /// Call it before the answer is served. Serve the answer only on `Ok`, and read the source
    /// otherwise. `age` is a replica's lag, or the age of an entry in another library's cache. It
    /// must count from a moment at which the answer was certainly true. In PostgreSQL,
    /// `now() - pg_last_xact_replay_timestamp()` is the age for a replica with changes to replay.
    /// While the primary has no writes, it grows although the replica is up to date.
    ///
    /// # Errors
    ///
    /// Returns [`TooStale`] if `age` exceeds the window. With a window of zero it always does,
    /// because a measured lag of zero does not show that the answer is current.
    pub fn check_age(&self, age: Duration) -> Result<(), TooStale> {
        if age > self.window || self.window.is_zero() {
            self.with_metrics(|metrics| metrics.refused());
            return Err(TooStale {
                data_type: self.name,
                age,
                window: self.window,
            });
        }
        self.served(Origin::Replica, age);
        Ok(())
    }

    pub(super) fn served(&self, origin: Origin, age: Duration) {
        self.with_metrics(|metrics| metrics.served(origin, age));
    }

    pub(super) fn failed(&self) {
        self.with_metrics(ReadMetrics::failed);
    }

    /// Calls `record` with the metric handles.
    pub(super) fn with_metrics(&self, record: impl FnOnce(&ReadMetrics)) {
        let create = || ReadMetrics::new(self.name, self.window);
        self.metrics.with(create, |metrics| &metrics.age, record);
    }
}

/// The error of an answer that is too old to be served.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct TooStale {
    /// The name of the type of data.
    pub data_type: &'static str,
    /// The age of the answer.
    pub age: Duration,
    /// The age that data of this type may have.
    pub window: Duration,
}

impl fmt::Display for TooStale {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            data_type,
            age,
            window,
        } = self;
        let (age, window) = (age.as_secs_f64(), window.as_secs_f64());
        write!(
            f,
            "{data_type} data: found an age of {age} s, expected at most {window} s; read the source"
        )
    }
}

impl fmt::Debug for TooStale {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for TooStale {}
