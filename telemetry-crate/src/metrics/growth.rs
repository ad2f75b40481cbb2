//! How fast a metric gains series: what tells a leak from a metric that is merely large.
//!
//! Two counters, for the minute that is running and the one before. What it leaves out: history, which Prometheus has.

use std::time::Instant;

/// Counts what is added, by minute.
#[derive(Debug)]
pub(super) struct Growth {
    since: Instant,
    minute: u64,
    this: u64,
    last: u64,
}

impl Growth {
    pub(super) fn new() -> Self {
        Self {
            since: Instant::now(),
            minute: 0,
            this: 0,
            last: 0,
        }
    }

    pub(super) fn add(&mut self) {
        self.add_at(self.now());
    }

    /// How many were added since the start of the last minute: in the last 60 to 120 seconds.
    pub(super) fn recent(&self) -> u64 {
        self.recent_at(self.now())
    }

    fn now(&self) -> u64 {
        self.since.elapsed().as_secs() / 60
    }

    fn add_at(&mut self, minute: u64) {
        if minute != self.minute {
            self.last = if minute == self.minute + 1 {
                self.this
            } else {
                0
            };
            self.this = 0;
            self.minute = minute;
        }
        self.this += 1;
    }

    fn recent_at(&self, minute: u64) -> u64 {
        match minute.saturating_sub(self.minute) {
            0 => self.this + self.last,
            1 => self.this,
            _ => 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Growth;

    #[test]
    fn old_series_are_no_growth() {
        let mut growth = Growth::new();
        for minute in [0, 0, 1] {
            growth.add_at(minute);
        }
        let at = |minute| growth.recent_at(minute);
        assert_eq!([at(1), at(2), at(3)], [3, 1, 0]);
        growth.add_at(7);
        assert_eq!(growth.recent_at(7), 1);
    }
}
