//! Parsed PromQL, for checks of what a query selects and returns.

use std::collections::BTreeSet;

use anyhow::anyhow;
use firstlight::metrics::catalog::{self, Kind, Metric};
use promql_parser::parser::{
    self, AggregateExpr, BinaryExpr, Call, Expr, LabelModifier, VectorMatchCardinality,
    VectorSelector, value::ValueType,
};

use super::{foreign, promql::service_labels};

/// Grafana's duration variables and their stand-ins for parsing.
///
/// The values are arbitrary and distinct, so that a check can recognize the variable in the parsed query. `$__range_s`
/// precedes its prefix `$__range`, because the variables are replaced in this order.
pub(crate) const DURATIONS: [(&str, &str); 4] = [
    ("$__rate_interval", "241s"),
    ("$__range_s", "3601"),
    ("$__range", "3601s"),
    ("$__interval", "61s"),
];

/// Parses a query, with stand-ins for Grafana's duration variables.
///
/// Dashboard variables need no replacement, because they occur only inside strings.
pub(crate) fn parse(query: &str) -> anyhow::Result<Expr> {
    let query = DURATIONS
        .iter()
        .fold(query.to_owned(), |query, (name, value)| {
            query.replace(name, value)
        });
    parser::parse(&query).map_err(|error| anyhow!("{query}: {error}"))
}

/// Visits `expr` and its descendants, each with its ancestors, outermost first.
pub(crate) fn walk<'a>(expr: &'a Expr, visit: &mut dyn FnMut(&'a Expr, &[&'a Expr])) {
    fn go<'a>(
        expr: &'a Expr,
        parents: &mut Vec<&'a Expr>,
        visit: &mut dyn FnMut(&'a Expr, &[&'a Expr]),
    ) {
        visit(expr, parents);
        parents.push(expr);
        for child in children(expr) {
            go(child, parents, visit);
        }
        parents.pop();
    }
    go(expr, &mut Vec::new(), visit);
}

fn children(expr: &Expr) -> Vec<&Expr> {
    match expr {
        Expr::Aggregate(AggregateExpr { expr, param, .. }) => param
            .iter()
            .map(|param| &**param)
            .chain([&**expr])
            .collect(),
        Expr::Unary(unary) => vec![&unary.expr],
        Expr::Binary(binary) => vec![&binary.lhs, &binary.rhs],
        Expr::Paren(paren) => vec![&paren.expr],
        Expr::Subquery(subquery) => vec![&subquery.expr],
        Expr::Call(call) => call.args.args.iter().map(|arg| &**arg).collect(),
        Expr::VectorSelector(_)
        | Expr::MatrixSelector(_)
        | Expr::NumberLiteral(_)
        | Expr::StringLiteral(_)
        | Expr::Extension(_) => Vec::new(),
    }
}

/// All selectors in a query.
pub(crate) fn selectors(expr: &Expr) -> Vec<&VectorSelector> {
    let mut all = Vec::new();
    walk(expr, &mut |expr, _| match expr {
        Expr::VectorSelector(selector) => all.push(selector),
        Expr::MatrixSelector(matrix) => all.push(&matrix.vs),
        _ => {}
    });
    all
}

/// The metric of the catalog that has series of this name.
pub(crate) fn metric(series: &str) -> Option<&'static Metric> {
    let parts = ["_bucket", "_count", "_sum"];
    let stem = parts.iter().find_map(|part| series.strip_suffix(part));
    catalog::ALL
        .iter()
        .copied()
        .find(|metric| match metric.kind {
            Kind::Histogram => Some(metric.name) == stem,
            _ => metric.name == series,
        })
}

/// The labels that series may have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Labels {
    Known(BTreeSet<String>),
    /// The labels are unknown, so any label may occur.
    Any,
}

impl Labels {
    fn none() -> Self {
        Self::Known(BTreeSet::new())
    }

    pub(crate) fn known<S: AsRef<str>>(labels: impl IntoIterator<Item = S>) -> Self {
        Self::Known(
            labels
                .into_iter()
                .map(|label| label.as_ref().to_owned())
                .collect(),
        )
    }

    pub(crate) fn has(&self, label: &str) -> bool {
        match self {
            Self::Known(labels) => labels.contains(label),
            Self::Any => true,
        }
    }

    fn and(self, more: Self) -> Self {
        match (self, more) {
            (Self::Known(mut labels), Self::Known(more)) => {
                labels.extend(more);
                Self::Known(labels)
            }
            _ => Self::Any,
        }
    }

    fn without(self, label: &str) -> Self {
        match self {
            Self::Known(mut labels) => {
                labels.remove(label);
                Self::Known(labels)
            }
            Self::Any => Self::Any,
        }
    }
}

