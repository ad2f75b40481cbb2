//! Whether a handle records anything: the question that a handle made before `init()` answers with no.
//!
//! The `metrics` facade gives a no-op handle before a recorder is there, remembers neither the name
//! nor that it did, and its handles do not show what is behind them. So such handles cannot be listed afterwards, but
//! the holder of one can test it: recording nothing does nothing to any handle, and ours notice it. What it leaves
//! out: handles that were not tested. The list of metrics that are described and absent is the hint for those.

use std::cell::Cell;

use ::metrics::{Counter, Gauge, Histogram};

thread_local! {
    static ANSWERED: Cell<bool> = const { Cell::new(false) };
}

/// Called by a handle of ours that was asked to record nothing.
pub(super) fn answer() {
    // A thread that ends asks no questions.
    let _ = ANSWERED.try_with(|answered| answered.set(true));
}

/// A handle of the `metrics` crate: a counter, a gauge or a histogram.
pub trait MetricHandle: sealed::Sealed {}

impl<T: sealed::Sealed> MetricHandle for T {}

mod sealed {
    #[expect(unnameable_types, reason = "that is what seals it")]
    pub trait Sealed {
        /// Records nothing.
        fn record_nothing(&self);
    }
}

impl sealed::Sealed for Counter {
    fn record_nothing(&self) {
        self.increment(0);
    }
}

impl sealed::Sealed for Gauge {
    fn record_nothing(&self) {
        self.increment(0.0);
    }
}

impl sealed::Sealed for Histogram {
    fn record_nothing(&self) {
        self.record_many(0.0, 0);
    }
}

/// Whether what is recorded into this handle reaches firstlight.
///
/// `false` for a handle that was made before `init()`, one of a metric that was refused, and one of another recorder.
/// The `metrics` crate gives out a no-op before a recorder is installed, for good and in silence, so a `static` handle
/// that something touches too early never counts; ask here, in `main` after `init()` or in a test. The question itself
/// records nothing.
///
/// ```no_run
/// use std::sync::LazyLock;
///
/// static JOBS: LazyLock<metrics::Counter> = LazyLock::new(|| metrics::counter!("jobs_total"));
///
/// # fn main() -> Result<(), firstlight::InitError> {
/// let telemetry = firstlight::init()?;
/// assert!(firstlight::metrics::is_recorded(&*JOBS), "something used JOBS before init()");
/// # drop(telemetry);
/// # Ok(())
/// # }
/// ```
pub fn is_recorded(handle: &impl MetricHandle) -> bool {
    ANSWERED.set(false);
    handle.record_nothing();
    ANSWERED.replace(false)
}
