//! Tests of client calls with hyper and reqwest.

use std::{
    future::{Ready, ready},
    net::SocketAddr,
    time::{Duration, Instant},
};

use axum::{
    Router,
    extract::State,
    http::HeaderMap,
    response::Redirect,
    routing::{any, get},
};
use bytes::Bytes;
use firstlight::{
    TelemetryConfig,
    http::{ClientLayer, ClientService, ResendCount, TelemetryLayer, UrlTemplate},
    metrics::Format,
    testing::{OtlpReceiver, ReceivedSpan},
};
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Empty};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use tower::{
    Layer, Service, ServiceExt,
    retry::{Policy, Retry},
};
use tower_http::follow_redirect::FollowRedirect;

type HyperClient = ClientService<Client<HttpConnector, Empty<Bytes>>>;

fn client(layer: &ClientLayer) -> HyperClient {
    layer.layer(Client::builder(TokioExecutor::new()).build_http())
}

async fn listen(router: Router) -> SocketAddr {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    address
}

/// Responds with `true` or `false`: whether the request had a trace context.
async fn order(headers: HeaderMap) -> String {
    headers.contains_key("traceparent").to_string()
}

/// Starts the service that is called.
async fn orders() -> SocketAddr {
    let router = Router::new()
        .route("/orders/{id}", any(order))
        .route("/broken", get(|| async { StatusCode::BAD_GATEWAY }))
        .route("/hangs", get(std::future::pending::<StatusCode>))
        .route(
            "/moved",
            get(|headers: HeaderMap| async move {
                let port = headers["host"].to_str().unwrap().rsplit(':').next();
                let port = port.unwrap().to_owned();
                Redirect::temporary(&format!("http://localhost:{port}/orders/9?key=hunter2"))
            }),
        );
    listen(router.layer(TelemetryLayer::new())).await
}

/// A policy that retries failed requests twice and numbers the attempts.
#[derive(Clone, Default)]
struct Twice(u32);

impl<B: Clone, T, E> Policy<Request<B>, Response<T>, E> for Twice {
    type Future = Ready<()>;

    fn retry(
        &mut self,
        request: &mut Request<B>,
        result: &mut Result<Response<T>, E>,
    ) -> Option<Ready<()>> {
        let has_failed = matches!(result, Ok(response) if response.status().is_server_error());
        if !has_failed || self.0 == 2 {
            return None;
        }
        self.0 += 1;
        request.extensions_mut().insert(ResendCount(self.0));
        Some(ready(()))
    }

    fn clone_request(&mut self, request: &Request<B>) -> Option<Request<B>> {
        Some(request.clone())
    }
}

/// The clients of the calling service.
#[derive(Clone)]
struct Calls {
    orders: SocketAddr,
    layer: ClientLayer,
    hyper: HyperClient,
    reqwest: reqwest::Client,
}

impl Calls {
    async fn hyper(&self, request: http::request::Builder) -> String {
        let request = request.body(Empty::new()).unwrap();
        let response = self.hyper.clone().oneshot(request).await.unwrap();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        String::from_utf8(body.to_vec()).unwrap()
    }
}

/// Handles a request by making the calls.
async fn front(State(calls): State<Calls>) -> StatusCode {
    let orders = calls.orders;
    let request = |path: &str| Request::get(format!("http://user:hunter2@{orders}{path}"));

    let with_template = request("/orders/7?key=hunter2").extension(UrlTemplate("/orders/{id}"));
    assert_eq!(calls.hyper(with_template).await, "true");
    let broken = request("/broken").body(Empty::new()).unwrap();
    let retries = Retry::new(Twice::default(), calls.hyper.clone());
    assert_eq!(retries.oneshot(broken).await.unwrap().status(), 502);
    calls.hyper(request("/nowhere")).await;
    calls.hyper(request("/orders/8").method("SCAN")).await;

    let hangs = request("/hangs").body(Empty::new()).unwrap();
    let hangs = calls.hyper.clone().oneshot(hangs);
    // The timeout leaves time to send the request, because the called service must record it, too.
    let hangs = tokio::time::timeout(Duration::from_millis(500), hangs).await;
    assert!(hangs.is_err());

    let unreachable = Request::get("http://127.0.0.1:1/").body(Empty::new());
    let refused = calls.hyper.clone().oneshot(unreachable.unwrap()).await;
    assert!(refused.is_err());

    // There are two ways to use reqwest.
    let builder = calls.reqwest.get(format!(
        "http://user:hunter2@{orders}/orders/10?key=hunter2"
    ));
    let answer = calls.layer.send(builder).url_template("/reqwest").resend(4);
    assert_eq!(answer.await.unwrap().text().await.unwrap(), "true");
    let mut service = calls.layer.layer(calls.reqwest.clone());
    let request = calls.reqwest.put(format!("http://{orders}/orders/11"));
    let answer = service.call(request.build().unwrap()).await.unwrap();
    assert_eq!(answer.text().await.unwrap(), "true");
    let refused = calls.layer.send(calls.reqwest.delete("http://127.0.0.1:1"));
    assert!(refused.await.unwrap_err().is_connect());
    StatusCode::OK
}

