//! Compares the library's search for names of metrics with a parser of PromQL.

use std::collections::BTreeSet;

use firstlight::testing::{POSTGRES_EXPORTER, metric_names, unknown_metrics};
use serde_json::Value;
use support::{paths, yaml};

use crate::{
    alerts::{self, Timing},
    dashboards::{self, Dashboard},
    expr, foreign,
};

/// The names that the parser finds, or `None` if it rejects the query.
fn parsed(query: &str) -> Option<BTreeSet<String>> {
    let expr = expr::parse(query).ok()?;
    let mut names = BTreeSet::new();
    for selector in expr::selectors(&expr) {
        names.extend(selector.name.clone());
        let matchers = selector.matchers.matchers.iter();
        for matcher in matchers.filter(|matcher| matcher.name == "__name__") {
            let value = matcher.value.as_str();
            let is_list = value
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || "_:|".contains(c));
            if is_list && !matcher.op.to_string().starts_with('!') {
                names.extend(value.split('|').map(str::to_owned));
            }
        }
    }
    Some(names)
}

/// Every text of a field `expr`, wherever it is.
fn expressions(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| expressions(item, found)),
        Value::Object(object) => {
            let expr = object.get("expr").and_then(Value::as_str);
            found.extend(expr.map(str::to_owned));
            object.values().for_each(|item| expressions(item, found));
        }
        _ => {}
    }
}

#[test]
fn all_queries_have_the_parsed_names() -> anyhow::Result<()> {
    let mut queries = Vec::new();
    for board in dashboards::all().iter().map(Dashboard::json) {
        expressions(&board, &mut queries);
    }
    let of_boards = queries.len();
    for rules in [
        alerts::rules(Timing::Production),
        alerts::objectives_of(&["orders"], Timing::Production),
    ] {
        expressions(&yaml::parse(&rules)?, &mut queries);
    }
    assert!(of_boards > 100, "{of_boards} queries of dashboards");
    assert!(queries.len() > of_boards + 100, "{} queries", queries.len());
    for query in queries {
        assert_eq!(Some(metric_names(&query)), parsed(&query), "{query}");
    }
    Ok(())
}

#[test]
fn hostile_queries_have_the_parsed_names() {
    let selectors = [
        "a",
        "sum",
        "by{a=\"b\"}",
        "and",
        "offset",
        "a:b{c!~\"}\",d=\"\\\"{\"}",
        "{__name__=~\"a|b\", c='d'}",
        "start",
        "inf_total",
        "nan:a",
        "bottomk{on=\"by\"}",
        "group_left_total",
    ];
    let uses = [
        "X",
        "-X",
        "X[5m]",
        "rate(X[5m] offset 1h)",
        "X offset -1h > bool 3",
        "sum(X) by (a, b)",
        "sum by (a) (X) / on (b) group_left (c) sum without () (X)",
        "sum by (on, by, sum) (X)",
        "topk(3, X) and X or X unless X",
        "histogram_quantile(0.9, sum by (le) (rate(X[5m:30s])))",
        "count_values(\"a\", X) == 1e-3",
        "label_replace(X, 'a', \"$1\", `b\\`, '(.*)')",
        "X @ start() + X @ 1.5",
        "max_over_time((X > 0x1F)[1h:])",
        "X # Y\n* X",
        "((X)) % ignoring(a) X ^ 2",
        "quantile(NaN, X) >= Inf",
    ];
    let mut accepted = 0;
    for shape in uses {
        for selector in selectors {
            let query = shape.replace('X', selector);
            if let Some(names) = parsed(&query) {
                accepted += 1;
                assert_eq!(metric_names(&query), names, "{query}");
            }
        }
    }
    let all = selectors.len() * uses.len();
    assert!(
        accepted * 10 > all * 8,
        "only {accepted} of {all} are valid"
    );
}

#[test]
fn shared_files_are_accepted() -> anyhow::Result<()> {
    let docs = ["docs/alerts", "docs/dashboards", "docs/platform"]
        .map(|folder| paths::root().join(folder));
    let unknown = unknown_metrics(&docs, &[], POSTGRES_EXPORTER)?;
    let unknown: Vec<_> = unknown.iter().map(ToString::to_string).collect();
    assert!(unknown.is_empty(), "{}", unknown.join("\n"));
    // Without the list, each query of the exporter is found.
    assert!(
        !unknown_metrics(&docs, &[], &[])?.is_empty(),
        "nothing is found"
    );
    Ok(())
}

#[test]
fn names_of_the_exporter_are_all_in_use() {
    let foreign: Vec<&str> = foreign::scraped()
        .filter(|name| name.starts_with("pg_"))
        .collect();
    assert_eq!(POSTGRES_EXPORTER, foreign);
}
