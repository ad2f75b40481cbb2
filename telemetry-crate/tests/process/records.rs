//! Test of the trace flags of a request's log records.

use std::{convert::Infallible, process::ExitCode};

use firstlight::TelemetryConfig;
use http_body_util::BodyExt;
use tower::{Layer, ServiceExt};

#[cfg(feature = "testing")]
use crate::support::scenario::Scenario;

pub(crate) fn run_requests() -> ExitCode {
    let telemetry = TelemetryConfig::new().init().unwrap();
    let service = tower::service_fn(|_: http::Request<String>| async {
        tracing::info!("inside");
        Ok::<_, Infallible>(http::Response::new(String::new()))
    });
    let service = firstlight::http::TelemetryLayer::new().layer(service);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    // The access line is written at the end of the body.
    runtime.block_on(async {
        let response = service.oneshot(http::Request::new(String::new())).await;
        response.unwrap().into_body().collect().await.unwrap();
    });
    telemetry.finish(Ok::<(), Infallible>(()))
}

#[cfg(feature = "testing")]
pub(crate) fn flags_of_records() {
    for (sampler, is_sampled) in [("always_on", true), ("always_off", false)] {
        let receiver = firstlight::testing::OtlpReceiver::start().unwrap();
        let endpoint = receiver.endpoint();
        let mut scenario = Scenario::start(
            "requests",
            &[
                ("OTEL_EXPORTER_OTLP_ENDPOINT", &*endpoint),
                ("OTEL_LOGS_EXPORTER", "otlp"),
                ("OTEL_TRACES_SAMPLER", sampler),
            ],
        );
        scenario.rest();
        assert_eq!(scenario.end().0, Some(0));
        let logs = receiver.logs();
        let request_logs: Vec<_> = logs.iter().filter(|log| !log.trace_id.is_empty()).collect();
        let [inside, access] = &request_logs[..] else {
            panic!("{logs:#?}")
        };
        assert_eq!(
            (inside.is_sampled, access.is_sampled),
            (is_sampled, is_sampled)
        );
        assert_eq!(
            (&inside.trace_id, &inside.span_id),
            (&access.trace_id, &access.span_id)
        );
    }
}
