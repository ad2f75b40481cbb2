//! One series, and the handle through which the program records into it.
//!
//! A series is a number behind an `Arc`. Cloning that `Arc` on every use would make all threads contend for its reference
//! count. So each thread gets a [`Handle`], which is an `Arc` of its own around the shared `Arc`.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use ::metrics::{Counter, CounterFn, Gauge, GaugeFn, HistogramFn};

use super::{handle_probe, histogram::Histogram};

/// The value of one series, shared by the recording threads and the scrape.
#[derive(Debug, Clone)]
pub(crate) enum Series {
    Counter(Arc<AtomicU64>),
    /// The bits of an `f64`.
    Gauge(Arc<AtomicU64>),
    Histogram(Arc<Histogram>),
}

impl Series {
    /// The value of a counter or a gauge.
    pub(crate) fn number(&self) -> Option<f64> {
        match self {
            Self::Counter(count) => Some(count.load(Ordering::Relaxed) as f64),
            Self::Gauge(bits) => Some(f64::from_bits(bits.load(Ordering::Relaxed))),
            Self::Histogram(_) => None,
        }
    }
}

/// A series as the `metrics` facade uses it.
#[derive(Debug, Clone)]
pub(super) enum Handle {
    Counter(Counter),
    Gauge(Gauge),
    Histogram(::metrics::Histogram),
}

impl From<Series> for Handle {
    /// Wraps the series in an `Arc` of its own.
    fn from(series: Series) -> Self {
        match series {
            Series::Counter(series) => Self::Counter(Counter::from_arc(Arc::new(Recorded(series)))),
            Series::Gauge(series) => Self::Gauge(Gauge::from_arc(Arc::new(Recorded(series)))),
            Series::Histogram(series) => {
                Self::Histogram(::metrics::Histogram::from_arc(Arc::new(Recorded(series))))
            }
        }
    }
}

/// A series that also acknowledges a [probe](handle_probe).
///
/// A probe records zero, to test whether a handle records anything.
struct Recorded<T>(Arc<T>);

impl CounterFn for Recorded<AtomicU64> {
    fn increment(&self, value: u64) {
        if value == 0 {
            return handle_probe::acknowledge();
        }
        CounterFn::increment(&*self.0, value);
    }

    fn absolute(&self, value: u64) {
        self.0.absolute(value);
    }
}

impl GaugeFn for Recorded<AtomicU64> {
    fn increment(&self, value: f64) {
        if value == 0.0 {
            return handle_probe::acknowledge();
        }
        GaugeFn::increment(&*self.0, value);
    }

    fn decrement(&self, value: f64) {
        self.0.decrement(value);
    }

    fn set(&self, value: f64) {
        self.0.set(value);
    }
}

impl HistogramFn for Recorded<Histogram> {
    fn record(&self, value: f64) {
        self.0.record(value);
    }

    fn record_many(&self, value: f64, count: usize) {
        if count == 0 {
            return handle_probe::acknowledge();
        }
        self.0.record_many(value, count);
    }
}
