//! The rules of Grafana's linter on queries.
//!
//! The rule on `cluster` and `namespace` is firstlight's own.

use promql_parser::{
    label::MatchOp,
    parser::{BinaryExpr, Expr, VectorSelector},
};
use serde_json::json;

use super::{
    Rule,
    json_view::{DashboardView, change_first_panel, objection, replace_first_query, text},
};
use crate::{expr, foreign};

pub(super) const RULES: &[Rule] = &[
    Rule {
        name: "target-logql-rule",
        check: |view| {
            logql(view, |query| {
                !query.contains('{') || query.matches('{').count() != query.matches('}').count()
            })
        },
        breaks: |json| loki(json, "rate(level=\"error\" [$__auto])"),
    },
    Rule {
        name: "target-logql-auto-rule",
        check: |view| {
            logql(view, |query| {
                query.contains('[') && !query.contains("[$__auto]")
            })
        },
        breaks: |json| loki(json, "rate({level=\"error\"} [5m])"),
    },
    Rule {
        name: "target-promql-rule",
        check: |view| {
            view.each_query(|query| {
                expr::parse(query)
                    .err()
                    .map(|error| error.to_string())
                    .into_iter()
                    .collect()
            })
        },
        breaks: |json| replace_first_query(json, "sum by (job (up)"),
    },
    Rule {
        name: "target-rate-interval-rule",
        check: |view| view.each_tree(rate_interval),
        breaks: |json| {
            replace_first_query(
                json,
                "rate(logging_events_total{job=~\"$job\",instance=~\"$instance\"}[5m])",
            )
        },
    },
    Rule {
        name: "target-cluster-and-namespace-rule",
        check: |view| {
            view.each_tree(|tree| [matched(tree, "cluster"), matched(tree, "namespace")].concat())
        },
        breaks: |json| replace_first_query(json, "up{job=~\"$job\",instance=~\"$instance\"}"),
    },
    Rule {
        name: "target-job-rule",
        check: |view| view.each_tree(|tree| matched(tree, "job")),
        breaks: |json| replace_first_query(json, "up{instance=~\"$instance\"}"),
    },
    Rule {
        name: "target-instance-rule",
        check: |view| view.each_tree(|tree| matched(tree, "instance")),
        breaks: |json| replace_first_query(json, "up{job=~\"$job\"}"),
    },
    Rule {
        name: "target-counter-agg-rule",
        check: |view| view.each_tree(counters),
        breaks: |json| {
            replace_first_query(
                json,
                "logging_events_total{job=~\"$job\",instance=~\"$instance\"}",
            )
        },
    },
];

/// Checks queries of Loki, which no dashboard has so far.
fn logql(view: &DashboardView<'_>, wrong: fn(&str) -> bool) -> Vec<String> {
    view.each_panel(|panel| {
        let of_loki = panel
            .targets()
            .filter(|target| target["datasource"]["type"] == "loki");
        of_loki
            .map(|target| text(&target["expr"]))
            .filter(|query| wrong(query))
            .map(str::to_owned)
            .collect()
    })
}

fn loki(dashboard: &mut serde_json::Value, query: &str) {
    change_first_panel(dashboard, "stat", |panel| {
        panel["targets"] =
            json!([{ "datasource": { "type": "loki", "uid": "${datasource}" }, "expr": query }]);
    });
}

/// Rates use Grafana's window, which always spans enough samples.
///
/// Other functions may also use the whole time range.
fn rate_interval(tree: &Expr) -> Vec<String> {
    let mut objections = Vec::new();
    expr::walk(tree, &mut |node, parents| {
        let (Expr::MatrixSelector(matrix), Some(Expr::Call(call))) = (node, parents.last()) else {
            return;
        };
        let window = format!("{}s", matrix.range.as_secs());
        let is = |name: &str| {
            expr::DURATIONS
                .iter()
                .any(|(known, value)| *known == name && *value == window)
        };
        let fine = match call.func.name {
            "rate" | "irate" => is("$__rate_interval"),
            // It looks for a series before the range, in several scrapes because one may fail.
            "last_over_time" if matrix.vs.offset.is_some() => true,
            _ => is("$__rate_interval") || is("$__range"),
        };
        objections.extend(objection(
            !fine,
            format!("{} has the window {window}", call.func.name),
        ));
    });
    objections
}

