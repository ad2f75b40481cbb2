//! A test of whether a handle records anything.
//!
//! A handle that was created before `init()` does not.
//!
//! The `metrics` facade returns a no-op handle while there is no recorder. The facade does not keep a list of such handles,
//! and a handle does not expose its target, so they cannot be found afterward. But the owner of a handle can test it:
//! recording zero changes no metric, and this crate's handles notice the call. For handles that are not tested, the list of
//! metrics that are described and absent is a hint.

use std::cell::Cell;

use ::metrics::{Counter, Gauge, Histogram};

thread_local! {
    static ACKNOWLEDGED: Cell<bool> = const { Cell::new(false) };
}

/// Acknowledges a probe. Called by a handle of this crate that records zero.
pub(super) fn acknowledge() {
    // Fails only on a thread that is ending, which does not probe.
    let _ = ACKNOWLEDGED.try_with(|acknowledged| acknowledged.set(true));
}

/// A handle of the `metrics` crate: a counter, a gauge or a histogram.
pub trait MetricHandle: sealed::Sealed {}

impl<T: sealed::Sealed> MetricHandle for T {}

mod sealed {
    #[expect(unnameable_types, reason = "that is what seals it")]
    pub trait Sealed {
        /// Records zero, which changes no metric.
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

/// Whether firstlight records what is written into this handle.
///
/// Returns `false` for a handle that was created before `init()`, for a handle of a metric that was rejected, and for a
/// handle of another recorder.
///
/// Before a recorder is installed, the `metrics` crate returns handles that never record anything, without an error. A
/// `static` handle that is first used before `init()` is such a handle. Check it with this function in `main` after
/// `init()`, or in a test. The check itself records nothing.
///
/// # Examples
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
    ACKNOWLEDGED.set(false);
    handle.record_nothing();
    ACKNOWLEDGED.replace(false)
}
