//! Tests with files as Grafana and Prometheus read them.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::{fs, path::PathBuf};

use super::{UnknownMetric, lone_bracket, metric_names, unknown_metrics};
use crate::metrics::{DeclaredMetric, Label};

/// Names in an expression, separated by spaces.
fn names(expression: &str) -> String {
    let names: Vec<_> = metric_names(expression).into_iter().collect();
    names.join(" ")
}

/// A folder of its own for each test, which is deleted at its end.
struct Folder(PathBuf);

impl Folder {
    fn of(test: &str, files: &[(&str, &str)]) -> Self {
        let name = format!("firstlight-{}-{test}", std::process::id());
        let folder = std::env::temp_dir().join(name);
        for (name, text) in files {
            let file = folder.join(name);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, text).unwrap();
        }
        Self(folder)
    }

    fn unknown(&self, others: &[&str]) -> Vec<UnknownMetric> {
        unknown_metrics(&[&self.0], &[ORDER_ITEMS, ORDERS], others).unwrap()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

const ORDER_ITEMS: DeclaredMetric = DeclaredMetric::histogram("order_items", "Items.");
const ORDERS: DeclaredMetric = DeclaredMetric::counter("orders_accepted_total", "Accepted.");

fn metrics(unknown: &[UnknownMetric]) -> Vec<&str> {
    unknown.iter().map(|unknown| &*unknown.metric).collect()
}

const BOARD: &str = r#"{
    "title": "Orders",
    "annotations": {"list": [{"name": "Starts", "datasource": {"type": "prometheus"}, "expr": "starts_total"}]},
    "panels": [
        {"title": "Rejected", "targets": [{"expr": "rate(orders_rejeted_total[$__rate_interval])"}, {"expr": "up"}]},
        {"title": "Row", "panels": [{"title": "Within", "targets": [{"expr": "nested_total"}]}]},
        {"title": "Logs", "datasource": {"type": "loki"}, "targets": [{"expr": "{job=\"a\"} |= \"b\" | json"}]}
    ],
    "templating": {"list": [
        {"name": "job", "type": "query", "datasource": {"type": "prometheus"}, "query": "label_values(build_infos, job)"},
        {"name": "all", "type": "query", "datasource": {"type": "prometheus"}, "query": {"query": "label_values(job)"}},
        {"name": "step", "type": "interval", "query": "1m,10m"}
    ]}
}"#;

#[test]
fn panels_name_place_and_likely_metric() {
    let folder = Folder::of("panels", &[("dashboards/orders.json", BOARD)]);
    let unknown = folder.unknown(&["orders_rejected_total", "nested_total"]);
    let places: Vec<_> = unknown.iter().map(|unknown| &*unknown.place).collect();
    let expected = [
        "annotation \"Starts\"",
        "panel \"Rejected\"",
        "variable \"job\"",
    ];
    assert_eq!(places, expected);
    let similar: Vec<_> = unknown.iter().map(|it| it.similar.as_deref()).collect();
    let expected = [None, Some("orders_rejected_total"), Some("build_info")];
    assert_eq!(similar[1..], expected[1..]);
    let shown = unknown[1].to_string();
    for needed in [
        "dashboards/orders.json, panel \"Rejected\": ",
        "records orders_rejeted_total; did you mean orders_rejected_total?",
        "\n    rate(orders_rejeted_total[$__rate_interval])",
    ] {
        assert!(shown.contains(needed), "{shown}");
    }
}

