//! Alone in its file: it installs what is global in a process.

#![cfg(feature = "testing")]
#![expect(clippy::unwrap_used, reason = "tests")]

use std::time::Duration;

use firstlight::{TelemetryConfig, testing::OtlpReceiver};

#[test]
fn dropping_the_guard_sends_what_waits_even_without_a_runtime() {
    let receiver = OtlpReceiver::start().unwrap();
    let telemetry = TelemetryConfig::new()
        .otlp_endpoint(receiver.endpoint())
        .without_admin()
        .init()
        .unwrap();
    // More than one batch, and the rest of one.
    for _ in 0..1_300 {
        tracing::info_span!("batch").in_scope(|| {});
    }
    drop(telemetry);
    assert_eq!(
        receiver
            .wait_for(Duration::from_secs(30), |spans| spans.len() >= 1_300)
            .len(),
        1_300
    );
}
