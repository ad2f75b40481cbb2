//! PromQL as a tree, for the checks that ask what a query does.

use std::collections::BTreeSet;

use anyhow::anyhow;
use firstlight::metrics::catalog::{self, Kind, Metric};
use promql_parser::parser::{
    self, AggregateExpr, BinaryExpr, Call, Expr, LabelModifier, VectorMatchCardinality,
    VectorSelector, value::ValueType,
};

use super::{foreign, promql::of_service};

/// Grafana's durations, and what they are here: they only have to parse, and to be told from each other.
pub(crate) const DURATIONS: [(&str, &str); 4] = [
    ("$__rate_interval", "241s"),
    ("$__range_s", "3601"),
    ("$__range", "3601s"),
    ("$__interval", "61s"),
];

/// Parses a query; dashboards' variables are left as they are, because they are only ever in strings.
pub(crate) fn parse(query: &str) -> anyhow::Result<Expr> {
    let query = DURATIONS
        .iter()
        .fold(query.to_owned(), |query, (name, value)| {
            query.replace(name, value)
        });
    parser::parse(&query).map_err(|error| anyhow!("{query}: {error}"))
}

/// Visits `expr` and all below it, each with what it is in, the outermost first.
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

/// The metric of ours that has series of this name.
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

/// Labels that series may have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Labels {
    These(BTreeSet<String>),
    /// It is not known.
    Any,
}

impl Labels {
    pub(crate) fn these<S: AsRef<str>>(labels: impl IntoIterator<Item = S>) -> Self {
        Self::These(
            labels
                .into_iter()
                .map(|label| label.as_ref().to_owned())
                .collect(),
        )
    }

    pub(crate) fn has(&self, label: &str) -> bool {
        match self {
            Self::These(labels) => labels.contains(label),
            Self::Any => true,
        }
    }

    fn and(self, more: Self) -> Self {
        match (self, more) {
            (Self::These(mut labels), Self::These(more)) => {
                labels.extend(more);
                Self::These(labels)
            }
            _ => Self::Any,
        }
    }

    fn without(self, label: &str) -> Self {
        match self {
            Self::These(mut labels) => {
                labels.remove(label);
                Self::These(labels)
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
        Expr::NumberLiteral(_) | Expr::StringLiteral(_) => Labels::these([""; 0]),
        Expr::Extension(_) => Labels::Any,
    }
}

fn selected(selector: &VectorSelector) -> Labels {
    let Some(name) = &selector.name else {
        return Labels::Any;
    };
    let always = Labels::these(of_service(&["instance"]));
    let Some(metric) = metric(name) else {
        return match foreign::labels(name) {
            Some(labels) => Labels::these(labels),
            None => Labels::Any,
        };
    };
    if metric.kind == Kind::Info {
        return Labels::Any;
    }
    let own = Labels::these(metric.labels).and(always);
    if name.ends_with("_bucket") {
        own.and(Labels::these(["le"]))
    } else {
        own
    }
}

fn aggregated(aggregate: &AggregateExpr) -> Labels {
    let inside = labels(&aggregate.expr);
    // They choose series, and leave them as they are.
    if matches!(aggregate.op.to_string().as_str(), "topk" | "bottomk") {
        return inside;
    }
    match &aggregate.modifier {
        None => Labels::these([""; 0]),
        Some(LabelModifier::Include(by)) => Labels::these(&by.labels),
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
    // A number has no labels, and takes none away.
    if binary.lhs.value_type() == ValueType::Scalar {
        return right;
    }
    let Some(modifier) = &binary.modifier else {
        return left;
    };
    match (&modifier.card, &modifier.matching) {
        (VectorMatchCardinality::ManyToOne(more), _) => left.and(Labels::these(&more.labels)),
        (VectorMatchCardinality::OneToMany(more), _) => right.and(Labels::these(&more.labels)),
        (_, Some(LabelModifier::Include(on))) => Labels::these(&on.labels),
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
            Some(Expr::StringLiteral(label)) => argument(0).and(Labels::these([&label.val])),
            _ => Labels::Any,
        },
        "time" | "vector" | "scalar" => Labels::these([""; 0]),
        _ => argument(0),
    }
}

#[cfg(test)]
mod tests {
    use super::{Labels, labels, parse};

    fn of(query: &str) -> Option<Labels> {
        parse(query).ok().map(|expr| labels(&expr))
    }

    #[test]
    fn aggregation_keeps_its_labels() {
        let query = "sum by (http_route) (rate(http_server_request_duration_seconds_count[$__rate_interval]))";
        assert_eq!(of(query), Some(Labels::these(["http_route"])));
        assert_eq!(of("sum(up)"), Some(Labels::these([""; 0])));
    }

    #[test]
    fn quantile_loses_le_and_join_gains_labels() {
        let query = "histogram_quantile(0.5, sum by (cron, le) (rate(cron_start_delay_seconds_bucket[5m])))";
        assert_eq!(of(query), Some(Labels::these(["cron"])));
        let query =
            "sum by (job) (up) * on (job) group_left (version) max by (job, version) (build_info)";
        assert_eq!(of(query), Some(Labels::these(["job", "version"])));
    }

    #[test]
    fn a_replaced_label_is_one() {
        let query = "label_replace(0 * max(up), \"queue\", \"none\", \"\", \"\")";
        assert_eq!(of(query), Some(Labels::these(["queue"])));
    }
}
