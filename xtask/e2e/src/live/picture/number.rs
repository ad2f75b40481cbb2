//! Formats numbers as Grafana does, by the id of the unit.

use std::time::{SystemTime, UNIX_EPOCH};

/// Units of durations: upper limit and size in seconds, singular and plural.
const DURATIONS: [(f64, f64, &str, &str); 8] = [
    (1e-6, 1e-9, " ns", " ns"),
    (1e-3, 1e-6, " µs", " µs"),
    (1.0, 1e-3, " ms", " ms"),
    (60.0, 1.0, " s", " s"),
    (3600.0, 60.0, " min", " mins"),
    (86_400.0, 3600.0, " hour", " hours"),
    (604_800.0, 86_400.0, " day", " days"),
    (31_536_000.0, 604_800.0, " week", " weeks"),
];

/// The supported units.
pub(super) const UNITS: [&str; 9] = [
    "short",
    "percentunit",
    "s",
    "dateTimeFromNow",
    "bytes",
    "reqps",
    "ops",
    "cps",
    "bool_yes_no",
];

/// Formats a single value, with three digits if it is not an integer.
pub(super) fn format(value: f64, unit: &str) -> String {
    format_with(value, unit, digits)
}

/// Formats the label of an axis with ticks `step` apart, without trailing zeros.
pub(super) fn format_on_axis(value: f64, step: f64, unit: &str) -> String {
    if step >= 1.0 {
        format(value, unit)
    } else {
        format_with(value, unit, |value| trimmed(&digits(value)))
    }
}

fn format_with(value: f64, unit: &str, digits: fn(f64) -> String) -> String {
    if value.is_infinite() {
        return if value > 0.0 { "∞" } else { "-∞" }.to_owned();
    }
    let scaled = |step: f64, units: &[&str], more: &str| {
        let mut value = value;
        let mut units = units.iter().peekable();
        let mut unit = units.next().copied().unwrap_or_default();
        while let Some(next) = units.next_if(|_| value.abs() >= step) {
            value /= step;
            unit = next;
        }
        format!("{}{unit}{more}", digits(value))
    };
    let rate = ["", "K", "M", "B", "T"];
    match unit {
        "percentunit" => format!("{}%", digits(value * 100.0)),
        "s" => duration(value, digits),
        "bytes" => scaled(1024.0, &[" B", " KiB", " MiB", " GiB", " TiB", " PiB"], ""),
        "reqps" => scaled(1000.0, &rate, " req/s"),
        "ops" => scaled(1000.0, &rate, " ops/s"),
        "cps" => scaled(1000.0, &rate, " c/s"),
        "bool_yes_no" => if value == 0.0 { "No" } else { "Yes" }.to_owned(),
        "dateTimeFromNow" => ago(value),
        _ => scaled(1000.0, &["", " K", " Mil", " Bil", " Tri", " Quadr"], ""),
    }
}

fn duration(value: f64, digits: fn(f64) -> String) -> String {
    if value == 0.0 {
        return "0 s".to_owned();
    }
    let fits = |(below, ..): &&(f64, f64, &str, &str)| value.abs() < *below;
    // Grafana uses years from 365 days on, but divides by tropical years.
    let year = (f64::INFINITY, 31_556_900.0, " year", " years");
    let (_, one, single, several) = *DURATIONS.iter().find(fits).unwrap_or(&year);
    let value = rounded(value / one);
    let unit = if value == 1.0 { single } else { several };
    format!("{}{unit}", digits(value))
}

/// Formats a time in milliseconds since 1970 relative to now.
///
/// The limits of the units are those of moment.js, which Grafana uses. Most differ by up to half a
/// unit, because moment.js rounds a time before it compares it.
fn ago(value: f64) -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let seconds = now.unwrap_or_default().as_secs_f64() - value / 1000.0;
    let of = |size: f64, one: &str, several: &str| {
        let count = (seconds.abs() / size).round();
        let text = if count <= 1.0 {
            one.to_owned()
        } else {
            format!("{count:.0} {several}")
        };
        if seconds < 0.0 {
            format!("in {text}")
        } else {
            format!("{text} ago")
        }
    };
    match seconds.abs() {
        near if near < 45.0 => of(45.0, "a few seconds", "seconds"),
        near if near < 45.0 * 60.0 => of(60.0, "a minute", "minutes"),
        near if near < 22.0 * 3600.0 => of(3600.0, "an hour", "hours"),
        near if near < 26.0 * 86_400.0 => of(86_400.0, "a day", "days"),
        near if near < 320.0 * 86_400.0 => of(2_629_800.0, "a month", "months"),
        _ => of(31_557_600.0, "a year", "years"),
    }
}

