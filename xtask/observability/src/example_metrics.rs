//! The metrics that the template's example declares in `src/metrics.rs`.
//!
//! The buckets and the objective of `order_items` are other ones, for a bound without a fraction.

use firstlight::metrics::{DeclaredMetric, Label, catalog::Kind};

pub(crate) const ALL: &[DeclaredMetric] = &[
    DeclaredMetric::counter("orders_accepted_total", "Orders that were accepted."),
    DeclaredMetric::counter("orders_rejected_total", "Orders that were rejected.")
        .labels(&[Label::one_of("reason", &["item", "quantity"])]),
    DeclaredMetric::gauge("orders_in_progress", "Valid orders before their answer.").limit(512.0),
    DeclaredMetric::histogram("order_items", "Items per accepted order.")
        .unit("{item}")
        .buckets(&[1.0, 3.0])
        .objective(0.5, 3.0),
    DeclaredMetric::histogram("order_acceptance_seconds", "Time to accept a valid order.")
        .objective(0.99, 0.25),
];

/// The labels of a series besides those of an instance.
///
/// `None` if no metric has the series.
pub(crate) fn labels(series: &str) -> Option<Vec<&'static str>> {
    ALL.iter().find_map(|metric| {
        let part = series.strip_prefix(metric.name)?;
        let own = metric.labels.iter().map(|label| label.name);
        match (metric.kind, part) {
            (Kind::Histogram, "_bucket") => Some(own.chain(["le"]).collect()),
            (Kind::Histogram, "_count" | "_sum") => Some(own.collect()),
            (Kind::Counter | Kind::Gauge, "") => Some(own.collect()),
            _ => None,
        }
    })
}
