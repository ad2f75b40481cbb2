//! Tests of the client layer that register nothing globally.

#![expect(clippy::unwrap_used, reason = "a test may fail")]

use std::{convert::Infallible, io};

use http::{HeaderMap, Request, Response, StatusCode};
use metrics::with_local_recorder;
use tower::{Layer, Service, service_fn};

use super::ClientLayer;
use crate::metrics::{Format, Metrics, MetricsOptions};

type Answer = Result<Response<()>, Infallible>;

fn request() -> Request<()> {
    let url = "https://user:hunter2@orders.internal/7?key=hunter2";
    Request::get(url).body(()).unwrap()
}

/// Returns the count of the series with `labels` and the labels of the server.
fn count(metrics: &Metrics, labels: &str) -> Option<String> {
    let server = "server_address=\"orders.internal\",server_port=\"443\"";
    let line = format!("http_client_request_duration_seconds_count{{{labels}{server}}} ");
    let exposition = metrics.handle().render(Format::OpenMetrics);
    let mut counts = exposition
        .lines()
        .filter_map(|found| found.strip_prefix(&line));
    counts.next().map(str::to_owned)
}

#[test]
fn calls_are_measured_once() {
    let metrics = Metrics::new(MetricsOptions::default());
    let layer = ClientLayer::new();
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    let runtime = runtime.unwrap();
    with_local_recorder(&metrics.recorder(), || {
        let mut answers = layer.layer(service_fn(async |_: Request<()>| -> Answer {
            Ok(Response::new(()))
        }));
        runtime.block_on(answers.call(request())).unwrap();
        // Never polled, so the request is never sent. It is recorded as canceled all the same.
        drop(answers.call(request()));
        let mut fails = layer.layer(service_fn(async |_: Request<()>| {
            Err::<Response<()>, _>(io::Error::from(io::ErrorKind::TimedOut))
        }));
        runtime.block_on(fails.call(request())).unwrap_err();
    });
    let method = "http_request_method=\"GET\",";
    let status = format!("{method}http_response_status_code=\"200\",");
    assert_eq!(count(&metrics, &status).as_deref(), Some("1"));
    for error in ["cancelled", "timeout"] {
        let labels = format!("error_type=\"{error}\",{method}");
        assert_eq!(count(&metrics, &labels).as_deref(), Some("1"), "{error}");
    }
}

#[test]
fn calls_work_without_telemetry() {
    let mut echoes = ClientLayer::new().layer(service_fn(async |request: Request<()>| -> Answer {
        assert_eq!(request.headers()["x-mine"], "kept");
        let mut response = Response::new(());
        *response.headers_mut() = request.headers().clone();
        *response.status_mut() = StatusCode::NOT_FOUND;
        Ok(response)
    }));
    let mut request = request();
    let headers = HeaderMap::from_iter([("x-mine".parse().unwrap(), "kept".parse().unwrap())]);
    *request.headers_mut() = headers.clone();
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    let response = runtime.unwrap().block_on(echoes.call(request)).unwrap();
    assert_eq!(response.headers(), &headers);
}
