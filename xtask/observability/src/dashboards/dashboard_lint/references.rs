//! Own rules on references to metrics and labels that do not exist.

use promql_parser::parser::{Expr, LabelModifier};
use serde_json::json;

use super::{
    Rule,
    json_view::{PanelView, change_first_panel, objection, replace_first_query, text},
};
use crate::{
    expr::{self, Labels},
    foreign,
};

pub(super) const RULES: &[Rule] = &[
    Rule {
        name: "metrics-exist",
        check: |view| view.each_tree(metrics),
        breaks: |json| replace_first_query(json, "upp{job=~\"$job\",instance=~\"$instance\"}"),
    },
    Rule {
        name: "labels-exist",
        check: |view| view.each_tree(groups),
        breaks: |json| {
            replace_first_query(
                json,
                "sum by (cron) (up{job=~\"$job\",instance=~\"$instance\"})",
            )
        },
    },
    Rule {
        name: "legends-resolve",
        check: |view| view.each_panel(legends),
        breaks: |json| {
            change_first_panel(json, "timeseries", |panel| {
                panel["targets"][0]["legendFormat"] = json!("{{pod}}")
            })
        },
    },
];

/// Every metric is in the catalog or a known foreign one.
fn metrics(tree: &Expr) -> Vec<String> {
    expr::selectors(tree)
        .into_iter()
        .filter_map(|selector| selector.name.clone())
        .filter(|name| expr::metric(name).is_none() && foreign::labels(name).is_none())
        .map(|name| format!("{name} does not exist"))
        .collect()
}

/// Aggregations and matchers use labels that the series have.
fn groups(tree: &Expr) -> Vec<String> {
    let mut objections = Vec::new();
    expr::walk(tree, &mut |node, _| {
        if let Expr::Aggregate(aggregate) = node
            && let Some(LabelModifier::Include(by)) = &aggregate.modifier
        {
            let inside = expr::labels(&aggregate.expr);
            let missing = by.labels.iter().filter(|label| !inside.has(label));
            objections
                .extend(missing.map(|label| format!("{} has no label {label}", aggregate.expr)));
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

/// Every `{{label}}` in a legend is a label of the query's result.
fn legends(panel: PanelView<'_>) -> Vec<String> {
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
                format!(
                    "{{{{{token}}}}} is not a label of {}",
                    text(&target["expr"])
                ),
            ));
        }
    }
    objections
}
