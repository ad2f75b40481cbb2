//! Alone in its file: it installs what is global in a process.

#![cfg(all(feature = "axum", feature = "testing"))]
#![expect(clippy::unwrap_used, reason = "tests")]

use std::time::Duration;

use axum::{Router, body::Body, routing::get};
use firstlight::{TelemetryConfig, http::TelemetryLayer, testing::OtlpReceiver};
use http::Request;
use tower::ServiceExt;
use tracing::Instrument;

#[tokio::test]
async fn a_request_that_is_filtered_out_touches_no_other_span() {
    let receiver = OtlpReceiver::start().unwrap();
    let telemetry = TelemetryConfig::new()
        .otlp_endpoint(receiver.endpoint())
        .trace_filter("info,firstlight::http=off")
        .without_admin()
        .init()
        .unwrap();
    let router = Router::new()
        .route("/", get(|| async { "answer" }))
        .layer(TelemetryLayer::new());
    let outer = tracing::info_span!("outer", after = tracing::field::Empty);
    let request = Request::new(Body::empty());
    let answer = router
        .oneshot(request)
        .instrument(outer.clone())
        .await
        .unwrap();
    drop(answer);
    outer.record("after", true);
    drop(outer);
    telemetry.flush(Duration::from_secs(30)).unwrap();

    let spans = receiver.wait_for(Duration::from_secs(30), |spans| !spans.is_empty());
    assert_eq!(spans.len(), 1, "{spans:?}");
    assert_eq!(spans[0].name, "outer");
    assert_eq!(
        spans[0].attributes["after"], "true",
        "it went on after the request"
    );
    assert!(
        spans[0]
            .attributes
            .keys()
            .all(|key| !key.starts_with("http.")),
        "{spans:?}"
    );
    telemetry.shutdown(Duration::from_secs(10)).unwrap();
}
