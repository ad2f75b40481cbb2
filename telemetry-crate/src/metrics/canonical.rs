//! Canonical names and labels, which Prometheus accepts.
//!
//! Follows the OpenTelemetry specification's section on [Prometheus
//! compatibility](https://opentelemetry.io/docs/specs/otel/compatibility/prometheus_and_openmetrics/): invalid characters
//! become `_`, counters end in `_total`, and labels that become equal are merged. Two inputs with the same canonical form
//! are one series. A unit is not added to a name that has none.

use std::fmt::Write;

use metrics_exporter_prometheus::formatting::{sanitize_label_key, sanitize_metric_name};

use super::catalog::Kind;
use crate::secret;

/// Maximum length of a name in characters, and of a cached name in bytes.
///
/// Names come from code. The limit is for a program that builds them from data.
const NAME_LENGTH: usize = 256;

/// Maximum length of a label value in bytes.
///
/// A dashboard cannot show more. A value may come from a request, is held in memory, and is sent with every scrape.
const VALUE_BYTES: usize = 1024;

/// Maximum number of labels on one series.
///
/// About twice Mimir's default limit of 30.
const MAX_LABELS: usize = 64;

/// The prefix for label names that Prometheus reserves.
///
/// Prometheus itself adds this prefix to a scraped label that conflicts with one of its own labels.
const RESERVED_PREFIX: &str = "exported_";

/// The canonical name of a metric.
///
/// Matches `[a-zA-Z_:][a-zA-Z0-9_:]*`, and ends in `_total` for a counter.
pub(super) fn metric_name(kind: Kind, raw: &str) -> String {
    if kind != Kind::Counter {
        return sanitize(raw, sanitize_metric_name);
    }
    let stem = sanitize(
        raw.strip_suffix("_total").unwrap_or(raw),
        sanitize_metric_name,
    );
    stem + "_total"
}

/// The canonical name of a label: `[a-zA-Z_][a-zA-Z0-9_]*`.
///
/// Reserved names get a prefix: names that start with two underscores, and `le` and `quantile` on a histogram.
pub(super) fn label_name(kind: Kind, raw: &str) -> String {
    let name = sanitize(raw, sanitize_label_key);
    let reserved = name.starts_with("__")
        || kind == Kind::Histogram && matches!(name.as_str(), "le" | "quantile");
    if reserved {
        format!("{RESERVED_PREFIX}{name}")
    } else {
        name
    }
}

/// Applies the rules of `metrics-exporter-prometheus`.
///
/// A program that migrates from it keeps its names.
fn sanitize(raw: &str, rules: impl Fn(&str) -> String) -> String {
    let end = raw
        .char_indices()
        .nth(NAME_LENGTH)
        .map_or(raw.len(), |(end, _)| end);
    let raw = &raw[..end];
    match raw.bytes().next() {
        None => "_".to_owned(),
        // The exporter would replace a leading digit, and so merge `2xx` and `5xx`.
        Some(b'0'..=b'9') => sanitize(&format!("_{raw}"), rules),
        Some(_) => rules(raw),
    }
}

/// The labels of one series, sorted by name.
#[derive(Debug, Default)]
pub(super) struct Labels {
    pairs: Vec<(String, String)>,
}

impl Labels {
    /// The canonical labels of these names and values.
    ///
    /// Labels whose names become equal are merged, their values joined by `;` in the order of the original names. A label
    /// with an empty value is left out, because Prometheus does not distinguish it from a missing label. The values of
    /// secrets, such as the values of a label `token`, are redacted and so become equal.
    pub(super) fn new<'a>(kind: Kind, raw: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let mut raw: Vec<_> = raw
            .into_iter()
            .filter(|(_, value)| !value.is_empty())
            .take(MAX_LABELS)
            .collect();
        raw.sort_by_key(|(name, _)| *name);
        let mut pairs: Vec<(String, String)> = Vec::with_capacity(raw.len());
        for (name, value) in raw {
            let canonical = label_name(kind, name);
            // The canonical name may be that of a secret where the name of the program is not.
            let secret = if secret::is_secret(&canonical) {
                &canonical
            } else {
                name
            };
            let value = secret::shown(secret, truncate(value));
            let name = canonical;
            match pairs.iter_mut().find(|(existing, _)| *existing == name) {
                Some((_, values)) => {
                    values.push(';');
                    values.push_str(&value);
                }
                None => pairs.push((name, value.into_owned())),
            }
        }
        pairs.sort_by(|(a, _), (b, _)| a.cmp(b));
        Self { pairs }
    }

    /// The labels as `a="1",b="2"`, escaped as both exposition formats require.
    ///
    /// This text is in the exposition, and it is the identity of a series.
    pub(super) fn text(&self) -> String {
        let mut text = String::new();
        for (name, value) in &self.pairs {
            if !text.is_empty() {
                text.push(',');
            }
            text.push_str(name);
            text.push_str("=\"");
            for c in value.chars() {
                match c {
                    '\\' => text.push_str("\\\\"),
                    '"' => text.push_str("\\\""),
                    '\n' => text.push_str("\\n"),
                    c => text.push(c),
                }
            }
            text.push('"');
        }
        text
    }
}

/// The names and the escaped values in a text of [`Labels::text`].
pub(crate) fn pairs(text: &str) -> impl Iterator<Item = (&str, &str)> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let (name, value) = rest.split_once("=\"")?;
        let mut is_escaped = false;
        let end = value.find(|c| {
            let is_end = c == '"' && !is_escaped;
            is_escaped = c == '\\' && !is_escaped;
            is_end
        })?;
        rest = value.get(end + 1..)?;
        rest = rest.strip_prefix(',').unwrap_or(rest);
        Some((name, value.get(..end)?))
    })
}

