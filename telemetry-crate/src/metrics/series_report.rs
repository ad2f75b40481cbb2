//! Reports on the series of a metric, for a log line and for `/telemetry`.
//!
//! A report names the offending label, which is the one with the most distinct values. Label values can be personal data,
//! and more people read the log than `/metrics`, so at most three values are shown, each shortened.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    sync::{Arc, atomic::Ordering},
};

use super::{canonical, cardinality::CardinalityLimiter, family::Family};
use crate::{
    declared::{Bound, DeclaredMetric, Label},
    values::counted,
};

/// Number of label values that a report shows.
const SAMPLES: usize = 3;

/// Number of characters of a value that are shown, enough to recognize what it is.
const SAMPLE_CHARS: usize = 32;

/// The number of series of a metric, and the label that causes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SeriesReport {
    /// The canonical name.
    pub(crate) metric: String,
    /// Series without the overflow series.
    pub(crate) series: usize,
    /// The cardinality limit of the metric.
    pub(crate) limit: usize,
    /// Uses that went to the overflow series.
    pub(crate) overflow_uses: u64,
    /// The label with the most values; `None` if no series has a label.
    pub(crate) offending_label: Option<OffendingLabel>,
    /// Series added in the last one to two minutes.
    pub(crate) growth: u64,
    /// The limit of all metrics together.
    total: usize,
    /// The label whose bound in the program's declaration is the limit.
    ///
    /// `None` if another setting is.
    declared_label: Option<&'static str>,
}

/// The label with the most distinct values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct OffendingLabel {
    pub(crate) name: String,
    /// The number of distinct values.
    pub(crate) distinct: usize,
    /// Up to three of the values, shortened, escaped as in the exposition.
    pub(crate) samples: Vec<String>,
}

impl SeriesReport {
    pub(super) fn new(
        family: &Family,
        limiter: &CardinalityLimiter,
        declared: Option<&DeclaredMetric>,
    ) -> Self {
        let labels = family.labels();
        let offending_label = OffendingLabel::among(&labels);
        let declared = declared.filter(|it| it.cardinality_limit() == Some(family.limit));
        Self {
            declared_label: declared.and_then(|it| bounded_label(it, offending_label.as_ref())),
            metric: family.name.clone(),
            series: labels.len(),
            limit: family.limit,
            overflow_uses: family.overflow_uses.load(Ordering::Relaxed),
            offending_label,
            growth: family.growth(),
            total: limiter.total(),
        }
    }
}

impl OffendingLabel {
    fn among(series: &[Arc<str>]) -> Option<Self> {
        let mut values: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        for (label, value) in series.iter().flat_map(|labels| canonical::pairs(labels)) {
            values.entry(label).or_default().insert(value);
        }
        // The order is reversed, because `max_by_key` returns the last of several labels with equally many values.
        let most = values.iter().rev().max_by_key(|(_, values)| values.len())?;
        Some(Self {
            name: (*most.0).to_owned(),
            distinct: most.1.len(),
            samples: most.1.iter().take(SAMPLES).copied().map(shorten).collect(),
        })
    }
}

/// The label with a declared number of values: the offending one, or the first.
fn bounded_label(
    declared: &DeclaredMetric,
    offending: Option<&OffendingLabel>,
) -> Option<&'static str> {
    let bounded = |label: &&Label| matches!(label.bound, Bound::AtMost(_));
    let mut labels = declared.labels.iter().filter(bounded);
    let is_offending = |label: &&Label| offending.is_some_and(|it| it.name == label.name);
    let label = labels
        .clone()
        .find(is_offending)
        .or_else(|| labels.next())?;
    Some(label.name)
}

fn shorten(value: &str) -> String {
    let mut short: String = value.chars().take(SAMPLE_CHARS).collect();
    if short.len() < value.len() {
        short.push('…');
    }
    short
}

impl fmt::Display for SeriesReport {
    /// Writes what happened to a metric that has exceeded its limit, and what to do.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { metric, series, .. } = self;
        let is_own_limit = *series >= self.limit;
        if is_own_limit {
            write!(
                f,
                "{metric} has reached its cardinality limit of {} series",
                self.limit
            )?;
        } else {
            write!(
                f,
                "{metric} has {series} series and gets no more: all metrics together have reached their limit of {}",
                self.total
            )?;
        }
        f.write_str("; further series are counted in otel_metric_overflow=\"true\"")?;
        if let Some(OffendingLabel {
            name,
            distinct,
            samples,
        }) = &self.offending_label
        {
            let values = counted(*distinct as u64, "value", "values");
            write!(f, ". Its label {name} has {values}, such as ")?;
            for (index, sample) in samples.iter().enumerate() {
                write!(f, "{}\"{sample}\"", if index == 0 { "" } else { ", " })?;
            }
            write!(
                f,
                ": remove the label or give it few values, such as a route template instead of a path"
            )?;
        }
        match (is_own_limit, self.declared_label) {
            (true, Some(label)) => write!(
                f,
                "; if all of them are needed, raise Label::at_most(\"{label}\", n) in the declaration of {metric}"
            ),
            (true, None) => write!(
                f,
                "; if all of them are needed, raise TelemetryConfig::cardinality_limit(\"{metric}\", n)"
            ),
            (false, _) => f.write_str(
                "; find the largest metric, or raise FIRSTLIGHT_METRICS_TOTAL_CARDINALITY_LIMIT",
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::OffendingLabel;

    #[test]
    fn offender_has_the_most_values() {
        let long = format!("a=\"1\",user=\"{}\",z=\"1\"", "é\\\"".repeat(40));
        let series = [
            &long,
            "a=\"1\",user=\"b,c=\\\"\"",
            "a=\"2\"",
            "user=\"\\\\\",z=\"2\"",
            "",
        ];
        let offender = OffendingLabel::among(&series.map(Into::into));
        let expected = OffendingLabel {
            name: "user".into(),
            distinct: 3,
            samples: vec![
                "\\\\".into(),
                "b,c=\\\"".into(),
                format!("{}é\\…", "é\\\"".repeat(10)),
            ],
        };
        assert_eq!(offender, Some(expected));
        assert_eq!(OffendingLabel::among(&["".into()]), None);
    }
}
