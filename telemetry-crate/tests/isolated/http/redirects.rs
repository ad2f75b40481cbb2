//! Test of redirects that send the trace to another host.
//!
//! The test is in a process of its own, because the warning is logged once per process.

use axum::{
    Router,
    http::{HeaderMap, StatusCode},
    response::Redirect,
    routing::get,
};
use firstlight::{http::ClientLayer, testing::capture};
use tracing::Instrument;

#[tokio::main(flavor = "current_thread")]
pub(crate) async fn to_foreign_hosts_cause_a_warning() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let to = |host: &str| format!("http://{host}:{port}");
    let foreign = to("localhost");
    let moved = get(async move || Redirect::temporary(&foreign));
    let has_trace = async |headers: HeaderMap| headers.contains_key("traceparent").to_string();
    let router = Router::new()
        .route("/moved", moved)
        .route("/", get(has_trace));
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });

    let captured = capture();
    let warnings = || {
        let lines = captured.logs();
        let is_warning = |line: &&firstlight::testing::CapturedLine| {
            line.message.starts_with("a redirect has sent the trace")
        };
        lines.iter().filter(is_warning).count()
    };
    let restricted = ClientLayer::new().propagate_to(|host| host == "127.0.0.1");
    let moved = to("127.0.0.1") + "/moved";
    let span = tracing::info_span!("request");
    async {
        let careful = reqwest::Client::builder().redirect(restricted.redirect_policy());
        let careful = careful.no_proxy().build().unwrap();
        let answer = restricted.send(careful.get(&moved)).await.unwrap();
        assert_eq!(answer.status(), StatusCode::TEMPORARY_REDIRECT);
        assert_eq!(warnings(), 0);

        let careless = reqwest::Client::builder().no_proxy().build().unwrap();
        for _ in 0..2 {
            let answer = restricted.send(careless.get(&moved)).await.unwrap();
            assert_eq!(answer.text().await.unwrap(), "true");
        }
        assert_eq!(warnings(), 1);
    }
    .instrument(span)
    .await;
}
