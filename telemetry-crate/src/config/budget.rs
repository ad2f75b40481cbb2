//! What the metrics pillar is told: how many series there may be.

use super::{
    env,
    env::{Env, positive},
};
use crate::{InitError, metrics::BudgetOptions};

/// A number in the environment is for all metrics, the program's own choices included: whoever has to bound them all at
/// three in the morning must not have to read the source first. A name keeps its exception.
pub(super) fn budget(
    by_metric: Vec<(String, usize)>,
    total: Option<usize>,
    env: &mut Env<'_>,
) -> Result<BudgetOptions, InitError> {
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
            "at least one series; leave the metric out of the program if nobody wants it",
        ));
    }
    let mut budget = BudgetOptions {
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
fn never_reached(budget: &BudgetOptions) -> Option<String> {
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
