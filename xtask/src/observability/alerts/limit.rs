//! The numbers that alerts fire at, read from their rules, so that a panel turns red where its alert fires and nowhere else.

use promql_parser::parser::{BinaryExpr, Expr, VectorSelector};

use super::alerts;
use crate::observability::{expr, limits};

/// What every service has promised that has declared nothing else.
const OBJECTIVES: [(&str, f64); 2] = [
    ("slo:availability:objective_ratio", limits::AVAILABILITY),
    ("slo:latency:objective_ratio", limits::LATENCY),
];

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
        _ => return limits,
    }
    // How many times faster than allowed a budget burns.
    let of_objective = objectives(&binary.rhs).next().is_some();
    if of_objective && let Some(rate) = factor(&binary.rhs) {
        limits.push(rate);
    }
    limits
}

/// Of what a service promises: the promise, nothing left of its budget, and what is too slow. Of what it declares for its data:
/// all of the age that is allowed.
fn promised(tree: &Expr) -> Vec<f64> {
    let mut limits = Vec::new();
    for (name, objective) in objectives(tree) {
        limits.extend([objective, limits::BUDGET_LEFT]);
        if name.contains("latency") {
            limits.push(limits::LATENCY_SECONDS);
        }
    }
    let declared = |selector: &&VectorSelector| {
        let name = selector.name.as_deref();
        name == Some("data:served_age_within_budget:count15m")
    };
    if expr::selectors(tree).iter().any(declared) {
        limits.push(limits::WHOLE);
    }
    limits
}

fn objectives(tree: &Expr) -> impl Iterator<Item = (&'static str, f64)> {
    let selectors = expr::selectors(tree).into_iter();
    selectors.filter_map(|selector| {
        let name = selector.name.as_deref()?;
        OBJECTIVES.into_iter().find(|(other, _)| *other == name)
    })
}

/// The number in front of a product.
fn factor(expr: &Expr) -> Option<f64> {
    match expr {
        Expr::Binary(binary) if binary.op.to_string() == "*" => value(&binary.lhs),
        _ => None,
    }
}

/// What it is for a service that has declared nothing; nothing if that depends on the service.
fn value(expr: &Expr) -> Option<f64> {
    match expr {
        Expr::NumberLiteral(number) => Some(number.val),
        Expr::Paren(paren) => value(&paren.expr),
        Expr::VectorSelector(_) => objectives(expr).next().map(|(_, objective)| objective),
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
    use crate::observability::limits::{
        ANY, AVAILABILITY, INSTANCES, POOL_PART, POOL_WAIT_SECONDS, WHOLE,
    };

    fn has(alert: &str, limit: f64) -> bool {
        limits(alert).is_ok_and(|limits| limits.contains(&limit))
    }

    #[test]
    fn a_limit_is_what_the_rule_compares_with() {
        assert!(has("DatabasePoolExhausted", POOL_PART));
        assert!(has("DatabasePoolExhausted", POOL_WAIT_SECONDS));
        assert!(has("DatabasePoolTimeouts", ANY));
        assert!(has("ServiceDown", INSTANCES));
        assert!(!has("DatabasePoolTimeouts", POOL_PART));
    }

    #[test]
    fn what_the_service_exports_itself_is_used_up_at_1() {
        assert!(has("WorkerQueueStalled", WHOLE));
        assert!(has("DataStalerThanBudget", WHOLE));
        assert!(!has("WorkerDeadLetters", WHOLE));
    }

    #[test]
    fn objectives_break_at_a_burn_rate() {
        for limit in [14.4, AVAILABILITY, 0.0] {
            assert!(has("HttpAvailabilityBudgetBurn", limit), "{limit}");
        }
        assert!(!has("HttpAvailabilityBudgetBurn", 0.25));
    }
}
