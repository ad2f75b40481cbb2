#![expect(clippy::unwrap_used, reason = "tests")]

use serde_json::Value;

use super::*;
use crate::declared::Label;

const ACCEPTED: DeclaredMetric =
    DeclaredMetric::counter("orders_accepted_total", "Orders that were accepted.");
const SECONDS: DeclaredMetric = DeclaredMetric::histogram("order_seconds", "Time | order.")
    .labels(&[Label::one_of("kind", &["new", "old"])])
    .objective(0.999, 0.25);
const ITEMS: DeclaredMetric = DeclaredMetric::histogram("order_items", "Items per order.")
    .unit("{item}")
    .buckets(&[1.0, 3.0])
    .objective(0.5, 3.0);
const WAITING: DeclaredMetric = DeclaredMetric::gauge("orders_waiting", "Orders that wait.")
    .labels(&[Label::at_most("tenant", 5)])
    .limit(512.0);
const ALL: &[DeclaredMetric] = &[ACCEPTED, SECONDS, ITEMS, WAITING];

fn dashboard() -> Value {
    super::dashboard::dashboard("orders", ALL)
}

fn expressions(dashboard: &Value) -> Vec<&str> {
    let panels = dashboard["panels"].as_array().unwrap();
    let targets = panels
        .iter()
        .filter_map(|panel| panel["targets"].as_array());
    targets
        .flatten()
        .map(|target| target["expr"].as_str().unwrap())
        .collect()
}

#[test]
fn table_has_each_metric_and_its_bounds() {
    let table = MetricDocument::table("orders", ALL).unwrap().text;
    for row in [
        "| `orders_accepted_total` | counter |  |  | Orders that were accepted. |",
        "| `order_seconds` | histogram | `s` | `kind`: `new`, `old` | Time \\| order. Objective: 99.9 % at most 0.25. |",
        "| `order_items` | histogram | `{item}` |  | Items per order. Buckets: 1, 3. Objective: 50 % at most 3. |",
        "| `orders_waiting` | gauge |  | `tenant`: at most 5 values | Orders that wait. Limit: 512. |",
    ] {
        assert!(table.lines().any(|line| line == row), "{row}\n{table}");
    }
}

#[test]
fn each_metric_has_its_panels() {
    let dashboard = dashboard();
    let panels = dashboard["panels"].as_array().unwrap();
    let titles: Vec<_> = panels
        .iter()
        .map(|it| it["title"].as_str().unwrap())
        .collect();
    assert_eq!(
        titles,
        [
            "Counters",
            "Orders accepted",
            "Gauges",
            "Orders waiting",
            "Histograms",
            "Order seconds",
            "Order seconds, within the objective",
            "Order seconds, samples",
            "Order items",
            "Order items, within the objective",
            "Order items, samples",
        ]
    );
    let expressions = expressions(&dashboard);
    for expected in [
        "topk(10, sum by (cluster, namespace, job) (rate(orders_accepted_total{cluster=~\"$cluster\",namespace=~\"$namespace\",job=~\"$job\",instance=~\"$instance\"}[$__rate_interval])))",
        "vector(512)",
        "vector(0.999)",
    ] {
        assert!(
            expressions.contains(&expected),
            "{expected}: {expressions:#?}"
        );
    }
    for part in [
        "max by (cluster, namespace, job, instance, tenant) (orders_waiting{",
        "histogram_quantile(0.99, sum by (cluster, namespace, job, kind, le) (rate(order_seconds_bucket{",
        ",le=\"0.25\"}[$__rate_interval]",
        ",le=~\"3\\\\.0|3\"}[$__rate_interval]",
    ] {
        let has = |expression: &&str| expression.contains(part);
        assert!(expressions.iter().any(has), "{part}: {expressions:#?}");
    }
}

