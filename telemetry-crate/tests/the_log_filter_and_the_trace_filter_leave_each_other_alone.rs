//! Alone in its file: it installs what is global in a process.

#![cfg(feature = "testing")]
#![expect(clippy::unwrap_used, reason = "tests")]

use std::time::Duration;

use firstlight::{
    TelemetryConfig,
    metrics::{Format, catalog},
    testing::OtlpReceiver,
};

/// Directives about spans and their fields, which need to be told of every span, beside a trace filter that keeps more.
#[test]
fn the_log_filter_and_the_trace_filter_leave_each_other_alone() {
    let receiver = OtlpReceiver::start().unwrap();
    let telemetry = TelemetryConfig::new()
        .otlp_endpoint(receiver.endpoint())
        .log_filter("warn,[order{vip=true}]=debug")
        .trace_filter("debug")
        .without_admin()
        .init()
        .unwrap();
    let logged = |level: &str| {
        let page = telemetry.metrics().render(Format::Text);
        let series = format!("{}{{level=\"{level}\"}} ", catalog::LOGGING_EVENTS.name);
        let line = page.lines().find_map(|line| line.strip_prefix(&series));
        line.unwrap().parse::<f64>().unwrap()
    };
    let before = (logged("debug"), logged("warn"));

    for vip in [true, false] {
        let order = tracing::debug_span!("order", vip);
        let _entered = order.enter();
        tracing::debug!("only of some orders");
        tracing::trace!("of none");
        tracing::warn!("of all, in the log and in the trace");
    }
    tracing::trace_span!("in no trace").in_scope(|| tracing::debug!("of no order"));

    assert_eq!(
        (logged("debug"), logged("warn")),
        (before.0 + 1.0, before.1 + 2.0)
    );
    telemetry.flush(Duration::from_secs(30)).unwrap();
    let spans = receiver.wait_for(Duration::from_secs(30), |spans| spans.len() >= 2);
    let events = |index: usize| -> Vec<_> {
        let events = spans[index].events.iter();
        events.map(|event| event.name.clone()).collect()
    };
    assert_eq!(spans.len(), 2, "{spans:?}");
    for (index, span) in spans.iter().enumerate() {
        assert_eq!(span.name, "order");
        assert_eq!(events(index), ["of all, in the log and in the trace"]);
    }
    telemetry.shutdown(Duration::from_secs(10)).unwrap();
}
