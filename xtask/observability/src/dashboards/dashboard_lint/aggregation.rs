//! Own rules on aggregation: a panel that merges entities hides an unhealthy one.
//!
//! [`entities`] defines what they are, such as a service, a pool or a queue.

use promql_parser::parser::{BinaryExpr, Expr};
use serde_json::{Value, json};

use super::{
    Rule,
    json_view::{PanelView, change_first_panel, objection, text},
};
use crate::{
    entities,
    expr::{self, Labels},
};

pub(super) const RULES: &[Rule] = &[
    Rule {
        name: "entities-are-not-merged",
        check: |view| view.each_panel(merged),
        breaks: |json| {
            change_first_panel(json, "timeseries", |panel| {
                panel["title"] = json!("Pool in use");
                panel["targets"][0]["expr"] = json!("sum by (job) (db_client_connection_count)");
            })
        },
    },
    Rule {
        name: "totals-are-described",
        check: |view| view.each_panel(describes_total),
        breaks: |json| {
            change_first_panel(json, "heatmap", |panel| {
                panel["description"] = json!("How many requests took how long.")
            })
        },
    },
    Rule {
        name: "worst-value-is-shown",
        check: |view| view.each_panel(worst),
        breaks: |json| {
            change_first_panel(json, "stat", |panel| {
                let query = text(&panel["targets"][0]["expr"]).replacen("max(", "min(", 1);
                panel["targets"][0]["expr"] = json!(query);
            })
        },
    },
    Rule {
        name: "legends-distinguish-series",
        check: |view| view.each_panel(distinguishes),
        breaks: |json| {
            change_first_panel(json, "timeseries", |panel| {
                panel["targets"][0]["expr"] = json!("max by (cluster, namespace, job) (up)");
                panel["targets"][0]["legendFormat"] = json!("{{job}}");
            })
        },
    },
];

/// Panels that show a total of all services, and why that hides no problem.
///
/// The description of each panel says that it is a total.
const TOTALS: [(&str, &str); 24] = [
    (
        "Requests",
        "a load, not a measure of health; the table has each service's",
    ),
    (
        "Requests by status",
        "areas are parts of one whole; the failures beside it are each service's",
    ),
    (
        "Requests being served",
        "areas are parts of one whole; the durations are each service's",
    ),
    (
        "Duration, spread",
        "a heatmap has one distribution; a few slow requests form a separate band",
    ),
    ("Firing alerts", "one is enough for red"),
    ("Log lines by level", "areas are parts of one whole"),
    ("Waits that timed out", "one is enough for red"),
    (
        "Connections",
        "the load on the server; the panel beside it shows the use of each pool",
    ),
    (
        "Wait for a connection, spread",
        "a heatmap has one distribution",
    ),
    (
        "Transactions by outcome",
        "areas are parts of one whole; their durations are each service's",
    ),
    ("Waiting", "a load; the age beside it is each queue's"),
    ("Dead-lettered", "one is enough for red"),
    (
        "Jobs in the store",
        "areas are parts of one whole; the ages beside it are each queue's",
    ),
    (
        "Attempts by outcome",
        "areas are parts of one whole; the table of failures has each queue's",
    ),
    (
        "Runs that failed",
        "a single one must be visible; the table has each schedule's",
    ),
    (
        "Ticks without a run",
        "a single one must be visible; the table has each schedule's",
    ),
    (
        "Ticks by outcome",
        "areas are parts of one whole; the table has each schedule's",
    ),
    ("Delay of starts, spread", "a heatmap has one distribution"),
    (
        "Restarts",
        "a single one must be visible; the time since the start is each instance's",
    ),
    ("Scheduler delay, spread", "a heatmap has one distribution"),
    ("Telemetry lost", "one is enough for red"),
    ("Age, spread", "a heatmap has one distribution"),
    (
        "Reads by where the answer came from",
        "areas are parts of one whole; the table has each type's",
    ),
    (
        "Server connections by state",
        "areas are parts of one whole; the panel beside it shows the use of each server",
    ),
];

/// Whether the panel is listed in [`TOTALS`].
fn is_total(panel: PanelView<'_>) -> bool {
    TOTALS.iter().any(|(title, _)| *title == panel.title())
}

fn merged(panel: PanelView<'_>) -> Vec<String> {
    if is_total(panel) {
        return Vec::new();
    }
    let trees = panel
        .targets()
        .filter_map(|target| expr::parse(text(&target["expr"])).ok());
    trees.flat_map(|tree| entities::merged(&tree)).collect()
}

