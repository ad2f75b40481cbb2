//! One request with its response: the span, the duration, and their common end.

use std::{
    sync::{Arc, OnceLock},
    time::Instant,
};

use http::{HeaderMap, Method, Request, Response, StatusCode, Uri, uri::PathAndQuery};
use metrics::Gauge;
use opentelemetry::{
    KeyValue,
    trace::{SpanContext, Status},
};
use tracing::{Span, field::Empty};

use super::{
    attributes,
    cut::{self, Cut},
    delivery::Delivery,
    identity::RequestId,
    metrics::RequestLabels,
    outcome::Outcome,
    protocol,
    route::{RouteTemplate, whole_path},
    settings::ServerSettings,
    wiring,
};
use crate::{
    span_end::{OpenSpan, SpanWriter},
    thread::attach,
    traces::{ACCESS_TARGET, Remote, SPAN_LEVEL},
    unwind::EndsByPanic,
};

/// Size in bytes up to which a response fits into the socket's buffer.
///
/// The exchange of such a response ends when the server has the body. So it is recorded before the
/// client has received the response.
const SOCKET_BUFFER: u64 = 64 * 1024;

/// A request from its head to the end of the response's body.
///
/// Under [`serve`](super::serve) it lives until the body is sent. If it is dropped earlier, it
/// finishes as a panic during unwinding, as cut by the server, or as a client disconnect.
#[derive(Debug)]
pub(super) struct Exchange {
    span: OpenSpan,
    /// Gauge that counts this request until its end.
    active: Gauge,
    /// The caller's span, if it is linked and not the parent.
    link: Option<SpanContext>,
    start: Instant,
    method: &'static str,
    /// The method as the client sent it, if it is unknown.
    unknown_method: Option<Method>,
    scheme: &'static str,
    version: &'static str,
    route: Option<RouteTemplate>,
    /// The request's path and query; a clone shares their memory.
    path: Option<PathAndQuery>,
    /// Set inside the span, if the layer gives ids.
    id: OnceLock<RequestId>,
    status: Option<StatusCode>,
    /// State shared with a server that reports what the client received.
    delivery: Option<Delivery>,
    shared: Arc<ServerSettings>,
    has_panicked: bool,
    finished: bool,
}

impl Exchange {
    pub(super) fn start<B>(
        request: &Request<B>,
        route: Option<RouteTemplate>,
        shared: &Arc<ServerSettings>,
    ) -> Box<Self> {
        let method = protocol::method(request.method());
        let scheme = scheme(request.uri());
        let Remote { context, link } = Remote::extract(request.headers(), shared.remote_parent);
        let span = {
            // A new span takes the current context as its parent.
            let _remote = attach(context);
            // Every log line of the request inherits these fields. Other attributes go only to a
            // sampled trace.
            tracing::span!(
                target: ACCESS_TARGET,
                SPAN_LEVEL,
                "request",
                otel.kind = "server",
                http.request.method = method,
                http.route = route.as_ref().map(RouteTemplate::as_str),
                request.id = Empty,
            )
        };
        // The exchange moves with futures and bodies that do not know its size, so it is in a box.
        Box::new(Self {
            span: OpenSpan::new(span),
            active: shared.metrics.started(method, scheme),
            link,
            start: Instant::now(),
            method,
            unknown_method: (method == protocol::OTHER).then(|| request.method().clone()),
            scheme,
            version: protocol::version(request.version()),
            route,
            path: whole_path(request).cloned(),
            id: OnceLock::new(),
            status: None,
            delivery: request.extensions().get().cloned(),
            shared: shared.clone(),
            has_panicked: false,
            finished: false,
        })
    }

