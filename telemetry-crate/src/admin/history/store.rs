//! The points of all rows, and the time of the last one.

use std::{ops::Range, time::SystemTime};

use tokio::time::Instant;

use super::{
    INTERVAL,
    gauges::{GAUGE_BYTES, Gauge, Gauges, Sources},
    kind::Kind,
    points::POINTS,
    roots::{self, Roots},
    row::{Interval, ROW_BYTES},
};
use crate::{proto::nanos, status::Status};

/// Largest number of names of a kind.
const MAX_NAMES: usize = 32;

/// Smallest number of names of a kind, with which there is a history.
const MIN_NAMES: usize = 4;

/// The rows of a kind that have no name of their own.
const UNNAMED_ROWS: usize = 2;

/// The bytes of one name of each kind, and of the gauges that come with it.
const NAME_BYTES: usize = Kind::ALL.len() * ROW_BYTES + 2 * GAUGE_BYTES;

/// The bytes of what does not depend on the number of names.
const FIXED_BYTES: usize =
    size_of::<Store>() + Kind::ALL.len() * (roots::FIXED_BYTES + UNNAMED_ROWS * ROW_BYTES);

/// The part of the recorder's bytes that the history takes at most.
const PART: usize = 16;

/// The bytes that the history takes of a recorder; 0 if that is too small.
pub(super) const fn bytes(recorder_bytes: usize) -> usize {
    let names = (recorder_bytes / PART).saturating_sub(FIXED_BYTES) / NAME_BYTES;
    match names {
        0..MIN_NAMES => 0,
        MIN_NAMES..MAX_NAMES => FIXED_BYTES + names * NAME_BYTES,
        MAX_NAMES.. => FIXED_BYTES + MAX_NAMES * NAME_BYTES,
    }
}

/// All rows.
#[derive(Debug)]
pub(super) struct Store {
    kinds: [Roots; Kind::ALL.len()],
    gauges: Gauges,
    sources: Sources,
    /// The number of the next point.
    end: u64,
    last: Instant,
    /// The time of the last point, in nanoseconds since the epoch.
    time: u64,
}

impl Store {
    /// Creates a store that takes at most these bytes; `None` without any.
    pub(super) fn new(bytes: usize, now: Instant) -> Option<Self> {
        let names = bytes.saturating_sub(FIXED_BYTES) / NAME_BYTES;
        (names >= MIN_NAMES).then(|| Self {
            kinds: Kind::ALL.map(|kind| Roots::new(kind, names)),
            gauges: Gauges::new(2 * names),
            sources: Sources::new(),
            end: 0,
            last: now,
            time: nanos(SystemTime::now()),
        })
    }

    /// Sets the point of the interval that ends now.
    ///
    /// The points of a time in which the whole process was suspended have nothing.
    pub(super) fn sample(&mut self, status: &Status, now: Instant) {
        let seconds = now.duration_since(self.last).as_secs_f64();
        let interval = INTERVAL.as_secs_f64();
        let missed = (seconds / interval).round() as u64;
        for _ in 1..missed.min(POINTS as u64) {
            self.skip();
        }
        let interval = Interval {
            number: self.end,
            // Two points at the same time would divide by zero.
            seconds: seconds.max(interval / 10.0),
        };
        for roots in &mut self.kinds {
            roots.sample(&status.series_of(roots.kind().metric()), interval);
        }
        self.gauges.skip(self.end);
        self.sources.sample(status, &mut self.gauges, interval);
        self.end += 1;
        self.last = now;
        self.time = nanos(SystemTime::now());
    }

    /// Adds a point at which nothing was counted.
    pub(super) fn skip(&mut self) {
        for roots in &mut self.kinds {
            roots.skip(self.end);
        }
        self.gauges.skip(self.end);
        self.end += 1;
    }

    /// The numbers of the points from `after` on, or of all points.
    pub(super) fn numbers(&self, after: Option<u64>) -> Range<u64> {
        let first = self.end.saturating_sub(POINTS as u64);
        // A larger number is of another process, and a smaller one has no points any more.
        let after = after.filter(|after| (first..=self.end).contains(after));
        after.unwrap_or(first)..self.end
    }

    pub(super) fn time(&self) -> u64 {
        self.time
    }

    pub(super) fn kinds(&self) -> impl Iterator<Item = &Roots> {
        self.kinds.iter()
    }

    pub(super) fn gauges(&self) -> impl Iterator<Item = &Gauge> {
        self.gauges.all()
    }
}
