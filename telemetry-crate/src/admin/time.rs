//! Times and durations as text.

use std::time::SystemTime;

use jiff::Timestamp;

use crate::proto::nanos;

/// The time in nanoseconds since the epoch.
pub(super) fn now() -> u64 {
    nanos(SystemTime::now())
}

/// A time as a date in UTC, with milliseconds.
pub(super) fn date(time: u64) -> String {
    match Timestamp::from_nanosecond(time.into()) {
        Ok(time) => format!("{time:.3}"),
        Err(_) => "a time out of range".to_owned(),
    }
}

/// A time as a date in UTC, with microseconds, for spans.
pub(super) fn exact_date(time: u64) -> String {
    match Timestamp::from_nanosecond(time.into()) {
        Ok(time) => format!("{time:.6}"),
        Err(_) => "a time out of range".to_owned(),
    }
}

/// A duration with three digits or so, as a person would say it.
pub(in crate::admin) fn spoken(nanos: u64) -> String {
    let seconds = nanos as f64 / 1e9;
    match seconds {
        0.0..0.001 => format!("{:.0} µs", seconds * 1e6),
        0.001..1.0 => format!("{:.0} ms", seconds * 1e3),
        1.0..120.0 => format!("{seconds:.1} s"),
        120.0..7_200.0 => format!("{:.0} min", seconds / 60.0),
        _ => format!("{:.1} h", seconds / 3_600.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_a_fitting_unit() {
        for (nanos, expected) in [
            (0, "0 µs"),
            (999_000, "999 µs"),
            (12_300_000, "12 ms"),
            (12_340_000_000, "12.3 s"),
            (600_000_000_000, "10 min"),
            (90_000_000_000_000, "25.0 h"),
        ] {
            assert_eq!(spoken(nanos), expected);
        }
    }
}
