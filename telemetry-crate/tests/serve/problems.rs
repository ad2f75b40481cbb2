//! Tests of problem details in error responses.

use axum::{
    Router,
    body::Bytes,
    extract::{Extension, Path},
    http::{StatusCode, header::CONTENT_TYPE},
    middleware,
    routing::{get, post},
};
use firstlight::{
    http::{BodyLimits, TelemetryLayer, problem_details},
    testing::capture,
};
use serde_json::Value;

use crate::{Running, SHORT, answer};

/// An extension that no layer adds, so that its extractor fails.
#[derive(Clone)]
struct Missing;

fn app() -> Router {
    let json = || async {
        let headers = [(CONTENT_TYPE, "application/json")];
        (StatusCode::CONFLICT, headers, r#"{"own":"format"}"#)
    };
    Router::new()
        .route("/users/{id}", get(|_: Path<u32>| async {}))
        .route("/collect", post(|_: Bytes| async {}))
        .route(
            "/gone",
            get(|| async { (StatusCode::GONE, "it was\nhere \"once\"\n") }),
        )
        .route(
            "/long",
            get(|| async { (StatusCode::GONE, "x".repeat(9_000)) }),
        )
        .route(
            "/fails",
            get(|| async { (StatusCode::BAD_GATEWAY, "db-7 says no") }),
        )
        .route("/extension", get(|_: Extension<Missing>| async {}))
        .route("/panics", get(crate::panics))
        .route("/json", get(json))
        .route("/fine", get(|| async { "plain" }))
        .layer(middleware::from_fn(problem_details))
        .layer(TelemetryLayer::new())
}

/// Splits a response into its head and its problem details, which must agree.
fn problem(answer: &str) -> (&str, Value) {
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(
        head.contains("\r\ncontent-type: application/problem+json\r\n"),
        "{answer}"
    );
    let length = format!("\r\ncontent-length: {}\r\n", body.len());
    assert!(head.contains(&length), "{answer}");
    let problem: Value = serde_json::from_str(body).unwrap();
    let status = head.split(' ').nth(1).unwrap();
    assert_eq!(problem["status"].to_string(), status, "{answer}");
    assert_eq!(problem["type"], "about:blank");
    (head, problem)
}

#[tokio::test]
async fn client_errors_are_explained() {
    let server = Running::with(app(), |serve| serve).await;
    for (request, title, detail) in [
        ("GET /users/seven", "Bad Request", "Cannot parse"),
        ("GET /gone", "Gone", "it was\nhere \"once\""),
        ("GET /nowhere", "Not Found", ""),
        // A text that is too long for a `detail` is dropped.
        ("GET /long", "Gone", ""),
        ("POST /gone", "Method Not Allowed", ""),
    ] {
        let answer = server
            .ask(&format!("{request} HTTP/1.1\r\nhost: a\r\n"))
            .await;
        let (head, problem) = problem(&answer);
        assert_eq!(problem["title"], title, "{request}");
        let found = problem["detail"].as_str().unwrap_or_default();
        assert!(found.contains(detail), "{request}: {found}");
        assert_eq!(found.is_empty(), detail.is_empty(), "{request}: {found}");
        // The problem keeps the headers of the original response.
        assert_eq!(
            head.contains("\r\nallow: GET,HEAD"),
            title.starts_with("Method"),
            "{head}"
        );
    }
    server.end().await;
}

#[tokio::test]
async fn rejected_bodies_are_413_or_408() {
    let limits = BodyLimits::new().max_bytes(10).timeout(SHORT);
    let server = Running::with(app(), |serve| serve.body(limits)).await;
    let head = "POST /collect HTTP/1.1\r\nhost: a\r\nconnection: close\r\n";
    for (rest, expected) in [
        ("content-length: 11\r\n\r\n", 413),
        ("content-length: 9\r\n\r\nx", 408),
    ] {
        let refused = answer(server.client(&format!("{head}{rest}")).await).await;
        assert_eq!(problem(&refused).1["status"], expected);
    }
    server.end().await;
}

#[tokio::test]
async fn server_error_texts_are_only_logged() {
    let capture = capture();
    let server = Running::with(app(), |serve| serve).await;
    for (path, status) in [("/fails", 502), ("/extension", 500), ("/panics", 500)] {
        let answer = server
            .ask(&format!("GET {path} HTTP/1.1\r\nhost: a\r\n"))
            .await;
        let (_, problem) = problem(&answer);
        assert_eq!(problem["status"], status);
        assert_eq!(problem.get("detail"), None, "{path}");
    }
    capture
        .assert_log("request failed")
        .with("exception.message", "db-7 says no")
        .once();
    server.end().await;
}

#[tokio::test]
async fn overload_is_a_problem_response() {
    let server = Running::with(app(), |serve| serve.max_requests(0)).await;
    let refused = server.ask("GET /fine HTTP/1.1\r\nhost: a\r\n").await;
    let (head, problem) = problem(&refused);
    assert_eq!(problem["status"], 503);
    assert!(head.contains("\r\nretry-after: 1"), "{head}");
    server.end().await;
}

#[tokio::test]
async fn other_responses_are_unchanged() {
    let server = Running::with(app(), |serve| serve).await;
    for (path, body) in [("/fine", "plain"), ("/json", r#"{"own":"format"}"#)] {
        let answer = server
            .ask(&format!("GET {path} HTTP/1.1\r\nhost: a\r\n"))
            .await;
        assert!(answer.ends_with(&format!("\r\n\r\n{body}")), "{answer}");
        assert!(!answer.contains("problem"), "{answer}");
    }
    server.end().await;
}
