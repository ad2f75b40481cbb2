//! Alone in its file: it installs what is global in a process.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::{net::TcpListener, time::Duration};

use firstlight::{LostKind, TelemetryConfig, metrics::Format};

/// On the flavour of runtime on which exporters that borrow the application's deadlock.
#[tokio::test(flavor = "current_thread")]
async fn shutdown_keeps_its_deadline_when_the_collector_hangs_and_says_what_was_lost() {
    // Accepts, by its backlog, and never answers.
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

    // That it returns at all, on this thread, is the point; the collector never lets go.
    let error = telemetry.shutdown(Duration::from_millis(500)).unwrap_err();
    let lost: Vec<_> = error
        .lost
        .iter()
        .map(|lost| (lost.kind, lost.count))
        .collect();
    assert_eq!(lost, [(LostKind::Spans, 3)], "{error}");
    assert!(error.to_string().contains("3 spans lost"), "{error}");

    tracing::info_span!("late").in_scope(|| {});
    let page = metrics.render(Format::Text);
    assert!(
        page.contains(
            "otel_sdk_processor_span_processed_total{error_type=\"already_shutdown\"} 1\n"
        ),
        "{page}"
    );
    drop(hanging);
}
