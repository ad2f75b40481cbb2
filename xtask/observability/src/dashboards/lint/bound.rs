//! Our rules on where a panel turns red: where an alert fires, and by a measure that is each service's own.

use promql_parser::parser::{BinaryExpr, Expr, VectorSelector};
use serde_json::{Value, json};

use super::{
    Rule,
    sheet::{PanelSheet, first_panel, first_query, items, text},
};
use crate::{
    alerts, expr,
    limits::{
        ANY, BUDGET_LEFT, HERD_RUNS, IDLE_IN_TRANSACTION_SECONDS, INSTANCES, N_PLUS_ONE_REQUESTS,
        REPLICATION_LAG_BYTES,
    },
};

pub(super) const RULES: &[Rule] = &[
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
        name: "thresholds-are-each-services-own",
        check: |sheet| sheet.each_panel(constants),
        breaks: |json| {
            first_panel(json, "stat", |panel| {
                panel["targets"][0]["expr"] =
                    json!("max(process_resident_memory_bytes / 1073741824)");
                panel["fieldConfig"]["defaults"]["thresholds"]["steps"] =
                    json!([{ "value": null }, { "value": 0.9 }]);
            });
        },
    },
    Rule {
        name: "no-bucket-is-a-constant",
        check: |sheet| sheet.each_tree(buckets),
        breaks: |json| {
            first_query(
                json,
                "sum by (cluster, namespace, job) (rate(http_server_request_duration_seconds_bucket{le=\"0.25\"}[5m]))",
            )
        },
    },
];

/// What is fast enough is the bucket that each service has declared, and none that a query names.
fn buckets(tree: &Expr) -> Vec<String> {
    let selectors = expr::selectors(tree).into_iter();
    let named = |selector: &&VectorSelector| {
        let mut matchers = selector.matchers.matchers.iter();
        matchers.any(|matcher| matcher.name == "le")
    };
    selectors
        .filter(named)
        .map(|selector| format!("{selector} is one bucket for all services"))
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
    let names = panel.runbooks();
    let known: Vec<f64> = names
        .iter()
        .flat_map(|name| alerts::limits(name).unwrap_or_default())
        .collect();
    values
        .filter(|value| !known.contains(value))
        .map(|value| format!("{value} is no limit of {names:?}, which fire at {known:?}"))
        .collect()
}

/// How much of it there may be, as a service or a server says itself, or as the rules record it for each service.
const MEASURES: [&str; 8] = [
    "db_client_connection_limit",
    "worker_queue_latency_budget_seconds",
    "data_staleness_budget_seconds",
    "cgroup_memory_limit_bytes",
    "process_max_fds",
    "pg_settings_max_connections",
    "slo:availability:objective_ratio",
    "slo:latency:objective_",
];

/// What the rules record as a part of an objective already.
const OF_AN_OBJECTIVE: &str = "error_budget_remaining_ratio";

/// None, or any at all: that is the same for every service.
const BOUNDS: [f64; 3] = [ANY, INSTANCES, BUDGET_LEFT];

/// Where the alert's own limit is the same for all, and why.
const CONSTANTS: [(f64, &str); 4] = [
    (
        N_PLUS_ONE_REQUESTS,
        "a number of requests that repeat one statement, whatever they are",
    ),
    (
        HERD_RUNS,
        "a number of runs at one moment, which is a herd anywhere",
    ),
    (
        IDLE_IN_TRANSACTION_SECONDS,
        "the server's, which has no objective: what a vacuum bears",
    ),
    (
        REPLICATION_LAG_BYTES,
        "the server's, which has no objective: sixteen segments of its log",
    ),
];

/// A threshold is one number for all services. So it is none or any, a part of what the service itself declares, or in the list.
fn constants(panel: PanelSheet<'_>) -> Vec<String> {
    let mut objections = Vec::new();
    for target in panel.targets() {
        let query = text(&target["expr"]);
        let Ok(tree) = expr::parse(query) else {
            continue;
        };
        let is_part = is_part(&tree) || query.contains(OF_AN_OBJECTIVE);
        let values = panel
            .steps(text(&target["legendFormat"]))
            .filter_map(|step: &Value| step["value"].as_f64());
        let wrong = values.filter(|value| {
            let listed = CONSTANTS.iter().any(|(constant, _)| constant == value);
            // In a part, 1 is all of it.
            !is_part && !BOUNDS.contains(value) && !listed
        });
        objections.extend(wrong.map(|value| {
            format!(
                "{value} is the same for every service, and no part of what one declares: {query}"
            )
        }));
    }
    objections
}

/// Whether something is divided by what is declared.
fn is_part(tree: &Expr) -> bool {
    let mut found = false;
    expr::walk(tree, &mut |node, _| {
        if let Expr::Binary(BinaryExpr { rhs, op, .. }) = node {
            let selectors = expr::selectors(rhs).into_iter();
            let mut names = selectors.filter_map(|selector| selector.name.as_deref());
            let declared = |name: &str| MEASURES.iter().any(|start| name.starts_with(start));
            found |= op.to_string() == "/" && names.any(declared);
        }
    });
    found
}

#[cfg(test)]
mod tests {
    use super::{CONSTANTS, MEASURES, constants, is_part};
    use crate::{
        dashboards::{all, lint::sheet::Sheet},
        expr,
    };

    fn part(query: &str) -> Option<bool> {
        expr::parse(query).ok().map(|tree| is_part(&tree))
    }

    #[test]
    fn a_part_is_divided_by_what_is_declared() {
        assert_eq!(
            part("max(process_resident_memory_bytes / cgroup_memory_limit_bytes)"),
            Some(true)
        );
        assert_eq!(part("max(process_resident_memory_bytes / 2)"), Some(false));
        assert_eq!(part("cgroup_memory_limit_bytes"), Some(false));
        assert_eq!(part("cgroup_memory_limit_bytes / 2"), Some(false));
    }

    #[test]
    fn every_measure_and_constant_is_used() {
        let boards: Vec<_> = all().iter().map(|board| board.json()).collect();
        let text = serde_json::Value::from(boards.clone()).to_string();
        for measure in MEASURES {
            assert!(text.contains(measure), "{measure}");
        }
        for (constant, reason) in CONSTANTS {
            let step = format!("\"value\":{constant}");
            assert!(text.contains(&step), "{constant}: {reason}");
        }
    }

    #[test]
    fn seconds_of_one_pool_are_no_threshold() {
        let mut board = all()[0].json();
        let panel = &mut board["panels"][1];
        panel["type"] = "timeseries".into();
        panel["targets"] = serde_json::json!([{ "expr": "max(tokio_scheduler_stalled_seconds)" }]);
        panel["fieldConfig"] = serde_json::json!({
            "defaults": { "thresholds": { "steps": [{ "value": null }, { "value": 0.1 }] } }
        });
        let sheet = Sheet::new(&board);
        let found: Vec<_> = sheet.panels().into_iter().map(constants).collect();
        assert_eq!(found.first().map(Vec::len), Some(1));
    }
}
