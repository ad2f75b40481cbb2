//! What Grafana makes of a query before it asks: its variables have their values, which are all that there are to choose from.

use observability::dashboards::Dashboard;

/// As wide as Grafana's for a scrape each second: four scrapes, and one more for the step.
const RATE_INTERVAL: &str = "5s";

/// Puts the values in; `range` is the dashboard's time range in seconds.
pub(super) fn ask(dashboard: &Dashboard, query: &str, range: u64) -> String {
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
    // `$job` must not be taken for the beginning of a longer name.
    values.sort_by_key(|(name, _)| std::cmp::Reverse(name.len()));
    for (name, value) in values {
        text = text.replace(&format!("${name}"), value);
    }
    text
}

/// The labels that a legend names: `{{label}}`.
pub(super) fn tokens(legend: &str) -> impl Iterator<Item = &str> {
    legend
        .split("{{")
        .skip(1)
        .filter_map(|rest| Some(rest.split_once("}}")?.0.trim()))
}