/// The description of a total says that it is one.
fn describes_total(panel: PanelView<'_>) -> Vec<String> {
    let means = text(&panel.json["description"]).split("\n\n").next();
    objection(
        is_total(panel) && !means.is_some_and(|means| means.contains("together")),
        "it shows a total, but its description does not say \"together\"",
    )
}

/// A panel with thresholds shows the worst of several values.
fn worst(panel: PanelView<'_>) -> Vec<String> {
    let mut objections = Vec::new();
    for target in panel.targets() {
        let Ok(tree) = expr::parse(text(&target["expr"])) else {
            continue;
        };
        let steps: Vec<_> = panel.steps(text(&target["legendFormat"])).collect();
        let red = |step: &Value| step["color"] == "red" || step["color"] == "orange";
        let rises = match (steps.first(), steps.last()) {
            (Some(first), Some(last)) if steps.len() > 1 => red(last) && !red(first),
            _ => continue,
        };
        choices(&tree, rises, &mut |chosen, of| {
            objections.push(format!("it shows the {chosen} of {of}"));
        });
    }
    objections
}

/// Calls `wrong` for each aggregation that selects the better of several values.
///
/// If `rises` is set, higher values are worse, otherwise lower ones.
fn choices(tree: &Expr, rises: bool, wrong: &mut dyn FnMut(&str, &Expr)) {
    match tree {
        Expr::Aggregate(aggregate) => {
            let operator = aggregate.op.to_string();
            let better = match (&*operator, rises) {
                ("min" | "bottomk", true) => Some("smallest"),
                ("max" | "topk", false) => Some("largest"),
                _ => None,
            };
            if let Some(better) = better {
                wrong(better, &aggregate.expr);
            }
            choices(&aggregate.expr, rises, wrong);
        }
        Expr::Paren(paren) => choices(&paren.expr, rises, wrong),
        Expr::Binary(BinaryExpr { lhs, rhs, op, .. }) => {
            choices(lhs, rises, wrong);
            match &*op.to_string() {
                "-" => choices(rhs, !rises, wrong),
                "+" | "or" => choices(rhs, rises, wrong),
                // In other operators, such as a division, the right operand is a limit.
                _ => {}
            }
        }
        _ => {}
    }
}

/// Every label of a result is in the legend or in a column.
fn distinguishes(panel: PanelView<'_>) -> Vec<String> {
    let mut objections = Vec::new();
    for target in panel.targets() {
        let Ok(tree) = expr::parse(text(&target["expr"])) else {
            continue;
        };
        let Labels::Known(labels) = expr::labels(&tree) else {
            continue;
        };
        let legend = text(&target["legendFormat"]);
        let named = |label: &str| {
            let of_table = &panel.json["transformations"][1]["options"]["renameByName"][label];
            // `query::joined` joins several labels into `series`.
            legend.contains("{{series}}")
                || legend.contains(&format!("{{{{{label}}}}}"))
                || of_table.is_string()
        };
        let lost: Vec<_> = labels.iter().filter(|label| !named(label)).collect();
        objections.extend(objection(
            !lost.is_empty(),
            format!("{legend:?} does not distinguish series that differ in {lost:?}"),
        ));
    }
    objections
}

#[cfg(test)]
mod tests {
    use super::{PanelView, TOTALS, choices, entities};
    use crate::{
        dashboards::{all, dashboard_lint::json_view::DashboardView},
        expr,
    };

    #[test]
    fn every_total_is_used_and_has_a_reason() {
        let boards: Vec<_> = all().iter().map(|board| board.json()).collect();
        let panels: Vec<_> = boards
            .iter()
            .flat_map(|board| DashboardView::new(board).panels())
            .collect();
        for (title, reason) in TOTALS {
            let is_needed = |panel: &PanelView<'_>| {
                let queries = panel.targets().filter_map(|target| target["expr"].as_str());
                let mut trees = queries.filter_map(|query| expr::parse(query).ok());
                panel.title() == title && trees.any(|tree| !entities::merged(&tree).is_empty())
            };
            assert!(panels.iter().any(is_needed), "{title:?} is not a total");
            assert!(reason.len() > 10, "{title:?} has no reason");
        }
    }

    #[test]
    fn better_values_of_differences_are_found() {
        let wrong = |query: &str, rises| {
            let mut wrong = 0;
            if let Ok(tree) = expr::parse(query) {
                choices(&tree, rises, &mut |_, _| wrong += 1);
            }
            wrong
        };
        assert_eq!(wrong("min(up)", false), 0);
        assert_eq!(wrong("min(up)", true), 1);
        assert_eq!(wrong("time() - min(up)", true), 0);
        assert_eq!(wrong("time() - max(up)", true), 1);
        assert_eq!(wrong("max(up) / max(up)", false), 1);
    }
}