#[test]
fn rules_in_all_forms_of_yaml_are_read() {
    let plain = "groups:\n- name: a\n  rules:\n  - record: a:orders:rate\n    expr: |\n      sum by (job) (\n        rate(orders_total[5m]) # not_this\n      )\n  - alert: A\n    expr: >-\n      folded_total\n      > 1\n  - {alert: B, expr: 'quoted_total{a=\"it''s\"}'}\n  - alert: C\n    expr: plain_total\n      > a:orders:rate\n  - alert: D\n    expr: 1\n";
    let resource = "kind: Other\n---\nkind: PrometheusRule\nspec:\n  groups:\n  - name: b\n    rules:\n    - alert: E\n      expr: 'b:orders:rate > a:orders:rate'\n";
    let folder = Folder::of(
        "rules",
        &[
            ("b.yml", plain),
            ("a.yaml", resource),
            ("kustomization.yaml", "resources: [a.yaml]\n"),
            ("README.md", "expr: prose\n"),
        ],
    );
    let unknown = folder.unknown(&[]);
    let found = [
        "b:orders:rate",
        "orders_total",
        "folded_total",
        "quoted_total",
        "plain_total",
    ];
    assert_eq!(metrics(&unknown), found);
    let places: Vec<_> = unknown.iter().map(|unknown| &*unknown.place).collect();
    let expected = ["alert E", "record a:orders:rate", "alert A", "alert B"];
    assert_eq!(places[..4], expected);
}

#[test]
fn histograms_are_known_by_their_parts() {
    let rule = |expr| format!("groups:\n- name: a\n  rules:\n  - alert: A\n    expr: {expr}\n");
    for (expr, unknown) in [
        ("http_server_request_duration_seconds_bucket", None),
        ("order_items_sum / order_items_count", None),
        (
            "http_server_request_duration_seconds",
            Some("http_server_request_duration_seconds"),
        ),
        ("process_open_fds_bucket", Some("process_open_fds_bucket")),
        ("order_items", Some("order_items")),
        ("orders_accepted_total", None),
        (
            "orders_accepted_total_sum",
            Some("orders_accepted_total_sum"),
        ),
        ("other_seconds_sum", None),
        ("other_seconds_bucket", Some("other_seconds_bucket")),
        ("ALERTS and up and scrape_duration_seconds", None),
    ] {
        let folder = Folder::of("histograms", &[("rules.yml", &rule(expr))]);
        let found = folder.unknown(&["other_seconds_sum"]);
        assert_eq!(metrics(&found), Vec::from_iter(unknown), "{expr}");
    }
}

#[test]
fn labels_and_values_are_declared_ones() {
    const REJECTED: DeclaredMetric = DeclaredMetric::counter("orders_rejected_total", "Rejected.")
        .labels(&[
            Label::one_of("reason", &["item", "sold-out"]),
            Label::at_most("tenant", 5),
        ]);
    const ITEMS: DeclaredMetric = DeclaredMetric::histogram("order_items", "Items.")
        .labels(&[Label::one_of("kind", &["book"])]);
    for (selector, expected) in [
        (
            "orders_rejected_total{reason='item',tenant='a',job='b'}",
            None,
        ),
        (
            "orders_rejected_total{reason=~'item|sold-out',pod!=''}",
            None,
        ),
        (
            "orders_rejected_total{reason=~'it.*|$reason',datacenter='a'}",
            None,
        ),
        (
            "orders_rejected_total{reason='$reason',otel_metric_overflow='true'}",
            None,
        ),
        ("order_items_bucket{kind='book',le='5'}", None),
        ("up{raison='itme'}", None),
        (
            "orders_rejected_total{reason='itme'}",
            Some("orders_rejected_total{reason=\"itme\"}"),
        ),
        (
            "{__name__='orders_rejected_total',reason!='a'}",
            Some("orders_rejected_total{reason=\"a\"}"),
        ),
        (
            "orders_rejected_total{reason=~'item|sold'}",
            Some("orders_rejected_total{reason=\"sold\"}"),
        ),
        (
            "orders_rejected_total{raison = 'item'}",
            Some("orders_rejected_total{raison}"),
        ),
        (
            "order_items_count{kind='boot'}",
            Some("order_items_count{kind=\"boot\"}"),
        ),
    ] {
        let rules = format!(
            "groups:\n- name: a\n  rules:\n  - alert: A\n    expr: \"sum(rate({selector}[5m]))\"\n"
        );
        let folder = Folder::of("labels", &[("rules.yml", &rules)]);
        let declared = [REJECTED, ITEMS];
        let found = unknown_metrics(&[&folder.0], &declared, &["{datacenter}"]).unwrap();
        assert_eq!(metrics(&found), Vec::from_iter(expected), "{selector}");
    }
}