    /// Writes the span's name and attributes; called once, inside the span.
    pub(super) fn describe<B>(&self, request: &mut Request<B>) {
        self.span.entered(self.link.as_ref());
        if self.shared.identity.request_id {
            self.identify(request.headers_mut());
        }
        let (request, shared) = (&*request, &self.shared);
        // The flight recorder has the method and the route from the span's fields, and the path from the log line.
        self.span.write_exported(|span| {
            span.update_name(self.span_name());
            let own = [
                KeyValue::new("url.scheme", self.scheme),
                KeyValue::new("url.path", self.path().to_owned()),
                KeyValue::new("network.protocol.version", self.version),
            ];
            let method = self.unknown_method.as_ref().map(|method| {
                KeyValue::new("http.request.method_original", method.as_str().to_owned())
            });
            let query = self.path.as_ref().filter(|_| shared.records_query);
            let attributes = own
                .into_iter()
                .chain(method)
                .chain(attributes::client_attributes(
                    request,
                    shared.client_address,
                ))
                .chain(attributes::request_attributes(request))
                .chain(attributes::query_attribute(query));
            span.set_attributes(attributes);
        });
    }

    /// Gives the request its id.
    fn identify(&self, headers: &mut HeaderMap) {
        if let Some(id) = RequestId::new(headers, self.span.ids()) {
            id.insert_into(headers);
            self.span.span().record("request.id", id.as_str());
            let _ = self.id.set(id);
        }
    }

    fn span_name(&self) -> String {
        let method = protocol::span_name_method(self.method);
        match &self.route {
            // `concat` allocates the exact size at once; `format!` does not know it.
            Some(route) => [method, " ", route.as_str()].concat(),
            None => method.to_owned(),
        }
    }

    fn path(&self) -> &str {
        self.path.as_ref().map_or("", PathAndQuery::path)
    }

    pub(super) fn span(&self) -> &Span {
        self.span.span()
    }

    /// Returns whether the response ends with its head, whatever its body is.
    ///
    /// RFC 9110, section 6.4.1, lists the methods and statuses of responses without content.
    pub(super) fn has_no_body(&self) -> bool {
        let status = self.status.map_or(0, |status| status.as_u16());
        match self.method {
            "HEAD" => true,
            "CONNECT" if matches!(status, 200..=299) => true,
            _ => matches!(status, 100..=199 | 204 | 304),
        }
    }

    /// Takes the route and the status from the service's response.
    pub(super) fn answered<B>(mut self: Box<Self>, response: &mut Response<B>) -> Box<Self> {
        if let Some(delivery) = &self.delivery {
            delivery.apply_rejection(response);
        }
        if self.route.is_none() {
            self.find_route(response);
        }
        self.status = Some(response.status());
        let identity = &self.shared.identity;
        identity.write(response.headers_mut(), self.id.take(), || self.span.ids());
        self
    }

    /// Looks for the route in the response, where an inner router may have put it.
    fn find_route<B>(&mut self, response: &Response<B>) {
        self.route = RouteTemplate::of_response(response.extensions());
        let Some(route) = &self.route else {
            if response.status() != StatusCode::NOT_FOUND {
                wiring::record_unrouted();
            }
            return;
        };
        wiring::record_route();
        self.span.span().record("http.route", route.as_str());
        (self.span).write_exported(|span| span.update_name(self.span_name()));
    }

    /// Ends an exchange without a response, or leaves its end to the server.
    pub(super) fn end_unanswered(mut self: Box<Self>) {
        match self.delivery.take() {
            Some(delivery) => delivery.keep_unanswered(self),
            None => drop(self),
        }
    }

    /// The header with the id that the request was given.
    #[cfg(feature = "actix")]
    pub(super) fn request_id(&self) -> Option<(http::HeaderName, http::HeaderValue)> {
        self.id.get().map(RequestId::header)
    }

    /// Finishes an exchange after an outer layer has answered.
    #[cfg(any(feature = "actix", feature = "axum"))]
    pub(super) fn answered_outside(mut self: Box<Self>, status: StatusCode) {
        self.status = Some(status);
        let outcome = if self.has_panicked {
            Outcome::Panicked
        } else {
            Outcome::Answered
        };
        self.end(outcome);
    }

    /// Ends the exchange with its body, or once the server has sent the body.
    pub(super) fn sent(mut self: Box<Self>, bytes: u64) {
        // Over HTTP/2, the client's flow control may hold back even a small body.
        let is_on_its_way = bytes > SOCKET_BUFFER || bytes > 0 && self.version == "2";
        match self.delivery.take_if(|_| is_on_its_way) {
            Some(delivery) => delivery.keep_until_sent(self),
            None => self.finish(Outcome::Answered),
        }
    }

