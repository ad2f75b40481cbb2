//! The rules for one declaration.
//!
//! Most names that Prometheus accepts are made valid when they are recorded. Here they are refused, because a query needs
//! the name that the exposition has. The rules on units are those of Prometheus'
//! [naming](https://prometheus.io/docs/practices/naming/): base units, which the name has.

use super::super::{buckets::Buckets, canonical, cardinality::DEFAULT_LIMIT, catalog::Kind, unit};
use crate::{
    config::validate_buckets,
    declared::{Bound, DeclaredMetric, Label},
    secret,
};

/// Suffixes of names that parts of a metric have.
const RESERVED_SUFFIXES: [&str; 5] = ["_bucket", "_count", "_created", "_info", "_sum"];

/// Suffixes of units that are not base units, and the base unit's suffix.
const OTHER_UNITS: [(&str, &str); 14] = [
    ("_days", "_seconds"),
    ("_hours", "_seconds"),
    ("_micros", "_seconds"),
    ("_microseconds", "_seconds"),
    ("_millis", "_seconds"),
    ("_milliseconds", "_seconds"),
    ("_minutes", "_seconds"),
    ("_ms", "_seconds"),
    ("_nanoseconds", "_seconds"),
    ("_gigabytes", "_bytes"),
    ("_kilobytes", "_bytes"),
    ("_megabytes", "_bytes"),
    ("_kb", "_bytes"),
    ("_percent", "_ratio"),
];

/// Labels that Prometheus or this library adds to a series.
const RESERVED_LABELS: [&str; 7] = [
    "cluster",
    "instance",
    "job",
    "le",
    "namespace",
    "otel_metric_overflow",
    "quantile",
];

/// Checks a declaration.
///
/// # Errors
///
/// A sentence that says what was found, what is expected and what to do.
pub(super) fn check(metric: &DeclaredMetric, buckets: &Buckets) -> Result<(), String> {
    name(metric)?;
    units(metric)?;
    if metric.help.trim().is_empty() || metric.help.contains('\n') {
        return Err(format!(
            "found the help {:?}, expected one line, which says what is counted or measured",
            metric.help
        ));
    }
    for (at, label) in metric.labels.iter().enumerate() {
        if metric.labels[..at].iter().any(|it| it.name == label.name) {
            return Err(format!("found the label {} twice; remove one", label.name));
        }
        self::label(label)?;
    }
    let series = metric.max_series().unwrap_or(usize::MAX);
    if series > DEFAULT_LIMIT {
        return Err(format!(
            "its labels allow {series} series, expected at most {DEFAULT_LIMIT}; put the label with the most values on spans and log lines instead"
        ));
    }
    values(metric, buckets)
}

fn name(metric: &DeclaredMetric) -> Result<(), String> {
    let DeclaredMetric { name, kind, .. } = *metric;
    if !is_snake_case(name) || canonical::metric_name(Kind::Gauge, name) != name {
        return Err(
            "expected a name in snake case: lower-case letters, digits and single underscores, a letter first"
                .into(),
        );
    }
    let stem = name.strip_suffix("_total");
    match (kind, stem) {
        (Kind::Counter, None) => {
            return Err(format!(
                "the name of a counter ends in _total; rename it to {name}_total"
            ));
        }
        (Kind::Counter, Some(_)) => {}
        (kind, Some(_)) => {
            return Err(format!(
                "only the name of a counter ends in _total, and this is {}; choose another name",
                kind.with_article()
            ));
        }
        (_, None) => {}
    }
    if let Some(suffix) = RESERVED_SUFFIXES.iter().find(|it| name.ends_with(*it)) {
        return Err(format!(
            "the suffix {suffix} belongs to parts of metrics; choose another name"
        ));
    }
    let stem = stem.unwrap_or(name);
    match OTHER_UNITS.iter().find(|(unit, _)| stem.ends_with(unit)) {
        Some((unit, base)) => Err(format!(
            "found the unit {unit}, expected the base unit: record in it, and end the name in {base}"
        )),
        None => Ok(()),
    }
}