/// A value of [`pairs`] without escapes.
pub(crate) fn unescape(value: &str) -> String {
    let mut text = String::with_capacity(value.len());
    let mut chars = value.chars();
    while let Some(c) = chars.next() {
        let c = match c {
            '\\' => chars.next().map(|escaped| match escaped {
                'n' => '\n',
                escaped => escaped,
            }),
            c => Some(c),
        };
        text.extend(c);
    }
    text
}

/// Whether a name and labels are within the limits.
///
/// The cache keeps only such keys.
pub(super) fn fits<'a>(
    name: &str,
    labels: impl ExactSizeIterator<Item = (&'a str, &'a str)>,
) -> bool {
    name.len() <= NAME_LENGTH
        && labels.len() <= MAX_LABELS
        && labels
            .into_iter()
            .all(|(k, v)| k.len() <= NAME_LENGTH && v.len() <= VALUE_BYTES)
}

/// Shortens a value to [`VALUE_BYTES`], at a character boundary.
fn truncate(value: &str) -> &str {
    let longest = VALUE_BYTES.min(value.len());
    let end = (0..=longest).rev().find(|end| value.is_char_boundary(*end));
    end.and_then(|end| value.get(..end)).unwrap_or_default()
}

/// 2^53, below which an `f64` holds every whole number exactly.
const EXACT_LIMIT: f64 = (1_u64 << 53) as f64;

/// Adds a number as both formats require: `+Inf`, `-Inf`, `NaN` or decimal digits.
pub(super) fn push_number(text: &mut String, value: f64) {
    match value {
        f64::INFINITY => text.push_str("+Inf"),
        f64::NEG_INFINITY => text.push_str("-Inf"),
        // Most values are whole, and `write!` costs ten times as much.
        value if value.fract() == 0.0 && value.abs() < EXACT_LIMIT => {
            text.push_str(itoa::Buffer::new().format(value as i64));
        }
        value if value.is_finite() => {
            let mut buffer = zmij::Buffer::new();
            match buffer.format_finite(value) {
                // Shown without an exponent, whatever the value.
                exponential if exponential.contains('e') => write_number(text, value),
                decimal => text.push_str(decimal.strip_suffix(".0").unwrap_or(decimal)),
            }
        }
        value => write_number(text, value),
    }
}

/// Adds a number as the standard library formats it.
fn write_number(text: &mut String, value: f64) {
    // Writing to a `String` cannot fail.
    let _ = write!(text, "{value}");
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Kind, Labels, NAME_LENGTH, fits, label_name, metric_name, push_number};

    #[test]
    fn metric_names_become_valid() {
        for (kind, raw, expected) in [
            (Kind::Gauge, "queue.depth", "queue_depth"),
            (Kind::Gauge, "", "_"),
            (Kind::Gauge, "2xx", "_2xx"),
            (Kind::Gauge, "größe", "gr__e"),
            (Kind::Gauge, "job:rate5m", "job:rate5m"),
            (Kind::Gauge, "a\nb 1", "a_b_1"),
            (Kind::Counter, "requests", "requests_total"),
            (Kind::Counter, "requests_total", "requests_total"),
            (Kind::Counter, "subtotal", "subtotal_total"),
            (Kind::Counter, "_total", "__total"),
            (Kind::Counter, "", "__total"),
        ] {
            assert_eq!(metric_name(kind, raw), expected, "{raw:?}");
        }
        let longest = metric_name(Kind::Counter, &"x".repeat(10_000));
        assert_eq!(longest.len(), NAME_LENGTH + "_total".len());
    }

    #[test]
    fn reserved_label_names_are_renamed() {
        for (kind, raw, expected) in [
            (Kind::Histogram, "le", "exported_le"),
            (Kind::Histogram, "quantile", "exported_quantile"),
            (Kind::Gauge, "le", "le"),
            (Kind::Gauge, "__name__", "exported___name__"),
            (Kind::Gauge, "..", "exported___"),
            (Kind::Gauge, "a:b", "a_b"),
        ] {
            assert_eq!(label_name(kind, raw), expected, "{raw:?}");
        }
    }

    #[test]
    fn equal_labels_are_merged() {
        let labels = Labels::new(
            Kind::Gauge,
            [("b", "3"), ("a_b", "2"), ("a.b", "1"), ("z", "")],
        );
        assert_eq!(labels.text(), r#"a_b="1;2",b="3""#);
    }

    #[test]
    fn long_values_are_truncated_at_a_character() {
        let value = "é".repeat(1_000);
        let labels = Labels::new(Kind::Gauge, [("a", value.as_str())]);
        assert_eq!(labels.pairs[0].1, "é".repeat(512));
        assert!(!fits("name", [("a", value.as_str())].into_iter()));
        assert!(fits("name", [("a", "b")].into_iter()));
    }

    proptest! {
        #[test]
        fn numbers_are_those_of_the_library(bits: u64, small in -1e6..1e6_f64) {
            for value in [f64::from_bits(bits), small].into_iter().filter(|it| it.is_finite()) {
                let mut text = String::new();
                push_number(&mut text, value);
                // The sign of zero is not shown.
                prop_assert_eq!(text, format!("{}", value + 0.0));
            }
        }
    }

    #[test]
    fn numbers_are_valid_in_both_formats() {
        for (value, expected) in [
            (0.005, "0.005"),
            (5.0, "5"),
            (-3.0, "-3"),
            (9_007_199_254_740_992.0, "9007199254740992"),
            (f64::INFINITY, "+Inf"),
            (f64::NAN, "NaN"),
        ] {
            let mut text = String::new();
            push_number(&mut text, value);
            assert_eq!(text, expected);
        }
    }
}
