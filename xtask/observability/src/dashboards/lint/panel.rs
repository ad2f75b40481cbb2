//! The linter's rules on panels, for every kind of panel and not only for those that the linter looks at.

use serde_json::{Value, json};

use super::{
    Rule,
    sheet::{PanelSheet, Sheet, first_panel, objection, text},
};

pub(super) const RULES: &[Rule] = &[
    Rule {
        name: "panel-datasource-rule",
        check: |sheet| sheet.each_panel(datasource),
        breaks: |json| {
            first_panel(json, "stat", |panel| {
                panel["datasource"]["uid"] = json!("P1809F7CD0C75ACF3")
            })
        },
    },
    Rule {
        name: "panel-title-description-rule",
        check: |sheet| sheet.each_panel(words),
        breaks: |json| first_panel(json, "heatmap", |panel| panel["description"] = json!("")),
    },
    Rule {
        name: "panel-units-rule",
        check: |sheet| sheet.each_panel(units),
        breaks: |json| {
            first_panel(json, "timeseries", |panel| {
                panel["fieldConfig"]["defaults"]["unit"] = json!("secs")
            })
        },
    },
    Rule {
        name: "panel-no-targets-rule",
        check: |sheet| {
            sheet.each_panel(|panel| {
                objection(panel.targets().next().is_none(), "it asks for nothing")
            })
        },
        breaks: |json| first_panel(json, "table", |panel| panel["targets"] = json!([])),
    },
    Rule {
        name: "uneditable-dashboard",
        check: uneditable,
        breaks: |json| json["editable"] = json!(true),
    },
];

/// The panel and each of its queries ask the data source that is chosen at the top.
fn datasource(panel: PanelSheet<'_>) -> Vec<String> {
    let chosen = json!({ "type": "prometheus", "uid": "${datasource}" });
    let sources = [&panel.json["datasource"]]
        .into_iter()
        .chain(panel.targets().map(|target| &target["datasource"]));
    sources
        .filter(|source| **source != chosen)
        .map(|source| format!("it asks {source}, expected {chosen}"))
        .collect()
}

fn words(panel: PanelSheet<'_>) -> Vec<String> {
    let missing = |key| {
        objection(
            text(&panel.json[key]).is_empty(),
            format!("it has no {key}"),
        )
    };
    [missing("title"), missing("description")].concat()
}

/// Those of Grafana's unit ids that our dashboards need; another one is more likely a mistake than a new need.
const UNITS: [&str; 9] = [
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

fn units(panel: PanelSheet<'_>) -> Vec<String> {
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

fn uneditable(sheet: &Sheet<'_>) -> Vec<String> {
    objection(
        sheet.json["editable"] != false,
        "it can be edited, and the next release overwrites that",
    )
}
