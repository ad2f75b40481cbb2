//! The limits at which alerts fire, read from the expressions of their rules.
//!
//! The dashboard linter compares them with the thresholds of panels, so that a panel turns red exactly when its alert fires.

use promql_parser::parser::{BinaryExpr, Expr};

use super::alerts;
use crate::{expr, limits};

/// The recorded objectives of a service for the ratio of good requests.
const OBJECTIVE_RATIOS: [&str; 2] = [
    "slo:availability:objective_ratio",
    "slo:latency:objective_ratio",
];
/// The recorded latency objective of a service.
const OBJECTIVE_SECONDS: &str = "slo:latency:objective_seconds";

/// The thresholds that a panel with a link to this alert's runbook may have.
pub(crate) fn limits(alert: &str) -> anyhow::Result<Vec<f64>> {
    let mut limits = Vec::new();
    for alert in alerts().iter().filter(|other| other.name == alert) {
        let tree = expr::parse(&alert.expr)?;
        expr::walk(&tree, &mut |node, _| {
            if let Expr::Binary(binary) = node {
                limits.extend(comparison_limits(binary));
            }
        });
        limits.extend(objective_limits(&tree));
    }
    limits.sort_by(f64::total_cmp);
    limits.dedup();
    Ok(limits)
}

/// The limits of a comparison, or none for any other operator.
fn comparison_limits(binary: &BinaryExpr) -> Vec<f64> {
    let mut limits = Vec::new();
    match (&*binary.op.to_string(), value(&binary.rhs)) {
        // A panel turns red at its threshold, so the threshold is just above zero. It is not 1, because a rate is divided by its
        // window, so a single event gives far less than 1.
        (">", Some(0.0)) => limits.push(limits::ABOVE_ZERO),
        // The alert fires at 0, such as for 0 instances that are up, so the panel requires at least 1.
        ("==", Some(0.0)) => limits.push(limits::AT_LEAST_ONE),
        // `unless x < limit` suppresses the alert below the limit, so the alert fires from the limit on.
        (">" | ">=" | "<", Some(value)) => limits.push(value),
        // The limit is not constant. If it is a metric, which the service exports or a rule
        // records, the panel shows the used fraction of this limit, so the panel's threshold is 1.
        (">", None) => limits.push(limits::FULLY_USED),
        // The limit is a fraction of the latency objective. The lines below add the fraction.
        ("<", None) => {}
        _ => return limits,
    }
    // The factor before an objective is a burn rate, or the fraction of the latency objective that
    // a wait for a connection or a thread may take.
    let has_objective = selects(&binary.rhs, |name| {
        OBJECTIVE_RATIOS.contains(&name) || name == OBJECTIVE_SECONDS
    });
    if has_objective && let Some(factor) = factor(&binary.rhs) {
        limits.push(factor);
    }
    limits
}

/// The limits of objectives and of staleness budgets.
///
/// A panel shows how much of an error budget is left, or how much of a staleness budget is used.
fn objective_limits(tree: &Expr) -> Vec<f64> {
    let mut limits = Vec::new();
    if selects(tree, |name| OBJECTIVE_RATIOS.contains(&name)) {
        limits.push(limits::BUDGET_LEFT);
    }
    if selects(tree, |name| {
        name == "data:served_age_within_budget:count15m"
    }) {
        limits.push(limits::FULLY_USED);
    }
    limits
}

/// Whether a selector in the expression has a metric name that `matches`.
fn selects(tree: &Expr, matches: impl Fn(&str) -> bool) -> bool {
    let mut selectors = expr::selectors(tree).into_iter();
    selectors.any(|selector| selector.name.as_deref().is_some_and(&matches))
}

/// The constant factor on the left of a product.
fn factor(expr: &Expr) -> Option<f64> {
    match expr {
        Expr::Binary(binary) if binary.op.to_string() == "*" => value(&binary.lhs),
        _ => None,
    }
}

/// The value of a constant expression.
fn value(expr: &Expr) -> Option<f64> {
    match expr {
        Expr::NumberLiteral(number) => Some(number.val),
        Expr::Paren(paren) => value(&paren.expr),
        Expr::Binary(binary) => {
            let (left, right) = (value(&binary.lhs)?, value(&binary.rhs)?);
            match &*binary.op.to_string() {
                "*" => Some(left * right),
                "-" => Some(left - right),
                _ => None,
            }
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::limits;
    use crate::limits::{
        ABOVE_ZERO, AT_LEAST_ONE, AVAILABILITY, BUDGET_LEFT, FULLY_USED, LATENCY_SECONDS,
        POOL_RATIO, WAIT_RATIO,
    };

    fn has(alert: &str, limit: f64) -> bool {
        limits(alert).is_ok_and(|limits| limits.contains(&limit))
    }

    #[test]
    fn comparisons_have_limits() {
        assert!(has("DatabasePoolExhausted", POOL_RATIO));
        assert!(has("DatabasePoolExhausted", WAIT_RATIO));
        assert!(has("DatabasePoolTimeouts", ABOVE_ZERO));
        assert!(has("ServiceDown", AT_LEAST_ONE));
        assert!(!has("DatabasePoolTimeouts", POOL_RATIO));
    }

    #[test]
    fn exported_limits_are_shown_as_1() {
        assert!(has("WorkerQueueStalled", FULLY_USED));
        assert!(has("DataStalerThanBudget", FULLY_USED));
        assert!(!has("WorkerDeadLetters", FULLY_USED));
    }

    #[test]
    fn objectives_are_replaced_by_burn_rates() {
        for limit in [14.4, BUDGET_LEFT] {
            assert!(has("HttpAvailabilityBudgetBurn", limit), "{limit}");
        }
        assert!(!has("HttpAvailabilityBudgetBurn", AVAILABILITY));
        assert!(!has("HttpLatencyBudgetBurn", LATENCY_SECONDS));
    }
}
