//! Lints of the query of a rule.

use firstlight::metrics::catalog::Kind;
use promql_parser::{
    label::MatchOp,
    parser::{BinaryExpr, Expr, LabelModifier, VectorSelector},
};

use super::Rule;
use crate::{alerts::ALWAYS, entities, expr, foreign, promql::SERVICE};

/// Functions that are valid over counters only.
const COUNTER_FUNCTIONS: [&str; 3] = ["rate", "irate", "increase"];
/// Foreign counters whose names do not end in `_total`.
const FOREIGN_COUNTERS: [&str; 1] = ["pg_stat_database_deadlocks"];

/// Objects to a query with an error in its syntax or its types.
///
/// promtool checks the rules again, in the module `promtool`.
pub(super) fn does_not_parse(rule: &Rule) -> Option<String> {
    expr::parse(&rule.expr).err().map(|error| error.to_string())
}

pub(super) fn compares_nothing(rule: &Rule) -> Option<String> {
    let alert = rule.alert.as_ref().filter(|name| *name != ALWAYS)?;
    let mut compares = false;
    first_objection(rule, |expr| {
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
        "{unknown} is neither in the catalog nor a known foreign metric"
    ))
}

fn is_known(name: &str) -> bool {
    expr::metric(name).is_some() || foreign::labels(name).is_some()
}

pub(super) fn rate_of_non_counter(rule: &Rule) -> Option<String> {
    first_objection(rule, |expr| {
        let Expr::Call(call) = expr else { return None };
        if !COUNTER_FUNCTIONS.contains(&call.func.name) {
            return None;
        }
        let inside = call.args.args.first()?;
        let selectors = expr::selectors(inside);
        let mut names = selectors
            .into_iter()
            .filter_map(|selector| selector.name.as_ref());
        let gauge = names.find(|name| !is_counter(name))?;
        Some(format!(
            "{}() of {gauge}, which is not a counter",
            call.func.name
        ))
    })
}

fn is_counter(name: &str) -> bool {
    match expr::metric(name) {
        Some(metric) => matches!(metric.kind, Kind::Counter | Kind::Histogram),
        None => name.ends_with("_total") || FOREIGN_COUNTERS.contains(&name),
    }
}

/// The labels of a service that an aggregation or a vector matching drops.
fn dropped(modifier: Option<&LabelModifier>) -> Vec<&'static str> {
    let keeps = |label: &str| match modifier {
        Some(LabelModifier::Include(by)) => by.labels.iter().any(|other| other == label),
        Some(LabelModifier::Exclude(without)) => without.labels.iter().all(|other| other != label),
        None => false,
    };
    SERVICE.into_iter().filter(|label| !keeps(label)).collect()
}

pub(super) fn merges_services(rule: &Rule) -> Option<String> {
    first_objection(rule, |expr| {
        let Expr::Aggregate(aggregate) = expr else {
            return None;
        };
        let dropped = dropped(aggregate.modifier.as_ref());
        (!dropped.is_empty()).then(|| format!("{aggregate} drops {}", dropped.join(", ")))
    })
}

pub(super) fn merges_entities(rule: &Rule) -> Option<String> {
    let tree = expr::parse(&rule.expr).ok()?;
    entities::merged(&tree).into_iter().next()
}

/// Objects to vector matching that ignores a label of the service.
///
/// Declared objectives are excepted. They may omit labels, and then apply to all matching services.
pub(super) fn matches_across_services(rule: &Rule) -> Option<String> {
    first_objection(rule, |expr| {
        let Expr::Binary(binary) = expr else {
            return None;
        };
        let matching = binary.modifier.as_ref()?.matching.as_ref()?;
        let dropped = dropped(Some(matching));
        let selectors = expr::selectors(expr).into_iter();
        let mut names = selectors.filter_map(|selector| selector.name.as_deref());
        let declared = names.any(|name| name.contains(":declared_"));
        (!dropped.is_empty() && !declared).then(|| format!("{expr} ignores {}", dropped.join(", ")))
    })
}

/// Objects to a result without the labels of the service.
///
/// Alertmanager groups, routes and inhibits by these labels.
pub(super) fn drops_service_labels(rule: &Rule) -> Option<String> {
    if rule.name() == ALWAYS {
        return None;
    }
    let labels = expr::labels(&expr::parse(&rule.expr).ok()?);
    let dropped = SERVICE.into_iter().filter(|label| !labels.has(label));
    let dropped: Vec<_> = dropped.collect();
    (!dropped.is_empty()).then(|| format!("its result has no {}", dropped.join(", ")))
}

/// Objects to a query that ignores the first value of a new series.
///
/// `rate()` and `increase()` ignore it. For counters of the catalog, rules use [`promql::counted`](crate::promql::counted) instead.
pub(super) fn misses_new_series(rule: &Rule) -> Option<String> {
    let tree = expr::parse(&rule.expr).ok()?;
    let mut objection = None;
    expr::walk(&tree, &mut |node, parents| {
        let Expr::Call(call) = node else { return };
        let selector = expr::selectors(node)
            .into_iter()
            .find(|selector| selector.name.as_deref().and_then(expr::metric).is_some());
        let Some(counter) = selector.filter(|_| COUNTER_FUNCTIONS.contains(&call.func.name)) else {
            return;
        };
        if call.func.name != "increase"
            || !parents
                .last()
                .is_some_and(|or| adds_new_series(or, counter))
        {
            objection
                .get_or_insert_with(|| format!("{node} ignores the first value of a new series"));
        }
    });
    objection
}

/// Whether `expr` adds the first values of new series to `increase(counter[…])`.
///
/// The first values are on the left of an `or`.
fn adds_new_series(expr: &Expr, counter: &VectorSelector) -> bool {
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

/// Objects to a selector with an offset and no range.
///
/// Such a selector finds no series if the scrape at that time failed.
pub(super) fn uses_single_instant(rule: &Rule) -> Option<String> {
    first_objection(rule, |expr| {
        let Expr::VectorSelector(selector) = expr else {
            return None;
        };
        selector.offset.as_ref()?;
        Some(format!(
            "{selector} selects a single moment: use last_over_time() over several scrapes"
        ))
    })
}

/// Objects to counts of samples, which depend on how many copies of the rules run.
///
/// Each loaded copy of the rules writes its own samples. A ratio of two sums is still correct, and
/// a subquery evaluates one sample per step.
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
            objection.get_or_insert_with(|| {
                format!("{node} counts the samples of each copy of the rules")
            });
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
    Some(format!("{needless} is not a pattern; compare with = or !="))
}

/// The first objection to a part of the query.
fn first_objection(rule: &Rule, mut check: impl FnMut(&Expr) -> Option<String>) -> Option<String> {
    let tree = expr::parse(&rule.expr).ok()?;
    let mut objection = None;
    expr::walk(&tree, &mut |expr, _| {
        if objection.is_none() {
            objection = check(expr);
        }
    });
    objection
}
