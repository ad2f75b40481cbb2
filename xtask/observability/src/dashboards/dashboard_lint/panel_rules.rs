//! The rules of Grafana's linter on panels, and its rule on editing.
//!
//! Grafana's linter skips some kinds of panels. These rules check all kinds.

use serde_json::{Value, json};

use super::{
    Rule,
    json_view::{DashboardView, PanelView, change_first_panel, objection, text},
};

pub(super) const RULES: &[Rule] = &[
    Rule {
        name: "panel-datasource-rule",
        check: |view| view.each_panel(datasource),
        breaks: |json| {
            change_first_panel(json, "stat", |panel| {
                panel["datasource"]["uid"] = json!("P1809F7CD0C75ACF3")
            })
        },
    },
    Rule {
        name: "panel-title-description-rule",
        check: |view| view.each_panel(title_and_description),
        breaks: |json| {
            change_first_panel(json, "heatmap", |panel| panel["description"] = json!(""))
        },
    },
    Rule {
        name: "panel-units-rule",
        check: |view| view.each_panel(units),
        breaks: |json| {
            change_first_panel(json, "timeseries", |panel| {
                panel["fieldConfig"]["defaults"]["unit"] = json!("secs")
            })
        },
    },
    Rule {
        name: "panel-no-targets-rule",
        check: |view| {
            view.each_panel(|panel| objection(panel.targets().next().is_none(), "it has no query"))
        },
        breaks: |json| change_first_panel(json, "table", |panel| panel["targets"] = json!([])),
    },
    Rule {
        name: "uneditable-dashboard",
        check: uneditable,
        breaks: |json| json["editable"] = json!(true),
    },
];

/// The panel and its queries use the data source of the variable.
fn datasource(panel: PanelView<'_>) -> Vec<String> {
    let chosen = json!({ "type": "prometheus", "uid": "${datasource}" });
    let sources = [&panel.json["datasource"]]
        .into_iter()
        .chain(panel.targets().map(|target| &target["datasource"]));
    sources
        .filter(|source| **source != chosen)
        .map(|source| format!("it uses {source}, expected {chosen}"))
        .collect()
}

fn title_and_description(panel: PanelView<'_>) -> Vec<String> {
    let missing = |key| {
        objection(
            text(&panel.json[key]).is_empty(),
            format!("it has no {key}"),
        )
    };
    [missing("title"), missing("description")].concat()
}

/// The unit ids that the dashboards use.
///
/// Any other id is probably a mistake.
const UNITS: [&str; 10] = [
    "binBps",
    "bool_yes_no",
    "bytes",
    "cps",
    "dateTimeFromNow",
    "ops",
    "percentunit",
    "reqps",
    "s",
    "short",
];

fn units(panel: PanelView<'_>) -> Vec<String> {
    let overrides = panel
        .overrides()
        .filter(|property| property["id"] == "unit")
        .map(|property| &property["value"]);
    let all: Vec<&Value> = overrides.chain([&panel.defaults()["unit"]]).collect();
    all.into_iter()
        .filter(|unit| !UNITS.contains(&text(unit)))
        .map(|unit| {
            format!(
                "found the unit {unit}, expected one of {}",
                UNITS.join(", ")
            )
        })
        .collect()
}

fn uneditable(view: &DashboardView<'_>) -> Vec<String> {
    objection(
        view.json["editable"] != false,
        "it is editable, but the next release overwrites changes",
    )
}
