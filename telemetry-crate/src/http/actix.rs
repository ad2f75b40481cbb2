//! The layer as a middleware of actix-web, with the same exchange as under tower.
//!
//! actix-web has its own types of requests, responses and bodies, so the parts that the exchange reads are copied.

use std::{
    future::{Ready, ready},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use actix_web::{
    Error, HttpMessage as _,
    body::{BodySize, MessageBody},
    dev::{Service, ServiceRequest, ServiceResponse, Transform},
    http::header::{HeaderName as ActixName, HeaderValue as ActixValue},
};
use bytes::Bytes;
use http::{
    HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode, Uri, Version,
};
use pin_project_lite::pin_project;

use super::{
    TelemetryLayer,
    body_end::BodyEnd,
    exchange::Exchange,
    route::{Route, RouteTemplate},
    service::Observed,
    settings::ServerSettings,
    wiring,
};
use crate::{runtime, unwind::end_on_panic};

/// Adds telemetry to the requests of an actix-web application.
///
/// Create the layer once, and wrap the application with a clone of it in each worker. The route is the pattern of the
/// resource, such as `/orders/{id}`. The runtime of each worker is observed, too. Available with the feature `actix`.
///
/// An error that a handler returns is a log line, at `ERROR` if its response is a 5xx, otherwise at `DEBUG`.
/// `exception.message` is its text, and `exception.stacktrace` of a 5xx its `Debug` form, which usually has the causes. An
/// error that a middleware returns becomes a response only outside of all middlewares, so that response has no headers of
/// the layer, such as `x-request-id`.
///
/// ```
/// use actix_web::{App, HttpServer, web};
/// use firstlight::http::TelemetryLayer;
///
/// let telemetry = TelemetryLayer::new();
/// let server = HttpServer::new(move || {
///     App::new()
///         .wrap(telemetry.clone()) // the last `wrap` is the outermost
///         .route("/orders/{id}", web::get().to(async || "an order"))
/// });
/// # drop(server);
/// ```
impl<S, B> Transform<S, ServiceRequest> for TelemetryLayer
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error>,
    B: MessageBody,
{
    type Response = ServiceResponse<ActixBody<B>>;
    type Error = Error;
    type Transform = ActixService<S>;
    type InitError = ();
    type Future = Ready<Result<Self::Transform, ()>>;

    fn new_transform(&self, inner: S) -> Self::Future {
        // Called once in each worker, inside its runtime.
        runtime::observe_worker();
        ready(Ok(ActixService {
            inner,
            shared: self.shared.clone(),
        }))
    }
}

/// A service of actix-web with telemetry from a [`TelemetryLayer`].
#[derive(Debug)]
pub struct ActixService<S> {
    inner: S,
    shared: Arc<ServerSettings>,
}

impl<S, B> Service<ServiceRequest> for ActixService<S>
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error>,
    B: MessageBody,
{
    type Response = ServiceResponse<ActixBody<B>>;
    type Error = Error;
    type Future = ActixFuture<S::Future>;

    fn poll_ready(&self, context: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&self, mut request: ServiceRequest) -> Self::Future {
        if request.extensions_mut().insert(Observed).is_some() {
            wiring::record_nested();
            return ActixFuture::new(self.inner.call(request), None);
        }
        let route = request.match_pattern();
        let route = route.map(|pattern| RouteTemplate::Given(Route::new(pattern)));
        let mut head = head_of(&request);
        if self.shared.excludes(&head, route.as_ref()) {
            return ActixFuture::new(self.inner.call(request), None);
        }
        wiring::record_request(route.is_some());
        let mut exchange = Some(Exchange::start(&head, route, &self.shared));
        // Work before the first await belongs to the span, too.
        let inner = end_on_panic(&mut exchange, |exchange| {
            let _entered = exchange.map(|exchange| exchange.span().enter());
            if let Some(exchange) = exchange {
                exchange.describe(&mut head);
                if let Some(id) = exchange.request_id() {
                    set(request.headers_mut(), id);
                }
            }
            self.inner.call(request)
        });
        ActixFuture::new(inner, exchange)
    }
}

/// Copies what an exchange reads of a request.
fn head_of(request: &ServiceRequest) -> Request<()> {
    let mut head = Request::new(());
    if let Ok(method) = Method::from_bytes(request.method().as_str().as_bytes()) {
        *head.method_mut() = method;
    }
    *head.uri_mut() = uri_of(request).unwrap_or_default();
    *head.version_mut() = match request.version() {
        actix_web::http::Version::HTTP_09 => Version::HTTP_09,
        actix_web::http::Version::HTTP_10 => Version::HTTP_10,
        actix_web::http::Version::HTTP_2 => Version::HTTP_2,
        actix_web::http::Version::HTTP_3 => Version::HTTP_3,
        _ => Version::HTTP_11,
    };
    for (name, value) in request.headers() {
        let name = HeaderName::from_bytes(name.as_str().as_bytes());
        let value = HeaderValue::from_bytes(value.as_bytes());
        if let (Ok(name), Ok(value)) = (name, value) {
            // `append` panics if there are too many headers.
            let _ = head.headers_mut().try_append(name, value);
        }
    }
    if let Some(peer) = request.peer_addr() {
        head.extensions_mut().insert(peer);
    }
    head
}

/// The URI, with the scheme of the connection.
fn uri_of(request: &ServiceRequest) -> Option<Uri> {
    let uri: Uri = request.uri().to_string().parse().ok()?;
    if uri.scheme().is_some() || !request.app_config().secure() {
        return Some(uri);
    }
    let mut parts = uri.into_parts();
    parts.scheme = Some(http::uri::Scheme::HTTPS);
    parts.authority = request.app_config().host().parse().ok();
    Uri::from_parts(parts).ok()
}

/// Sets a header that both versions of the crate `http` can hold.
fn set(headers: &mut actix_web::http::header::HeaderMap, (name, value): (HeaderName, HeaderValue)) {
    let name = ActixName::from_bytes(name.as_str().as_bytes());
    let value = ActixValue::from_bytes(value.as_bytes());
    if let (Ok(name), Ok(value)) = (name, value) {
        headers.insert(name, value);
    }
}

pin_project! {
    /// The response future of an [`ActixService`].
    ///
    /// If it is dropped before the response is ready, a client disconnect is recorded.
    #[derive(Debug)]
    pub struct ActixFuture<F> {
        #[pin]
        inner: F,
        exchange: Option<Box<Exchange>>,
    }

    impl<F> PinnedDrop for ActixFuture<F> {
        fn drop(this: Pin<&mut Self>) {
            if let Some(exchange) = this.project().exchange.take() {
                exchange.end_unanswered();
            }
        }
    }
}

impl<F> ActixFuture<F> {
    fn new(inner: F, exchange: Option<Box<Exchange>>) -> Self {
        Self { inner, exchange }
    }
}

impl<F, B> Future for ActixFuture<F>
where
    F: Future<Output = Result<ServiceResponse<B>, Error>>,
    B: MessageBody,
{
    type Output = Result<ServiceResponse<ActixBody<B>>, Error>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let polled = end_on_panic(this.exchange, |exchange| {
            let _entered = exchange.map(|exchange| exchange.span().enter());
            this.inner.poll(context)
        });
        let result = ready!(polled);
        let exchange = this.exchange.take();
        if let Some(exchange) = &exchange {
            exchange.span().in_scope(|| log_error(&result));
        }
        Poll::Ready(match result {
            Ok(mut response) => {
                let exchange = exchange.map(|exchange| answered(exchange, &mut response));
                Ok(response.map_body(|_, body| ActixBody::new(body, exchange)))
            }
            Err(error) => {
                if let Some(exchange) = exchange {
                    let status = error.as_response_error().status_code();
                    let status = StatusCode::from_u16(status.as_u16());
                    exchange.answered_outside(status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR));
                }
                Err(error)
            }
        })
    }
}

