//! What a rule asks.

use firstlight::metrics::catalog::Kind;
use promql_parser::{
    label::MatchOp,
    parser::{BinaryExpr, Expr, LabelModifier},
};

use super::Rule;
use crate::observability::{alerts::ALWAYS, expr, foreign};

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

/// Without it, nobody knows whose trouble it is, and Alertmanager cannot group or inhibit.
pub(super) fn loses_the_job(rule: &Rule) -> Option<String> {
    each(rule, |expr| {
        let Expr::Aggregate(aggregate) = expr else {
            return None;
        };
        let kept = match &aggregate.modifier {
            Some(LabelModifier::Include(by)) => by.labels.iter().any(|label| label == "job"),
            Some(LabelModifier::Exclude(without)) => {
                without.labels.iter().all(|label| label != "job")
            }
            None => false,
        };
        (!kept).then(|| format!("{aggregate} adds up all jobs"))
    })
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
