//! Own rules on descriptions, legends, colors, links and annotations.

use serde_json::json;

use super::{
    Rule,
    json_view::{DashboardView, PanelView, change_first_panel, items, objection, text},
};
use crate::dashboards::{all, link::Job};

pub(super) const RULES: &[Rule] = &[
    Rule {
        name: "crosshair-is-shared",
        check: |view| objection(view.json["graphTooltip"] != 1, "graphTooltip is not 1"),
        breaks: |json| json["graphTooltip"] = json!(0),
    },
    Rule {
        name: "description-has-meaning-normal-and-otherwise",
        check: |view| view.each_panel(description_parts),
        breaks: |json| {
            change_first_panel(json, "stat", |panel| {
                panel["description"] = json!("How slow it is.")
            })
        },
    },
    Rule {
        name: "thresholds-have-a-runbook",
        check: |view| view.each_panel(runbook),
        breaks: |json| change_first_panel(json, "stat", |panel| panel["links"] = json!([])),
    },
    Rule {
        name: "legends-are-tables",
        check: |view| view.each_panel(legend),
        breaks: |json| {
            change_first_panel(json, "timeseries", |panel| {
                panel["options"]["legend"]["displayMode"] = json!("list")
            })
        },
    },
    Rule {
        name: "latency-has-exemplars",
        check: |view| view.each_panel(exemplars),
        breaks: |json| {
            change_first_panel(json, "heatmap", |panel| {
                panel["targets"][0]["exemplar"] = json!(false)
            })
        },
    },
    Rule {
        name: "status-classes-have-fixed-colors",
        check: |view| view.each_panel(colors),
        breaks: |json| {
            change_first_panel(json, "timeseries", |panel| {
                panel["fieldConfig"]["overrides"] = json!([])
            })
        },
    },
    Rule {
        name: "client-and-server-errors-are-apart",
        check: |view| {
            view.each_query(|query| {
                objection(
                    query.contains("[45]..") || query.contains("4..|5.."),
                    "it counts 4xx and 5xx together",
                )
            })
        },
        breaks: |json| {
            change_first_panel(json, "stat", |panel| {
                panel["targets"][0]["expr"] =
                    json!("sum(rate(x{http_response_status_code=~\"[45]..\"}[$__rate_interval]))");
            })
        },
    },
    Rule {
        name: "links-keep-time-and-choice",
        check: links,
        breaks: |json| json["links"][0]["includeVars"] = json!(false),
    },
    Rule {
        name: "starts-and-alerts-are-annotated",
        check: annotations,
        breaks: |json| json["annotations"]["list"] = json!([]),
    },
];

fn description_parts(panel: PanelView<'_>) -> Vec<String> {
    let description = text(&panel.json["description"]);
    let parts: Vec<&str> = description.split("\n\n").collect();
    let has_part = |index: usize, start: &str| {
        parts.get(index).is_some_and(|part| {
            part.len() >= start.len() + 2
                && part.starts_with(start)
                && part.ends_with(['.', '?', ')'])
        })
    };
    let fine = has_part(0, "") && has_part(1, "**Normal:** ") && has_part(2, "**Otherwise:** ");
    objection(
        !fine,
        "its description does not have the three parts: meaning, Normal, Otherwise",
    )
}

/// A panel with thresholds has a link to a runbook.
///
/// The description repeats each link.
fn runbook(panel: PanelView<'_>) -> Vec<String> {
    let has_thresholds = panel
        .thresholds()
        .any(|thresholds| items(&thresholds["steps"]).count() > 1);
    let mut objections = objection(
        has_thresholds && panel.runbooks().is_empty() && !panel.counts_alerts(),
        "it has thresholds and no link to a runbook",
    );
    let description = text(&panel.json["description"]);
    objections.extend(
        items(&panel.json["links"])
            .map(|link| text(&link["url"]))
            .filter(|url| !description.contains(url))
            .map(|url| format!("its description does not name {url}")),
    );
    objections
}

