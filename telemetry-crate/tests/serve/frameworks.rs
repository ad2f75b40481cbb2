//! The same requests to the layer under tower and under actix-web.

use std::{convert::Infallible, panic::AssertUnwindSafe, time::Duration};

use actix_web::{
    HttpResponse,
    body::BoxBody,
    dev::{ServiceRequest, ServiceResponse},
    middleware::{Next, from_fn},
    web,
};
use axum::{
    Router,
    body::{Body, Bytes},
    extract::Path,
    http::{Request, StatusCode},
    response::IntoResponse as _,
    routing::get,
};
use firstlight::{
    http::TelemetryLayer,
    testing::{Capture, capture},
};
use futures_core::Stream;
use futures_util::FutureExt as _;
use http_body_util::BodyExt;
use tokio_stream::StreamExt as _;
use tower::ServiceExt;

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";

/// The framework under which the layer serves a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Framework {
    Tower,
    Actix,
}

const BOTH: [Framework; 2] = [Framework::Tower, Framework::Actix];

/// What the client got.
#[derive(Debug)]
struct Answer {
    status: u16,
    headers: Headers,
    body: String,
}

/// The headers that the layer adds.
#[derive(Debug, Default, PartialEq, Eq)]
struct Headers {
    request_id: Option<String>,
    traceresponse: Option<String>,
}

impl Headers {
    fn of<'a>(value: impl Fn(&str) -> Option<&'a [u8]>) -> Self {
        let text = |name| value(name).map(|value| String::from_utf8(value.to_vec()).unwrap());
        Self {
            request_id: text("x-request-id"),
            traceresponse: text("traceresponse"),
        }
    }
}

fn layer() -> TelemetryLayer {
    TelemetryLayer::new()
        .request_id()
        .traceresponse()
        .exclude("/internal")
}

fn chunks() -> impl Stream<Item = Result<Bytes, Infallible>> {
    tokio_stream::iter(["one ", "two ", "three"]).map(|text| Ok(Bytes::from(text)))
}

fn note(id: u64) {
    firstlight::record("order.id", id);
    tracing::info!("inside");
}

/// A failure, as actix-web's handlers return it.
#[derive(Debug)]
struct Unavailable;

impl std::fmt::Display for Unavailable {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("unavailable")
    }
}

impl actix_web::ResponseError for Unavailable {
    fn status_code(&self) -> actix_web::http::StatusCode {
        actix_web::http::StatusCode::SERVICE_UNAVAILABLE
    }
}

async fn panicking<R>() -> R {
    panic!("on purpose")
}

fn router() -> Router {
    let order = |Path(id): Path<u64>| async move {
        note(id);
        format!("order {id}")
    };
    Router::new()
        .route("/orders/{id}", get(order))
        .route(
            "/failing",
            get(|| async { StatusCode::SERVICE_UNAVAILABLE }),
        )
        .route(
            "/chunks",
            get(|| async { Body::from_stream(chunks()).into_response() }),
        )
        .route("/panics", get(panicking::<StatusCode>))
        .route("/livez", get(|| async { "alive" }))
        .route("/internal", get(|| async { "internal" }))
        .layer(layer())
}

fn configure(app: &mut web::ServiceConfig) {
    let order = |id: web::Path<u64>| async move {
        note(*id);
        format!("order {id}")
    };
    app.route("/orders/{id}", web::get().to(order))
        .route("/orders/{id}", web::head().to(|| async { "order" }))
        .route(
            "/failing",
            web::get().to(|| async { Err::<String, _>(Unavailable) }),
        )
        .route(
            "/chunks",
            web::get().to(|| async { HttpResponse::Ok().streaming(chunks()) }),
        )
        .route("/panics", web::get().to(panicking::<HttpResponse>))
        .route("/livez", web::get().to(|| async { "alive" }))
        .route("/internal", web::get().to(|| async { "internal" }));
}

