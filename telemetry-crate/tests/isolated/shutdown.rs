//! Tests of the shutdown of telemetry.

use std::{net::TcpListener, time::Duration};

use firstlight::{LostKind, TelemetryConfig, metrics::Format, testing::OtlpReceiver};

pub(crate) fn dropped_guards_flush_without_runtime() {
    let receiver = OtlpReceiver::start().unwrap();
    let telemetry = TelemetryConfig::new()
        .otlp_endpoint(receiver.endpoint())
        .without_admin()
        .init()
        .unwrap();
    // Several full batches and an incomplete one.
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

/// Tests the shutdown on a current-thread runtime.
///
/// Exporters that use the application's runtime deadlock on a current-thread runtime.
#[tokio::main(flavor = "current_thread")]
pub(crate) async fn honors_deadline_and_names_losses() {
    // The kernel accepts connections to this listener, which never answers.
    let hanging = TcpListener::bind("127.0.0.1:0").unwrap();
    let telemetry = TelemetryConfig::new()
        .otlp_endpoint(format!("http://{}", hanging.local_addr().unwrap()))
        .without_admin()
        .init()
        .unwrap();
    let metrics = telemetry.metrics();
    for _ in 0..3 {
        tracing::info_span!("lost").in_scope(|| {});
    }
    let queued = metrics.render(Format::Text);
    assert!(
        queued.contains("\notel_sdk_processor_span_queue_size 3\n"),
        "{queued}"
    );

    // The shutdown returns, although this thread is the runtime's only thread and the collector hangs. Only the deadline
    // can end it, because the timeouts of the export are an hour.
    let error = telemetry.shutdown(Duration::from_millis(500)).unwrap_err();
    assert!(
        error.lost[0].cause.contains("within the deadline"),
        "{error}"
    );
    let lost: Vec<_> = error
        .lost
        .iter()
        .map(|lost| (lost.kind, lost.count))
        .collect();
    assert_eq!(lost, [(LostKind::Spans, 3)], "{error}");
    assert!(error.to_string().contains("3 spans lost"), "{error}");

    tracing::info_span!("late").in_scope(|| {});
    let exposition = metrics.render(Format::Text);
    assert!(
        exposition.contains(
            "otel_sdk_processor_span_processed_total{error_type=\"already_shutdown\"} 1\n"
        ),
        "{exposition}"
    );
    drop(hanging);
}
