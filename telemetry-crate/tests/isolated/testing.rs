//! Tests of captures together with the global state of a process.

use std::{
    sync::{Arc, Barrier},
    thread,
    time::Duration,
};

use firstlight::{
    TelemetryConfig,
    metrics::Format,
    testing::{OtlpReceiver, capture},
};

/// Records a span and an event, with the same callsites in each call.
fn act() {
    let _span = tracing::info_span!("act").entered();
    tracing::info!("acted");
}

pub(crate) fn uncaptured_tests_do_not_interfere() {
    let capture = capture();
    // This registers the callsite on a thread without a capture, while the process has a single subscriber.
    let other = thread::spawn(act).join();
    assert!(other.is_ok());
    assert_eq!(capture.logs(), []);
    act();
    capture.assert_log("acted").once();
    capture.assert_span("act").once();
}

fn act_at(place: &str) {
    let _span = tracing::info_span!("act_at", place).entered();
    metrics::counter!("acts_total", "place" => place.to_owned()).increment(1);
    tracing::info!(place, "acted");
}

pub(crate) fn captures_and_telemetry_coexist() {
    {
        let before = capture();
        act_at("before");
        before.assert_metric("acts_total", [("place", "before")], 1.0);
    }
    // The capture has left nothing behind that could make `init` fail.
    let receiver = OtlpReceiver::start().unwrap();
    let telemetry = TelemetryConfig::new()
        .otlp_endpoint(receiver.endpoint())
        .without_admin()
        .init()
        .unwrap();
    {
        let during = capture();
        act_at("captured");
        during.assert_log("acted").with("place", "captured").once();
        during
            .assert_span("act_at")
            .with("place", "captured")
            .once();
        during.assert_metric("acts_total", [], 1.0);
    }
    act_at("sent");
    let exposition = telemetry.metrics().render(Format::Text);
    assert!(
        exposition.contains("acts_total{place=\"sent\"} 1\n"),
        "{exposition}"
    );
    assert!(!exposition.contains("captured"), "{exposition}");
    telemetry.shutdown(Duration::from_secs(30)).unwrap();
    let spans = receiver.spans();
    let places: Vec<_> = spans
        .iter()
        .map(|span| &*span.attributes["place"])
        .collect();
    assert_eq!(places, ["sent"]);
}

/// Number of threads with captures, and of threads without.
const THREADS: usize = 16;
/// Number of calls of [`act_as`] on each thread.
const ROUNDS: u64 = 50;

/// Records all signals, with the same callsites on all threads.
fn act_as(test: usize) {
    let _span = tracing::info_span!("act_as", test).entered();
    tracing::info!(test, "acted");
    metrics::counter!("acts_total").increment(1);
    metrics::histogram!("act_seconds").record(0.5);
}

pub(crate) fn parallel_captures_are_separate() {
    let barrier = Arc::new(Barrier::new(2 * THREADS));
    thread::scope(|scope| {
        for test in 0..THREADS {
            let barrier = &barrier;
            // A test without a capture may be the first or the last to reach a callsite.
            scope.spawn(move || {
                barrier.wait();
                (0..ROUNDS).for_each(|_| act_as(test));
            });
            scope.spawn(move || {
                barrier.wait();
                for _ in 0..ROUNDS {
                    let capture = capture();
                    act_as(test);
                    let (logs, spans) = (capture.logs(), capture.spans());
                    assert_eq!((logs.len(), spans.len()), (1, 1), "{}", capture.waterfall());
                    capture.assert_log("acted").with("test", test);
                    capture.assert_span("act_as").with("test", test);
                    capture.assert_metric("acts_total", [], 1.0);
                    let seconds = capture.histogram("act_seconds", []);
                    assert_eq!(seconds.map(|it| (it.count, it.sum)), Some((1, 0.5)));
                }
            });
        }
    });
    act_as(0);
    assert_eq!(capture().logs(), [], "a new capture is empty");
}
