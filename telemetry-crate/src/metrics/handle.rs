//! One series, and what the macros of the `metrics` facade get of it.
//!
//! A series is a number behind an `Arc`. Threads do not share that `Arc` on every use, because then they would take turns
//! at its reference count: each gets one of its own around it, a [`Handle`], and what remains shared is the number. What
//! it leaves out: where the handles are kept.

use std::sync::{Arc, atomic::AtomicU64};

use ::metrics::{Counter, CounterFn, Gauge, GaugeFn, HistogramFn};

use super::{histogram::Histogram, probe};

/// One series: what is counted, and what the page reads.
#[derive(Debug, Clone)]
pub(crate) enum Series {
    Counter(Arc<AtomicU64>),
    /// The bits of an `f64`.
    Gauge(Arc<AtomicU64>),
    Histogram(Arc<Histogram>),
}

/// A series, ready for use by the program.
#[derive(Debug, Clone)]
pub(super) enum Handle {
    Counter(Counter),
    Gauge(Gauge),
    Histogram(::metrics::Histogram),
}

impl From<Series> for Handle {
    /// With a reference count of its own.
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

/// What the program records into. Recording nothing answers the [`probe`].
struct Recorded<T>(Arc<T>);

impl CounterFn for Recorded<AtomicU64> {
    fn increment(&self, value: u64) {
        if value == 0 {
            return probe::answer();
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
            return probe::answer();
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
            return probe::answer();
        }
        self.0.record_many(value, count);
    }
}