#[test]
fn points_in_time_are_shown_as_ages() {
    const IMPORTED: DeclaredMetric =
        DeclaredMetric::gauge("last_import_timestamp_seconds", "End of the last import.")
            .labels(&[Label::one_of("source", &["shop", "bank"])]);
    let dashboard = super::dashboard::dashboard("orders", &[IMPORTED]);
    let panel = &dashboard["panels"][1];
    assert_eq!(panel["title"], "Last import timestamp seconds, time since");
    assert_eq!(panel["fieldConfig"]["defaults"]["unit"], "s");
    let expressions = expressions(&dashboard);
    let age = "topk(10, time() - max by (cluster, namespace, job, instance, source) (last_import_timestamp_seconds{";
    assert!(expressions[0].starts_with(age), "{expressions:?}");
    let description = panel["description"].as_str().unwrap();
    for part in [
        "End of the last import. The time since `last_import_timestamp_seconds` of each instance, by `source`.",
        "**Normal:** It falls to 0 with each new time",
        "**Otherwise:** Look for a single `instance` or `source` that differs.",
    ] {
        assert!(description.contains(part), "{part}: {description}");
    }
}

#[test]
fn uids_are_distinct_and_short_enough() {
    let uid = |service: &str| {
        let dashboard = super::dashboard::dashboard(service, &[ACCEPTED]);
        dashboard["uid"].as_str().unwrap().to_owned()
    };
    assert_eq!(uid("orders_api"), "orders-api");
    assert_eq!(uid(&"x".repeat(40)), "x".repeat(40));
    let long = "orders-of-the-northern-warehouse-for-";
    let [retail, wholesale] = ["retail", "wholesale"].map(|end| uid(&format!("{long}{end}")));
    // A hash that changed would move the dashboard to another address.
    assert_eq!(retail, "orders-of-the-northern-warehous-4a495a2b");
    assert_eq!(retail.len(), 40);
    assert_ne!(retail, wholesale);
}

#[test]
fn nothing_declared_has_no_dashboard() {
    assert_eq!(MetricDocument::dashboard("orders", &[]).unwrap(), None);
    let table = MetricDocument::table("orders", &[]).unwrap();
    assert!(
        table.text().contains("declares no metrics yet"),
        "{table:?}"
    );
    let invalid = [DeclaredMetric::counter("orders", "Orders.")];
    assert!(MetricDocument::table("orders", &invalid).is_err());
    assert!(MetricDocument::dashboard("orders", &invalid).is_err());
}

#[test]
fn renamed_metrics_are_outdated() {
    let folder = std::env::temp_dir().join(format!("firstlight-renamed-{}", std::process::id()));
    let documents = |metrics: &[DeclaredMetric]| {
        let dashboard = MetricDocument::dashboard("orders", metrics).unwrap();
        [
            MetricDocument::table("orders", metrics).unwrap(),
            dashboard.unwrap(),
        ]
    };
    let mut renamed = ALL.to_vec();
    renamed[0].name = "orders_taken_total";
    for (document, renamed) in documents(ALL).iter().zip(documents(&renamed)) {
        let missing = document.outdated(&folder).unwrap();
        assert!(missing.contains(" cannot be read: "), "{missing}");
        let path = document.write(&folder).unwrap();
        assert_eq!(document.outdated(&folder), None);
        fs::write(&path, document.text().replace('\n', "\r\n")).unwrap();
        assert_eq!(document.outdated(&folder), None);

        let outdated = renamed.outdated(&folder).unwrap();
        assert!(outdated.contains(", line "), "{outdated}");
        for name in ["rders_accepted_total", "rders_taken_total"] {
            assert!(outdated.contains(name), "{outdated}");
        }
        fs::write(&path, format!("{}more", document.text())).unwrap();
        let outdated = document.outdated(&folder).unwrap();
        assert!(
            outdated.ends_with("found more, expected the end"),
            "{outdated}"
        );
    }
    fs::remove_dir_all(&folder).unwrap();
}

#[test]
fn failed_writes_name_what_failed() {
    let folder = std::env::temp_dir().join(format!("firstlight-unwritable-{}", std::process::id()));
    fs::create_dir_all(folder.join("blocked/metrics.md")).unwrap();
    fs::write(folder.join("file"), "").unwrap();
    let table = MetricDocument::table("orders", ALL).unwrap();
    for (name, expected) in [
        ("file", "cannot create the folder "),
        ("file/below", "cannot create the folder "),
        ("blocked", "cannot write "),
    ] {
        let target = folder.join(name);
        let error = table.write(&target).unwrap_err().to_string();
        let start = format!("{expected}{}", target.display());
        assert!(error.starts_with(&start), "{error}");
    }
    fs::remove_dir_all(&folder).unwrap();
}
