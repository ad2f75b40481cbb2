//! Hands a request to the router, if there is room for it, and its response back.

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
use crate::http::{
    RemoteParent, TelemetryLayer, arrival::Arrival, body::announced, probe::is_probe,
    problem::problem, wiring,
};

/// Answers what is beyond the limit, and is seen like every answer. It knows nothing of whom the app trusts.
pub(super) fn refusal() -> Router {
    let refuse = || async {
        let detail = "too many requests are being served; try again later";
        let problem = problem(StatusCode::SERVICE_UNAVAILABLE, Some(detail));
        ([(RETRY_AFTER, "1")], problem)
    };
    Router::new()
        .fallback(refuse)
        .layer(TelemetryLayer::new().remote_parent(RemoteParent::Link))
}

/// The router, for one connection.
pub(super) struct Service {
    pub(super) connection: Arc<Connection>,
    pub(super) client: SocketAddr,
}

impl hyper::service::Service<Request<Incoming>> for Service {
    type Response = Response<ResponseBody>;
    type Error = Infallible;
    type Future = Answer;

    fn call(&self, request: Request<Incoming>) -> Answer {
        let server = &self.connection.server;
        let (parts, incoming) = request.into_parts();
        let mut request = Request::from_parts(parts, Body::empty());
        let (method, path) = (request.method(), request.uri().path());
        let is_of_a_handler = *method != Method::OPTIONS && !is_probe(method, path, None);
        let arrival = Arrival::default();
        request.extensions_mut().insert(arrival.clone());
        request.extensions_mut().insert(ConnectInfo(self.client));
        if !incoming.is_end_stream() {
            let limits = Current::new(server.limits.body);
            server.limits.body.of_extractors().apply(&mut request);
            request.extensions_mut().insert(limits.clone());
            let body = RequestBody::new(incoming, limits, arrival.clone(), &self.connection);
            *request.body_mut() = Body::new(body);
        }
        let waiting = Waiting::new(server);
        let mut app = if waiting.is_one_too_many() {
            Limit::Requests.count();
            server.refusal.clone()
        } else {
            server.app.clone()
        };
        Answer {
            inner: app.call(request),
            in_flight: Some(InFlight::new(self.connection.clone())),
            waiting: Some(waiting),
            arrival: Expected(arrival),
            is_of_a_handler,
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

    fn is_one_too_many(&self) -> bool {
        self.before >= self.server.limits.max_requests
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.server.waiting.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A request whose client waits for a response.
struct Expected(Arrival);

impl Drop for Expected {
    fn drop(&mut self) {
        self.0.abandoned();
    }
}

pin_project! {
    pub(super) struct Answer {
        #[pin]
        inner: RouteFuture<Infallible>,
        in_flight: Option<InFlight>,
        waiting: Option<Waiting>,
        // Behind the router's future, whose exchange may be left here.
        arrival: Expected,
        is_of_a_handler: bool,
    }
}

impl Future for Answer {
    type Output = Result<Response<ResponseBody>, Infallible>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        // A panic that goes on would take all other requests of an HTTP/2 connection with it.
        let polled = catch_unwind(AssertUnwindSafe(|| this.inner.poll(context)));
        let mut response = match polled {
            Ok(polled) => {
                let Ok(response) = ready!(polled);
                response
            }
            Err(_) => panicked(),
        };
        *this.waiting = None;
        // For routers without the layer, which has done it otherwise.
        this.arrival.0.apply_refusal(&mut response);
        let status = response.status();
        this.arrival.0.answered(status);
        // What a layer around ours refuses, or answers to a browser that asks first, is none of the handlers'.
        if *this.is_of_a_handler && !this.arrival.0.is_seen() && status.is_success() {
            wiring::miss_request();
        }
        let length = announced(&response);
        let sending = Sending::new(this.arrival.0.clone(), this.in_flight.take());
        Poll::Ready(Ok(
            response.map(|body| ResponseBody::new(body, length, sending))
        ))
    }
}

/// What the panic hook has said of it is enough.
fn panicked() -> Response<Body> {
    problem(StatusCode::INTERNAL_SERVER_ERROR, None)
}