/// Tests redirects.
///
/// Each hop is a call of its own, and the trace is sent to trusted hosts only.
async fn redirected(orders: SocketAddr) {
    let restricted = ClientLayer::new().propagate_to(|host| host == "127.0.0.1");
    let mut follow = FollowRedirect::new(client(&restricted));
    let request = Request::get(format!("http://{orders}/moved?key=hunter2"));
    let request = request.body(Empty::new()).unwrap();
    let response = follow.ready().await.unwrap().call(request).await.unwrap();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    assert_eq!(body, "false");

    // reqwest would send the trace to the other host, so the redirect is not followed.
    let client = reqwest::Client::builder().redirect(restricted.redirect_policy());
    let client = client.no_proxy().build().unwrap();
    let request = client.get(format!("http://{orders}/moved"));
    assert_eq!(restricted.send(request).await.unwrap().status(), 307);
    let trusting = ClientLayer::new();
    let client = reqwest::Client::builder().redirect(trusting.redirect_policy());
    let client = client.no_proxy().build().unwrap();
    let request = client.get(format!("http://{orders}/moved"));
    let followed = trusting.send(request).await.unwrap();
    assert_eq!(followed.status(), 200);
    assert_eq!(
        followed.text().await.unwrap(),
        "true",
        "the trace is sent to trusted hosts"
    );
}

/// Returns the spans of calls whose URL ends with `url`.
fn called<'a>(spans: &'a [ReceivedSpan], url: &str) -> Vec<&'a ReceivedSpan> {
    let is = |span: &&ReceivedSpan| {
        let full = span.attributes.get("url.full");
        span.kind == "client" && full.is_some_and(|full| full.ends_with(url))
    };
    spans.iter().filter(is).collect()
}

