//! The questions that panels ask again and again, over what the dashboard's variables choose.

use std::fmt::Display;

use firstlight::metrics::catalog::{self, Metric};

use super::objectives::Objective;
use crate::{
    limits,
    promql::{self, Selector, of_service, on_service},
};

/// The name of a service's series in a legend; a label that a target does not have is empty.
pub(super) const SERVICE_LEGEND: &str = "{{cluster}} {{namespace}} {{job}}";

/// The name of one of a service's series in a legend.
pub(super) fn legend(series: &str) -> String {
    format!("{SERVICE_LEGEND} {series}")
}

/// A process: nothing of two of them is one thing.
pub(super) const INSTANCE: &[&str] = &["cluster", "namespace", "job", "instance"];

/// Grafana's window for rates: four scrapes at least, so that no point of the graph is empty.
pub(super) const WINDOW: &str = "$__rate_interval";

/// All chosen series of a metric.
pub(super) fn of(metric: &Metric) -> Selector {
    Selector::of(metric).chosen()
}

/// All chosen series of a foreign metric.
pub(super) fn foreign(name: &str) -> Selector {
    Selector::foreign(name).chosen()
}

/// How often per second, added up per combination of the labels.
pub(super) fn per_second(by: &[&str], counter: &Selector) -> String {
    promql::sum(by, promql::rate(counter, WINDOW))
}

/// Only what belongs to one of our processes: `up` and `process_*` are there for everything that Prometheus asks, also for
/// itself.
pub(super) fn ours(query: impl Display) -> String {
    format!(
        "({query} and {} {})",
        on_service(&["instance"]),
        of(&catalog::BUILD_INFO)
    )
}

/// How often within the dashboard's time range, what a new series counted before its first scrape included.
///
/// A series is new if it was not there before the range although its process was, or if the process is new itself. Where neither
/// is known, because Prometheus or a scrape failed, nothing is claimed.
pub(super) fn in_range(by: &[&str], counter: &Selector) -> String {
    let start = of(&catalog::PROCESS_START_TIME);
    let on = on_service(&["instance"]);
    let before = |series: &Selector| format!("last_over_time({series}[15m] offset $__range)");
    let known = format!(
        "({} or last_over_time({start}[$__range]) > time() - $__range_s)",
        before(&start)
    );
    let born = format!(
        "(max_over_time({counter}[$__range]) unless {} and {on} {known})",
        before(counter)
    );
    promql::sum(
        by,
        format!("{born} or {}", promql::increase(counter, "$__range")),
    )
}

/// How often within the time range, of the worst of all statements: as many as an alert counts for each.
pub(super) fn worst_in_range(statements: &Selector) -> String {
    let each = of_service(catalog::SQL_N_PLUS_ONE.labels);
    promql::max(&[], in_range(&each, statements))
}

/// The quantile of a histogram, per combination of the labels.
pub(super) fn quantile(quantile: f64, by: &[&str], histogram: &Selector) -> String {
    promql::quantile(quantile, by, histogram, WINDOW)
}

/// Buckets over time, for a heatmap.
pub(super) fn buckets(histogram: &Selector) -> String {
    promql::sum(&["le"], promql::rate(&histogram.clone().bucket(), WINDOW))
}

/// `some / all`, where some are among all: 0 if there are none of the one, nothing if there are none of the other.
pub(super) fn part(by: &[&str], some: &Selector, all: &Selector) -> String {
    let (some, all) = (per_second(by, some), per_second(by, all));
    format!("({some} or 0 * {all}) / ({all} > 0)")
}

/// 0 where there is no series at all, as long as the service is there to have none.
pub(super) fn or_zero(query: impl Display) -> String {
    format!("{query} or on () 0 * max({})", of(&catalog::BUILD_INFO))
}

/// Like [`or_zero`], with a value for the label that the legend shows.
pub(super) fn or_none(query: impl Display, label: &str) -> String {
    let zero = format!("0 * max({})", of(&catalog::BUILD_INFO));
    format!("{query} or on () label_replace({zero}, \"{label}\", \"none\", \"\", \"\")")
}

/// The largest few of all services, and 0 for each that has no series at all.
pub(super) fn or_zero_each(query: impl Display) -> String {
    let on = on_service(&[]);
    let zero = promql::max(&of_service(&[]), of(&catalog::BUILD_INFO));
    top(10, format!("{query} or {on} 0 * {zero}"))
}

/// Like [`or_zero_each`], with a value for the label that the legend shows.
pub(super) fn or_none_each(query: impl Display, label: &str) -> String {
    let on = on_service(&[]);
    let zero = promql::max(&of_service(&[]), of(&catalog::BUILD_INFO));
    let none = format!("label_replace(0 * {zero}, \"{label}\", \"none\", \"\", \"\")");
    top(10, format!("{query} or {on} {none}"))
}

/// The service and several labels as one, `series`, for legends of series that do not have all of them.
pub(super) fn joined(labels: &[&'static str], query: impl Display) -> String {
    let labels = of_service(labels);
    let labels: Vec<String> = labels.iter().map(|label| format!("\"{label}\"")).collect();
    format!(
        "label_join({query}, \"series\", \" \", {})",
        labels.join(", ")
    )
}

/// The largest few, so that a panel stays legible with any number of series.
pub(super) fn top(count: u8, query: impl Display) -> String {
    format!("topk({count}, {query})")
}

/// From how many seconds on requests of a service wait too long for a connection or for a thread.
pub(super) fn wait_limit() -> String {
    let limit = format!("{} * {}", limits::WAIT_PART, Objective::seconds());
    top(10, limit)
}

/// The largest of several, as one number for all of them or as a line for each that is kept apart.
pub(super) fn worst(by: &[&str], of: String) -> String {
    let worst = promql::max(by, of);
    if by.is_empty() { worst } else { top(10, worst) }
}

/// Seconds since 1970 as Grafana's dates want them.
pub(super) fn milliseconds(query: impl Display) -> String {
    format!("1000 * {query}")
}

/// One of the service level objectives' recorded series, of the chosen services; it has no instance.
pub(super) fn recorded(name: &str) -> Selector {
    Selector::foreign(name).of_chosen_service()
}