/// Logs the error that a handler returned.
///
/// Its response, and so the access line, tells only a part. The causes of an error of actix-web are only in its `Debug`
/// form.
fn log_error<B>(result: &Result<ServiceResponse<B>, Error>) {
    let (error, status) = match result {
        Ok(response) => match response.response().error() {
            Some(error) => (error, response.status()),
            None => return,
        },
        Err(error) => (error, error.as_response_error().status_code()),
    };
    if status.is_server_error() {
        tracing::error!(
            { exception.message = %error, exception.stacktrace = ?error },
            "request failed"
        );
    } else {
        tracing::debug!({ exception.message = %error }, "request refused");
    }
}

/// Takes the status of the response, and adds the exchange's headers to it.
fn answered<B>(exchange: Box<Exchange>, response: &mut ServiceResponse<B>) -> Box<Exchange> {
    let mut head = Response::new(());
    if let Ok(status) = StatusCode::from_u16(response.status().as_u16()) {
        *head.status_mut() = status;
    }
    let exchange = exchange.answered(&mut head);
    let added: HeaderMap = std::mem::take(head.headers_mut());
    for (name, value) in &added {
        if !response.headers().contains_key(name.as_str()) {
            set(response.headers_mut(), (name.clone(), value.clone()));
        }
    }
    exchange
}

pin_project! {
    /// The response body of an [`ActixService`].
    ///
    /// If it is dropped after its first poll and before its end, a client disconnect is recorded.
    #[derive(Debug)]
    pub struct ActixBody<B> {
        #[pin]
        inner: B,
        end: BodyEnd,
    }
}

impl<B: MessageBody> ActixBody<B> {
    fn new(inner: B, exchange: Option<Box<Exchange>>) -> Self {
        let (length, is_over) = match inner.size() {
            BodySize::None => (None, true),
            BodySize::Sized(length) => (Some(length), false),
            BodySize::Stream => (None, false),
        };
        Self {
            inner,
            end: BodyEnd::new(length, is_over, exchange),
        }
    }
}

impl<B: MessageBody> MessageBody for ActixBody<B> {
    type Error = B::Error;

    fn size(&self) -> BodySize {
        self.inner.size()
    }

    fn poll_next(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Self::Error>>> {
        let this = self.project();
        let part = ready!(this.end.poll(|| this.inner.poll_next(context)));
        match &part {
            None => this.end.end(),
            Some(Err(_)) => this.end.fail(),
            Some(Ok(bytes)) => this.end.part(bytes.len() as u64, false),
        }
        Poll::Ready(part)
    }
}
