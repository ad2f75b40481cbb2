//! The linter's rules on variables.

use serde_json::json;

use super::{
    Rule,
    sheet::{Sheet, a_variable, objection, text},
};
use crate::expr;

pub(super) const RULES: &[Rule] = &[
    Rule {
        name: "template-datasource-rule",
        check: datasource,
        breaks: |json| {
            a_variable(json, "datasource", |variable| {
                variable["label"] = json!("DS")
            })
        },
    },
    Rule {
        name: "template-job-rule",
        check: |sheet| label(sheet, "job", "Job", ".+"),
        breaks: |json| a_variable(json, "job", |variable| variable["allValue"] = json!(".*")),
    },
    Rule {
        name: "template-cluster-and-namespace-rule",
        check: |sheet| {
            [
                label(sheet, "cluster", "Cluster", ".*"),
                label(sheet, "namespace", "Namespace", ".*"),
            ]
            .concat()
        },
        // With `.+` a target without the label would be no service.
        breaks: |json| {
            a_variable(json, "namespace", |variable| {
                variable["allValue"] = json!(".+")
            })
        },
    },
    Rule {
        name: "template-instance-rule",
        check: |sheet| label(sheet, "instance", "Instance", ".+"),
        breaks: |json| {
            a_variable(json, "instance", |variable| {
                variable["multi"] = json!(false)
            })
        },
    },
    Rule {
        name: "template-label-promql-rule",
        check: queries,
        breaks: |json| {
            a_variable(json, "job", |variable| {
                variable["query"] = json!("label_values(sum by, job)")
            })
        },
    },
    Rule {
        name: "template-on-time-change-reload-rule",
        check: reload,
        breaks: |json| a_variable(json, "job", |variable| variable["refresh"] = json!(1)),
    },
];

/// There is exactly one data source to choose, and it is a Prometheus.
fn datasource(sheet: &Sheet<'_>) -> Vec<String> {
    let sources: Vec<_> = sheet
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

/// `job` and `instance` can be chosen, several at once, and all of them match anything that is there.
fn label(sheet: &Sheet<'_>, name: &str, title: &str, all: &str) -> Vec<String> {
    let Some(variable) = sheet.variable(name) else {
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

/// What a variable asks for is `label_values(PromQL, label)`.
fn queries(sheet: &Sheet<'_>) -> Vec<String> {
    let mut objections = Vec::new();
    for variable in sheet
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
            format!("{query} is no label_values(PromQL, label)"),
        ));
    }
    objections
}

/// Variables follow the time range.
fn reload(sheet: &Sheet<'_>) -> Vec<String> {
    sheet
        .variables()
        .filter(|variable| variable["type"] == "query" && variable["refresh"] != 2)
        .map(|variable| {
            format!(
                "{} keeps its values when the time range changes",
                variable["name"]
            )
        })
        .collect()
}
