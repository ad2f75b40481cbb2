//! One request and its response: the span, the clock, and the one place where both end.

use std::{borrow::Cow, sync::Arc, time::Instant};

use http::{Method, Request, Response, StatusCode, Uri, uri::PathAndQuery};
use metrics::Gauge;
use opentelemetry::{
    KeyValue,
    trace::{SpanContext, Status},
};
use tracing::Span;

use super::{
    arrival::Arrival,
    attributes,
    cut::{self, Cut},
    layer::Shared,
    metrics::{RequestLabels, RequestMetrics},
    protocol,
    route::{RouteTemplate, whole_path},
    wiring,
};
use crate::{
    span_end::OpenSpan,
    thread::attach,
    traces::{ACCESS_TARGET, Remote, SPAN_LEVEL},
    unwind::EndsByPanic,
};

/// A response of so many bytes fits into the socket's buffer, and ends when the server has it. So it is recorded by the time
/// that the client has it.
const AT_ONCE: u64 = 64 * 1024;

/// How an exchange ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    /// The response went out whole.
    Answered,
    /// The service returned an error in place of a response.
    ServiceError,
    /// The response's body failed after its head was sent.
    BodyError,
    /// The client no longer waits for the response.
    Disconnected,
    /// The server no longer waits for the client.
    Cut(Cut),
    Panicked,
}

impl Outcome {
    fn is_the_clients_fault(self) -> bool {
        match self {
            Self::Disconnected => true,
            Self::Cut(cut) => !cut.is_the_servers_fault(),
            _ => false,
        }
    }

    /// Semantic conventions, `error.type`: a status that is an error is what failed, also where the client did not read all of it.
    fn with(self, status: Option<StatusCode>) -> Self {
        if self.is_the_clients_fault() && status.is_some_and(|status| status.is_server_error()) {
            Self::Answered
        } else {
            self
        }
    }
}

/// Lives from the request's head to the end of the response's body, and under [`serve`](super::serve) until it is sent. Dropped before that, it finishes as what its end
/// looks like: a panic that unwinds, or a client that went away.
#[derive(Debug)]
pub(super) struct Exchange {
    span: OpenSpan,
    /// Counts this request until its end.
    active: Gauge,
    /// The caller's span, if it is no parent.
    link: Option<SpanContext>,
    start: Instant,
    method: &'static str,
    /// As the client wrote it, if it is none of the known ones.
    unknown_method: Option<Method>,
    scheme: &'static str,
    version: &'static str,
    route: Option<RouteTemplate>,
    /// Shares the request's memory; only the path is ever looked at.
    path: Option<PathAndQuery>,
    status: Option<StatusCode>,
    /// The server, if it is one that tells what the client got.
    arrival: Option<Arrival>,
    metrics: Arc<RequestMetrics>,
    has_panicked: bool,
    finished: bool,
}

impl Exchange {
    pub(super) fn start<B>(
        request: &Request<B>,
        route: Option<RouteTemplate>,
        shared: &Shared,
    ) -> Self {
        let method = protocol::method(request.method());
        let scheme = scheme(request.uri());
        let Remote { context, link } = Remote::of(request.headers(), shared.remote_parent);
        let span = {
            // A span takes the current context as its parent.
            let _remote = attach(context);
            // What every log line of the request inherits; the rest goes to the trace alone, if it is kept.
            tracing::span!(
                target: ACCESS_TARGET,
                SPAN_LEVEL,
                "request",
                otel.kind = "server",
                http.request.method = method,
                http.route = route.as_ref().map(RouteTemplate::as_str),
            )
        };
        Self {
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
            status: None,
            arrival: request.extensions().get().cloned(),
            metrics: shared.metrics.clone(),
            has_panicked: false,
            finished: false,
        }
    }

    /// Called inside the span, once.
    pub(super) fn describe<B>(&self, request: &Request<B>, shared: &Shared) {
        self.span.entered(self.link.as_ref());
        self.span.write(|span| {
            span.update_name(self.span_name());
            span.set_attributes([
                KeyValue::new("url.scheme", self.scheme),
                KeyValue::new("url.path", self.path().to_owned()),
                KeyValue::new("network.protocol.version", self.version),
            ]);
            if let Some(method) = &self.unknown_method {
                let method = method.as_str().to_owned();
                span.set_attribute(KeyValue::new("http.request.method_original", method));
            }
            span.set_attributes(attributes::of_the_client(request, shared.client_address));
            span.set_attributes(attributes::of_the_request(request));
            if shared.records_query {
                span.set_attributes(attributes::of_the_query(self.path.as_ref()));
            }
        });
    }

