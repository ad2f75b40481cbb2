//! Tests of the allocations of log lines and requests.
//!
//! The tests are in a binary of their own, because they need a counting allocator. Times depend on the machine, but
//! allocations do not. A new allocation therefore fails a test and needs a reason.

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

/// Returns the result of a future that completes without waiting.
fn complete<F: Future>(future: F) -> F::Output {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => output,
        Poll::Pending => panic!("the future waits"),
    }
}

/// Returns the number of allocations of `work` on this thread.
///
/// The number is the smallest of 200 runs. The first run creates metric handles and buffers, and a
/// reused buffer sometimes has to grow.
fn allocations(mut work: impl FnMut()) -> u64 {
    (0..200)
        .map(|_| measure(&mut work).count_total)
        .min()
        .unwrap()
}

/// Returns the number of allocations of one request.
///
/// Allocations of the handler and of the creation of the request are not included.
fn allocations_of_request(traceparent: Option<&'static str>) -> u64 {
    let handler = |_: Request<()>| async {
        Ok::<_, Infallible>(Response::new(Full::new(Bytes::from_static(b"answer"))))
    };
    let mut service = TelemetryLayer::new().layer(service_fn(handler));
    let request = || {
        let mut request = Request::new(());
        *request.uri_mut() = "/orders/7".parse().unwrap();
        request.extensions_mut().insert(Route::new("/orders/{id}"));
        if let Some(traceparent) = traceparent {
            let headers = request.headers_mut();
            headers.insert("traceparent", traceparent.parse().unwrap());
        }
        request
    };
    let mut requests: Vec<_> = (0..200).map(|_| request()).collect();
    allocations(|| {
        let request = requests.pop().unwrap();
        let response = complete(service.call(request)).unwrap();
        complete(response.into_body().collect()).unwrap();
    })
}

#[test]
fn log_lines_and_requests_allocate_little() {
    let telemetry = TelemetryConfig::new()
        .without_admin()
        // Spans are recorded only with an endpoint. Nothing listens on port 1.
        .otlp_endpoint("http://127.0.0.1:1")
        .init()
        .unwrap();

    // The line is formatted into a buffer of the thread, and copied into a buffer of the writer.
    let event = allocations(|| tracing::info!(order = 7, customer = "b", paid = true, "read"));
    // This event is inside a sampled span, whose fields are on the line as well. At level INFO the event is not added
    // to the span.
    let span = tracing::info_span!("order", tenant = "a");
    let in_a_span = span.in_scope(|| {
        allocations(|| tracing::info!(order = 7, customer = "b", paid = true, "read"))
    });
    let filtered_out = allocations(|| tracing::debug!(order = 7, "read"));
    assert_eq!((event, in_a_span, filtered_out), (0, 0, 0));

    // The keys in the macros are static, and an existing metric handle is found without an allocation.
    let counter = allocations(|| metrics::counter!("orders_total", "kind" => "b").increment(1));
    let histogram =
        allocations(|| metrics::histogram!("orders_seconds", "kind" => "b").record(0.1));
    let in_a_span = span.in_scope(|| {
        allocations(|| metrics::histogram!("orders_seconds", "kind" => "b").record(0.1))
    });
    assert_eq!((counter, histogram, in_a_span), (0, 0, 0));

    let not_sampled = allocations_of_request(Some(
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00",
    ));
    let parts = [
        3, // the caller's context: the list of its headers, its span, and the span in a context
        8, // the span in `tracing-opentelemetry`: see "The lower limit" in the book's benchmarks
        1, // the exchange, in a box: it moves with futures and bodies
        3, // what log lines inherit from the span: names, text, and their entry in its extensions
        1, // the first clone of the path, which does not allocate if a server has read the request
        2, // the flight recorder: the local root, and its spans and events
    ];
    assert_eq!(not_sampled, parts.iter().sum::<u64>());

    // Without the context of a caller, the request starts a trace, which is sampled.
    let sampled = allocations_of_request(None);
    let parts = [
        8 + 1 + 3 + 1 + 2, // as above, without the caller's context
        1,                 // the exported span, in a box
        1,                 // the span's name, of method and route
        1,                 // the path, as an attribute
        2,                 // the list of attributes, which grows with those of sampled spans
    ];
    assert_eq!(sampled, parts.iter().sum::<u64>());
    drop(telemetry);
}
