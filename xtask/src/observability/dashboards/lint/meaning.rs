//! Our rules on queries that parse and yet can have no answer.

use promql_parser::parser::{Expr, LabelModifier};
use serde_json::json;

use super::{
    Rule,
    sheet::{PanelSheet, first_panel, first_query, items, objection, text},
};
use crate::observability::{
    alerts,
    expr::{self, Labels},
    foreign,
};

pub(super) const RULES: &[Rule] = &[
    Rule {
        name: "metrics-exist",
        check: |sheet| sheet.each_tree(metrics),
        breaks: |json| first_query(json, "upp{job=~\"$job\",instance=~\"$instance\"}"),
    },
    Rule {
        name: "thresholds-are-the-alerts",
        check: |sheet| sheet.each_panel(thresholds),
        breaks: |json| {
            first_panel(json, "stat", |panel| {
                panel["fieldConfig"]["defaults"]["thresholds"]["steps"][1]["value"] = json!(0.8765);
            });
        },
    },
    Rule {
        name: "objectives-are-no-constants",
        check: |sheet| sheet.each_panel(constants),
        breaks: |json| {
            first_panel(json, "stat", |panel| {
                panel["targets"][0]["expr"] =
                    json!("sum(rate(http_server_request_duration_seconds_count[5m]))");
                panel["fieldConfig"]["defaults"]["thresholds"]["steps"] =
                    json!([{ "value": null }, { "value": 0.25 }]);
            });
        },
    },
    Rule {
        name: "labels-exist",
        check: |sheet| sheet.each_tree(groups),
        breaks: |json| {
            first_query(
                json,
                "sum by (cron) (up{job=~\"$job\",instance=~\"$instance\"})",
            )
        },
    },
    Rule {
        name: "legends-resolve",
        check: |sheet| sheet.each_panel(legends),
        breaks: |json| {
            first_panel(json, "timeseries", |panel| {
                panel["targets"][0]["legendFormat"] = json!("{{pod}}")
            })
        },
    },
];

/// Every series is in the catalogue, or one of others that we know.
fn metrics(tree: &Expr) -> Vec<String> {
    expr::selectors(tree)
        .into_iter()
        .filter_map(|selector| selector.name.clone())
        .filter(|name| expr::metric(name).is_none() && foreign::labels(name).is_none())
        .map(|name| format!("nothing is called {name}"))
        .collect()
}

/// A panel turns red where an alert fires that it leads to, and not at a number that looked good.
fn thresholds(panel: PanelSheet<'_>) -> Vec<String> {
    if panel.counts_alerts() {
        return Vec::new();
    }
    let values = panel
        .thresholds()
        .flat_map(|thresholds| items(&thresholds["steps"]))
        .filter_map(|step| step["value"].as_f64());
    let runbooks = panel.runbooks();
    let names: Vec<_> = runbooks.iter().map(|runbook| runbook.name()).collect();
    let known: Vec<f64> = names
        .iter()
        .flat_map(|name| alerts::limits(name).unwrap_or_default())
        .collect();
    values
        .filter(|value| !known.contains(value))
        .map(|value| format!("{value} is no limit of {names:?}, which fire at {known:?}"))
        .collect()
}

/// What services promise or are allowed themselves: a series, and the one that says how much of it is right.
const DECLARED: [(&str, &str); 7] = [
    ("http_server_request_duration_seconds", "slo:"),
    ("slo:availability:error_ratio", ":objective_ratio"),
    ("slo:latency:error_ratio", ":objective_ratio"),
    ("worker_queue_oldest_", "worker_queue_latency_budget_"),
    ("cron_last_success_", "cron_success_due_"),
    ("data_served_age_", "data_staleness_budget_"),
    ("db_client_connection_count", "db_client_connection_max"),
];

/// A threshold is a constant, and what a service declares is not: the query divides by it.
fn constants(panel: PanelSheet<'_>) -> Vec<String> {
    let several = |thresholds: &serde_json::Value| items(&thresholds["steps"]).count() > 1;
    let own = several(&panel.defaults()["thresholds"]);
    let of_column = |name: &str| {
        items(&panel.json["fieldConfig"]["overrides"])
            .filter(|entry| entry["matcher"]["options"] == name)
            .flat_map(|entry| items(&entry["properties"]))
            .any(|property| property["id"] == "thresholds" && several(&property["value"]))
    };
    let mut objections = Vec::new();
    for target in panel.targets() {
        if !own && !of_column(text(&target["legendFormat"])) {
            continue;
        }
        let query = text(&target["expr"]);
        for (series, declared) in DECLARED {
            objections.extend(objection(
                query.contains(series) && !query.contains(declared),
                format!("its threshold is a constant, and {declared} is declared: {query}"),
            ));
        }
    }
    objections
}

/// What is grouped by is a label of what is grouped, and what is matched is a label of the metric.
fn groups(tree: &Expr) -> Vec<String> {
    let mut objections = Vec::new();
    expr::walk(tree, &mut |node, _| {
        if let Expr::Aggregate(aggregate) = node
            && let Some(LabelModifier::Include(by)) = &aggregate.modifier
        {
            let inside = expr::labels(&aggregate.expr);
            let missing = by.labels.iter().filter(|label| !inside.has(label));
            objections.extend(
                missing.map(|label| format!("there is no label {label} in {}", aggregate.expr)),
            );
        }
        let selector = match node {
            Expr::VectorSelector(selector) => selector,
            Expr::MatrixSelector(matrix) => &matrix.vs,
            _ => return,
        };
        let labels = expr::labels(&Expr::VectorSelector(selector.clone()));
        let missing = selector
            .matchers
            .matchers
            .iter()
            .filter(|matcher| !labels.has(&matcher.name));
        objections
            .extend(missing.map(|matcher| format!("{selector} has no label {}", matcher.name)));
    });
    objections
}

/// Every `{{label}}` of a legend is a label of its query's result.
fn legends(panel: PanelSheet<'_>) -> Vec<String> {
    let mut objections = Vec::new();
    for target in panel.targets() {
        let Ok(tree) = expr::parse(text(&target["expr"])) else {
            continue;
        };
        let labels: Labels = expr::labels(&tree);
        for token in text(&target["legendFormat"]).split("{{").skip(1) {
            let token = token.split("}}").next().unwrap_or_default().trim();
            objections.extend(objection(
                !labels.has(token),
                format!("{{{{{token}}}}} is no label of {}", text(&target["expr"])),
            ));
        }
    }
    objections
}
