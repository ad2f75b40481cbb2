//! Alone in its file: it installs what is global in a process.

#![cfg(feature = "testing")]
#![expect(clippy::unwrap_used, reason = "tests")]

use std::time::Duration;

use firstlight::{
    TelemetryConfig,
    metrics::Format,
    testing::{OtlpReceiver, capture},
};

fn act(place: &str) {
    let _span = tracing::info_span!("act", place).entered();
    metrics::counter!("acts_total", "place" => place.to_owned()).increment(1);
    tracing::info!(place, "acted");
}

#[test]
fn captures_and_running_telemetry_leave_each_other_alone() {
    {
        let before = capture();
        act("before");
        before.assert_metric("acts_total", [("place", "before")], 1.0);
    }
    // What a capture has left behind is in nobody's way.
    let receiver = OtlpReceiver::start().unwrap();
    let telemetry = TelemetryConfig::new()
        .otlp_endpoint(receiver.endpoint())
        .without_admin()
        .init()
        .unwrap();
    {
        let during = capture();
        act("captured");
        during.assert_log("acted").with("place", "captured").once();
        during.assert_span("act").with("place", "captured").once();
        during.assert_metric("acts_total", [], 1.0);
    }
    act("sent");
    let page = telemetry.metrics().render(Format::Text);
    assert!(page.contains("acts_total{place=\"sent\"} 1\n"), "{page}");
    assert!(!page.contains("captured"), "{page}");
    telemetry.shutdown(Duration::from_secs(30)).unwrap();
    let spans = receiver.spans();
    let places: Vec<_> = spans
        .iter()
        .map(|span| &*span.attributes["place"])
        .collect();
    assert_eq!(places, ["sent"]);
}