/// Removes the error of a division by a binary fraction, such as 0.0042 / 0.001.
fn rounded(value: f64) -> f64 {
    format!("{value:.12e}").parse().unwrap_or(value)
}

fn digits(value: f64) -> String {
    if value.fract() == 0.0 {
        return format!("{value:.0}");
    }
    let before = value.abs().log10().floor();
    let decimals = (0_u8..=20).find(|decimals| f64::from(*decimals) >= 2.0 - before);
    let decimals = decimals.unwrap_or(20);
    // JavaScript rounds the product, halves upwards: 5.895 becomes 5.90, although its binary value is lower.
    let factor = 10_f64.powi(i32::from(decimals));
    let value = (value * factor + 0.5).floor() / factor;
    format!("{value:.*}", usize::from(decimals))
}

fn trimmed(text: &str) -> String {
    if text.contains('.') {
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    } else {
        text.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::{format, format_on_axis};

    /// The expected texts are those of `@grafana/data` 13.2.3.
    #[test]
    fn numbers_are_formatted_like_grafana() {
        for (value, unit, text) in [
            (0.0, "short", "0"),
            (999.0, "short", "999"),
            (0.5, "short", "0.500"),
            (12.345, "short", "12.3"),
            (1_234.0, "short", "1.23 K"),
            (-1_234.0, "short", "-1.23 K"),
            (5_895.0, "short", "5.90 K"),
            (1_250_000.0, "short", "1.25 Mil"),
            (1e9, "short", "1 Bil"),
            (3e12, "short", "3 Tri"),
            (0.000_123, "short", "0.000123"),
            (f64::INFINITY, "short", "∞"),
            (1.0, "percentunit", "100%"),
            (0.999, "percentunit", "99.9%"),
            (0.58, "percentunit", "58.0%"),
            (0.999_5, "percentunit", "100.0%"),
            (0.001_23, "percentunit", "0.123%"),
            (-91.61, "percentunit", "-9161%"),
            (-0.012, "percentunit", "-1.20%"),
            (12.5, "percentunit", "1250%"),
            (0.0, "s", "0 s"),
            (0.004_2, "s", "4.20 ms"),
            (0.000_042, "s", "42 µs"),
            (1e-7, "s", "100 ns"),
            (12.5, "s", "12.5 s"),
            (59.99, "s", "60.0 s"),
            (60.0, "s", "1 min"),
            (90.0, "s", "1.50 mins"),
            (-90.0, "s", "-1.50 mins"),
            (5_400.0, "s", "1.50 hours"),
            (173_100.0, "s", "2.00 days"),
            (604_800.0, "s", "1 week"),
            (40_000_000.0, "s", "1.27 years"),
            (932_228_715.0, "s", "29.5 years"),
            (1_023.0, "bytes", "1023 B"),
            (0.5, "bytes", "0.500 B"),
            (3_145_728.0, "bytes", "3 MiB"),
            (123_456_789.0, "bytes", "118 MiB"),
            (5e9, "bytes", "4.66 GiB"),
            (100.0, "reqps", "100 req/s"),
            (12.345, "reqps", "12.3 req/s"),
            (1_234.0, "ops", "1.23K ops/s"),
            (0.001, "ops", "0.00100 ops/s"),
            (1e6, "ops", "1M ops/s"),
            (0.5, "cps", "0.500 c/s"),
            (0.0, "bool_yes_no", "No"),
            (1.0, "bool_yes_no", "Yes"),
        ] {
            assert_eq!(format(value, unit), text, "{value} {unit}");
        }
    }

    #[test]
    fn axis_labels_have_no_trailing_zeros() {
        for (value, step, unit, text) in [
            (0.2, 0.2, "percentunit", "20%"),
            (0.25, 0.25, "percentunit", "25%"),
            (0.2, 0.2, "short", "0.2"),
            (0.5, 0.5, "s", "500 ms"),
            (2.5, 0.5, "reqps", "2.5 req/s"),
            (-100.0, 20.0, "percentunit", "-10000%"),
            (1_500.0, 500.0, "short", "1.50 K"),
        ] {
            assert_eq!(format_on_axis(value, step, unit), text);
        }
    }
}