#[test]
fn objectives_have_names_that_are_read() {
    let rule =
        |name| format!("groups: [{{name: a, rules: [{{record: '{name}', expr: vector(1)}}]}}]");
    for (name, similar) in [
        ("slo:latency:declared_objective_seconds", None),
        ("slo:latency:service_declared_objective_seconds", None),
        ("orders:declared_objective", None),
        (
            "slo:latency:declared_objectives_seconds",
            Some("slo:latency:declared_objective_seconds"),
        ),
    ] {
        let folder = Folder::of("objectives", &[("rules.yml", &rule(name))]);
        let unknown = folder.unknown(&[]);
        let found = unknown.first().and_then(|it| it.similar.as_deref());
        assert_eq!(found, similar, "{name}");
        let is_told = unknown
            .iter()
            .all(|it| it.to_string().contains("no rule of firstlight reads slo:"));
        assert!(is_told, "{unknown:?}");
    }
}

#[test]
fn brackets_have_partners() {
    for (expression, expected) in [
        ("increase(a[5m)", Some(')')),
        ("sum(a", Some('(')),
        ("a{b='c'", Some('{')),
        ("a]", Some(']')),
        ("sum(a{b=')]'}[$__rate_interval]) # (", None),
        ("${a}_total + [[b]] + rate(c[[[d]]])", None),
    ] {
        assert_eq!(lone_bracket(expression), expected, "{expression}");
    }
    let rule = "groups: [{name: a, rules: [{alert: A, expr: 'rate(up[5m)'}]}]";
    let folder = Folder::of("brackets", &[("a.yaml", rule)]);
    let error = unknown_metrics(&[&folder.0], &[], &[]).unwrap_err();
    let error = error.to_string();
    assert!(
        error.contains("alert A: the bracket ) has no partner"),
        "{error}"
    );
}

#[test]
fn functions_are_those_of_prometheus() {
    let rule = |text| format!("groups: [{{name: a, rules: [{{alert: A, expr: \"{text}\"}}]}}]");
    for (expression, expected) in [
        (
            "incraese(up[5m]) > 0",
            Some(("incraese()", Some("increase()"))),
        ),
        ("sum(raet(up[5m]))", Some(("raet()", Some("rate()")))),
        ("SUM(RATE(up[5m]))", Some(("RATE()", Some("rate()")))),
        (
            "sum by (a) (xrate(up[5m]))",
            Some(("xrate()", Some("rate()"))),
        ),
        ("sums(up)", Some(("sums()", None))),
        ("Sum(rate(up[5m]) or vector(0)) by (job)", None),
        (
            "up > bool (1) and on (job) (up) / ignoring(job) group_left(a) (up)",
            None,
        ),
        (
            "avg_over_time(up[1h:] @ start()) > quantile(0.9, -(up)) ^ Inf",
            None,
        ),
        ("rollup(up[5m]) + $f(up) + ${f}_over_time(up[5m])", None),
    ] {
        let folder = Folder::of("functions", &[("rules.yml", &rule(expression))]);
        let unknown = folder.unknown(&["sums", "rollup()"]);
        let unknown = unknown.first();
        let found = unknown.map(|it| (&*it.metric, it.similar.as_deref()));
        assert_eq!(found, expected, "{expression}");
        let shown = unknown.map(ToString::to_string).unwrap_or_default();
        let is_told = shown.contains("alert A: Prometheus has no function ");
        assert_eq!(is_told, expected.is_some(), "{shown}");
    }
}