/// Whether a name is a letter, then letters, digits and single underscores.
///
/// All letters are lower-case.
fn is_snake_case(name: &str) -> bool {
    let is_part = |part: &str| {
        let mut bytes = part.bytes();
        !part.is_empty() && bytes.all(|it| it.is_ascii_lowercase() || it.is_ascii_digit())
    };
    name.starts_with(|first: char| first.is_ascii_lowercase()) && name.split('_').all(is_part)
}

fn units(metric: &DeclaredMetric) -> Result<(), String> {
    let DeclaredMetric { name, unit, .. } = *metric;
    let of_name = unit::from_name(name);
    let is_annotation = unit.starts_with('{') && unit.ends_with('}') && unit.len() > 2;
    if unit.is_empty() || unit == of_name || (of_name.is_empty() && is_annotation) {
        return Ok(());
    }
    Err(match (unit, of_name) {
        (_, of_name @ ("s" | "By")) => format!(
            "found the unit {unit:?}, and the name says {of_name:?}; remove .unit(), or rename the metric"
        ),
        ("s", _) => "a metric in seconds has a name with _seconds; rename it".into(),
        ("By", _) => "a metric in bytes has a name with _bytes; rename it".into(),
        _ => format!(
            "found the unit {unit:?}, expected what is counted in braces, such as {{item}}, and nothing for a ratio"
        ),
    })
}

fn label(label: &Label) -> Result<(), String> {
    let Label { name, bound } = label;
    if !is_snake_case(name) {
        return Err(format!(
            "found the label {name:?}, expected snake case: lower-case letters, digits and single underscores, a letter first"
        ));
    }
    if RESERVED_LABELS.contains(name) {
        return Err(format!(
            "the label {name} is added by Prometheus or by firstlight; choose another name"
        ));
    }
    if secret::shown(name, "value") != "value" {
        return Err(format!(
            "the values of a label {name} are redacted, so all series would be one; choose another name"
        ));
    }
    match bound {
        Bound::OneOf([]) | Bound::AtMost(0) => Err(format!(
            "the label {name} has no value; remove it, or declare its values"
        )),
        Bound::OneOf(values) => {
            let is_wrong =
                |(at, value): &(usize, &&str)| value.is_empty() || values[..*at].contains(*value);
            match values.iter().enumerate().find(is_wrong) {
                Some((_, value)) => Err(format!(
                    "found the value {value:?} of the label {name}, expected different texts that are not empty"
                )),
                None => Ok(()),
            }
        }
        Bound::AtMost(_) => Ok(()),
    }
}

/// Checks what only some kinds have: buckets, objective, limit.
fn values(metric: &DeclaredMetric, buckets: &Buckets) -> Result<(), String> {
    let is_histogram = metric.kind == Kind::Histogram;
    let expected_histogram = |what, setter| {
        format!(
            "only a histogram has {what}, and this is {}; remove .{setter}()",
            metric.kind.with_article()
        )
    };
    if let Some(bounds) = metric.buckets {
        if !is_histogram {
            return Err(expected_histogram("buckets", "buckets"));
        }
        validate_buckets(bounds).map_err(|reason| format!("its buckets: {reason}"))?;
    }
    if let Some(objective) = metric.objective {
        if !is_histogram {
            return Err(expected_histogram("an objective", "objective"));
        }
        if !(objective.share > 0.0 && objective.share < 1.0) {
            return Err(format!(
                "the share of its objective is {}, expected more than 0 and less than 1, such as 0.99",
                objective.share
            ));
        }
        let bounds = buckets.bounds(metric.name);
        if !bounds.contains(&objective.within) {
            return Err(format!(
                "its objective is {}, expected one of its buckets, which are {bounds:?}; add it to them, or choose one of them",
                objective.within
            ));
        }
    }
    match metric.limit {
        Some(_) if metric.kind != Kind::Gauge => Err(format!(
            "only a gauge has a limit, and this is {}; remove .limit(), and set an objective if it is a histogram",
            metric.kind.with_article()
        )),
        Some(_) if metric.is_timestamp() => Err(
            "a Unix time has no limit; remove .limit(), and alert on time() minus the metric"
                .into(),
        ),
        Some(limit) if !limit.is_finite() => Err(format!(
            "its limit is {limit}, expected a finite number; remove .limit(), or correct it"
        )),
        _ => Ok(()),
    }
}
