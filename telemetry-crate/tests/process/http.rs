//! Tests of the warnings about misplaced HTTP layers, and of their absence.

use std::process::ExitCode;

use axum::{Router, body::Body, http::Request, routing::any};
use firstlight::http::TelemetryLayer;
use http_body_util::BodyExt;
use tower::ServiceExt;

use crate::{
    serve::{listening, serve_until_stopped},
    support::{ask, scenario::Scenario, send},
};

/// Serves a router whose telemetry layer is in the place that `LAYER` names.
#[tokio::main]
pub(crate) async fn run_scenario() -> ExitCode {
    let order = || any(|| async { "an order" });
    let orders = || Router::new().route("/orders/{id}", order());
    let layer = TelemetryLayer::new;
    let app = match std::env::var("LAYER").unwrap().as_str() {
        "forgotten" => orders(),
        "before" => Router::new().layer(layer()).route("/orders/{id}", order()),
        "inside" => Router::new()
            .nest_service("/api", orders())
            .merge(orders())
            .layer(layer()),
        "twice" => orders().layer(layer()).layer(layer()),
        _ => orders().layer(layer()),
    };
    let app = app.route("/healthz", any(|| async { "ok" }));
    // This request is handled before telemetry starts.
    let early = Request::get("/orders/7").body(Body::empty()).unwrap();
    let answer = app.clone().oneshot(early).await.unwrap();
    answer.into_body().collect().await.unwrap();
    serve_until_stopped(app).await
}

/// Sends requests to a service whose layer is in the place `layer`.
///
/// Returns the log lines of the service, and the section `requests` of `GET /telemetry`.
fn send_requests(layer: &str, requests: &[&str]) -> (Vec<String>, String) {
    let variables = [
        ("LAYER", layer),
        ("OTEL_INSTRUMENTATION_HTTP_KNOWN_METHODS", "GET,PROPFIND"),
    ];
    let mut scenario = Scenario::start("layers", &variables);
    let (address, admin) = listening(&mut scenario);
    for request in requests {
        send(address, &format!("{request} HTTP/1.1\r\nhost: a"), "");
    }
    let page = ask(admin, "GET /telemetry").body;
    scenario.send_signal("-TERM");
    let lines = scenario.rest();
    let section = page.split("\nrequests: ").nth(1).unwrap();
    let section = section.split("\nlogs: ").next().unwrap();
    (lines, section.to_owned())
}

pub(crate) fn misplaced() {
    // Ten requests outside any layer cause the warning.
    let mut requests = vec!["GET /orders/7"; 10];
    requests.extend(["GET /healthz", "GET /no"]);
    let warnings = |lines: &[String]| {
        let warnings = lines.iter().filter(|line| line.contains("TelemetryLayer"));
        warnings.count()
    };

    let (lines, section) = send_requests("forgotten", &requests);
    assert_eq!(warnings(&lines), 1, "{lines:?}");
    assert!(
        section.starts_with("needs attention\n  requests are served and none"),
        "{section}"
    );

    let (lines, section) = send_requests("before", &requests);
    assert_eq!(warnings(&lines), 1, "{lines:?}");
    assert!(
        section.contains("some requests are served outside"),
        "{section}"
    );
    assert!(
        section.contains("no request has had a route yet"),
        "{section}"
    );

    for (layer, caution) in [
        ("inside", "some requests were answered without a route"),
        ("twice", "an http::TelemetryLayer is inside another one"),
    ] {
        let requests = ["GET /orders/7", "GET /api/orders/7"];
        let (lines, section) = send_requests(layer, &requests);
        assert_eq!(warnings(&lines), 0, "{lines:?}");
        assert!(section.starts_with("works\n"), "{section}");
        assert!(section.contains(caution), "{section}");
    }

    // Probes, `OPTIONS` requests and requests without a successful response do not count, so nine requests are left.
    let mut others = vec!["GET /orders/7"; 9];
    others.extend(["GET /healthz", "GET /no", "OPTIONS /orders/7"]);
    let (lines, section) = send_requests("forgotten", &others);
    assert_eq!(warnings(&lines), 0, "{lines:?}");
    assert!(section.starts_with("unknown\n"), "{section}");

    let (lines, section) = send_requests("right", &requests);
    assert_eq!(warnings(&lines), 0, "{lines:?}");
    assert_eq!(section, "works");
}

pub(crate) fn early_requests() {
    let mut scenario = Scenario::start("layers", &[("LAYER", "right")]);
    let (address, admin) = listening(&mut scenario);
    send(address, "GET /orders/8 HTTP/1.1\r\nhost: a", "");
    let exposition = ask(admin, "GET /metrics").body;
    let count = exposition.lines().find(|line| {
        line.starts_with("http_server_request_duration_seconds_count{")
            && line.contains("/orders/{id}")
    });
    assert!(
        count.is_some_and(|line| line.ends_with(" 1")),
        "{exposition}"
    );
}

pub(crate) fn known_methods() {
    let (lines, _) = send_requests("right", &["PROPFIND /orders/7", "POST /orders/7"]);
    let line = |message: &str| {
        let found = lines.iter().find(|line| line.contains(message));
        found.unwrap_or_else(|| panic!("no {message} in {lines:?}"))
    };
    line("PROPFIND /orders/{id} 200");
    assert!(line("_OTHER /orders/{id} 200").contains(r#""http.request.method_original":"POST""#));
}
