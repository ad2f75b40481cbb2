//! Allocations of log lines and requests. A binary of its own, because its allocator counts.
//!
//! Times depend on the machine, allocations do not: one that is new fails here, and has to be justified.

#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::{
    convert::Infallible,
    pin::pin,
    task::{Context, Poll, Waker},
};

use allocation_counter::measure;
use bytes::Bytes;
use firstlight::{
    TelemetryConfig,
    http::{Route, TelemetryLayer},
};
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use tower::{Layer, Service, service_fn};

/// The result of a future that never has to wait.
fn now<F: Future>(future: F) -> F::Output {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => output,
        Poll::Pending => panic!("it waits"),
    }
}

/// What the work allocates on this thread once everything is warm: the least of many times, because now and then a buffer
/// that is kept has to grow.
fn allocations(mut work: impl FnMut()) -> u64 {
    (0..200)
        .map(|_| measure(&mut work).count_total)
        .min()
        .unwrap()
}

/// What one request allocates, beyond the handler and the request itself.
fn of_a_request(traceparent: Option<&'static str>) -> u64 {
    let handler = |_: Request<()>| async {
        Ok::<_, Infallible>(Response::new(Full::new(Bytes::from_static(b"answer"))))
    };
    let mut service = TelemetryLayer::new().layer(service_fn(handler));
    let request = || {
        let mut request = Request::new(());
        *request.uri_mut() = "/orders/7".parse().unwrap();
        request.extensions_mut().insert(Route("/orders/{id}"));
        if let Some(traceparent) = traceparent {
            let headers = request.headers_mut();
            headers.insert("traceparent", traceparent.parse().unwrap());
        }
        request
    };
    let mut requests: Vec<_> = (0..200).map(|_| request()).collect();
    allocations(|| {
        let request = requests.pop().unwrap();
        let response = now(service.call(request)).unwrap();
        now(response.into_body().collect()).unwrap();
    })
}

#[test]
fn log_lines_and_requests_allocate_little() {
    let telemetry = TelemetryConfig::new()
        .without_admin()
        // So that spans are recorded. Nothing listens there.
        .otlp_endpoint("http://127.0.0.1:1")
        .init()
        .unwrap();

    // Formatted into a buffer of the thread's, and copied into one of the writer's.
    let event = allocations(|| tracing::info!(order = 7, customer = "b", paid = true, "read"));
    // One span around it, whose fields the line has as well. It is sampled; a line of this level is no event of it.
    let span = tracing::info_span!("order", tenant = "a");
    let in_a_span = span.in_scope(|| {
        allocations(|| tracing::info!(order = 7, customer = "b", paid = true, "read"))
    });
    let filtered_out = allocations(|| tracing::debug!(order = 7, "read"));
    assert_eq!((event, in_a_span, filtered_out), (0, 0, 0));

    // The macros' keys are static, and the handle is found by reference.
    let counter = allocations(|| metrics::counter!("orders_total", "kind" => "b").increment(1));
    let histogram =
        allocations(|| metrics::histogram!("orders_seconds", "kind" => "b").record(0.1));
    let in_a_span = span.in_scope(|| {
        allocations(|| metrics::histogram!("orders_seconds", "kind" => "b").record(0.1))
    });
    assert_eq!((counter, histogram, in_a_span), (0, 0, 0));

    let not_sampled = of_a_request(Some(
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00",
    ));
    let parts = [
        3, // the caller's context: the list of its headers, its span, and that span's place in a context
        8, // the span, in `tracing-opentelemetry`: see "The floor" in the book's page about benchmarks
        3, // what log lines inherit from it: names, text, and their place in the span
        1, // the path, which a server shares with the rest of the head and this test does not
    ];
    assert_eq!(not_sampled, parts.iter().sum::<u64>());

    // A trace that begins here, so nothing of a caller's.
    let sampled = of_a_request(None);
    let parts = [
        8 + 3 + 1, // as above
        1,         // what is exported, in a box
        1,         // the span's name, of method and route
        1,         // the path, as an attribute
        2,         // the list of attributes grows with those that only a span that is kept has
    ];
    assert_eq!(sampled, parts.iter().sum::<u64>());
    drop(telemetry);
}