/// Sends a request, and reads the whole response.
async fn send(framework: Framework, method: &str, path: &str, id: Option<&str>) -> Answer {
    let headers = [("traceparent", format!("00-{TRACE}-b7ad6b7169203331-01"))];
    let id = id.map(|id| ("x-request-id", id.to_owned()));
    let headers = headers.into_iter().chain(id);
    match framework {
        Framework::Tower => {
            let mut request = Request::builder().method(method).uri(path);
            for (name, value) in headers {
                request = request.header(name, value);
            }
            let request = request.body(Body::empty()).unwrap();
            let (head, body) = router().oneshot(request).await.unwrap().into_parts();
            let body = body.collect().await.unwrap().to_bytes();
            Answer {
                status: head.status.as_u16(),
                headers: Headers::of(|name| Some(head.headers.get(name)?.as_bytes())),
                body: String::from_utf8(body.to_vec()).unwrap(),
            }
        }
        Framework::Actix => {
            let app = actix_web::App::new().configure(configure).wrap(layer());
            let app = actix_web::test::init_service(app).await;
            let mut request = actix_web::test::TestRequest::with_uri(path);
            request = request.method(method.parse().unwrap());
            for (name, value) in headers {
                request = request.append_header((name, value));
            }
            match actix_web::test::try_call_service(&app, request.to_request()).await {
                Ok(response) => answer(response).await,
                // The server makes a response of it.
                Err(error) => Answer {
                    status: error.as_response_error().status_code().as_u16(),
                    headers: Headers::default(),
                    body: String::new(),
                },
            }
        }
    }
}

async fn answer<B: actix_web::body::MessageBody>(response: ServiceResponse<B>) -> Answer {
    let status = response.status().as_u16();
    let headers = Headers::of(|name| Some(response.headers().get(name)?.as_bytes()));
    let body = actix_web::test::read_body(response).await;
    Answer {
        status,
        headers,
        body: String::from_utf8(body.to_vec()).unwrap(),
    }
}

/// The number of requests with these labels.
fn samples<const N: usize>(capture: &Capture, labels: [(&str, &str); N]) -> u64 {
    let samples = capture.histogram("http_server_request_duration_seconds", labels);
    samples.map_or(0, |samples| samples.count)
}

#[tokio::test]
async fn both_observe_a_request_alike() {
    for framework in BOTH {
        let capture = capture();
        let answer = send(framework, "GET", "/orders/7", Some("ticket-42")).await;
        assert_eq!((answer.status, &*answer.body), (200, "order 7"));
        let span_id = &capture.spans()[0].span_id;
        let headers = Headers {
            request_id: Some("ticket-42".to_owned()),
            traceresponse: Some(format!("00-{TRACE}-{span_id}-01")),
        };
        assert_eq!(answer.headers, headers, "{framework:?}");
        let line = capture.assert_log("GET /orders/{id} 200").once();
        let line = line.with("trace_id", TRACE).with("order.id", 7);
        line.with("request.id", "ticket-42")
            .with("url.path", "/orders/7")
            .with("http.response.status_code", 200);
        let inside = capture.assert_log("inside").with("trace_id", TRACE);
        inside.with("http.route", "/orders/{id}").once();
        let span = capture.assert_span("GET /orders/{id}").once();
        let span = span.with("kind", "server").with("order.id", 7);
        span.with("parent_span_id", "b7ad6b7169203331")
            .with("http.route", "/orders/{id}")
            .with("url.path", "/orders/7")
            .with("url.scheme", "http");
        let labels = [
            ("http_route", "/orders/{id}"),
            ("http_response_status_code", "200"),
        ];
        assert_eq!(samples(&capture, labels), 1, "{framework:?}");
        assert_eq!(capture.metric("http_server_active_requests", []), Some(0.0));
    }
}

#[tokio::test]
async fn both_observe_failures_alike() {
    for framework in BOTH {
        let capture = capture();
        assert_eq!(send(framework, "GET", "/failing", None).await.status, 503);
        let line = capture.assert_log("GET /failing 503");
        line.with("level", "ERROR").with("error.type", 503).once();
        let span = capture.assert_span("GET /failing").with("status", "error");
        span.with("http.response.status_code", 503).once();

        assert_eq!(send(framework, "GET", "/nowhere", None).await.status, 404);
        let line = capture.assert_log("GET 404 (no route)").once();
        line.without("http.route");
        send(framework, "PROPFIND", "/nowhere", None).await;
        let line = capture.assert_log("_OTHER 404 (no route)");
        line.with("http.request.method_original", "PROPFIND").once();
        let span = capture.assert_span("HTTP");
        span.with("http.request.method", "_OTHER").once();
    }
}

