//! What a rule asks.

use firstlight::metrics::catalog::Kind;
use promql_parser::{
    label::MatchOp,
    parser::{BinaryExpr, Expr, LabelModifier, VectorSelector},
};

use super::Rule;
use crate::{alerts::ALWAYS, expr, foreign, promql::SERVICE, things};

/// Functions that only make sense over a counter.
const OF_COUNTERS: [&str; 3] = ["rate", "irate", "increase"];
/// Those of others that count, and are not called `…_total`.
const FOREIGN_COUNTERS: [&str; 1] = ["pg_stat_database_deadlocks"];

/// The parser checks types as well; promtool's own word comes later.
pub(super) fn does_not_parse(rule: &Rule) -> Option<String> {
    expr::parse(&rule.expr).err().map(|error| error.to_string())
}

pub(super) fn compares_nothing(rule: &Rule) -> Option<String> {
    let alert = rule.alert.as_ref().filter(|name| *name != ALWAYS)?;
    let mut compares = false;
    each(rule, |expr| {
        if let Expr::Binary(BinaryExpr { op, .. }) = expr {
            compares |= op.is_comparison_operator() || op.to_string() == "unless";
        }
        None
    });
    (!compares)
        .then(|| format!("{alert} fires as long as there are series: compare them with a limit"))
}

pub(super) fn unknown_metric(rule: &Rule) -> Option<String> {
    let tree = expr::parse(&rule.expr).ok()?;
    let mut names = expr::selectors(&tree)
        .into_iter()
        .filter_map(|selector| selector.name.as_ref());
    let unknown = names.find(|name| !is_known(name))?;
    Some(format!(
        "{unknown} is neither in the catalogue nor among the metrics of others"
    ))
}

fn is_known(name: &str) -> bool {
    expr::metric(name).is_some() || foreign::labels(name).is_some()
}

pub(super) fn rate_of_no_counter(rule: &Rule) -> Option<String> {
    each(rule, |expr| {
        let Expr::Call(call) = expr else { return None };
        if !OF_COUNTERS.contains(&call.func.name) {
            return None;
        }
        let inside = call.args.args.first()?;
        let selectors = expr::selectors(inside);
        let mut names = selectors
            .into_iter()
            .filter_map(|selector| selector.name.as_ref());
        let gauge = names.find(|name| !counts(name))?;
        Some(format!(
            "{}() of {gauge}, which is no counter",
            call.func.name
        ))
    })
}

fn counts(name: &str) -> bool {
    match expr::metric(name) {
        Some(metric) => matches!(metric.kind, Kind::Counter | Kind::Histogram),
        None => name.ends_with("_total") || FOREIGN_COUNTERS.contains(&name),
    }
}

/// The labels of a service that an aggregation or a matching loses.
fn lost(modifier: Option<&LabelModifier>) -> Vec<&'static str> {
    let keeps = |label: &str| match modifier {
        Some(LabelModifier::Include(by)) => by.labels.iter().any(|other| other == label),
        Some(LabelModifier::Exclude(without)) => without.labels.iter().all(|other| other != label),
        None => false,
    };
    SERVICE.into_iter().filter(|label| !keeps(label)).collect()
}

pub(super) fn adds_up_services(rule: &Rule) -> Option<String> {
    each(rule, |expr| {
        let Expr::Aggregate(aggregate) = expr else {
            return None;
        };
        let lost = lost(aggregate.modifier.as_ref());
        (!lost.is_empty()).then(|| format!("{aggregate} loses {}", lost.join(", ")))
    })
}

pub(super) fn adds_up_things(rule: &Rule) -> Option<String> {
    let tree = expr::parse(&rule.expr).ok()?;
    things::merged(&tree).into_iter().next()
}

/// What is declared may leave labels out: it then holds for all services that it fits.
pub(super) fn matches_services(rule: &Rule) -> Option<String> {
    each(rule, |expr| {
        let Expr::Binary(binary) = expr else {
            return None;
        };
        let matching = binary.modifier.as_ref()?.matching.as_ref()?;
        let lost = lost(Some(matching));
        let selectors = expr::selectors(expr).into_iter();
        let mut names = selectors.filter_map(|selector| selector.name.as_deref());
        let declared = names.any(|name| name.contains(":declared_"));
        (!lost.is_empty() && !declared)
            .then(|| format!("{expr} matches whatever the {}", lost.join(", ")))
    })
}

