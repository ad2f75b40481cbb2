//! One request and its response: the span, the clock, and the one place where both end.

use std::{sync::Arc, time::Instant};

use http::{Method, Request, StatusCode, Version};
use tracing::{Span, field::Empty};
use tracing_opentelemetry::OpenTelemetrySpanExt;

use super::{
    Route,
    metrics::{Labels, RequestMetrics},
};
use crate::traces::{SPAN_LEVEL, attach_remote};

/// How an exchange ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    /// The response went out whole.
    Answered,
    /// The service returned an error in place of a response.
    ServiceError,
    /// The response's body failed after its head was sent.
    BodyError,
    /// Nobody waits for the response any more.
    Disconnected,
    Panicked,
}

/// Lives from the request's head to the end of the response's body. Dropped before that, it finishes as what its end
/// looks like: a panic that unwinds, or a client that went away.
#[derive(Debug)]
pub(super) struct Exchange {
    span: Span,
    start: Instant,
    method: &'static str,
    scheme: &'static str,
    version: &'static str,
    route: Option<Arc<str>>,
    status: Option<StatusCode>,
    metrics: Arc<RequestMetrics>,
    finished: bool,
}

impl Exchange {
    pub(super) fn start<B>(request: &Request<B>, metrics: &Arc<RequestMetrics>) -> Self {
        let method = known_method(request.method());
        let scheme = if request.uri().scheme_str() == Some("https") {
            "https"
        } else {
            "http"
        };
        let version = version(request.version());
        let route = route(request);
        let span = {
            // A span takes the current context as its parent.
            let _remote = attach_remote(request.headers());
            let name = match &route {
                Some(route) => format!("{method} {route}"),
                None => method.to_owned(),
            };
            tracing::span!(
                target: "firstlight::http",
                SPAN_LEVEL,
                "request",
                otel.name = name,
                otel.kind = "server",
                otel.status_code = Empty,
                http.request.method = method,
                http.route = route.as_deref(),
                url.path = request.uri().path(),
                http.response.status_code = Empty,
                error.r#type = Empty,
            )
        };
        // On the span only: on every log line of the request they would be noise.
        span.set_attribute("url.scheme", scheme);
        span.set_attribute("network.protocol.version", version);
        metrics.started(method, scheme);
        Self {
            span,
            start: Instant::now(),
            method,
            scheme,
            version,
            route,
            status: None,
            metrics: metrics.clone(),
            finished: false,
        }
    }

    pub(super) fn span(&self) -> &Span {
        &self.span
    }

    /// RFC 9110, section 6.4.1: these responses end with their head, whatever body the service returned.
    pub(super) fn has_no_body(&self) -> bool {
        let status = self.status.map_or(0, |status| status.as_u16());
        self.method == "HEAD" || matches!(status, 100..=199 | 204 | 304)
    }

    pub(super) fn answered(mut self, status: StatusCode) -> Self {
        self.status = Some(status);
        self
    }

    pub(super) fn finish(mut self, outcome: Outcome) {
        self.end(outcome);
    }

    fn end(&mut self, outcome: Outcome) {
        self.finished = true;
        // Entered, for the exemplar and the access line, and because a span ends where it was left last.
        let span = self.span.clone();
        let _entered = span.enter();

        let status = self.status.map(|status| status.as_u16());
        let error = error_type(outcome, self.status);
        if let Some(status) = status {
            // As i64: unsigned values become text on the way to OpenTelemetry.
            span.record("http.response.status_code", i64::from(status));
        }
        if let Some(error) = &error {
            span.record("error.type", &**error);
        }
        // Semantic conventions, HTTP server spans: a client's fault is no error of the server's.
        let failed = match outcome {
            Outcome::Disconnected => false,
            _ => error.is_some(),
        };
        if failed {
            span.record("otel.status_code", "ERROR");
        }

        let duration = self.start.elapsed().as_secs_f64();
        self.metrics.finished(
            &Labels {
                method: self.method,
                scheme: self.scheme,
                version: self.version,
                route: self.route.as_deref(),
                status,
                error: error.as_deref(),
            },
            duration,
        );
        self.log(outcome, failed, duration);
    }

    fn log(&self, outcome: Outcome, failed: bool, duration: f64) {
        let route = self.route.as_deref().unwrap_or_default();
        let gap = if route.is_empty() { "" } else { " " };
        let method = self.method;
        let end = match (outcome, self.status) {
            (Outcome::Answered, Some(status)) => status.as_str().to_owned(),
            (Outcome::Answered, None) => "no status".to_owned(),
            (Outcome::ServiceError, _) => "service error".to_owned(),
            (Outcome::BodyError, _) => "body error".to_owned(),
            (Outcome::Disconnected, _) => "client disconnected".to_owned(),
            (Outcome::Panicked, _) => "panicked".to_owned(),
        };
        // The level is part of an event's static description, hence two of them.
        if failed {
            tracing::error!(
                target: "firstlight::http",
                { http.server.request.duration = duration },
                "{method}{gap}{route} {end}"
            );
        } else {
            tracing::info!(
                target: "firstlight::http",
                { http.server.request.duration = duration },
                "{method}{gap}{route} {end}"
            );
        }
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        if !self.finished {
            let outcome = if std::thread::panicking() {
                Outcome::Panicked
            } else {
                Outcome::Disconnected
            };
            self.end(outcome);
        }
    }
}

/// Semantic conventions, `error.type`: the status code of a 5xx, otherwise a word; unset when nothing failed.
fn error_type(
    outcome: Outcome,
    status: Option<StatusCode>,
) -> Option<std::borrow::Cow<'static, str>> {
    match outcome {
        Outcome::Answered => {
            let status = status.filter(StatusCode::is_server_error)?;
            Some(status.as_str().to_owned().into())
        }
        Outcome::ServiceError => Some("service_error".into()),
        Outcome::BodyError => Some("body_error".into()),
        Outcome::Disconnected => Some("client_disconnected".into()),
        Outcome::Panicked => Some("panic".into()),
    }
}

/// Semantic conventions, `http.request.method`: what is not in RFC 9110 or RFC 5789 is `_OTHER`, so that a scanner
/// can't invent series.
fn known_method(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::HEAD => "HEAD",
        Method::OPTIONS => "OPTIONS",
        Method::CONNECT => "CONNECT",
        Method::TRACE => "TRACE",
        _ => "_OTHER",
    }
}

fn version(version: Version) -> &'static str {
    match version {
        Version::HTTP_09 => "0.9",
        Version::HTTP_10 => "1.0",
        Version::HTTP_2 => "2",
        Version::HTTP_3 => "3",
        _ => "1.1",
    }
}

fn route<B>(request: &Request<B>) -> Option<Arc<str>> {
    if let Some(Route(route)) = request.extensions().get() {
        return Some((*route).into());
    }
    #[cfg(feature = "axum")]
    if let Some(route) = request.extensions().get::<axum::extract::MatchedPath>() {
        return Some(route.as_str().into());
    }
    None
}
