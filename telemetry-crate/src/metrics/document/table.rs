//! The table of the metrics, in Markdown.

use std::fmt::Write as _;

use super::super::{catalog::Kind, unit};
use crate::declared::{Bound, DeclaredMetric, Label};

/// The page with the table.
pub(super) fn table(service: &str, metrics: &[DeclaredMetric]) -> String {
    let mut page = format!(
        "# Metrics of {service}\n\nGenerated from the declarations in the code of the service. "
    );
    if metrics.is_empty() {
        page += "It declares no metrics yet.\n";
        return page;
    }
    page += "A change of this page is a change of dashboards and alerts that use the metric.\n\n";
    page += "| metric | kind | unit | labels | help |\n| --- | --- | --- | --- | --- |\n";
    for metric in metrics {
        let unit = unit::of(metric);
        let unit = if unit.is_empty() {
            String::new()
        } else {
            format!("`{unit}`")
        };
        let labels: Vec<_> = metric.labels.iter().map(label).collect();
        // Writing to a `String` cannot fail.
        let _ = writeln!(
            page,
            "| `{}` | {} | {unit} | {} | {} |",
            metric.name,
            metric.kind.type_name(),
            labels.join("; "),
            help(metric)
        );
    }
    page
}

fn label(label: &Label) -> String {
    let Label { name, bound } = label;
    match bound {
        Bound::OneOf(values) => {
            let values: Vec<_> = values.iter().map(|it| format!("`{}`", cell(it))).collect();
            format!("`{name}`: {}", values.join(", "))
        }
        Bound::AtMost(most) => format!("`{name}`: at most {most} values"),
    }
}

/// The help, with what a query needs to know.
fn help(metric: &DeclaredMetric) -> String {
    let mut help = cell(metric.help);
    if let (Kind::Histogram, Some(bounds)) = (metric.kind, metric.buckets) {
        let bounds: Vec<_> = bounds.iter().map(f64::to_string).collect();
        let _ = write!(help, " Buckets: {}.", bounds.join(", "));
    }
    if let Some(objective) = metric.objective {
        let _ = write!(
            help,
            " Objective: {} % at most {}.",
            percent(objective.share),
            objective.within
        );
    }
    if let Some(limit) = metric.limit {
        let _ = write!(help, " Limit: {limit}.");
    }
    help
}

/// A share in percent, without the rounding errors of binary fractions.
pub(super) fn percent(share: f64) -> f64 {
    (share * 1e8).round() / 1e6
}

/// Text in a cell of a table.
fn cell(text: &str) -> String {
    text.replace('|', "\\|")
}
