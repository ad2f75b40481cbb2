//! Which label makes a metric large, for a log line and for the admin page.
//!
//! The culprit is the label with the most distinct values. Label values can be personal data, and the log is read by more
//! people than the metrics page is: at most three values are shown, cut short. What it leaves out: guessing which label
//! should not be there. A person who sees three values knows.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    sync::{Arc, atomic::Ordering},
};

use super::{budget::Budget, canonical, family::Family};

/// Values that are shown.
const SAMPLES: usize = 3;

/// Characters of a value that are shown: enough to see what kind of value it is.
const SAMPLE_CHARS: usize = 32;

/// How many series a metric has, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SeriesReport {
    /// The name on the page.
    pub(crate) metric: String,
    /// Series of its own, without the overflow series.
    pub(crate) series: usize,
    /// Most series that it may have.
    pub(crate) budget: usize,
    /// Uses that went to the overflow series.
    pub(crate) over_budget_uses: u64,
    /// The label with the most values; `None` if no series has a label.
    pub(crate) culprit: Option<Culprit>,
    /// Series added in the last one to two minutes.
    pub(crate) growth: u64,
    /// The budget of all metrics together.
    total: usize,
}

/// The label that makes a metric large.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Culprit {
    pub(crate) label: String,
    /// Values that it has.
    pub(crate) distinct: usize,
    /// Up to three of them, cut short, escaped as on the page.
    pub(crate) samples: Vec<String>,
}

impl SeriesReport {
    pub(super) fn of(family: &Family, budget: &Budget) -> Self {
        let labels = family.labels();
        Self {
            metric: family.name.clone(),
            series: labels.len(),
            budget: family.budget,
            over_budget_uses: family.over_budget.load(Ordering::Relaxed),
            culprit: Culprit::among(&labels),
            growth: family.growth(),
            total: budget.total(),
        }
    }
}

impl Culprit {
    fn among(series: &[Arc<str>]) -> Option<Self> {
        let mut values: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        for (label, value) in series.iter().flat_map(|labels| canonical::pairs(labels)) {
            values.entry(label).or_default().insert(value);
        }
        // Of labels that are equal the first, so that the same metric always has the same culprit.
        let most = values.iter().rev().max_by_key(|(_, values)| values.len())?;
        Some(Self {
            label: (*most.0).to_owned(),
            distinct: most.1.len(),
            samples: most.1.iter().take(SAMPLES).copied().map(cut).collect(),
        })
    }
}

fn cut(value: &str) -> String {
    let mut short: String = value.chars().take(SAMPLE_CHARS).collect();
    if short.len() < value.len() {
        short.push('…');
    }
    short
}

impl fmt::Display for SeriesReport {
    /// What happened to a metric that is over its budget, and what to do.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { metric, series, .. } = self;
        let is_its_own = *series >= self.budget;
        if is_its_own {
            write!(
                f,
                "{metric} has used up its budget of {} series",
                self.budget
            )?;
        } else {
            write!(
                f,
                "{metric} has {series} series and gets no more: all metrics together have used up their {}",
                self.total
            )?;
        }
        f.write_str("; what exceeds it is counted in otel_metric_overflow=\"true\"")?;
        if let Some(Culprit {
            label,
            distinct,
            samples,
        }) = &self.culprit
        {
            write!(f, ". Its label {label} has {distinct} values, such as ")?;
            for (index, sample) in samples.iter().enumerate() {
                write!(f, "{}\"{sample}\"", if index == 0 { "" } else { ", " })?;
            }
            write!(
                f,
                ": remove the label or give it few values, such as a route template instead of a path"
            )?;
        }
        if is_its_own {
            write!(
                f,
                "; if all of them are wanted, raise TelemetryConfig::series_budget(\"{metric}\", n)"
            )
        } else {
            f.write_str("; find the largest metric, or raise FIRSTLIGHT_METRICS_SERIES_TOTAL")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Culprit;

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
        let culprit = Culprit::among(&series.map(Into::into));
        let expected = Culprit {
            label: "user".into(),
            distinct: 3,
            samples: vec![
                "\\\\".into(),
                "b,c=\\\"".into(),
                format!("{}é\\…", "é\\\"".repeat(10)),
            ],
        };
        assert_eq!(culprit, Some(expected));
        assert_eq!(Culprit::among(&["".into()]), None);
    }
}