/// The labels that a query's result may have.
pub(crate) fn labels(expr: &Expr) -> Labels {
    match expr {
        Expr::Aggregate(aggregate) => aggregated(aggregate),
        Expr::Binary(binary) => combined(binary),
        Expr::Call(call) => called(call),
        Expr::Unary(unary) => labels(&unary.expr),
        Expr::Paren(paren) => labels(&paren.expr),
        Expr::Subquery(subquery) => labels(&subquery.expr),
        Expr::VectorSelector(selector) => selected(selector),
        Expr::MatrixSelector(matrix) => selected(&matrix.vs),
        Expr::NumberLiteral(_) | Expr::StringLiteral(_) => Labels::none(),
        Expr::Extension(_) => Labels::Any,
    }
}

fn selected(selector: &VectorSelector) -> Labels {
    let Some(name) = &selector.name else {
        return Labels::Any;
    };
    let always = Labels::known(service_labels(&["instance"]));
    let Some(metric) = metric(name) else {
        return match foreign::labels(name) {
            Some(labels) => Labels::known(labels),
            None => Labels::Any,
        };
    };
    if metric.kind == Kind::Info {
        return Labels::Any;
    }
    let own = Labels::known(metric.labels).and(always);
    if name.ends_with("_bucket") {
        own.and(Labels::known(["le"]))
    } else {
        own
    }
}

fn aggregated(aggregate: &AggregateExpr) -> Labels {
    let inside = labels(&aggregate.expr);
    // `topk` and `bottomk` select series and keep all of their labels.
    if matches!(aggregate.op.to_string().as_str(), "topk" | "bottomk") {
        return inside;
    }
    match &aggregate.modifier {
        None => Labels::none(),
        Some(LabelModifier::Include(by)) => Labels::known(&by.labels),
        Some(LabelModifier::Exclude(without)) => without
            .labels
            .iter()
            .fold(inside, |inside, label| inside.without(label)),
    }
}

fn combined(binary: &BinaryExpr) -> Labels {
    let (left, right) = (labels(&binary.lhs), labels(&binary.rhs));
    match binary.op.to_string().as_str() {
        "or" => return left.and(right),
        "and" | "unless" => return left,
        _ => {}
    }
    // A scalar operand leaves the labels of the other operand unchanged.
    if binary.lhs.value_type() == ValueType::Scalar {
        return right;
    }
    let Some(modifier) = &binary.modifier else {
        return left;
    };
    match (&modifier.card, &modifier.matching) {
        (VectorMatchCardinality::ManyToOne(more), _) => left.and(Labels::known(&more.labels)),
        (VectorMatchCardinality::OneToMany(more), _) => right.and(Labels::known(&more.labels)),
        (_, Some(LabelModifier::Include(on))) => Labels::known(&on.labels),
        _ => left,
    }
}

fn called(call: &Call) -> Labels {
    let argument = |index: usize| {
        call.args
            .args
            .get(index)
            .map_or(Labels::Any, |arg| labels(arg))
    };
    match call.func.name {
        "histogram_quantile" => argument(1).without("le"),
        "label_replace" | "label_join" => match call.args.args.get(1).map(|arg| &**arg) {
            Some(Expr::StringLiteral(label)) => argument(0).and(Labels::known([&label.val])),
            _ => Labels::Any,
        },
        "time" | "vector" | "scalar" => Labels::none(),
        _ => argument(0),
    }
}

#[cfg(test)]
mod tests {
    use super::{Labels, labels, parse};

    fn labels_of(query: &str) -> Option<Labels> {
        parse(query).ok().map(|expr| labels(&expr))
    }

    #[test]
    fn aggregation_keeps_its_labels() {
        let query = "sum by (http_route) (rate(http_server_request_duration_seconds_count[$__rate_interval]))";
        assert_eq!(labels_of(query), Some(Labels::known(["http_route"])));
        assert_eq!(labels_of("sum(up)"), Some(Labels::none()));
    }

    #[test]
    fn quantile_loses_le_and_join_gains_labels() {
        let query = "histogram_quantile(0.5, sum by (cron, le) (rate(cron_start_delay_seconds_bucket[5m])))";
        assert_eq!(labels_of(query), Some(Labels::known(["cron"])));
        let query =
            "sum by (job) (up) * on (job) group_left (version) max by (job, version) (build_info)";
        assert_eq!(labels_of(query), Some(Labels::known(["job", "version"])));
    }

    #[test]
    fn label_replace_adds_its_label() {
        let query = "label_replace(0 * max(up), \"queue\", \"none\", \"\", \"\")";
        assert_eq!(labels_of(query), Some(Labels::known(["queue"])));
    }
}
