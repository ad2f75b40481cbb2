//! Alone in its file: it installs what is global in a process.

#![cfg(feature = "testing")]
#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::time::Duration;

use firstlight::{
    TelemetryConfig,
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

#[test]
fn spans_are_bounded_typed_and_failed_only_when_they_failed() {
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
        // For hours.
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
        "an error that was handled is an event"
    );
    let [event] = &handled.events[..] else {
        panic!("{:?}", handled.events)
    };
    assert_eq!(event.name, "tried in vain, and went on");
    assert_eq!(event.attributes["attempt"], "3");

    let never_entered = named(&spans, "never entered");
    assert_eq!(never_entered.events.len(), 128);

    let fails = named(&spans, "fails");
    assert_eq!(fails.status, "error");
    assert_eq!(fails.events[0].name, "exception");
    assert_eq!(fails.events[0].attributes["exception.message"], "disk full");
    telemetry.shutdown(Duration::from_secs(10)).unwrap();
}