#[tokio::main(flavor = "current_thread")]
pub(crate) async fn continue_in_the_callee() {
    let receiver = OtlpReceiver::start().unwrap();
    let telemetry = TelemetryConfig::new()
        .otlp_endpoint(receiver.endpoint())
        .without_admin()
        .init()
        .unwrap();

    let orders = orders().await;
    let layer = ClientLayer::new();
    let calls = Calls {
        orders,
        hyper: client(&layer),
        layer,
        reqwest: reqwest::Client::builder().no_proxy().build().unwrap(),
    };
    let router = Router::new().route("/", get(front)).with_state(calls);
    let front = listen(router.layer(TelemetryLayer::new())).await;
    let answer = client(&ClientLayer::new().without_propagation())
        .oneshot(
            Request::get(format!("http://{front}/"))
                .body(Empty::new())
                .unwrap(),
        )
        .await;
    assert_eq!(answer.unwrap().status(), StatusCode::OK);
    redirected(orders).await;

    // The server detects later that its client has disconnected.
    let deadline = Duration::from_secs(30);
    let start = Instant::now();
    let noticed = |spans: &[ReceivedSpan]| spans.iter().any(|span| span.name == "GET /hangs");
    while !noticed(&receiver.spans()) && start.elapsed() < deadline {
        tokio::time::sleep(Duration::from_millis(20)).await;
        telemetry.flush(deadline).unwrap();
    }
    let spans = receiver.spans();

    // Three spans are one trace: the request, the call in its handler, and the request in the called service.
    let request = spans
        .iter()
        .find(|span| span.kind == "server" && span.name == "GET /")
        .unwrap();
    let call = called(&spans, "/orders/7?REDACTED")[0];
    let elsewhere = spans
        .iter()
        .find(|span| span.parent_span_id == call.span_id)
        .unwrap_or_else(|| panic!("no child of {call:?} in {spans:?}"));
    assert_eq!(call.parent_span_id, request.span_id);
    assert_eq!(call.trace_id, request.trace_id);
    assert_eq!(elsewhere.trace_id, request.trace_id);
    assert_eq!(
        (elsewhere.kind, &*elsewhere.name),
        ("server", "GET /orders/{id}")
    );
    // The test's own client does not send its trace.
    assert_eq!(request.parent_span_id, "");

    assert_eq!((&*call.name, call.status), ("GET /orders/{id}", "unset"));
    let full = format!("http://{orders}/orders/7?REDACTED");
    for (key, value) in [
        ("http.request.method", "GET"),
        ("server.address", "127.0.0.1"),
        ("server.port", &orders.port().to_string()),
        ("url.full", &full),
        ("url.template", "/orders/{id}"),
        ("http.response.status_code", "200"),
        ("network.protocol.version", "1.1"),
    ] {
        assert_eq!(call.attributes[key], value, "{key}");
    }
    assert!(!call.attributes.contains_key("error.type"));
    assert!(!call.attributes.contains_key("http.request.resend_count"));

    let attempts = called(&spans, "/broken");
    let counts: Vec<_> = (attempts.iter())
        .map(|span| span.attributes.get("http.request.resend_count"))
        .map(|count| count.map_or("", String::as_str))
        .collect();
    assert_eq!(counts, ["", "1", "2"]);
    for attempt in attempts {
        assert_eq!((&*attempt.name, attempt.status), ("GET", "error"));
        assert_eq!(attempt.attributes["error.type"], "502");
        let children = spans
            .iter()
            .filter(|span| span.parent_span_id == attempt.span_id);
        assert_eq!(children.count(), 1, "each attempt has its own request");
    }
    let ended = |url: &str| {
        let span = called(&spans, url)[0];
        (span.status, &*span.attributes["error.type"])
    };
    assert_eq!(
        ended("/nowhere"),
        ("error", "404"),
        "a 4xx is an error of the client"
    );
    assert_eq!(ended("/hangs"), ("unset", "cancelled"));
    assert_eq!(ended("127.0.0.1:1/"), ("error", "connection_refused"));
    assert_eq!(called(&spans, "/orders/8")[0].name, "HTTP");

    let reqwest = called(&spans, "/orders/10?REDACTED")[0];
    assert_eq!(reqwest.name, "GET /reqwest");
    assert_eq!(reqwest.attributes["http.request.resend_count"], "4");
    assert_eq!(called(&spans, "/orders/11")[0].name, "PUT");
    let refused = spans.iter().find(|span| span.name == "DELETE").unwrap();
    assert_eq!(refused.attributes["error.type"], "connection_refused");

    let hops = called(&spans, "/moved?REDACTED");
    assert_eq!(hops[0].attributes["http.response.status_code"], "307");
    let hop = called(&spans, "/orders/9?REDACTED")[0];
    assert_eq!(hop.attributes["server.address"], "localhost");
    // Outside any span each hop starts a trace.
    assert_ne!(hop.trace_id, hops[0].trace_id);

    let exposition = telemetry.metrics().render(Format::OpenMetrics);
    let port = orders.port();
    let count = |labels: &str| {
        let line = format!("http_client_request_duration_seconds_count{{{labels}}} ");
        let mut found = exposition
            .lines()
            .filter_map(|candidate| candidate.strip_prefix(&line));
        found
            .next()
            .unwrap_or_else(|| panic!("no {line} in\n{exposition}"))
            .to_owned()
    };
    let labels = |error: &str, method: &str, status: &str| {
        let server = format!("server_address=\"127.0.0.1\",server_port=\"{port}\"");
        format!("{error}http_request_method=\"{method}\",{status}{server}")
    };
    let status = |code: &str| format!("http_response_status_code=\"{code}\",");
    assert_eq!(count(&labels("", "GET", &status("200"))), "3");
    assert_eq!(count(&labels("", "_OTHER", &status("200"))), "1");
    assert_eq!(
        count(&labels("error_type=\"502\",", "GET", &status("502"))),
        "3"
    );
    assert_eq!(count(&labels("error_type=\"cancelled\",", "GET", "")), "1");
    assert!(
        exposition.lines().any(|line| line
            .starts_with("http_client_request_duration_seconds_bucket")
            && line.contains(&format!("trace_id=\"{}\"", request.trace_id))),
        "a call has an exemplar:\n{exposition}"
    );

    // Keys and passwords are recorded nowhere.
    assert!(!format!("{spans:?}").contains("hunter2"));
    assert!(!exposition.contains("hunter2"));
    telemetry.shutdown(Duration::from_secs(10)).unwrap();
}
