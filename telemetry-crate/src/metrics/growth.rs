//! The number of series that a metric has recently gained.
//!
//! The number distinguishes a metric that keeps growing from one that is only large.

use std::time::Instant;

/// Additions in the current minute and in the previous one.
#[derive(Debug)]
pub(super) struct Growth {
    start: Instant,
    /// The current minute, counted from `start`.
    minute: u64,
    current: u64,
    previous: u64,
}

impl Growth {
    pub(super) fn new() -> Self {
        Self {
            start: Instant::now(),
            minute: 0,
            current: 0,
            previous: 0,
        }
    }

    pub(super) fn add(&mut self) {
        self.add_at(self.minute_now());
    }

    /// Additions since the start of the previous minute: the last 60 to 120 s.
    pub(super) fn recent(&self) -> u64 {
        self.recent_at(self.minute_now())
    }

    fn minute_now(&self) -> u64 {
        self.start.elapsed().as_secs() / 60
    }

    fn add_at(&mut self, minute: u64) {
        if minute != self.minute {
            self.previous = if minute == self.minute + 1 {
                self.current
            } else {
                0
            };
            self.current = 0;
            self.minute = minute;
        }
        self.current += 1;
    }

    fn recent_at(&self, minute: u64) -> u64 {
        match minute.saturating_sub(self.minute) {
            0 => self.current + self.previous,
            1 => self.current,
            _ => 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Growth;

    #[test]
    fn old_additions_are_forgotten() {
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
