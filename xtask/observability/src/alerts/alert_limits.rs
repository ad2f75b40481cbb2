//! The limits of alerts, read from their rules.
//!
//! The dashboard linter compares them with the thresholds of panels, so that a panel turns red exactly when its alert fires.

use promql_parser::parser::{BinaryExpr, Expr};

use super::alerts;
use crate::{expr, limits};

/// The recorded objectives of a service: ratios of good requests, and the latency.
const RATIOS: [&str; 2] = [
    "slo:availability:objective_ratio",
    "slo:latency:objective_ratio",
];
const SECONDS: &str = "slo:latency:objective_seconds";

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
        // Rates are divided by their window, so a single event is far below 1.
        (">", Some(0.0)) => limits.push(limits::ABOVE_ZERO),
        // The alert fires at 0 where at least one is required.
        ("==", Some(0.0)) => limits.push(limits::AT_LEAST_ONE),
        // `<` is used in conditions that suppress the alert.
        (">" | ">=" | "<", Some(value)) => limits.push(value),
        // The service exports the limit. The panel shows the used ratio, and 1 is the whole limit.
        (">", None) => limits.push(limits::FULLY_USED),
        ("<", None) => {}
        _ => return limits,
    }
    // A burn rate, or a ratio of the latency objective.
    let of_objective = selects(&binary.rhs, |name| {
        RATIOS.contains(&name) || name == SECONDS
    });
    if of_objective && let Some(factor) = factor(&binary.rhs) {
        limits.push(factor);
    }
    limits
}

/// The limits of objectives and of staleness budgets.
///
/// An objective is broken if nothing of its error budget is left, and data is stale at the whole of its budget.
fn objective_limits(tree: &Expr) -> Vec<f64> {
    let mut limits = Vec::new();
    if selects(tree, |name| RATIOS.contains(&name)) {
        limits.push(limits::BUDGET_LEFT);
    }
    if selects(tree, |name| {
        name == "data:served_age_within_budget:count15m"
    }) {
        limits.push(limits::FULLY_USED);
    }
    limits
}

fn selects(tree: &Expr, is: impl Fn(&str) -> bool) -> bool {
    let mut selectors = expr::selectors(tree).into_iter();
    selectors.any(|selector| selector.name.as_deref().is_some_and(&is))
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
        ABOVE_ZERO, AT_LEAST_ONE, AVAILABILITY, FULLY_USED, LATENCY_SECONDS, POOL_RATIO, WAIT_RATIO,
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
    fn exported_budgets_have_limit_1() {
        assert!(has("WorkerQueueStalled", FULLY_USED));
        assert!(has("DataStalerThanBudget", FULLY_USED));
        assert!(!has("WorkerDeadLetters", FULLY_USED));
    }

    #[test]
    fn objectives_have_burn_rates_as_limits() {
        for limit in [14.4, 0.0] {
            assert!(has("HttpAvailabilityBudgetBurn", limit), "{limit}");
        }
        assert!(!has("HttpAvailabilityBudgetBurn", AVAILABILITY));
        assert!(!has("HttpLatencyBudgetBurn", LATENCY_SECONDS));
    }
}
