//! What the metrics signal is told: how many series there may be.

use super::{
    env,
    env::{Env, positive},
};
use crate::InitError;

/// Series of all of the program's metrics: some 30 MB in this process if a third of them are histograms, and a scrape of
/// 10 to 20 MB, which is where Prometheus servers start to complain.
const TOTAL: usize = 50_000;

/// How many series there may be, as far as it is configured.
#[derive(Debug, Clone, Default)]
pub(crate) struct CardinalityLimits {
    /// By metric; the last of a name counts.
    pub(crate) by_metric: Vec<(String, usize)>,
    /// Of every other metric.
    pub(crate) each: Option<usize>,
    /// Of all metrics together.
    pub(crate) total: Option<usize>,
}

impl CardinalityLimits {
    /// Of all metrics together.
    pub(crate) fn total(&self) -> usize {
        self.total.unwrap_or(TOTAL)
    }

    /// The largest configured limit of one metric, and of which.
    pub(crate) fn largest(&self) -> Option<(&str, usize)> {
        let each = self.each.map(|series| ("each metric", series));
        // The last of a name counts, here as well.
        let named = self.by_metric.iter().enumerate().filter(|(at, (name, _))| {
            let mut later = self.by_metric[at + 1..].iter();
            !later.any(|(again, _)| again == name)
        });
        named
            .map(|(_, (name, series))| (&**name, *series))
            .chain(each)
            .max_by_key(|(_, series)| *series)
    }
}

/// A number in the environment is for all metrics, the program's own choices included: an operator who has to bound them all at
/// three in the morning must not have to read the source first. A name keeps its exception.
pub(super) fn budget(
    by_metric: Vec<(String, usize)>,
    total: Option<usize>,
    env: &mut Env<'_>,
) -> Result<CardinalityLimits, InitError> {
    if total == Some(0) {
        return Err(InitError::invalid(
            "TelemetryConfig::series_total",
            "0",
            "at least one series",
        ));
    }
    if let Some((metric, _)) = by_metric.iter().find(|(_, series)| *series == 0) {
        return Err(InitError::invalid(
            "TelemetryConfig::series_budget",
            metric,
            "at least one series; leave the metric out of the program if it is not wanted",
        ));
    }
    let mut budget = CardinalityLimits {
        by_metric,
        each: None,
        total: env
            .parsed(env::METRICS_SERIES_TOTAL, "a positive number", positive)
            .or(total),
    };
    let expected = "a positive number, `metric=number`, or a list of them";
    let list = env.parsed(env::METRICS_SERIES_BUDGET, expected, |list| {
        let entry = |entry: &str| match entry.split_once('=') {
            Some((metric, series)) => {
                Some((Some(metric.trim().to_owned()), positive(series.trim())?))
            }
            None => Some((None, positive(entry.trim())?)),
        };
        list.split(',').map(entry).collect::<Option<Vec<_>>>()
    });
    for (metric, series) in list.iter().flatten() {
        if metric.is_none() {
            budget.each = Some(*series);
            budget.by_metric.clear();
        }
    }
    let named = list.into_iter().flatten();
    budget
        .by_metric
        .extend(named.filter_map(|(metric, series)| Some((metric?, series))));
    env.warnings.extend(never_reached(&budget));
    Ok(budget)
}

/// A budget that is larger than the total reads as a promise and is none: the total stops the metric first.
fn never_reached(budget: &CardinalityLimits) -> Option<String> {
    let total = budget.total();
    let (what, series) = budget.largest()?;
    (series > total).then(|| {
        format!(
            "{what} may have {series} series, and all metrics together only {total}, so its budget is never reached; raise {} or lower {}",
            env::METRICS_SERIES_TOTAL,
            env::METRICS_SERIES_BUDGET,
        )
    })
}
