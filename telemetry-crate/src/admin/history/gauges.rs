//! The rows of what is full or waits: runtime, pools, queues and memory.

mod sources;

pub(super) use self::sources::Sources;
use super::{
    points::{NOTHING, POINTS, Points},
    row::{MAX_NAME, shortened},
};

/// The bytes that a gauge takes at most.
pub(super) const GAUGE_BYTES: usize = size_of::<Gauge>() + Points::<1>::BYTES + MAX_NAME;

/// What a gauge measures.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Measure {
    pub(super) metric: &'static str,
    /// The unit in UCUM.
    pub(super) unit: &'static str,
    /// The label that tells several apart; empty without one.
    pub(super) label: &'static str,
}

/// One value at each point.
#[derive(Debug)]
pub(super) struct Gauge {
    pub(super) measure: Measure,
    /// The value of the label.
    pub(super) of: Box<str>,
    /// The last known limit of the value.
    pub(super) limit: Option<f64>,
    /// The number of points since the last value.
    idle: usize,
    points: Points<1>,
}

/// All gauges.
#[derive(Debug)]
pub(super) struct Gauges {
    max: usize,
    gauges: Vec<Gauge>,
}

impl Gauge {
    pub(super) fn points(&self) -> &Points<1> {
        &self.points
    }

    fn is_idle(&self) -> bool {
        self.idle >= POINTS
    }
}

impl Gauges {
    pub(super) fn new(max: usize) -> Self {
        Self {
            max,
            gauges: Vec::new(),
        }
    }

    /// The gauges with a value in the window.
    pub(super) fn all(&self) -> impl Iterator<Item = &Gauge> {
        self.gauges.iter().filter(|gauge| !gauge.is_idle())
    }

    /// Starts a point, at which there is nothing yet.
    pub(super) fn skip(&mut self, number: u64) {
        for gauge in &mut self.gauges {
            gauge.points.set(number, [NOTHING]);
            gauge.idle = gauge.idle.saturating_add(1);
        }
    }

    /// Sets the value of a point, if there is room for the gauge.
    ///
    /// A gauge without a value in the window gives its place to a new one.
    pub(super) fn set(
        &mut self,
        number: u64,
        measure: Measure,
        of: &str,
        (value, limit): (f64, Option<f64>),
    ) {
        let of = shortened(of);
        let mut gauges = self.gauges.iter();
        let same = gauges.position(|gauge| gauge.measure == measure && *gauge.of == *of);
        let place = same.or_else(|| {
            let new = Gauge {
                measure,
                of: of.into(),
                limit: None,
                idle: 0,
                points: Points::new(),
            };
            if self.gauges.len() < self.max {
                self.gauges.push(new);
                return Some(self.gauges.len() - 1);
            }
            let place = self.gauges.iter().position(Gauge::is_idle)?;
            *self.gauges.get_mut(place)? = new;
            Some(place)
        });
        if let Some(gauge) = place.and_then(|place| self.gauges.get_mut(place)) {
            gauge.points.set(number, [value as f32]);
            gauge.limit = limit.filter(|limit| limit.is_finite()).or(gauge.limit);
            gauge.idle = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DEPTH: Measure = Measure {
        metric: "depth",
        unit: "{job}",
        label: "queue",
    };

    fn values(gauges: &Gauges, of: &str, numbers: std::ops::Range<u64>) -> Vec<f32> {
        let gauge = gauges.all().find(|gauge| &*gauge.of == of);
        gauge.map_or_else(Vec::new, |gauge| gauge.points.column(0, numbers).collect())
    }

    /// The bytes are those that the allocator counts.
    #[test]
    fn full_gauges_are_in_their_bytes() {
        let mut gauges = Gauges::new(64);
        let names: Vec<String> = (0..100)
            .map(|n| format!("{n}{}", "x".repeat(300)))
            .collect();
        let used = allocation_counter::measure(|| {
            for name in &names {
                gauges.set(0, DEPTH, name, (1.0, None));
            }
        });
        let (used, allowed) = (usize::try_from(used.bytes_current), 64 * GAUGE_BYTES);
        assert!(used.is_ok_and(|used| used <= allowed && used > allowed / 2));
        assert_eq!(gauges.all().count(), 64);
    }

    #[test]
    fn idle_gauges_give_their_place_back() {
        let mut gauges = Gauges::new(1);
        gauges.set(0, DEPTH, "mails", (3.0, Some(7.0)));
        for number in 1..POINTS as u64 {
            gauges.skip(number);
            gauges.set(number, DEPTH, "bills", (9.0, None));
            assert!(values(&gauges, "bills", 0..1).is_empty());
        }
        assert_eq!(values(&gauges, "mails", 0..1), [3.0]);
        assert_eq!(gauges.all().next().and_then(|gauge| gauge.limit), Some(7.0));
        let last = POINTS as u64;
        gauges.skip(last);
        gauges.set(last, DEPTH, "bills", (9.0, None));
        assert!(values(&gauges, "mails", 0..1).is_empty());
        assert_eq!(values(&gauges, "bills", last..last + 1), [9.0]);
        assert!(
            values(&gauges, "bills", 1..2)
                .iter()
                .all(|value| value.is_nan())
        );
    }
}