    pub(super) fn finish(mut self: Box<Self>, outcome: Outcome) {
        self.end(outcome);
    }

    fn end(&mut self, outcome: Outcome) {
        self.finished = true;
        let outcome = outcome.or_server_error(self.status);
        let error = outcome.error_type(self.status);
        let error = error.as_deref();
        // In the semantic conventions for HTTP server spans, a client's failure is not an error of
        // the server.
        let failed = error.is_some() && !outcome.is_client_fault();
        let write = |span: &SpanWriter<'_>| {
            let status = self.status.map(|status| i64::from(status.as_u16()));
            let status = status.map(|status| KeyValue::new("http.response.status_code", status));
            let error = error.map(|error| KeyValue::new("error.type", error.to_owned()));
            span.set_attributes(status.into_iter().chain(error));
            if failed {
                span.set_status(Status::error(""));
            }
        };
        match error {
            Some(_) => self.span.write(write),
            None => self.span.write_exported(write),
        }

        let labels = RequestLabels {
            method: self.method,
            scheme: self.scheme,
            route: self.route.as_ref().map(RouteTemplate::as_str),
            status: self.status.as_ref().map(StatusCode::as_str),
            version: self.version,
            error,
        };
        self.active.decrement(1.0);
        let duration = self.start.elapsed().as_secs_f64();
        let message = self.span.measure(|| {
            self.shared
                .metrics
                .finished(labels, duration, || self.message(outcome).into())
        });
        self.span
            .log(|| self.log(&message, failed, error, duration));
        // The span is ended explicitly, because its clones may outlive the exchange.
        self.span.end();
    }

    /// Short text of the access log line.
    fn message(&self, outcome: Outcome) -> String {
        let method = self.method;
        let route = self.route.as_ref().map_or("", RouteTemplate::as_str);
        let gap = if route.is_empty() { "" } else { " " };
        let end = match (outcome, &self.status) {
            // The text is a label of a few values, so the path is only a field of the line.
            (Outcome::Answered, Some(status))
                if *status == StatusCode::NOT_FOUND && route.is_empty() =>
            {
                "404 (no route)"
            }
            (Outcome::Answered, Some(status)) => status.as_str(),
            (Outcome::Answered, None) => "no status",
            (Outcome::ServiceError, _) => "service error",
            (Outcome::BodyError, _) => "body error",
            (Outcome::Disconnected, _) => "client disconnected",
            (Outcome::Cut(Cut::Drain), _) => "cut by the drain",
            (Outcome::Cut(Cut::WriteTimeout), _) => "not read",
            (Outcome::Panicked, _) => "panicked",
        };
        format!("{method}{gap}{route} {end}")
    }

    fn log(&self, message: &str, failed: bool, error: Option<&str>, duration: f64) {
        // The level is part of an event's static metadata, hence two events.
        macro_rules! access_line {
            ($level:ident) => {
                tracing::$level!(
                    target: ACCESS_TARGET,
                    parent: self.span.span(),
                    message,
                    http.response.status_code = self.status.map(|status| status.as_u16()),
                    // Rounded to microseconds: more digits are only noise for a reader.
                    http.server.request.duration = (duration * 1e6).round() / 1e6,
                    http.request.method_original = self.unknown_method.as_ref().map(Method::as_str),
                    url.path = self.path(),
                    error.r#type = error
                )
            };
        }
        if failed {
            access_line!(error);
        } else {
            access_line!(info);
        }
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        if !self.finished {
            let outcome = if self.has_panicked || std::thread::panicking() {
                Outcome::Panicked
            } else {
                cut::current().map_or(Outcome::Disconnected, Outcome::Cut)
            };
            self.end(outcome);
        }
    }
}

impl EndsByPanic for Box<Exchange> {
    fn end_by_panic(mut self) {
        self.has_panicked = true;
        if self.status.is_none() {
            self.end_unanswered();
        }
    }
}

fn scheme(uri: &Uri) -> &'static str {
    if uri.scheme_str() == Some("https") {
        "https"
    } else {
        "http"
    }
}