/// Under tower, an error has become a response before the layer sees it.
#[tokio::test]
async fn actix_errors_are_logged() {
    let capture = capture();
    let refuse = |request: ServiceRequest, next: Next<BoxBody>| async move {
        match request.path() {
            "/refused" => Err(actix_web::error::ErrorForbidden("no session")),
            _ => next.call(request).await,
        }
    };
    let app = actix_web::App::new()
        .configure(configure)
        .wrap(from_fn(refuse))
        .wrap(layer());
    let app = actix_web::test::init_service(app).await;
    for path in ["/failing", "/refused"] {
        let request = actix_web::test::TestRequest::with_uri(path).to_request();
        drop(actix_web::test::try_call_service(&app, request).await);
    }
    let failed = capture.assert_log("request failed").with("level", "ERROR");
    failed
        .with("http.route", "/failing")
        .with("exception.message", "unavailable")
        .with("exception.stacktrace", "Unavailable")
        .once();
    // A client can cause it as often as it likes, so it is below the default level.
    capture.assert_no_log("request refused");
    capture.assert_log("GET 403").once();
}

#[tokio::test]
async fn both_record_a_panic() {
    for framework in BOTH {
        let capture = capture();
        let request = AssertUnwindSafe(send(framework, "GET", "/panics", None));
        assert!(request.catch_unwind().await.is_err(), "{framework:?}");
        let line = capture.assert_log("GET /panics panicked").once();
        line.with("level", "ERROR").with("error.type", "panic");
        capture.assert_span("GET /panics").with("status", "error");
        assert_eq!(samples(&capture, [("error_type", "panic")]), 1);
        assert_eq!(capture.metric("http_server_active_requests", []), Some(0.0));
    }
}

#[tokio::test]
async fn both_exclude_the_same_requests() {
    for framework in BOTH {
        let capture = capture();
        for path in ["/livez", "/internal"] {
            assert_eq!(send(framework, "GET", path, None).await.status, 200);
        }
        assert!(capture.logs().is_empty() && capture.spans().is_empty());
        assert_eq!(samples(&capture, []), 0, "{framework:?}");
    }
}

#[tokio::test]
async fn both_end_with_the_body() {
    for framework in BOTH {
        let capture = capture();
        let answer = send(framework, "GET", "/chunks", None).await;
        assert_eq!(answer.body, "one two three", "{framework:?}");
        capture.assert_log("GET /chunks 200").once();
        let answer = send(framework, "HEAD", "/orders/7", None).await;
        assert_eq!(answer.status, 200);
        capture.assert_log("HEAD /orders/{id} 200").once();
    }
}

/// As after a disconnect, or a timeout of the server.
#[tokio::test]
async fn both_record_an_abandoned_request() {
    let capture = capture();
    let hangs = get(std::future::pending::<StatusCode>);
    let app = Router::new().route("/hangs", hangs).layer(layer());
    let request = Request::get("/hangs").body(Body::empty()).unwrap();
    let short = Duration::from_millis(20);
    assert!(
        tokio::time::timeout(short, app.oneshot(request))
            .await
            .is_err()
    );
    let hangs = web::get().to(std::future::pending::<HttpResponse>);
    let app = actix_web::App::new().route("/hangs", hangs).wrap(layer());
    let app = actix_web::test::init_service(app).await;
    let request = actix_web::test::TestRequest::with_uri("/hangs").to_request();
    let call = actix_web::test::call_service(&app, request);
    assert!(tokio::time::timeout(short, call).await.is_err());
    let lines = capture.logs();
    let abandoned = lines
        .iter()
        .filter(|line| line.message == "GET /hangs client disconnected");
    assert_eq!(abandoned.count(), 2, "{lines:#?}");
}
