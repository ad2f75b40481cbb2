//! Telemetry that gets lost for a moment, and for good.

use crate::alerts::alert_test::AlertTest;

pub(in super::super) fn all() -> Vec<AlertTest> {
    let lost = |signal: &'static str, series: &'static str| {
        AlertTest::of(
            "TelemetryDropping",
            format!("{signal}, for a moment and then for good"),
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
        AlertTest::of("TelemetryDropping", "what is delivered is not lost")
            .series(r#"otel_sdk_exporter_span_exported_total{job="orders",instance="a"}"#, "0+600x60")
            .transient(60),
        AlertTest::of("MetricsOverBudget", "an id in a label")
            .series(r#"metrics_series_over_budget_total{job="orders",instance="a",metric="orders_placed_total"}"#, "0x20 0+10x30 300x40")
            .transient(22)
            .fires(
                45,
                &[("job", "orders"), ("metric", "orders_placed_total")],
                "orders_placed_total of orders is over its budget of series: 150 uses went to its overflow series in the last 15 minutes.",
            )
            .resolved(70),
        AlertTest::of("Watchdog", "always").fires(
            5,
            &[],
            "This alert always fires. When it stops arriving, Prometheus or Alertmanager is down.",
        ),
    ]
}
