//! Interpolates a dashboard's variables in queries, as Grafana does.

use observability::dashboards::Dashboard;

/// The value of `$__rate_interval` with one scrape per second.
///
/// It is one second longer than in Grafana, which uses the time of four scrapes.
const RATE_INTERVAL: &str = "5s";

/// Replaces each variable by its value for "All".
///
/// `range` is the dashboard's time range in seconds.
pub(super) fn interpolate(dashboard: &Dashboard, query: &str, range: u64) -> String {
    let mut text = query
        .replace("$__rate_interval", RATE_INTERVAL)
        .replace("$__range_s", &range.to_string())
        .replace("$__range", &format!("{range}s"))
        .replace("$__interval", "1s");
    let mut values: Vec<_> = dashboard
        .variables()
        .iter()
        .filter_map(|variable| Some((variable.name(), variable.all()?)))
        .collect();
    // Longer names first, because `$job` may be the beginning of a longer one.
    values.sort_by_key(|(name, _)| std::cmp::Reverse(name.len()));
    for (name, value) in values {
        text = text.replace(&format!("${name}"), value);
    }
    text
}

/// The labels in a legend, written as `{{label}}`.
pub(super) fn legend_labels(legend: &str) -> impl Iterator<Item = &str> {
    legend
        .split("{{")
        .skip(1)
        .filter_map(|rest| Some(rest.split_once("}}")?.0.trim()))
}
