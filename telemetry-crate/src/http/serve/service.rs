//! Passes requests to the router, within the limit of concurrent requests.

use std::{
    convert::Infallible,
    net::SocketAddr,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::Pin,
    sync::{Arc, atomic::Ordering},
    task::{Context, Poll, ready},
};

use axum::{Router, body::Body, extract::ConnectInfo, routing::future::RouteFuture};
use http::{Method, Request, Response, StatusCode, header::RETRY_AFTER};
use http_body::Body as _;
use hyper::body::Incoming;
use pin_project_lite::pin_project;
use tower_service::Service as _;

use super::{
    Server,
    body_limits::Current,
    connection::{Connection, InFlight},
    metrics::Limit,
    request_body::RequestBody,
    response_body::ResponseBody,
    sending::Sending,
};
use crate::{
    evidence::SERVE_LIMIT,
    http::{
        RemoteParent, TelemetryLayer, body::content_length, delivery::Delivery, probe::is_probe,
        problem::problem, wiring,
    },
    logs::record,
};

/// Answers requests beyond the limit, with telemetry of their own.
///
/// It cannot know which callers the app trusts, so it only links to their traces.
pub(super) fn overload_router() -> Router {
    let refuse = || async {
        record(SERVE_LIMIT, Limit::Requests.as_str());
        let detail = "too many requests are being served; try again later";
        let problem = problem(StatusCode::SERVICE_UNAVAILABLE, Some(detail));
        ([(RETRY_AFTER, "1")], problem)
    };
    Router::new()
        .fallback(refuse)
        .layer(TelemetryLayer::new().remote_parent(RemoteParent::Link))
}

/// The hyper service of one connection.
pub(super) struct Service {
    pub(super) connection: Arc<Connection>,
    pub(super) client: SocketAddr,
}

impl hyper::service::Service<Request<Incoming>> for Service {
    type Response = Response<ResponseBody>;
    type Error = Infallible;
    type Future = ServerFuture;

    fn call(&self, request: Request<Incoming>) -> ServerFuture {
        let server = &self.connection.server;
        let (parts, incoming) = request.into_parts();
        let mut request = Request::from_parts(parts, Body::empty());
        let (method, path) = (request.method(), request.uri().path());
        let expects_layer = *method != Method::OPTIONS && !is_probe(method, path, None);
        let delivery = Delivery::default();
        request.extensions_mut().insert(delivery.clone());
        request.extensions_mut().insert(ConnectInfo(self.client));
        if !incoming.is_end_stream() {
            let limits = Current::new(server.limits.body);
            server.limits.body.extractor_limit().apply(&mut request);
            request.extensions_mut().insert(limits.clone());
            let body = RequestBody::new(incoming, limits, delivery.clone(), &self.connection);
            *request.body_mut() = Body::new(body);
        }
        let waiting = Waiting::new(server);
        let mut app = if waiting.is_over_limit() {
            Limit::Requests.count();
            server.overload_router.clone()
        } else {
            server.app.clone()
        };
        ServerFuture {
            inner: app.call(request),
            in_flight: Some(InFlight::new(self.connection.clone())),
            waiting: Some(waiting),
            delivery: PendingResponse(delivery),
            expects_layer,
        }
    }
}

/// A request whose response has not begun.
struct Waiting {
    server: Arc<Server>,
    before: usize,
}

impl Waiting {
    fn new(server: &Arc<Server>) -> Self {
        Self {
            server: server.clone(),
            before: server.waiting.fetch_add(1, Ordering::Relaxed),
        }
    }

    fn is_over_limit(&self) -> bool {
        self.before >= self.server.limits.max_requests
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.server.waiting.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Records on drop that no response follows.
struct PendingResponse(Delivery);

impl Drop for PendingResponse {
    fn drop(&mut self) {
        self.0.dropped();
    }
}

pin_project! {
    pub(super) struct ServerFuture {
        #[pin]
        inner: RouteFuture<Infallible>,
        in_flight: Option<InFlight>,
        waiting: Option<Waiting>,
        // Dropped after the router's future, which may leave its exchange here.
        delivery: PendingResponse,
        expects_layer: bool,
    }
}

impl Future for ServerFuture {
    type Output = Result<Response<ResponseBody>, Infallible>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        // A propagated panic would end all other requests of an HTTP/2 connection.
        let polled = catch_unwind(AssertUnwindSafe(|| this.inner.poll(context)));
        let mut response = match polled {
            Ok(polled) => {
                let Ok(response) = ready!(polled);
                response
            }
            Err(_) => panicked(),
        };
        *this.waiting = None;
        // A telemetry layer has already applied the rejection, but the router may have no layer.
        this.delivery.0.apply_rejection(&mut response);
        let status = response.status();
        this.delivery.0.answered(status);
        // A rejection by an outer layer, or its answer to a CORS preflight, does not count as a
        // handler's response.
        if *this.expects_layer && !this.delivery.0.is_observed() && status.is_success() {
            wiring::record_unseen();
        }
        let length = content_length(&response);
        let sending = Sending::new(this.delivery.0.clone(), this.in_flight.take());
        Poll::Ready(Ok(
            response.map(|body| ResponseBody::new(body, length, sending))
        ))
    }
}

/// Response to a panic, which the panic hook has already logged.
fn panicked() -> Response<Body> {
    problem(StatusCode::INTERNAL_SERVER_ERROR, None)
}
