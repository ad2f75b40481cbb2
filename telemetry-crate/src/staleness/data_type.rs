//! A type of data and its window.

use std::{fmt, sync::OnceLock, time::Duration};

use super::metrics::{Origin, ReadMetrics};

/// A type of data, such as `profile` or `cart`, and how old it may be when it is served. Declare each as a `static`: there
/// is one truth about it in a service, and its name is the label `data_type` of the metrics.
#[derive(Debug)]
pub struct DataType {
    name: &'static str,
    window: Duration,
    metrics: OnceLock<ReadMetrics>,
}

impl DataType {
    /// Declares that data of this type may be served up to `window` after it was true. Zero means that only the source
    /// will do.
    pub const fn declare(name: &'static str, window: Duration) -> Self {
        Self {
            name,
            window,
            metrics: OnceLock::new(),
        }
    }

    /// The name, as on the metrics page.
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// How old data of this type may be.
    pub const fn window(&self) -> Duration {
        self.window
    }

    /// Reports the age of an answer that did not come from the source and is about to be served: a replica's lag, or the
    /// age of an entry in another library's cache. Serve it only on `Ok`; otherwise read the source.
    ///
    /// `age` must be counted from a moment at which the answer was surely true. In PostgreSQL,
    /// `now() - pg_last_xact_replay_timestamp()` is that of a replica that has something to replay, and too much for one
    /// that is up to date without writes.
    ///
    /// # Errors
    ///
    /// [`TooStale`] outside of the window, and always if the window is zero: that no lag was measured is no proof.
    pub fn serve_replica(&self, age: Duration) -> Result<(), TooStale> {
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

    /// With handles that are kept once they count: one that was made before telemetry is up never will.
    pub(super) fn with_metrics(&self, record: impl FnOnce(&ReadMetrics)) {
        if let Some(metrics) = self.metrics.get() {
            return record(metrics);
        }
        let metrics = ReadMetrics::new(self.name, self.window);
        record(&metrics);
        if metrics.are_recorded() {
            // An error means that another thread was faster, with the same handles.
            let _ = self.metrics.set(metrics);
        }
    }
}

/// An answer that is too old to be served.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct TooStale {
    /// The name of the type of data.
    pub data_type: &'static str,
    /// How old the answer is.
    pub age: Duration,
    /// How old it may be.
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
