//! Ranges, ticks and labels of axes.

use super::Period;

/// The range of an axis, from the data and the limits that the panel sets.
///
/// On each side it exceeds the data by a tenth of their spread. If all values are equal, it exceeds
/// them by that value, or by 100 if it is 0. Both ends are rounded outward. The range does not
/// cross zero unless the data do.
pub(super) fn range(low: f64, high: f64, min: Option<f64>, max: Option<f64>) -> (f64, f64) {
    let spread = high - low;
    let largest = low.abs().max(high.abs());
    let scale = [spread, largest, 1000.0];
    let scale = scale
        .into_iter()
        .find(|scale| *scale > 1e-24)
        .unwrap_or(1000.0);
    let room = |end: f64| match (spread > 1e-24, end == 0.0) {
        (false, false) => scale,
        _ => scale * 0.1,
    };
    let round = 10_f64.powf(scale.log10().floor()) / 10.0;
    let below = ((low - room(low)) / round).floor() * round;
    let above = ((high + room(high)) / round).ceil() * round;
    let low = if low >= 0.0 { below.max(0.0) } else { below };
    let high = if high <= 0.0 { above.min(0.0) } else { above };
    let (low, high) = (min.unwrap_or(low), max.unwrap_or(high));
    match high - low {
        size if size > 0.0 => (low, high),
        _ => (low, low + 100.0),
    }
}

/// The step and the values of the ticks of an axis that is `pixels` long.
///
/// The step is a round number, and the ticks are at least 30 pixels apart.
pub(super) fn ticks(low: f64, high: f64, pixels: f64, unit: &str) -> (f64, Vec<f64>) {
    let least = (high - low) * 30.0 / pixels.max(30.0);
    let (base, parts): (f64, &[f64]) = match unit {
        "bytes" => (2.0, &[1.0, 2.0]),
        _ => (10.0, &[1.0, 2.0, 2.5, 5.0, 10.0]),
    };
    let magnitude = base.powf((least.ln() / base.ln()).floor());
    let steps = parts.iter().map(|part| part * magnitude);
    // The factor allows for rounding errors of the multiplication.
    let step = steps.into_iter().find(|step| *step >= least * 0.999_999);
    (
        step.unwrap_or(least),
        multiples(low, high, step.unwrap_or(least)),
    )
}

/// The ticks of a time axis that is `pixels` long, each with its label.
///
/// A tick is a time in seconds since 1970. The ticks are at least 64 pixels apart.
pub(super) fn time_ticks(period: Period, pixels: f64) -> Vec<(f64, String)> {
    const STEPS: [f64; 12] = [
        1.0, 5.0, 10.0, 15.0, 30.0, 60.0, 300.0, 600.0, 900.0, 1800.0, 3600.0, 21_600.0,
    ];
    let least = (period.to - period.from) * 64.0 / pixels.max(64.0);
    let step = STEPS.into_iter().find(|step| *step >= least);
    let step = step.unwrap_or(86_400.0);
    let at = multiples(period.from, period.to, step).into_iter();
    at.map(|at| (at, time(at, step < 60.0))).collect()
}

/// Formats seconds since 1970 as the time of day in UTC.
pub(super) fn time(second: f64, with_seconds: bool) -> String {
    let of_day = second.rem_euclid(86_400.0).floor();
    let (hours, minutes) = ((of_day / 3600.0).floor(), (of_day / 60.0).floor() % 60.0);
    if with_seconds {
        format!("{hours:02}:{minutes:02}:{:02}", of_day % 60.0)
    } else {
        format!("{hours:02}:{minutes:02}")
    }
}

fn multiples(low: f64, high: f64, step: f64) -> Vec<f64> {
    let first = (low / step - 1e-9).ceil();
    (0_u16..1000)
        .map(|index| (first + f64::from(index)) * step)
        .take_while(|value| *value <= high + step * 1e-9)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::{Period, range, ticks, time_ticks};

    #[test]
    fn ranges_include_negative_values() {
        let (low, high) = range(-91.61, 1.0, None, None);
        assert!(low <= -91.61 && high >= 1.0, "{low} {high}");
        let (_, lines) = ticks(low, high, 150.0, "percentunit");
        assert_eq!(lines, [-100.0, -75.0, -50.0, -25.0, 0.0]);
    }

    #[test]
    fn ranges_end_at_zero_or_set_limits() {
        assert_eq!(range(5.0, 50.0, None, None), (0.0, 55.0));
        assert_eq!(range(90.0, 110.0, None, None), (88.0, 112.0));
        assert_eq!(range(-3.0, 10.0, Some(0.0), None).0, 0.0);
        assert_eq!(range(0.2, 0.4, Some(0.0), Some(1.0)), (0.0, 1.0));
        assert_eq!(range(0.0, 0.0, Some(0.0), None), (0.0, 100.0));
        assert_eq!(range(5.0, 5.0, None, None), (0.0, 10.0));
    }

    #[test]
    fn time_ticks_are_round() {
        let period = Period {
            from: 86_400.0 * 20_000.0 + 43_203.0,
            to: 86_400.0 * 20_000.0 + 43_275.0,
        };
        let words: Vec<_> = time_ticks(period, 400.0)
            .into_iter()
            .map(|(_, word)| word)
            .collect();
        assert_eq!(
            words,
            ["12:00:15", "12:00:30", "12:00:45", "12:01:00", "12:01:15"]
        );
        let period = Period {
            to: period.from + 600.0,
            ..period
        };
        let words: Vec<_> = time_ticks(period, 200.0)
            .into_iter()
            .map(|(_, word)| word)
            .collect();
        assert_eq!(words, ["12:05", "12:10"]);
    }
}
