//! Own rules on JSON that Grafana would load without an error but show wrongly.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::{
    Rule,
    json_view::{
        DashboardView, PanelView, change_first_panel, items, objection, replace_first_query, text,
    },
};

pub(super) const RULES: &[Rule] = &[
    Rule {
        name: "ids-are-unique",
        check: unique_ids,
        breaks: |json| json["panels"][1]["id"] = json["panels"][0]["id"].clone(),
    },
    Rule {
        name: "identity-is-stable",
        check: identity,
        breaks: |json| json["id"] = json!(42),
    },
    Rule {
        name: "uid-is-of-firstlight",
        check: |view| {
            objection(
                !text(&view.json["uid"]).starts_with("firstlight-"),
                format!("the uid is {}, expected firstlight-…", view.json["uid"]),
            )
        },
        breaks: |json| json["uid"] = json!("overview"),
    },
    Rule {
        name: "schema-version-loads-on-grafana-10-to-13",
        check: |view| {
            objection(
                !(39..=42).contains(&view.json["schemaVersion"].as_u64().unwrap_or(0)),
                "the schema version is not one of 39 to 42",
            )
        },
        breaks: |json| json["schemaVersion"] = json!(16),
    },
    Rule {
        name: "panels-do-not-overlap",
        check: grid,
        breaks: |json| change_first_panel(json, "stat", |panel| panel["gridPos"]["w"] = json!(24)),
    },
    Rule {
        name: "variables-are-declared",
        check: declared,
        breaks: |json| {
            replace_first_query(
                json,
                "up{job=~\"$job\",instance=~\"$instance\",pod=~\"$pod\"}",
            )
        },
    },
    Rule {
        name: "queries-are-not-repeated",
        check: |view| view.each_panel(repeated),
        breaks: |json| {
            change_first_panel(json, "timeseries", |panel| {
                panel["targets"][1]["expr"] = panel["targets"][0]["expr"].clone()
            });
        },
    },
    Rule {
        name: "panel-types-are-grafanas-own",
        check: |view| {
            view.each_panel(|panel| {
                objection(
                    !TYPES.contains(&panel.kind()),
                    format!("found {:?}", panel.kind()),
                )
            })
        },
        breaks: |json| {
            change_first_panel(json, "stat", |panel| {
                panel["type"] = json!("grafana-piechart-panel")
            })
        },
    },
    Rule {
        name: "thresholds-rise",
        check: |view| view.each_panel(thresholds),
        breaks: |json| {
            change_first_panel(json, "stat", |panel| {
                let steps = panel["fieldConfig"]["defaults"]["thresholds"]["steps"].as_array_mut();
                steps.into_iter().for_each(|steps| steps.reverse());
            });
        },
    },
];

const TYPES: [&str; 6] = [
    "bargauge",
    "heatmap",
    "stat",
    "state-timeline",
    "table",
    "timeseries",
];

fn unique_ids(view: &DashboardView<'_>) -> Vec<String> {
    let rows = items(&view.json["panels"]).filter(|panel| panel["type"] == "row");
    let all = rows.chain(view.panels().into_iter().map(|panel| panel.json));
    let mut seen = BTreeMap::new();
    let mut objections = Vec::new();
    for panel in all {
        if let Some(other) = seen.insert(panel["id"].to_string(), text(&panel["title"])) {
            objections.push(format!(
                "{:?} and {other:?} both have the id {}",
                text(&panel["title"]),
                panel["id"]
            ));
        }
    }
    objections
}

/// The dashboard has a `uid` that Grafana accepts.
///
/// It has no keys of a single Grafana instance.
fn identity(view: &DashboardView<'_>) -> Vec<String> {
    let uid = text(&view.json["uid"]);
    let foreign = ["id", "__inputs", "__requires", "version", "iteration"];
    let mut objections: Vec<String> = foreign
        .into_iter()
        .filter(|key| view.json.get(key).is_some())
        .map(|key| format!("{key} is specific to one Grafana instance"))
        .collect();
    objections.extend(objection(
        uid.is_empty() || uid.len() > 40,
        format!("the uid is {uid:?}, expected 1 to 40 characters"),
    ));
    objections
}

