//! Cardinality limits: how many series the metrics may have.

use super::{
    env,
    env::{Env, positive},
};
use crate::{InitError, error::found};

/// The default limit of the series of all metrics together.
///
/// So many series take about 30 MB in this process if a third of them are histograms. A scrape then has 10 to 20 MB, a
/// size at which Prometheus servers start to have difficulties.
const TOTAL: usize = 50_000;

/// The configured cardinality limits.
#[derive(Debug, Clone, Default)]
pub(crate) struct CardinalityLimits {
    /// The limits by metric; the last entry of a name wins.
    pub(crate) by_metric: Vec<(String, usize)>,
    /// The limit of each metric without an entry in `by_metric`.
    pub(crate) each: Option<usize>,
    /// The limit of all metrics together.
    pub(crate) total: Option<usize>,
}

impl CardinalityLimits {
    /// Returns the limit of all metrics together, which has a default.
    pub(crate) fn total(&self) -> usize {
        self.total.unwrap_or(TOTAL)
    }

    /// Returns the largest configured limit of one metric, with the metric's name.
    pub(crate) fn largest(&self) -> Option<(&str, usize)> {
        let each = self.each.map(|series| ("each metric", series));
        // The last entry of a name wins, as in `by_metric`.
        let named = self.by_metric.iter().enumerate().filter(|(at, (name, _))| {
            let mut later = self.by_metric[at + 1..].iter();
            !later.any(|(later_name, _)| later_name == name)
        });
        named
            .map(|(_, (name, series))| (&**name, *series))
            .chain(each)
            .max_by_key(|(_, series)| *series)
    }
}

/// Merges the configured limits with those of the environment.
///
/// A bare number in the environment replaces all limits, including those that the program's author has set by metric:
/// an operator can limit all metrics without reading the source. `metric=number` in the same list sets the limit of one
/// metric.
pub(super) fn cardinality_limits(
    by_metric: Vec<(String, usize)>,
    total: Option<usize>,
    env: &mut Env<'_>,
) -> Result<CardinalityLimits, InitError> {
    if total == Some(0) {
        return Err(InitError::invalid(
            "TelemetryConfig::total_cardinality_limit",
            "0",
            "at least one series",
        ));
    }
    if let Some((metric, _)) = by_metric.iter().find(|(_, series)| *series == 0) {
        return Err(InitError::invalid(
            "TelemetryConfig::cardinality_limit",
            metric,
            "at least one series; leave the metric out of the program if it is not wanted",
        ));
    }
    let mut limits = CardinalityLimits {
        by_metric,
        each: None,
        total: env
            .parsed(
                env::METRICS_TOTAL_CARDINALITY_LIMIT,
                "a positive number",
                positive,
            )
            .or(total),
    };
    let expected = "a positive number, `metric=number`, or a list of them";
    let list = env.parsed(env::METRICS_CARDINALITY_LIMIT, expected, |list| {
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
            limits.each = Some(*series);
            limits.by_metric.clear();
        }
    }
    let named = list.into_iter().flatten();
    limits
        .by_metric
        .extend(named.filter_map(|(metric, series)| Some((metric?, series))));
    env.warnings.extend(unreachable_limit(&limits));
    Ok(limits)
}

/// Warns about a metric's limit that is above the total and never reached.
fn unreachable_limit(limits: &CardinalityLimits) -> Option<String> {
    let total = limits.total();
    let (what, series) = limits.largest()?;
    (series > total).then(|| {
        let what = found(env::METRICS_CARDINALITY_LIMIT, what);
        format!(
            "{} may have {series} series, and all metrics together only {total}, so its limit is never reached; raise {} or lower {}",
            what.escape_debug(),
            env::METRICS_TOTAL_CARDINALITY_LIMIT,
            env::METRICS_CARDINALITY_LIMIT,
        )
    })
}