fn legend(panel: PanelView<'_>) -> Vec<String> {
    let legend = &panel.json["options"]["legend"];
    let expected = [
        ("calcs", json!(["lastNotNull", "max", "mean"])),
        ("displayMode", json!("table")),
        ("showLegend", json!(true)),
        ("sortBy", json!("Max")),
        ("sortDesc", json!(true)),
    ];
    let wrong = expected
        .into_iter()
        .filter(|(key, value)| panel.kind() == "timeseries" && legend[key] != *value);
    wrong
        .map(|(key, value)| format!("its legend's {key} is {}, expected {value}", legend[key]))
        .collect()
}

fn exemplars(panel: PanelView<'_>) -> Vec<String> {
    let over_time = ["timeseries", "heatmap"].contains(&panel.kind());
    // A share of samples, which names a bucket, is no latency.
    let is_latency = |query: &str| query.contains("_seconds_bucket") && !query.contains(",le=");
    let latency = panel
        .targets()
        .filter(|target| is_latency(text(&target["expr"])));
    latency
        .filter(|target| over_time && target["exemplar"] != true)
        .map(|target| format!("no exemplars for {}", text(&target["expr"])))
        .collect()
}

/// Series of status classes are green, blue, orange and red.
fn colors(panel: PanelView<'_>) -> Vec<String> {
    let classes = [
        ("2xx", "green"),
        ("3xx", "blue"),
        ("4xx", "orange"),
        ("5xx", "red"),
    ];
    let shown = |name: &str| {
        let mut legends = panel.targets().map(|target| text(&target["legendFormat"]));
        legends.any(|legend| legend.split(' ').next_back() == Some(name))
    };
    let fixed = |name: &str, color: &str| {
        items(&panel.json["fieldConfig"]["overrides"]).any(|entry| {
            let options = text(&entry["matcher"]["options"]);
            (options == name || options == format!("/ {name}$/"))
                && items(&entry["properties"])
                    .any(|property| property["value"]["fixedColor"] == color)
        })
    };
    classes
        .into_iter()
        .filter(|(name, color)| panel.kind() == "timeseries" && shown(name) && !fixed(name, color))
        .map(|(name, color)| format!("{name} is not always {color}"))
        .collect()
}

/// Links keep the time range and the variables, and lead to existing dashboards.
fn links(view: &DashboardView<'_>) -> Vec<String> {
    let menu = items(&view.json["links"]).find(|link| link["type"] == "dashboards");
    let keeps = menu.is_some_and(|link| {
        link["includeVars"] == true && link["keepTime"] == true && link["tags"] == view.json["tags"]
    });
    let mut objections = objection(
        !keeps,
        "there is no menu of dashboards that keeps time and variables",
    );
    let uids: Vec<String> = all().iter().map(|dashboard| dashboard.uid()).collect();
    objections.extend(view.each_panel(|panel| {
        let mut objections = Vec::new();
        for url in items(&panel.defaults()["links"]).map(|link| text(&link["url"])) {
            let uid = url
                .trim_start_matches("/d/")
                .split('?')
                .next()
                .unwrap_or_default();
            objections.extend(objection(
                !uids.iter().any(|known| known == uid),
                format!("no dashboard {uid:?}"),
            ));
            let jobs = [Job::Selected, Job::OfRow].map(Job::parameter);
            objections.extend(objection(
                !jobs.iter().any(|job| url.contains(job)),
                format!("{url} names no service"),
            ));
            for part in [
                "${__url_time_range}",
                "${datasource:queryparam}",
                "${cluster:queryparam}",
                "${namespace:queryparam}",
                "${instance:queryparam}",
            ] {
                objections.extend(objection(
                    !url.contains(part),
                    format!("{url} loses {part}"),
                ));
            }
        }
        objections
    }));
    objections
}

fn annotations(view: &DashboardView<'_>) -> Vec<String> {
    let queries: Vec<&str> = items(&view.json["annotations"]["list"])
        .map(|annotation| text(&annotation["expr"]))
        .collect();
    let has = |parts: &[&str]| {
        queries
            .iter()
            .any(|query| parts.iter().all(|part| query.contains(part)))
    };
    let mut objections = objection(
        !has(&["process_start_time_seconds", "build_info"]),
        "starts are not annotated",
    );
    objections.extend(objection(
        !has(&["ALERTS", "firing"]),
        "firing alerts are not annotated",
    ));
    objections
}
