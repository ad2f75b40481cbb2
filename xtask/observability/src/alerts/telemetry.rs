//! Alerts on lost telemetry, and the watchdog of alerting itself.

use firstlight::metrics::catalog::{
    LOGGING_EVENTS_DROPPED, METRICS_CARDINALITY_OVERFLOW, Metric, OTEL_SDK_EXPORTER_LOG_EXPORTED,
    OTEL_SDK_EXPORTER_METRIC_DATA_POINT_EXPORTED, OTEL_SDK_EXPORTER_SPAN_EXPORTED,
    OTEL_SDK_PROCESSOR_LOG_PROCESSED, OTEL_SDK_PROCESSOR_SPAN_PROCESSED,
};

use super::{alert::Alert, board::Board, group::Group, recording::Record};
use crate::promql::{SERVICE, Selector, counted, on_service, service_labels};

const OVERFLOWED: &str = "metric:metrics_cardinality_overflow:count15m";

/// The metrics of lost spans, with the series that records each.
const SPANS: [(&Metric, &str); 2] = [
    (
        &OTEL_SDK_EXPORTER_SPAN_EXPORTED,
        "service:otel_sdk_exporter_spans_lost:count5m",
    ),
    (
        &OTEL_SDK_PROCESSOR_SPAN_PROCESSED,
        "service:otel_sdk_processor_spans_lost:count5m",
    ),
];
/// The metrics of log records that were not delivered over OTLP.
const RECORDS: [(&Metric, &str); 2] = [
    (
        &OTEL_SDK_EXPORTER_LOG_EXPORTED,
        "service:otel_sdk_exporter_logs_lost:count5m",
    ),
    (
        &OTEL_SDK_PROCESSOR_LOG_PROCESSED,
        "service:otel_sdk_processor_logs_lost:count5m",
    ),
];
/// The metric of data points that were not delivered over OTLP.
const POINTS: [(&Metric, &str); 1] = [(
    &OTEL_SDK_EXPORTER_METRIC_DATA_POINT_EXPORTED,
    "service:otel_sdk_exporter_data_points_lost:count5m",
)];
/// The metric of log lines that were not written to standard output.
const LINES: [(&Metric, &str); 1] = [(
    &LOGGING_EVENTS_DROPPED,
    "service:logging_events_dropped:count5m",
)];

pub(super) fn counts() -> Vec<Record> {
    let lost = SPANS.into_iter().chain(RECORDS).chain(POINTS).chain(LINES);
    let lost = lost.map(|(metric, name)| {
        let all = Selector::of(metric);
        let failed = if metric.labels.contains(&"error_type") {
            all.is_not("error_type", "")
        } else {
            all
        };
        Record::named(name).expr(&[&counted(&SERVICE, &failed, "5m")])
    });
    let overflowed = Selector::of(&METRICS_CARDINALITY_OVERFLOW);
    let overflowed = counted(&service_labels(&["metric"]), &overflowed, "15m");
    lost.chain([Record::named(OVERFLOWED).expr(&[&overflowed])])
        .collect()
}

pub(super) fn group() -> Group {
    Group::new("firstlight-telemetry").alerts([
        dropping("spans", &SPANS).because(
            "Lost telemetry is missing in the next incident. A restart of the collector causes a small loss, which opens no ticket. \
             An ongoing loss opens one.",
        ),
        dropping("log lines", &LINES),
        dropping("log records", &RECORDS),
        dropping("data points", &POINTS),
        cardinality_overflow(),
        watchdog(),
    ])
}

fn dropping(signal: &'static str, counted: &[(&Metric, &str)]) -> Alert {
    let lost = counted.iter().map(|(_, name)| format!("{name} > 0"));
    let lost: Vec<_> = lost.collect();
    Alert::ticket("TelemetryDropping")
        .when(&[&lost.join(&format!("\nor {}\n", on_service(&[])))])
        .lasting("10m")
        .label("signal", signal)
        .summary("Telemetry gets lost.")
        .description(format!("{{{{ $labels.job }}}} lost {{{{ $value | humanize }}}} {signal} in the last five minutes."))
        .on(Board::Runtime)
}

fn cardinality_overflow() -> Alert {
    Alert::ticket("MetricsCardinalityOverflow")
        .because("A label has too many values, such as ids or raw paths. Sums stay correct, but new label values are no longer distinguished.")
        .when(&[&format!("{OVERFLOWED} > 0")])
        .lasting("5m")
        .summary("A metric exceeds its cardinality limit.")
        .description("{{ $labels.metric }} of {{ $labels.job }} exceeds its cardinality limit. Uses that went to its overflow series in the last 15 minutes: {{ $value | humanize }}.")
        .on(Board::Runtime)
}

fn watchdog() -> Alert {
    Alert::info("Watchdog")
        .because("Always fires. Its receiver raises an alarm when it stops, because a broken alerting pipeline cannot report itself.")
        .when(&["vector(1)"])
        .lasting("0m")
        .summary("Alerting works.")
        .description("This alert always fires. When it stops arriving, Prometheus or Alertmanager is down.")
        .on(Board::Overview)
}

/// Tests of alerts on lost telemetry, on overflow series, and of the watchdog.
pub(super) mod alert_tests {
    use crate::alerts::alert_test::AlertTest;

    pub(in super::super) fn all() -> Vec<AlertTest> {
        let lost = |signal: &'static str, series: &'static str| {
            AlertTest::of(
                "TelemetryDropping",
                format!("{signal}, a single loss and then an ongoing one"),
            )
            .process(r#"job="orders",instance="a""#, 0, "Vx90")
            .series(series, "_x10 100x19 100+20x30 700x30")
            .transient(14)
            .transient(25)
            .fires(
                50,
                &[("job", "orders"), ("signal", signal)],
                format!("orders lost 100 {signal} in the last five minutes."),
            )
            .resolved(70)
        };
        vec![
            lost("spans", r#"otel_sdk_exporter_span_exported_total{job="orders",instance="a",error_type="timeout"}"#),
            lost("spans", r#"otel_sdk_processor_span_processed_total{job="orders",instance="a",error_type="queue_full"}"#),
            lost("log lines", r#"logging_events_dropped_total{job="orders",instance="a"}"#),
            lost("log records", r#"otel_sdk_exporter_log_exported_total{job="orders",instance="a",error_type="timeout"}"#),
            lost("data points", r#"otel_sdk_exporter_metric_data_point_exported_total{job="orders",instance="a",error_type="503"}"#),
            AlertTest::of("TelemetryDropping", "delivered spans")
                .series(r#"otel_sdk_exporter_span_exported_total{job="orders",instance="a"}"#, "0+600x60")
                .transient(60),
            AlertTest::of("MetricsCardinalityOverflow", "an id in a label")
                .series(r#"metrics_cardinality_overflow_total{job="orders",instance="a",metric="orders_placed_total"}"#, "0x20 0+10x30 300x40")
                .transient(22)
                .fires(
                    45,
                    &[("job", "orders"), ("metric", "orders_placed_total")],
                    "orders_placed_total of orders exceeds its cardinality limit. Uses that went to its overflow series in the last 15 minutes: 150.",
                )
                .resolved(70),
            AlertTest::of("Watchdog", "always").fires(
                5,
                &[],
                "This alert always fires. When it stops arriving, Prometheus or Alertmanager is down.",
            ),
        ]
    }
}
