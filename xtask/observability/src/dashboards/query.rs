//! Queries that several panels share, over the series that the variables select.

use std::fmt::Display;

use firstlight::metrics::catalog::{self, Metric};

use super::objectives::Objective;
use crate::{
    limits,
    promql::{self, Selector, on_service, service_labels},
};

/// The legend of a service, in which a label that the target lacks is empty.
pub(super) const SERVICE_LEGEND: &str = "{{cluster}} {{namespace}} {{job}}";

/// The legend of one of several series of a service.
pub(super) fn legend(series: &str) -> String {
    format!("{SERVICE_LEGEND} {series}")
}

/// The labels of a process.
pub(super) const INSTANCE: &[&str] = &["cluster", "namespace", "job", "instance"];

/// Grafana's window for rates.
///
/// It spans at least four scrapes, so that no point of the graph is empty.
pub(super) const WINDOW: &str = "$__rate_interval";

/// The selected series of a metric of the catalog.
pub(super) fn selected(metric: &Metric) -> Selector {
    Selector::of(metric).selected()
}

/// The selected series of a foreign metric.
pub(super) fn foreign(name: &str) -> Selector {
    Selector::foreign(name).selected()
}

/// Events per second, summed by the labels.
pub(super) fn per_second(by: &[&str], counter: &Selector) -> String {
    promql::sum(by, promql::rate(counter, WINDOW))
}

/// Restricts a query to processes with firstlight.
///
/// Prometheus has `up` and `process_*` for all of its targets, including itself.
pub(super) fn firstlight_only(query: impl Display) -> String {
    format!(
        "({query} and {} {})",
        on_service(&["instance"]),
        selected(&catalog::BUILD_INFO)
    )
}

/// Events within the time range, including those before a series' first scrape.
///
/// `increase()` ignores the first value of a series. This query adds the value of each new series:
/// the series was absent before the range although its process was seen, or the process itself is
/// new. If neither is known, because Prometheus or a scrape failed, the value may include older
/// events and is not added. [`promql::counted`] does the same in rules.
pub(super) fn in_range(by: &[&str], counter: &Selector) -> String {
    let start = selected(&catalog::PROCESS_START_TIME);
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

/// Repetitions within the time range of the most repeated statement.
///
/// The alert counts each statement separately as well.
pub(super) fn worst_in_range(statements: &Selector) -> String {
    let each = service_labels(catalog::SQL_N_PLUS_ONE.labels);
    promql::max(&[], in_range(&each, statements))
}

/// The quantile of a histogram's samples, per label combination.
pub(super) fn quantile(quantile: f64, by: &[&str], histogram: &Selector) -> String {
    promql::quantile(quantile, by, histogram, WINDOW)
}

/// Buckets over time, for a heatmap.
pub(super) fn buckets(histogram: &Selector) -> String {
    promql::sum(&["le"], promql::rate(&histogram.clone().bucket(), WINDOW))
}

/// `some / all`, where `some` is a subset of `all`.
///
/// The ratio is 0 without series of `some`, and absent without events of `all`.
pub(super) fn ratio(by: &[&str], some: &Selector, all: &Selector) -> String {
    let (some, all) = (per_second(by, some), per_second(by, all));
    format!("({some} or 0 * {all}) / ({all} > 0)")
}

/// The query, or 0 if it has no series and the service exists.
pub(super) fn or_zero(query: impl Display) -> String {
    format!(
        "{query} or on () 0 * max({})",
        selected(&catalog::BUILD_INFO)
    )
}

/// Like [`or_zero`], but the series with 0 has the value `none` in `label`.
pub(super) fn or_none(query: impl Display, label: &str) -> String {
    let zero = format!("0 * max({})", selected(&catalog::BUILD_INFO));
    format!("{query} or on () label_replace({zero}, \"{label}\", \"none\", \"\", \"\")")
}

/// The ten largest series, with 0 for each service without series.
pub(super) fn or_zero_each(query: impl Display) -> String {
    let on = on_service(&[]);
    let zero = promql::max(&service_labels(&[]), selected(&catalog::BUILD_INFO));
    top(10, format!("{query} or {on} 0 * {zero}"))
}

/// Like [`or_zero_each`], but series with 0 have the value `none` in `label`.
pub(super) fn or_none_each(query: impl Display, label: &str) -> String {
    let on = on_service(&[]);
    let zero = promql::max(&service_labels(&[]), selected(&catalog::BUILD_INFO));
    let none = format!("label_replace(0 * {zero}, \"{label}\", \"none\", \"\", \"\")");
    top(10, format!("{query} or {on} {none}"))
}

/// Joins the labels of the service and `labels` into the label `series`.
///
/// It is for legends of series that lack some of the labels.
pub(super) fn joined(labels: &[&'static str], query: impl Display) -> String {
    let labels = service_labels(labels);
    let labels: Vec<String> = labels.iter().map(|label| format!("\"{label}\"")).collect();
    format!(
        "label_join({query}, \"series\", \" \", {})",
        labels.join(", ")
    )
}

/// The `count` largest series, so that a panel stays legible.
pub(super) fn top(count: u8, query: impl Display) -> String {
    format!("topk({count}, {query})")
}

/// The wait for a connection or a thread, in seconds, at which alerts fire.
pub(super) fn wait_limit() -> String {
    let limit = format!("{} * {}", limits::WAIT_RATIO, Objective::seconds());
    top(10, limit)
}

/// The maximum of all series, or the ten largest maxima by the labels `by`.
pub(super) fn worst(by: &[&str], of: String) -> String {
    let worst = promql::max(by, of);
    if by.is_empty() { worst } else { top(10, worst) }
}

/// Converts Unix time in seconds to milliseconds, as Grafana's dates require.
pub(super) fn milliseconds(query: impl Display) -> String {
    format!("1000 * {query}")
}

/// A recorded series of the selected services, without an instance.
pub(super) fn recorded(name: &str) -> Selector {
    Selector::foreign(name).of_selected_services()
}
