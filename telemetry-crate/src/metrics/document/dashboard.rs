//! The dashboard of the declared metrics, in Grafana's classic JSON.
//!
//! Grafana 10 to 13 load it. As in [`panel`](super::panel), keys are sorted.

use serde_json::{Value, json};

use super::{
    panel::{COLUMNS, HEIGHT, Panel, datasource},
    panels::panels,
    query::{SERVICE, selected},
};
use crate::{
    catalog::{self, Kind},
    declared::DeclaredMetric,
};

/// The tag of firstlight's dashboards, by which their menu finds this one.
const TAG: &str = "firstlight";

/// The longest uid that Grafana accepts.
const UID_LENGTH: usize = 40;

/// The dashboard of a service.
pub(super) fn dashboard(service: &str, metrics: &[DeclaredMetric]) -> Value {
    json!({
        "annotations": { "list": annotations() },
        "description": "What does the service itself count and measure?",
        "editable": false,
        "fiscalYearStartMonth": 0,
        "graphTooltip": 1,
        "links": [{
            "asDropdown": true,
            "icon": "external link",
            "includeVars": true,
            "keepTime": true,
            "tags": [TAG],
            "targetBlank": false,
            "title": "Dashboards",
            "tooltip": "The same service and the same time in another dashboard",
            "type": "dashboards",
            "url": "",
        }],
        "panels": rows(metrics),
        "refresh": "30s",
        "schemaVersion": 41,
        "tags": [TAG],
        "templating": { "list": variables(metrics) },
        "time": { "from": "now-1h", "to": "now" },
        "timepicker": {},
        "timezone": "browser",
        "title": format!("Metrics of {service}"),
        "uid": uid(service),
        "weekStart": "",
    })
}

/// The uid of a service's dashboard: its name, as Kubernetes spells it.
///
/// A longer name is cut and ends in its hash, so that two services with the same beginning have two dashboards. The
/// template computes the same in `hooks/dashboards.rhai`.
fn uid(service: &str) -> String {
    let name = service.replace('_', "-");
    if name.chars().count() <= UID_LENGTH {
        return name;
    }
    // FNV-1a, which stays the same in every version.
    let hash = name.bytes().fold(0x811c_9dc5_u32, |hash, byte| {
        (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193)
    });
    let hash = format!("-{hash:08x}");
    let start = name.chars().take(UID_LENGTH - hash.len());
    start.chain(hash.chars()).collect()
}

/// The panels below a heading for each kind of metric.
fn rows(metrics: &[DeclaredMetric]) -> Vec<Value> {
    let mut shown = Vec::new();
    let mut y = 0;
    for (heading, kind, per_line) in [
        ("Counters", Kind::Counter, 2),
        ("Gauges", Kind::Gauge, 2),
        ("Histograms", Kind::Histogram, 1),
    ] {
        let of_kind = metrics.iter().filter(|metric| metric.kind == kind);
        let of_kind: Vec<_> = of_kind.map(panels).collect();
        if of_kind.is_empty() {
            continue;
        }
        shown.push(json!({
            "collapsed": false,
            "gridPos": { "h": 1, "w": COLUMNS, "x": 0, "y": y },
            "id": shown.len() + 1,
            "panels": [],
            "title": heading,
            "type": "row",
        }));
        y += 1;
        for line in of_kind.chunks(per_line) {
            let line: Vec<&Panel> = line.iter().flatten().collect();
            let edge = |index: usize| index * COLUMNS / line.len().max(1);
            for (index, panel) in line.iter().enumerate() {
                let (left, right) = (edge(index), edge(index + 1));
                let position = json!({ "h": HEIGHT, "w": right - left, "x": left, "y": y });
                shown.push(panel.json(shown.len() + 1, &position));
            }
            y += HEIGHT;
        }
    }
    shown
}

/// The variables: data source, labels of the service, instance.
fn variables(metrics: &[DeclaredMetric]) -> Vec<Value> {
    let mut variables = vec![json!({
        "current": { "selected": false, "text": "default", "value": "default" },
        "hide": 0,
        "includeAll": false,
        "label": "Data Source",
        "multi": false,
        "name": "datasource",
        "options": [],
        "query": "prometheus",
        "refresh": 1,
        "regex": "",
        "skipUrlSync": false,
        "type": "datasource",
    })];
    // All series of the metrics, so that a service is offered that has any of them.
    let series = metrics.iter().map(|metric| match metric.kind {
        Kind::Histogram => format!("{}_count", metric.name),
        _ => metric.name.to_owned(),
    });
    let series: Vec<_> = series.collect();
    let mut matchers = format!("__name__=~\"{}\"", series.join("|"));
    for (name, title) in SERVICE.iter().zip(["Cluster", "Namespace", "Job"]) {
        // Targets may have no cluster and no namespace.
        let all = if *name == "job" { ".+" } else { ".*" };
        variables.push(variable(name, title, all, &matchers));
        matchers += &format!(",{name}=~\"${name}\"");
    }
    variables.push(variable("instance", "Instance", ".+", &matchers));
    variables
}

fn variable(name: &str, title: &str, all: &str, matchers: &str) -> Value {
    json!({
        "allValue": all,
        "current": { "selected": true, "text": ["All"], "value": ["$__all"] },
        "datasource": datasource(),
        "hide": 0,
        "includeAll": true,
        "label": title,
        "multi": true,
        "name": name,
        "options": [],
        "query": format!("label_values({{{matchers}}}, {name})"),
        "refresh": 2,
        "regex": "",
        "skipUrlSync": false,
        "sort": 1,
        "type": "query",
    })
}

/// Vertical lines: starts of processes with their version, and firing alerts.
fn annotations() -> [Value; 2] {
    let start = selected(catalog::PROCESS_START_TIME.name);
    let build = selected(catalog::BUILD_INFO.name);
    let on = SERVICE.join(", ");
    let alerts: Vec<_> = SERVICE
        .iter()
        .map(|it| format!("{it}=~\"${it}\""))
        .collect();
    [
        json!({
            "datasource": datasource(),
            "enable": true,
            "expr": format!("1000 * {start} * on ({on}, instance) group_left (version) {build}"),
            "hide": false,
            "iconColor": "blue",
            "name": "Starts",
            "tagKeys": "job,version",
            "textFormat": "{{instance}}, version {{version}}",
            "titleFormat": "{{job}} started",
            "useValueForTime": true,
        }),
        json!({
            "datasource": datasource(),
            "enable": true,
            "expr": format!("ALERTS{{alertstate=\"firing\",{}}}", alerts.join(",")),
            "hide": false,
            "iconColor": "red",
            "name": "Firing alerts",
            "tagKeys": "alertname,severity",
            "textFormat": "{{severity}}",
            "titleFormat": "{{alertname}}",
            "useValueForTime": false,
        }),
    ]
}
