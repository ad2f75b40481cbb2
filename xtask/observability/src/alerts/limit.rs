//! The numbers that alerts fire at, read from their rules, so that a panel turns red where its alert fires and nowhere else.

use promql_parser::parser::{BinaryExpr, Expr};

use super::alerts;
use crate::{expr, limits};

/// What a service has promised: the part of its requests, and within how many seconds.
const RATIOS: [&str; 2] = [
    "slo:availability:objective_ratio",
    "slo:latency:objective_ratio",
];
const SECONDS: &str = "slo:latency:objective_seconds";

/// Every value that a panel which leads to this alert's runbook may turn red at.
pub(crate) fn limits(alert: &str) -> anyhow::Result<Vec<f64>> {
    let mut limits = Vec::new();
    for alert in alerts().iter().filter(|other| other.name == alert) {
        let tree = expr::parse(&alert.expr)?;
        expr::walk(&tree, &mut |node, _| {
            if let Expr::Binary(binary) = node {
                limits.extend(of(binary));
            }
        });
        limits.extend(promised(&tree));
    }
    limits.sort_by(f64::total_cmp);
    limits.dedup();
    Ok(limits)
}

/// Of a comparison; none of anything else.
fn of(binary: &BinaryExpr) -> Vec<f64> {
    let mut limits = Vec::new();
    match (&*binary.op.to_string(), value(&binary.rhs)) {
        // Rates are divided by their window, so that one event is far below 1.
        (">", Some(0.0)) => limits.push(limits::ANY),
        // There is none, where one has to be.
        ("==", Some(0.0)) => limits.push(limits::INSTANCES),
        // The last one excuses what is below it.
        (">" | ">=" | "<", Some(value)) => limits.push(value),
        // A limit that the service exports; the panel shows how much of it is used, and all of it is 1.
        (">", None) => limits.push(limits::WHOLE),
        ("<", None) => {}
        _ => return limits,
    }
    // How many times faster than allowed a budget burns, or which part of the promised seconds is too long.
    let of_objective = asks_for(&binary.rhs, |name| {
        RATIOS.contains(&name) || name == SECONDS
    });
    if of_objective && let Some(factor) = factor(&binary.rhs) {
        limits.push(factor);
    }
    limits
}

/// Of what a service promises: nothing left of its budget. Of what it declares for its data: all of the age that is allowed.
fn promised(tree: &Expr) -> Vec<f64> {
    let mut limits = Vec::new();
    if asks_for(tree, |name| RATIOS.contains(&name)) {
        limits.push(limits::BUDGET_LEFT);
    }
    if asks_for(tree, |name| {
        name == "data:served_age_within_budget:count15m"
    }) {
        limits.push(limits::WHOLE);
    }
    limits
}

fn asks_for(tree: &Expr, is: impl Fn(&str) -> bool) -> bool {
    let mut selectors = expr::selectors(tree).into_iter();
    selectors.any(|selector| selector.name.as_deref().is_some_and(&is))
}

/// The number in front of a product.
fn factor(expr: &Expr) -> Option<f64> {
    match expr {
        Expr::Binary(binary) if binary.op.to_string() == "*" => value(&binary.lhs),
        _ => None,
    }
}

/// The number that it is for every service, if there is one.
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
        ANY, AVAILABILITY, INSTANCES, LATENCY_SECONDS, POOL_PART, WAIT_PART, WHOLE,
    };

    fn has(alert: &str, limit: f64) -> bool {
        limits(alert).is_ok_and(|limits| limits.contains(&limit))
    }

    #[test]
    fn a_limit_is_what_the_rule_compares_with() {
        assert!(has("DatabasePoolExhausted", POOL_PART));
        assert!(has("DatabasePoolExhausted", WAIT_PART));
        assert!(has("DatabasePoolTimeouts", ANY));
        assert!(has("ServiceDown", INSTANCES));
        assert!(!has("DatabasePoolTimeouts", POOL_PART));
    }

    #[test]
    fn exported_budgets_are_used_up_at_1() {
        assert!(has("WorkerQueueStalled", WHOLE));
        assert!(has("DataStalerThanBudget", WHOLE));
        assert!(!has("WorkerDeadLetters", WHOLE));
    }

    #[test]
    fn objectives_break_at_a_burn_rate() {
        for limit in [14.4, 0.0] {
            assert!(has("HttpAvailabilityBudgetBurn", limit), "{limit}");
        }
        assert!(!has("HttpAvailabilityBudgetBurn", AVAILABILITY));
        assert!(!has("HttpLatencyBudgetBurn", LATENCY_SECONDS));
    }
}
