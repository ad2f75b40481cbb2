//! The rules of Grafana's linter on the variables of a dashboard.
//!
//! The rule on `cluster` and `namespace` is firstlight's own.

use serde_json::json;

use super::{
    Rule,
    json_view::{DashboardView, change_variable, objection, text},
};
use crate::expr;

pub(super) const RULES: &[Rule] = &[
    Rule {
        name: "template-datasource-rule",
        check: datasource,
        breaks: |json| {
            change_variable(json, "datasource", |variable| {
                variable["label"] = json!("DS")
            })
        },
    },
    Rule {
        name: "template-job-rule",
        check: |view| label(view, "job", "Job", ".+"),
        breaks: |json| change_variable(json, "job", |variable| variable["allValue"] = json!(".*")),
    },
    Rule {
        name: "template-cluster-and-namespace-rule",
        check: |view| {
            [
                label(view, "cluster", "Cluster", ".*"),
                label(view, "namespace", "Namespace", ".*"),
            ]
            .concat()
        },
        // `.+` would exclude targets without the label.
        breaks: |json| {
            change_variable(json, "namespace", |variable| {
                variable["allValue"] = json!(".+")
            })
        },
    },
    Rule {
        name: "template-instance-rule",
        check: |view| label(view, "instance", "Instance", ".+"),
        breaks: |json| {
            change_variable(json, "instance", |variable| {
                variable["multi"] = json!(false)
            })
        },
    },
    Rule {
        name: "template-label-promql-rule",
        check: queries,
        breaks: |json| {
            change_variable(json, "job", |variable| {
                variable["query"] = json!("label_values(sum by, job)")
            })
        },
    },
    Rule {
        name: "template-on-time-change-reload-rule",
        check: reload,
        breaks: |json| change_variable(json, "job", |variable| variable["refresh"] = json!(1)),
    },
];

/// The dashboard has exactly one data source variable, for Prometheus.
fn datasource(view: &DashboardView<'_>) -> Vec<String> {
    let sources: Vec<_> = view
        .variables()
        .filter(|variable| variable["type"] == "datasource")
        .collect();
    let [source] = sources[..] else {
        return vec![format!(
            "found {} data source variables, expected 1",
            sources.len()
        )];
    };
    [
        ("name", "datasource"),
        ("label", "Data Source"),
        ("query", "prometheus"),
    ]
    .into_iter()
    .filter(|(key, expected)| source[key] != *expected)
    .map(|(key, expected)| format!("its {key} is {}, expected {expected:?}", source[key]))
    .collect()
}

/// The variable of a label allows several values or all.
///
/// `all` is the pattern that stands for all values.
fn label(view: &DashboardView<'_>, name: &str, title: &str, all: &str) -> Vec<String> {
    let Some(variable) = view.variable(name) else {
        return vec![format!("there is no variable {name}")];
    };
    let expected = [
        ("label", json!(title)),
        ("type", json!("query")),
        ("multi", json!(true)),
        ("includeAll", json!(true)),
        ("allValue", json!(all)),
        (
            "datasource",
            json!({ "type": "prometheus", "uid": "${datasource}" }),
        ),
    ];
    expected
        .into_iter()
        .filter(|(key, expected)| variable[key] != *expected)
        .map(|(key, expected)| {
            format!(
                "{name}: its {key} is {}, expected {expected}",
                variable[key]
            )
        })
        .collect()
}

/// The query of a variable is `label_values(PromQL, label)`.
fn queries(view: &DashboardView<'_>) -> Vec<String> {
    let mut objections = Vec::new();
    for variable in view
        .variables()
        .filter(|variable| variable["type"] == "query")
    {
        let query = text(&variable["query"]);
        let inside = query
            .strip_prefix("label_values(")
            .and_then(|rest| rest.strip_suffix(')'));
        let parts = inside.and_then(|inside| inside.rsplit_once(", "));
        let fine = parts.is_some_and(|(selector, label)| {
            expr::parse(selector).is_ok()
                && label.chars().all(|c| c.is_ascii_lowercase() || c == '_')
        });
        objections.extend(objection(
            !fine,
            format!("{query} is not label_values(PromQL, label)"),
        ));
    }
    objections
}

/// Variables are reloaded when the time range changes.
fn reload(view: &DashboardView<'_>) -> Vec<String> {
    view.variables()
        .filter(|variable| variable["type"] == "query" && variable["refresh"] != 2)
        .map(|variable| {
            format!(
                "{} keeps its values when the time range changes",
                variable["name"]
            )
        })
        .collect()
}