#[test]
fn unreadable_files_are_errors() {
    let misspelled = "groups: [{name: a, rules: [{alert: A, exp: up}]}]";
    for (name, text) in [("a.json", "{"), ("a.yaml", "a: ["), ("b.yaml", misspelled)] {
        let folder = Folder::of("errors", &[(name, text)]);
        let error = unknown_metrics(&[&folder.0], &[], &[])
            .unwrap_err()
            .to_string();
        assert!(error.contains(name), "{error}");
    }
    let error = unknown_metrics(&["no/such/folder"], &[], &[]).unwrap_err();
    assert!(error.to_string().contains("no/such/folder"), "{error}");
}

#[test]
fn keywords_are_not_names() {
    for (expression, expected) in [
        ("sum by (job, instance) (rate(a_total[5m:1m]))", "a_total"),
        ("sum(a) by (b)", "a"),
        ("sum without(b) (a offset 5m)", "a"),
        ("a / on (b) group_left (c) d", "a d"),
        ("a * on(b) group_left d", "a d"),
        ("a + fill(0) b", "a b"),
        ("a and b or c unless d atan2 e", "a b c d e"),
        ("a == bool 1", "a"),
        ("A AND b OR c", "A b c"),
        ("topk(5, a) > Inf", "a"),
        ("a @ end() offset -1h30m", "a"),
        ("rate(a[5m] offset 1w @ 1609746000.5)", "a"),
        ("1e-5 * .5 * 0x1F * a", "a"),
        ("histogram_quantile(0.9, a_bucket) # and b", "a_bucket"),
        ("label_replace(a, \"b\", \"$1 c\", 'd', `(e)\\`)", "a"),
        ("count_values(\"version\", a)", "a"),
        ("vector(1)", ""),
    ] {
        assert_eq!(names(expression), expected, "{expression}");
    }
}

#[test]
fn names_like_keywords_are_found() {
    for (expression, expected) in [
        ("sum{a=\"b\"}", "sum"),
        ("sum + count", "count sum"),
        ("and{a=\"b\"} or or", "and or"),
        ("max(max)", "max"),
        ("offset offset 5m", "offset"),
        (":a:b: > a:b", ":a:b: a:b"),
    ] {
        assert_eq!(names(expression), expected, "{expression}");
    }
}

#[test]
fn names_in_matchers_are_found() {
    for (expression, expected) in [
        ("{__name__=\"a\"}", "a"),
        ("{__name__ =~ 'a|b', c=\"d\"}", "a b"),
        ("{__name__=~\"a.*\"}", ""),
        ("{__name__!=\"a\"}", ""),
        ("{\"a.b\", c=\"d,e\"}", "a.b"),
        ("{c=\"d\", 'a.b'}", "a.b"),
        ("{\"c.d\"=\"e\"}", ""),
        ("a{b=\"}\\\"} c\"} + d", "a d"),
        ("a{b=~\"c|d\", e!~\"f\"}", "a"),
    ] {
        assert_eq!(names(expression), expected, "{expression}");
    }
}

#[test]
fn names_with_variables_are_left_out() {
    for (expression, expected) in [
        ("rate(a{b=~\"$c\"}[$__rate_interval])", "a"),
        ("rate($a[5m]) + ${b}_total + c_$d + [[e]]_total + f", "f"),
        ("topk($limit, a{$filters})", "a"),
        ("rate(a[[[interval]]]) + b", "a b"),
        ("sum by (${by:csv}) (a) > $limit", "a"),
    ] {
        assert_eq!(names(expression), expected, "{expression}");
    }
}

#[test]
fn invalid_expressions_end() {
    for expression in [
        "a{", "a[", "\"a", "a{b=\"", "sum by (", "((", "))", "${", "[[", "a{}}", "é{ü", "'\\",
        ",,", "{\"", "{,}",
    ] {
        let _ = metric_names(expression);
    }
}
