//! Tests of spans as a collector receives them.

use std::time::Duration;

use firstlight::{
    TelemetryConfig,
    metrics::{Format, catalog},
    testing::{OtlpReceiver, ReceivedSpan},
};

fn named<'a>(spans: &'a [ReceivedSpan], name: &str) -> &'a ReceivedSpan {
    spans
        .iter()
        .find(|span| span.name == name)
        .unwrap_or_else(|| panic!("no {name} in {spans:?}"))
}

#[tracing::instrument(err)]
fn fails() -> Result<(), std::io::Error> {
    Err(std::io::Error::other("disk full"))
}

pub(crate) fn spans_have_bounds_types_and_status() {
    let receiver = OtlpReceiver::start().unwrap();
    let telemetry = TelemetryConfig::new()
        .otlp_endpoint(receiver.endpoint())
        .without_admin()
        .init()
        .unwrap();

    let handled = tracing::info_span!(
        "handled",
        done = 0,
        rows = 7u64,
        query = "x".repeat(1_000_000)
    );
    handled.in_scope(|| {
        // A long-running task that updates its progress.
        for n in 0..10_000 {
            handled.record("done", n);
        }
        tracing::error!(attempt = 3usize, "tried in vain, and went on");
        tracing::info!("is in the log and not on the span");
    });
    drop(handled);
    let never_entered = tracing::info_span!("never entered");
    for _ in 0..10_000 {
        tracing::warn!(parent: &never_entered, "again");
    }
    drop(never_entered);
    let _ = fails();
    telemetry.flush(Duration::from_secs(30)).unwrap();

    let spans = receiver.wait_for(Duration::from_secs(30), |spans| spans.len() >= 3);
    let handled = named(&spans, "handled");
    assert_eq!(handled.attributes["done"], "9999", "the last value wins");
    assert_eq!(handled.attributes["rows"], "7");
    assert_eq!(handled.attributes["query"].len(), 8 * 1024);
    assert_eq!(
        handled.status, "unset",
        "a handled error is an event and not a failure"
    );
    let [event] = &handled.events[..] else {
        panic!("{:?}", handled.events)
    };
    assert_eq!(event.name, "tried in vain, and went on");
    assert_eq!(event.attributes["attempt"], "3");

    let never_entered = named(&spans, "never entered");
    // The limit of events per span.
    assert_eq!(never_entered.events.len(), 128);

    let fails = named(&spans, "fails");
    assert_eq!(fails.status, "error");
    assert_eq!(fails.events[0].name, "exception");
    assert_eq!(fails.events[0].attributes["exception.message"], "disk full");
    telemetry.shutdown(Duration::from_secs(10)).unwrap();
}

/// Tests log directives about fields of spans together with a trace filter.
///
/// To apply such a directive, the log filter has to see every span. The trace filter keeps spans
/// that the log filter rejects.
pub(crate) fn log_and_trace_filters_are_separate() {
    let receiver = OtlpReceiver::start().unwrap();
    let telemetry = TelemetryConfig::new()
        .otlp_endpoint(receiver.endpoint())
        .log_filter("warn,[order{vip=true}]=debug")
        .trace_filter("debug")
        .without_admin()
        .init()
        .unwrap();
    let logged = |level: &str| {
        let exposition = telemetry.metrics().render(Format::Text);
        let series = format!("{}{{level=\"{level}\"}} ", catalog::LOGGING_EVENTS.name);
        let line = exposition
            .lines()
            .find_map(|line| line.strip_prefix(&series));
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
