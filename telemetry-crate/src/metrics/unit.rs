//! Units in UCUM, which OTLP uses.
//!
//! See [instrument units](https://opentelemetry.io/docs/specs/semconv/general/metrics/#instrument-units) of the semantic
//! conventions. Values are not converted.

use ::metrics::Unit;

use crate::declared::DeclaredMetric;

/// The UCUM code of a unit of the `metrics` facade.
pub(super) fn ucum(unit: Unit) -> &'static str {
    match unit {
        Unit::Count => "1",
        Unit::Percent => "%",
        Unit::Seconds => "s",
        Unit::Milliseconds => "ms",
        Unit::Microseconds => "us",
        Unit::Nanoseconds => "ns",
        Unit::Tebibytes => "TiBy",
        Unit::Gibibytes => "GiBy",
        Unit::Mebibytes => "MiBy",
        Unit::Kibibytes => "KiBy",
        Unit::Bytes => "By",
        Unit::TerabitsPerSecond => "Tbit/s",
        Unit::GigabitsPerSecond => "Gbit/s",
        Unit::MegabitsPerSecond => "Mbit/s",
        Unit::KilobitsPerSecond => "kbit/s",
        Unit::BitsPerSecond => "bit/s",
        Unit::CountPerSecond => "1/s",
    }
}

/// The unit at the end of a canonical name, or an empty text.
///
/// Used for a metric whose unit the program has not described.
pub(super) fn from_name(name: &str) -> &'static str {
    let stem = name.strip_suffix("_total").unwrap_or(name);
    let named = [("_seconds", "s"), ("_bytes", "By")];
    let found = named.iter().find(|(suffix, _)| stem.ends_with(suffix));
    found.map_or("", |(_, unit)| *unit)
}

/// The unit of a declared metric.
pub(super) fn of(metric: &DeclaredMetric) -> &'static str {
    if metric.unit.is_empty() {
        from_name(metric.name)
    } else {
        metric.unit
    }
}

#[cfg(test)]
mod tests {
    use super::from_name;

    #[test]
    fn unit_is_read_from_the_name() {
        for (name, unit) in [
            ("lat_seconds", "s"),
            ("cpu_seconds_total", "s"),
            ("body_bytes", "By"),
            ("seconds_since", ""),
            ("requests_total", ""),
        ] {
            assert_eq!(from_name(name), unit, "{name}");
        }
    }
}
