//! Telemetry that gets lost, and who watches the watchers.

pub(super) mod drills;

use firstlight::metrics::catalog::{
    LOG_EVENTS_DROPPED, METRICS_SERIES_OVER_BUDGET, Metric, OTEL_SDK_EXPORTER_LOG_EXPORTED,
    OTEL_SDK_EXPORTER_METRIC_DATA_POINT_EXPORTED, OTEL_SDK_EXPORTER_SPAN_EXPORTED,
    OTEL_SDK_PROCESSOR_LOG_PROCESSED, OTEL_SDK_PROCESSOR_SPAN_PROCESSED,
};

use super::{alert::Alert, board::Board, group::Group};
use crate::observability::promql::{Selector, counted};

pub(super) fn group() -> Group {
    let failed = |metric: &Metric| Selector::of(metric).is_not("error_type", "");
    let spans = [
        &OTEL_SDK_EXPORTER_SPAN_EXPORTED,
        &OTEL_SDK_PROCESSOR_SPAN_PROCESSED,
    ]
    .map(failed);
    let records = [
        &OTEL_SDK_EXPORTER_LOG_EXPORTED,
        &OTEL_SDK_PROCESSOR_LOG_PROCESSED,
    ]
    .map(failed);
    let points = [&OTEL_SDK_EXPORTER_METRIC_DATA_POINT_EXPORTED].map(failed);
    let lines = [Selector::of(&LOG_EVENTS_DROPPED)];
    Group::new("firstlight-telemetry").alerts([
        dropping("spans", &spans).because(
            "What is lost here is missing in the next incident. A collector that restarts loses a little, and that is no ticket; what \
             goes on is.",
        ),
        dropping("log lines", &lines),
        dropping("log records", &records),
        dropping("data points", &points),
        over_budget(),
        watchdog(),
    ])
}

fn dropping(signal: &'static str, counters: &[Selector]) -> Alert {
    let lost = counters
        .iter()
        .map(|counter| format!("{} > 0", counted(&["job"], counter, "5m")));
    let lost: Vec<_> = lost.collect();
    Alert::ticket("TelemetryDropping")
        .when(&[&lost.join("\nor on (job)\n")])
        .lasting("10m")
        .label("signal", signal)
        .summary("Telemetry gets lost.")
        .description(format!("{{{{ $labels.job }}}} lost {{{{ $value | humanize }}}} {signal} in the last five minutes."))
        .on(Board::Runtime)
}

fn over_budget() -> Alert {
    let folded = Selector::of(&METRICS_SERIES_OVER_BUDGET);
    Alert::ticket("MetricsOverBudget")
        .because("A label has more values than anybody planned for: an id, a raw path. Sums stay right, and what is new is no longer told apart.")
        .when(&[&format!("{} > 0", counted(&["job", "metric"], &folded, "15m"))])
        .lasting("5m")
        .summary("A metric has more series than its budget allows.")
        .description("{{ $labels.metric }} of {{ $labels.job }} is over its budget of series: {{ $value | humanize }} uses went to its overflow series in the last 15 minutes.")
        .on(Board::Runtime)
}

fn watchdog() -> Alert {
    Alert::info("Watchdog")
        .because("Always fires. Whoever receives it raises the alarm when it stops: nothing here can say that nothing here works.")
        .when(&["vector(1)"])
        .lasting("0m")
        .summary("Alerting works.")
        .description("This alert always fires. When it stops arriving, Prometheus or Alertmanager is down.")
        .on(Board::Overview)
}