/// Panels do not overlap and stay within the 24 columns.
fn grid(view: &DashboardView<'_>) -> Vec<String> {
    let mut taken: BTreeMap<(u64, u64), &str> = BTreeMap::new();
    let mut objections = BTreeSet::new();
    for panel in view.panels() {
        let side = |key| panel.json["gridPos"][key].as_u64().unwrap_or(0);
        let (x, y, w, h) = (side("x"), side("y"), side("w"), side("h"));
        if x + w > 24 || w == 0 || h == 0 {
            objections.insert(format!(
                "{:?} is {w} wide and {h} high at column {x} of 24",
                panel.title()
            ));
        }
        for cell in (y..y + h).flat_map(|row| (x..x + w).map(move |column| (row, column))) {
            if let Some(other) = taken.insert(cell, panel.title()) {
                objections.insert(format!("{:?} overlaps {other:?}", panel.title()));
            }
        }
    }
    objections.into_iter().collect()
}

/// Whether `name` is one of Grafana's built-in variables.
fn built_in(name: &str) -> bool {
    name.starts_with("__")
}

/// Every `$name` in a string is a variable of the dashboard.
///
/// Numbers such as `$1` are allowed: they are capture groups of regular expressions.
fn declared(view: &DashboardView<'_>) -> Vec<String> {
    let known: BTreeSet<&str> = view
        .variables()
        .map(|variable| text(&variable["name"]))
        .collect();
    let mut used = BTreeSet::new();
    strings(view.json, &mut |string| {
        for rest in string.split('$').skip(1) {
            let rest = rest.strip_prefix('{').unwrap_or(rest);
            let name: String = rest
                .chars()
                .take_while(|c| c.is_ascii_alphanumeric() || *c == '_')
                .collect();
            let number = name.chars().all(|c| c.is_ascii_digit());
            if !number && !built_in(&name) {
                used.insert(name);
            }
        }
    });
    used.iter()
        .filter(|name| !known.contains(name.as_str()))
        .map(|name| format!("${name} is not declared"))
        .collect()
}

fn strings(json: &Value, visit: &mut dyn FnMut(&str)) {
    match json {
        Value::String(string) => visit(string),
        Value::Array(list) => list.iter().for_each(|item| strings(item, visit)),
        Value::Object(object) => object.values().for_each(|item| strings(item, visit)),
        _ => {}
    }
}

fn repeated(panel: PanelView<'_>) -> Vec<String> {
    let (mut queries, mut letters) = (BTreeSet::new(), BTreeSet::new());
    panel
        .targets()
        .filter(|target| {
            // `|` instead of `||`, so that both sets grow.
            !queries.insert(text(&target["expr"])) | !letters.insert(text(&target["refId"]))
        })
        .map(|target| format!("{} {}", text(&target["refId"]), text(&target["expr"])))
        .collect()
}

/// Steps start at `null`, which is minus infinity, and rise.
fn thresholds(panel: PanelView<'_>) -> Vec<String> {
    let all = panel.thresholds();
    all.flat_map(|thresholds| {
        let steps: Vec<&Value> = items(&thresholds["steps"])
            .map(|step| &step["value"])
            .collect();
        let first_is_open = steps.first().is_some_and(|first| first.is_null());
        let values: Vec<f64> = steps
            .iter()
            .skip(1)
            .map(|value| value.as_f64().unwrap_or(f64::NAN))
            .collect();
        let rising = values.windows(2).all(|pair| pair[0] < pair[1])
            && values.iter().all(|value| value.is_finite());
        objection(
            !(first_is_open && rising),
            format!("its thresholds do not rise from null: {steps:?}"),
        )
    })
    .collect()
}