    fn span_name(&self) -> String {
        let method = protocol::in_name(self.method);
        match &self.route {
            // One allocation of the right size, which formatting does not know.
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

    /// RFC 9110, section 6.4.1: these responses end with their head, whatever body the service returned.
    pub(super) fn has_no_body(&self) -> bool {
        let status = self.status.map_or(0, |status| status.as_u16());
        match self.method {
            "HEAD" => true,
            "CONNECT" if matches!(status, 200..=299) => true,
            _ => matches!(status, 100..=199 | 204 | 304),
        }
    }

    /// The service has a response.
    pub(super) fn answered<B>(mut self, response: &mut Response<B>) -> Self {
        if let Some(arrival) = &self.arrival {
            arrival.apply_refusal(response);
        }
        if self.route.is_none() {
            self.find_route(response);
        }
        self.status = Some(response.status());
        self
    }

    /// A router further inside may know the route, or have no need to.
    fn find_route<B>(&mut self, response: &Response<B>) {
        self.route = RouteTemplate::of_response(response.extensions());
        let Some(route) = &self.route else {
            if response.status() != StatusCode::NOT_FOUND {
                wiring::see_nameless();
            }
            return;
        };
        wiring::see_route();
        self.span.span().record("http.route", route.as_str());
        self.span.write(|span| span.update_name(self.span_name()));
    }

    /// Dropped without a response. The server knows whether the client got one all the same.
    pub(super) fn leave(mut self) {
        match self.arrival.take() {
            Some(arrival) => arrival.leave(self),
            None => drop(self),
        }
    }

    /// After it was left: something outside of the layer had a response.
    #[cfg(feature = "axum")]
    pub(super) fn answered_outside(mut self, status: StatusCode) {
        self.status = Some(status);
        let outcome = if self.has_panicked {
            Outcome::Panicked
        } else {
            Outcome::Answered
        };
        self.end(outcome);
    }

    /// The response's body is over. A server that tells what the client got has yet to send it.
    pub(super) fn sent(mut self, bytes: u64) {
        // Over HTTP/2, the client may let none through.
        let is_on_its_way = bytes > AT_ONCE || bytes > 0 && self.version == "2";
        match self.arrival.take_if(|_| is_on_its_way) {
            Some(arrival) => arrival.hold(self),
            None => self.finish(Outcome::Answered),
        }
    }

    pub(super) fn finish(mut self, outcome: Outcome) {
        self.end(outcome);
    }

    fn end(&mut self, outcome: Outcome) {
        self.finished = true;
        let outcome = outcome.with(self.status);
        let error = error_type(outcome, self.status);
        let error = error.as_deref();
        // Semantic conventions, HTTP server spans: a client's fault is no error of the server's.
        let failed = error.is_some() && !outcome.is_the_clients_fault();
        self.span.write(|span| {
            let status = self.status.map(|status| i64::from(status.as_u16()));
            let status = status.map(|status| KeyValue::new("http.response.status_code", status));
            let error = error.map(|error| KeyValue::new("error.type", error.to_owned()));
            span.set_attributes(status.into_iter().chain(error));
            if failed {
                span.set_status(Status::error(""));
            }
        });

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
            self.metrics
                .finished(labels, duration, || self.message(outcome).into())
        });
        self.span
            .log(|| self.log(&message, failed, error, duration));
        // Now, and not when the last clone of the span is dropped or was left last.
        self.span.end();
    }

    /// What the access line says, in a few words.
    fn message(&self, outcome: Outcome) -> String {
        let method = self.method;
        let route = self.route.as_ref().map_or("", RouteTemplate::as_str);
        let gap = if route.is_empty() { "" } else { " " };
        let end = match (outcome, &self.status) {
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
        // The level is part of an event's static description, hence two of them.
        macro_rules! access_line {
            ($level:ident) => {
                tracing::$level!(
                    target: ACCESS_TARGET,
                    parent: self.span.span(),
                    message,
                    http.response.status_code = self.status.map(|status| status.as_u16()),
                    // To the microsecond: what is beyond is noise to a reader.
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

impl EndsByPanic for Exchange {
    fn end_by_panic(mut self) {
        self.has_panicked = true;
        if self.status.is_none() {
            self.leave();
        }
    }
}

/// Semantic conventions, `error.type`: the status code of a 5xx, otherwise a word; unset when nothing failed.
fn error_type(outcome: Outcome, status: Option<StatusCode>) -> Option<Cow<'static, str>> {
    match outcome {
        Outcome::Answered => {
            let status = status.filter(StatusCode::is_server_error)?;
            Some(status.as_str().to_owned().into())
        }
        Outcome::ServiceError => Some("service_error".into()),
        Outcome::BodyError => Some("body_error".into()),
        Outcome::Disconnected => Some("client_disconnected".into()),
        Outcome::Cut(cut) => Some(cut.as_str().into()),
        Outcome::Panicked => Some("panic".into()),
    }
}

fn scheme(uri: &Uri) -> &'static str {
    if uri.scheme_str() == Some("https") {
        "https"
    } else {
        "http"
    }
}
