//! Tests of declared metrics at a scrape, at a collector, and in the report.

use std::time::Duration;

use firstlight::{
    TelemetryConfig,
    metrics::{DeclaredMetric, Label},
    testing::{OtlpReceiver, metric_violations},
};

use crate::support::ask;

const ACCEPTED: DeclaredMetric =
    DeclaredMetric::counter("orders_accepted_total", "Orders that were accepted.")
        .unit("{order}")
        .labels(&[Label::one_of("tier", &["gold", "silver"])]);
const SECONDS: DeclaredMetric =
    DeclaredMetric::histogram("order_seconds", "Time to accept an order.").buckets(&[0.25, 1.0]);
const DECLARED: &[DeclaredMetric] = &[ACCEPTED, SECONDS];

pub(crate) fn declarations_arrive_everywhere() {
    let receiver = OtlpReceiver::start().unwrap();
    let telemetry = TelemetryConfig::new()
        .otlp_endpoint(receiver.endpoint())
        .admin_address(([127, 0, 0, 1], 0).into())
        .declare(DECLARED)
        .init()
        .unwrap();
    let address = telemetry.admin_address().unwrap();
    let status = ask(address, "GET /telemetry").body;
    assert!(!status.contains("not declared"), "{status}");

    // The declaration wins over a description of the same metric.
    metrics::describe_counter!("orders_accepted_total", "Another text.");
    metrics::counter!("orders_accepted_total", "tier" => "gold").increment(1);
    metrics::histogram!("order_seconds").record(0.1);
    metrics::gauge!("queue_length").set(2.0);

    let exposition = ask(address, "GET /metrics").body;
    assert_eq!(
        metric_violations(DECLARED, &exposition),
        [
            "queue_length is recorded and not declared; declare it",
            r#"orders_accepted_total is declared with tier="silver", and nothing has recorded it; record it in the test, or remove it"#,
        ]
    );
    let status = ask(address, "GET /telemetry").body;
    assert!(
        status.contains("\n  not declared: queue_length\n"),
        "{status}"
    );

    telemetry.shutdown(Duration::from_secs(30)).unwrap();
    let sent = receiver.metrics();
    let sent = |name: &str| sent.iter().find(|metric| metric.name == name).unwrap();
    let [accepted, seconds] = [ACCEPTED, SECONDS].map(|declared| {
        let sent = sent(declared.name);
        assert_eq!(sent.description, declared.help);
        sent
    });
    assert_eq!((&*accepted.unit, &*seconds.unit), ("{order}", "s"));
    // The series that nothing has recorded is sent as well.
    let points = accepted.points.iter();
    let mut points: Vec<_> = points
        .map(|point| (&*point.attributes["tier"], point.value))
        .collect();
    points.sort_by_key(|(tier, _)| *tier);
    assert_eq!(points, [("gold", 1.0), ("silver", 0.0)]);
    assert_eq!(seconds.points[0].bounds, [0.25, 1.0]);
}

pub(crate) fn invalid_declarations_stop_the_start() {
    let config = || TelemetryConfig::new().without_admin();
    let invalid = [DeclaredMetric::histogram("order_ms", "Time of an order.")];
    let error = config().declare(&invalid).init().unwrap_err();
    // `main` prints this form of its error.
    assert_eq!(
        format!("{error:?}"),
        "TelemetryConfig::declare, order_ms: found the unit _ms, expected the base unit: record in it, and end the name in _seconds"
    );
    // Nothing was installed.
    drop(config().declare(DECLARED).init().unwrap());
}
