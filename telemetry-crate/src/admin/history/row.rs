//! The history of one name: rate, failures, and quantiles of the durations.

use super::{
    counts::{Bounds, Counts},
    points::{NOTHING, POINTS, Points},
};

/// Largest number of bytes of a name.
pub(super) const MAX_NAME: usize = 128;

/// The bytes that a row takes at most.
pub(super) const ROW_BYTES: usize = size_of::<Row>() + Points::<5>::BYTES + MAX_NAME;

/// The columns of a row in the answer, in the order of its values.
pub(super) const COLUMNS: [&str; 5] = ["rate", "failed", "p50", "p95", "p99"];

/// One name, all names of a kind, or those without a row of their own.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) name: Box<str>,
    /// The hash of the labels that name it.
    pub(super) hash: u64,
    /// The samples since the start: at the last point, and now.
    before: Counts,
    now: Counts,
    /// Whether `before` is not known, because the name had no row at the last point.
    is_fresh: bool,
    /// The number of points since the last sample.
    idle: usize,
    points: Points<5>,
}

/// The time that an interval took, and the number of its point.
#[derive(Debug, Clone, Copy)]
pub(super) struct Interval {
    pub(super) number: u64,
    pub(super) seconds: f64,
}

impl Row {
    /// Creates the row of a name that has no samples before the next point.
    pub(super) fn new(name: &str, hash: u64) -> Self {
        Self {
            name: shortened(name).into(),
            hash,
            before: Counts::default(),
            now: Counts::default(),
            is_fresh: false,
            idle: 0,
            points: Points::new(),
        }
    }

    /// Gives the place to another name.
    pub(super) fn replace(&mut self, name: &str, hash: u64) {
        (self.name, self.hash) = (shortened(name).into(), hash);
        (self.before, self.now) = (Counts::default(), Counts::default());
        (self.is_fresh, self.idle) = (false, 0);
        self.points.clear();
    }

    /// Marks the row as one of a name that had samples before it had the row.
    pub(super) fn set_fresh(&mut self) {
        self.is_fresh = true;
    }

    /// The number of all samples at the last point.
    pub(super) fn before(&self) -> u32 {
        self.before.all()
    }

    /// Whether the name had no sample for the whole window.
    pub(super) fn is_idle(&self) -> bool {
        self.idle >= POINTS
    }

    /// The samples since the start, as far as they were counted.
    pub(super) fn counting(&mut self) -> &mut Counts {
        &mut self.now
    }

    /// Starts to count all samples since the start.
    pub(super) fn begin(&mut self) {
        self.now = Counts::default();
    }

    /// Sets the point of an interval, and returns the samples that were counted.
    pub(super) fn end(&mut self, interval: Interval, bounds: &Bounds) -> Counts {
        let now = self.now;
        if std::mem::take(&mut self.is_fresh) {
            self.before = now;
            self.points.set(interval.number, [NOTHING; 5]);
            return Counts::default();
        }
        let samples = now.since(&self.before);
        self.before = now;
        self.set(interval, &samples, bounds);
        samples
    }

    /// Sets the point of an interval.
    pub(super) fn set(&mut self, interval: Interval, samples: &Counts, bounds: &Bounds) {
        let Interval { number, seconds } = interval;
        let all = samples.all();
        self.idle = if all == 0 { self.idle + 1 } else { 0 };
        let quantile = |q| samples.quantile(q, bounds).map_or(NOTHING, |q| q as f32);
        let per_second = |count: u32| (f64::from(count) / seconds) as f32;
        let values = [
            per_second(all),
            per_second(samples.failed),
            quantile(0.5),
            quantile(0.95),
            quantile(0.99),
        ];
        self.points.set(number, values);
    }

    /// Sets a point at which nothing was counted.
    pub(super) fn skip(&mut self, number: u64) {
        self.points.set(number, [NOTHING; 5]);
    }

    pub(super) fn points(&self) -> &Points<5> {
        &self.points
    }
}

/// The beginning of a name, at most [`MAX_NAME`] bytes.
pub(super) fn shortened(name: &str) -> &str {
    let mut ends = (0..=MAX_NAME.min(name.len())).rev();
    let end = ends.find(|end| name.is_char_boundary(*end));
    name.get(..end.unwrap_or_default()).unwrap_or_default()
}
