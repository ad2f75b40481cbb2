//! A count of failures in a row, of which only some are logged.

/// Counts failures in a row, and says which of them to log.
#[derive(Debug, Default)]
pub(super) struct Repeats(u64);

impl Repeats {
    /// Counts a failure; returns the number of failures if this one is to be logged.
    ///
    /// The first, second, fourth, eighth … failure is logged. So the log has each outage, and few
    /// lines of a long one.
    pub(super) fn fail(&mut self) -> Option<u64> {
        self.0 = self.0.saturating_add(1);
        self.0.is_power_of_two().then_some(self.0)
    }

    /// Returns the number of failures in a row.
    pub(super) fn count(&self) -> u64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::Repeats;

    #[test]
    fn log_lines_become_rare() {
        let mut repeats = Repeats::default();
        let logged: Vec<_> = (0..100).filter_map(|_| repeats.fail()).collect();
        assert_eq!(logged, [1, 2, 4, 8, 16, 32, 64]);
        assert_eq!(repeats.count(), 100);
    }
}