/// Every selector matches `label` with the variable of that name.
///
/// Recorded series have no `instance`, because rules aggregate over all instances.
fn matched(tree: &Expr, label: &str) -> Vec<String> {
    let fine = |selector: &VectorSelector| {
        let recorded = selector.name.as_deref().is_some_and(foreign::is_recorded);
        let first = selector
            .matchers
            .matchers
            .iter()
            .find(|matcher| matcher.name == label);
        match first {
            Some(matcher) => {
                matches!(matcher.op, MatchOp::Re(_)) && matcher.value == format!("${label}")
            }
            None => recorded && label == "instance",
        }
    };
    expr::selectors(tree)
        .into_iter()
        .filter(|selector| !fine(selector))
        .map(|selector| format!("{selector} does not match {label}=~\"${label}\""))
        .collect()
}

/// Counters are used with a rate or an increase, except in new series.
///
/// The value of a counter includes all events since the process started. It equals the events in
/// the window only if the series began in the window. Such series are
/// `max_over_time(counter[window]) unless last_over_time(counter[gap] offset window)`.
///
/// `counter unless counter offset window` is rejected. It looks at one moment before the window: if
/// the scrape at that moment failed, all series would appear to be new.
fn counters(tree: &Expr) -> Vec<String> {
    let mut objections = Vec::new();
    expr::walk(tree, &mut |node, parents| {
        let selector = match node {
            Expr::MatrixSelector(matrix) => &matrix.vs,
            Expr::VectorSelector(selector) => selector,
            _ => return,
        };
        objections.extend(objection(
            matches!(node, Expr::VectorSelector(_)) && selector.offset.is_some(),
            format!("{selector} selects a single moment, at which a scrape may have failed: use last_over_time"),
        ));
        let counter = selector.name.as_deref().is_some_and(|name| {
            name.ends_with("_total") || (expr::metric(name).is_some() && name.ends_with("_bucket"))
        });
        let fine = match parents {
            [.., Expr::Binary(binary), Expr::Call(_)] if selects_new_series(binary) => true,
            [.., Expr::Call(call)] => ["rate", "irate", "increase"].contains(&call.func.name),
            _ => false,
        };
        objections.extend(objection(
            counter && !fine,
            format!("{selector} is a counter and has no rate"),
        ));
    });
    objections
}

/// Whether the expression selects series that were absent before the window.
fn selects_new_series(binary: &BinaryExpr) -> bool {
    let over_time = |side: &Expr, function| match side {
        Expr::Call(call) if call.func.name == function => {
            match call.args.args.first().map(|arg| &**arg) {
                Some(Expr::MatrixSelector(matrix)) => Some(matrix.vs.clone()),
                _ => None,
            }
        }
        _ => None,
    };
    let now = over_time(&binary.lhs, "max_over_time");
    let before = over_time(&binary.rhs, "last_over_time");
    let (Some(now), Some(before)) = (now, before) else {
        return false;
    };
    let same = now.name == before.name && now.matchers == before.matchers;
    same && binary.op.to_string() == "unless" && now.offset.is_none() && before.offset.is_some()
}

#[cfg(test)]
mod tests {
    use super::counters;
    use crate::expr;

    fn objections(query: &str) -> Option<usize> {
        expr::parse(query).ok().map(|tree| counters(&tree).len())
    }

    #[test]
    fn values_of_new_counters_are_allowed() {
        let new = "max_over_time(cron_runs_total[1h]) unless last_over_time(cron_runs_total[15m] offset 1h)";
        for (query, expected) in [
            ("sum(cron_runs_total)", 1),
            (new, 0),
            // All series would appear to be new if a scrape failed an hour ago.
            ("cron_runs_total unless cron_runs_total offset 1h", 3),
            (
                "max_over_time(cron_runs_total[1h]) unless last_over_time(worker_tasks_total[15m] offset 1h)",
                2,
            ),
            ("max_over_time(cron_runs_total[1h])", 1),
            ("build_info unless build_info offset 1h", 1),
            ("rate(cron_runs_total[5m] offset 1w)", 0),
        ] {
            assert_eq!(objections(query), Some(expected), "{query}");
        }
    }
}
