//! Own rules on thresholds.
//!
//! A panel turns red at the value at which its alert fires. The value is a ratio of a limit that
//! each service declares, apart from the exceptions listed below.

use promql_parser::parser::{BinaryExpr, Expr, VectorSelector};
use serde_json::{Value, json};

use super::{
    Rule,
    json_view::{PanelView, change_first_panel, items, replace_first_query, text},
};
use crate::{
    alerts, expr,
    limits::{
        ABOVE_ZERO, AT_LEAST_ONE, BUDGET_LEFT, HERD_RUNS, IDLE_IN_TRANSACTION_SECONDS,
        N_PLUS_ONE_REQUESTS, REPLICATION_LAG_BYTES,
    },
};

pub(super) const RULES: &[Rule] = &[
    Rule {
        name: "thresholds-match-alerts",
        check: |view| view.each_panel(thresholds),
        breaks: |json| {
            change_first_panel(json, "stat", |panel| {
                panel["fieldConfig"]["defaults"]["thresholds"]["steps"][1]["value"] = json!(0.8765);
            });
        },
    },
    Rule {
        name: "thresholds-are-relative",
        check: |view| view.each_panel(constants),
        breaks: |json| {
            change_first_panel(json, "stat", |panel| {
                panel["targets"][0]["expr"] =
                    json!("max(process_resident_memory_bytes / 1073741824)");
                panel["fieldConfig"]["defaults"]["thresholds"]["steps"] =
                    json!([{ "value": null }, { "value": 0.9 }]);
            });
        },
    },
    Rule {
        name: "buckets-are-not-constant",
        check: |view| view.each_tree(buckets),
        breaks: |json| {
            replace_first_query(
                json,
                "sum by (cluster, namespace, job) (rate(http_server_request_duration_seconds_bucket{le=\"0.25\"}[5m]))",
            )
        },
    },
];

/// Queries name no bucket of the catalog's metrics.
///
/// Each service declares its own objective. A metric of a service has one objective, in its declaration.
fn buckets(tree: &Expr) -> Vec<String> {
    let selectors = expr::selectors(tree).into_iter();
    let named = |selector: &&VectorSelector| {
        let name = selector.name.as_deref();
        let is_ours = name.is_some_and(|name| expr::metric(name).is_some());
        let mut matchers = selector.matchers.matchers.iter();
        is_ours && matchers.any(|matcher| matcher.name == "le")
    };
    selectors
        .filter(named)
        .map(|selector| format!("{selector} uses the same bucket for all services"))
        .collect()
}

/// The thresholds of a panel are limits of the alerts whose runbooks it links to.
fn thresholds(panel: PanelView<'_>) -> Vec<String> {
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
        .map(|value| format!("{value} is not a limit of {names:?}, which fire at {known:?}"))
        .collect()
}

/// Limits that a service or a server exports, or that rules record per service.
const EXPORTED_LIMITS: [&str; 8] = [
    "db_client_connection_limit",
    "worker_queue_latency_budget_seconds",
    "data_staleness_budget_seconds",
    "cgroup_memory_limit_bytes",
    "process_max_fds",
    "pg_settings_max_connections",
    "slo:availability:objective_ratio",
    "slo:latency:objective_",
];

/// A recorded series that is already a ratio of an objective.
const OF_AN_OBJECTIVE: &str = "error_budget_remaining_ratio";

/// Thresholds that need no limit: above zero, below one, and no budget left.
const ABSOLUTE: [f64; 3] = [ABOVE_ZERO, AT_LEAST_ONE, BUDGET_LEFT];

/// Other limits of alerts that are the same for all services, with the reason.
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
        "a limit of the server, which has no objective: vacuum tolerates such a transaction",
    ),
    (
        REPLICATION_LAG_BYTES,
        "a limit of the server, which has no objective: 16 segments of its WAL",
    ),
];

/// The value of a threshold is meaningful for all services.
///
/// A threshold applies to a ratio of one of the [`EXPORTED_LIMITS`] or [`OF_AN_OBJECTIVE`], or it
/// is listed in [`ABSOLUTE`] or in [`CONSTANTS`].
fn constants(panel: PanelView<'_>) -> Vec<String> {
    let mut objections = Vec::new();
    for target in panel.targets() {
        let query = text(&target["expr"]);
        let Ok(tree) = expr::parse(query) else {
            continue;
        };
        let is_ratio = is_ratio(&tree) || query.contains(OF_AN_OBJECTIVE);
        let values = panel
            .steps(text(&target["legendFormat"]))
            .filter_map(|step: &Value| step["value"].as_f64());
        let wrong = values.filter(|value| {
            let listed = CONSTANTS.iter().any(|(constant, _)| constant == value);
            !is_ratio && !ABSOLUTE.contains(value) && !listed
        });
        objections.extend(wrong.map(|value| {
            format!("{value} is the same for every service, and not a ratio of a limit: {query}")
        }));
    }
    objections
}

/// Whether the query divides by an exported limit.
fn is_ratio(tree: &Expr) -> bool {
    let mut found = false;
    expr::walk(tree, &mut |node, _| {
        if let Expr::Binary(BinaryExpr { rhs, op, .. }) = node {
            let selectors = expr::selectors(rhs).into_iter();
            let mut names = selectors.filter_map(|selector| selector.name.as_deref());
            let is_limit = |name: &str| EXPORTED_LIMITS.iter().any(|start| name.starts_with(start));
            found |= op.to_string() == "/" && names.any(is_limit);
        }
    });
    found
}

#[cfg(test)]
mod tests {
    use super::{CONSTANTS, EXPORTED_LIMITS, constants, is_ratio};
    use crate::{
        dashboards::{all, dashboard_lint::json_view::DashboardView},
        expr,
    };

    fn ratio(query: &str) -> Option<bool> {
        expr::parse(query).ok().map(|tree| is_ratio(&tree))
    }

    #[test]
    fn ratios_divide_by_an_exported_limit() {
        assert_eq!(
            ratio("max(process_resident_memory_bytes / cgroup_memory_limit_bytes)"),
            Some(true)
        );
        assert_eq!(ratio("max(process_resident_memory_bytes / 2)"), Some(false));
        assert_eq!(ratio("cgroup_memory_limit_bytes"), Some(false));
        assert_eq!(ratio("cgroup_memory_limit_bytes / 2"), Some(false));
    }

    #[test]
    fn every_limit_and_constant_is_used() {
        let boards: Vec<_> = all().iter().map(|board| board.json()).collect();
        let text = serde_json::Value::from(boards.clone()).to_string();
        for limit in EXPORTED_LIMITS {
            assert!(text.contains(limit), "{limit}");
        }
        for (constant, reason) in CONSTANTS {
            let step = format!("\"value\":{constant}");
            assert!(text.contains(&step), "{constant}: {reason}");
        }
    }

    #[test]
    fn absolute_seconds_are_rejected() {
        let mut board = all()[0].json();
        let panel = &mut board["panels"][1];
        panel["type"] = "timeseries".into();
        panel["targets"] = serde_json::json!([{ "expr": "max(tokio_scheduler_stalled_seconds)" }]);
        panel["fieldConfig"] = serde_json::json!({
            "defaults": { "thresholds": { "steps": [{ "value": null }, { "value": 0.1 }] } }
        });
        let view = DashboardView::new(&board);
        let found: Vec<_> = view.panels().into_iter().map(constants).collect();
        assert_eq!(found.first().map(Vec::len), Some(1));
    }
}
