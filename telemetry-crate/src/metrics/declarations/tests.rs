#![expect(clippy::unwrap_used, reason = "tests")]

use super::*;
use crate::declared::Label;

const HELP: &str = "Help.";

const fn counter(name: &'static str) -> DeclaredMetric {
    DeclaredMetric::counter(name, HELP)
}

const fn gauge(name: &'static str) -> DeclaredMetric {
    DeclaredMetric::gauge(name, HELP)
}

const fn histogram(name: &'static str) -> DeclaredMetric {
    DeclaredMetric::histogram(name, HELP)
}

fn declare(declared: &[DeclaredMetric]) -> Result<Declarations, InitError> {
    let own = declared.iter();
    let buckets = own.filter_map(|metric| Some((metric.name.to_owned(), metric.buckets?.to_vec())));
    let buckets: Vec<_> = buckets.collect();
    Declarations::new(declared.to_vec(), &buckets, &Aliases::default())
}

#[test]
fn declarations_that_can_work_are_kept() {
    const DECLARED: [DeclaredMetric; 5] = [
        counter("orders_total")
            .unit("{order}")
            .labels(&[Label::one_of("kind", &["new", "old"])]),
        counter("read_bytes_total").labels(&[Label::at_most("tenant", 2_000)]),
        gauge("waiting").limit(512.0),
        histogram("order_seconds").objective(0.99, 0.25),
        histogram("order_items")
            .buckets(&[1.0, 3.0])
            .objective(0.5, 3.0),
    ];
    let declarations = declare(&DECLARED).unwrap();
    assert_eq!(declarations.iter().copied().collect::<Vec<_>>(), DECLARED);
    assert_eq!(declarations.find("waiting"), Some(&DECLARED[2]));
    assert_eq!(declarations.find("orders"), None);
}

#[test]
fn impossible_declarations_are_refused() {
    const LABEL: &[Label] = &[Label::one_of("a", &["x"]), Label::one_of("a", &["y"])];
    const SECRET: &[Label] = &[Label::one_of("api_token", &["x"])];
    const MANY: &[Label] = &[Label::at_most("a", 1_000), Label::at_most("b", usize::MAX)];
    const CASES: &[(DeclaredMetric, &str)] = &[
        (counter("Orders_total"), "snake case"),
        (counter("2xx_total"), "snake case"),
        (counter("orders__new_total"), "snake case"),
        (counter("orders.new_total"), "snake case"),
        (counter(""), "snake case"),
        (counter("orders"), "rename it to orders_total"),
        (gauge("orders_total"), "this is a gauge"),
        (gauge("orders_count"), "_count belongs to parts"),
        (histogram("order_ms"), "end the name in _seconds"),
        (counter("sent_kilobytes_total"), "end the name in _bytes"),
        (gauge("used_percent"), "end the name in _ratio"),
        (histogram("order_seconds").unit("By"), "remove .unit()"),
        (histogram("order_time").unit("s"), "_seconds; rename it"),
        (gauge("order_size").unit("By"), "_bytes; rename it"),
        (gauge("orders").unit("orders"), "such as {item}"),
        (DeclaredMetric::gauge("orders", " "), "found the help \" \""),
        (DeclaredMetric::gauge("orders", "a\nb"), "expected one line"),
        (gauge("orders").labels(LABEL), "the label a twice"),
        (
            gauge("orders").labels(&[Label::one_of("Kind", &["x"])]),
            "the label \"Kind\", expected snake case",
        ),
        (
            gauge("orders").labels(&[Label::at_most("job", 3)]),
            "the label job is added",
        ),
        (gauge("orders").labels(SECRET), "are redacted"),
        (
            gauge("orders").labels(&[Label::one_of("kind", &[])]),
            "kind has no value",
        ),
        (
            gauge("orders").labels(&[Label::at_most("kind", 0)]),
            "kind has no value",
        ),
        (
            gauge("orders").labels(&[Label::one_of("kind", &["a", "a"])]),
            "the value \"a\"",
        ),
        (
            gauge("orders").labels(&[Label::one_of("kind", &["a", ""])]),
            "the value \"\"",
        ),
        (
            gauge("orders").labels(&[Label::at_most("kind", 2_001)]),
            "allow 2001 series, expected at most 2000",
        ),
        (gauge("orders").labels(MANY), "expected at most 2000"),
        (
            gauge("orders").buckets(&[1.0]),
            "this is a gauge; remove .buckets()",
        ),
        (
            histogram("orders").buckets(&[2.0, 1.0]),
            "its buckets: found 1 after 2",
        ),
        (
            counter("orders_total").objective(0.9, 1.0),
            "only a histogram has an objective",
        ),
        (
            histogram("a_seconds").objective(1.0, 0.25),
            "its objective is 1",
        ),
        (
            histogram("a_seconds").objective(0.9, 0.3),
            "one of its buckets, which are [0.005",
        ),
        (histogram("orders").limit(1.0), "only a gauge has a limit"),
        (gauge("orders").limit(f64::NAN), "expected a finite number"),
        (
            gauge("import_timestamp_seconds").limit(1.0),
            "a Unix time has no limit",
        ),
        (
            counter("logging_events_total"),
            "a metric of firstlight; choose another",
        ),
        (
            gauge("http_server_request_duration_seconds_max").labels(&[]),
            "",
        ),
    ];
    for (metric, expected) in CASES {
        let error = declare(&[*metric]).map(drop);
        if expected.is_empty() {
            assert!(error.is_ok(), "{error:?}");
            continue;
        }
        let error = error.unwrap_err().to_string();
        assert!(error.contains(expected), "{}: {error}", metric.name);
        let start = format!("TelemetryConfig::declare, {}: ", metric.name);
        assert!(error.starts_with(&start), "{error}");
    }
}

#[test]
fn names_belong_to_one_metric() {
    for (declared, expected) in [
        ([gauge("orders"), gauge("orders")], "found two declarations"),
        (
            [counter("orders_total"), gauge("orders")],
            "orders_total is a counter already",
        ),
        ([histogram("orders"), gauge("orders_max")], ""),
    ] {
        let error = declare(&declared).map_or_else(|error| error.to_string(), |_| String::new());
        assert!(error.contains(expected), "{error}");
        assert_eq!(error.is_empty(), expected.is_empty(), "{error}");
    }
}

#[test]
fn known_series_exist_from_the_start() {
    let labels = |metric: &DeclaredMetric| {
        let keys = initial_series(metric).into_iter();
        let label = |label: &::metrics::Label| format!("{}={}", label.key(), label.value());
        let text = |key: Key| key.labels().map(label).collect::<Vec<_>>().join(",");
        keys.map(text).collect::<Vec<_>>()
    };
    const TWO: &[Label] = &[
        Label::one_of("a", &["1", "2"]),
        Label::one_of("b", &["3", "4"]),
    ];
    const OPEN: &[Label] = &[Label::one_of("a", &["1", "2"]), Label::at_most("b", 2)];
    assert_eq!(
        labels(&counter("x_total").labels(TWO)),
        ["a=1,b=3", "a=1,b=4", "a=2,b=3", "a=2,b=4"]
    );
    assert_eq!(labels(&histogram("x")), [""]);
    assert!(labels(&gauge("x")).is_empty());
    assert!(labels(&counter("x_total").labels(OPEN)).is_empty());
}