/// Alertmanager groups, routes and inhibits by them.
pub(super) fn loses_the_service(rule: &Rule) -> Option<String> {
    if rule.name() == ALWAYS {
        return None;
    }
    let labels = expr::labels(&expr::parse(&rule.expr).ok()?);
    let lost = SERVICE.into_iter().filter(|label| !labels.has(label));
    let lost: Vec<_> = lost.collect();
    (!lost.is_empty()).then(|| format!("its result has no {}", lost.join(", ")))
}

/// `rate()` and `increase()` of our counters are nowhere but in [`promql::counted`](crate::promql::counted).
pub(super) fn misses_births(rule: &Rule) -> Option<String> {
    let tree = expr::parse(&rule.expr).ok()?;
    let mut objection = None;
    expr::walk(&tree, &mut |node, parents| {
        let Expr::Call(call) = node else { return };
        let ours = expr::selectors(node)
            .into_iter()
            .find(|selector| selector.name.as_deref().and_then(expr::metric).is_some());
        let Some(counter) = ours.filter(|_| OF_COUNTERS.contains(&call.func.name)) else {
            return;
        };
        if call.func.name != "increase"
            || !parents.last().is_some_and(|or| adds_births(or, counter))
        {
            objection.get_or_insert_with(|| format!("{node} misses what a new series begins with"));
        }
    });
    objection
}

/// Whether it is `… or increase(counter[…])` with the first values of the same counter on its left.
fn adds_births(expr: &Expr, counter: &VectorSelector) -> bool {
    let Expr::Binary(binary) = expr else {
        return false;
    };
    let calls = |function: &str| {
        let mut found = false;
        expr::walk(&binary.lhs, &mut |node, _| {
            if let Expr::Call(call) = node {
                let same = |selector: &VectorSelector| {
                    selector.name == counter.name && selector.matchers == counter.matchers
                };
                found |= call.func.name == function && expr::selectors(node).into_iter().any(same);
            }
        });
        found
    };
    let text = binary.lhs.to_string();
    binary.op.to_string() == "or"
        && calls("max_over_time")
        && calls("last_over_time")
        && text.contains("instance:process_start:continued")
        && text.contains("instance:process_start:known")
}

/// At one moment of the past, a series may be away because a scrape failed.
pub(super) fn compares_with_an_instant(rule: &Rule) -> Option<String> {
    each(rule, |expr| {
        let Expr::VectorSelector(selector) = expr else {
            return None;
        };
        selector.offset.as_ref()?;
        Some(format!(
            "{selector} is one moment: use last_over_time() over several scrapes"
        ))
    })
}

/// Each copy of the rules writes samples of its own. A ratio of two sums is right all the same, and a subquery takes one a step.
pub(super) fn counts_samples(rule: &Rule) -> Option<String> {
    let tree = expr::parse(&rule.expr).ok()?;
    let mut objection = None;
    expr::walk(&tree, &mut |node, parents| {
        let Expr::Call(call) = node else { return };
        let sums = ["sum_over_time", "count_over_time"].contains(&call.func.name);
        let samples = matches!(
            call.args.args.first().map(|arg| &**arg),
            Some(Expr::MatrixSelector(_))
        );
        let of_a_ratio = parents
            .iter()
            .any(|parent| matches!(parent, Expr::Binary(binary) if binary.op.to_string() == "/"));
        if sums && samples && !of_a_ratio {
            objection.get_or_insert_with(|| format!("{node} counts each copy of the rules"));
        }
    });
    objection
}

pub(super) fn needless_pattern(rule: &Rule) -> Option<String> {
    let tree = expr::parse(&rule.expr).ok()?;
    let selectors = expr::selectors(&tree).into_iter();
    let mut matchers = selectors.flat_map(|selector| &selector.matchers.matchers);
    let needless = matchers.find(|matcher| {
        let pattern = matches!(matcher.op, MatchOp::Re(_) | MatchOp::NotRe(_));
        pattern && !matcher.value.contains(|c| r".*+?|[](){}^$\".contains(c))
    })?;
    Some(format!("{needless} is no pattern; compare with = or !="))
}

/// The first objection to a part of the query.
fn each(rule: &Rule, mut objects: impl FnMut(&Expr) -> Option<String>) -> Option<String> {
    let tree = expr::parse(&rule.expr).ok()?;
    let mut objection = None;
    expr::walk(&tree, &mut |expr, _| {
        if objection.is_none() {
            objection = objects(expr);
        }
    });
    objection
}
