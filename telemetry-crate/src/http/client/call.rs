//! One call: the span, the clock, and the one place where both end.

use std::{borrow::Cow, sync::Arc, time::Instant};

use http::{HeaderMap, Method, StatusCode, Version};
use opentelemetry::{KeyValue, trace::Status};
use tracing::Span;

use super::{
    layer::Shared,
    request::{Notes, Url},
};
use crate::{http::protocol, span_end::OpenSpan, traces::SPAN_LEVEL, unwind::EndsByPanic};

/// How a call ended.
#[derive(Debug, Clone, Copy)]
pub(super) enum Outcome {
    /// The response's head is there.
    Answered(StatusCode, Version),
    /// There is an error in place of a response: one word of few.
    Failed(&'static str),
    /// The caller no longer waits for the response: a timeout around the call, or another call that was faster.
    Cancelled,
    Panicked,
}

/// Lives from the request to the response's head. Dropped before that, it ends as what it looks like.
#[derive(Debug)]
pub(super) struct Call {
    span: OpenSpan,
    start: Instant,
    method: &'static str,
    /// As the program wrote it, if it is none of the known ones.
    unknown_method: Option<Method>,
    address: Option<String>,
    port: u16,
    shared: Arc<Shared>,
    finished: bool,
}

impl Call {
    pub(super) fn start(shared: &Arc<Shared>, method: &Method, url: &Url<'_>) -> Self {
        let written = method;
        let method = protocol::method(written);
        let address = url.address();
        // What a log line of the client's own inherits; the rest goes to the trace alone, if it is kept.
        let span = tracing::span!(
            target: "firstlight::http::client",
            SPAN_LEVEL,
            "call",
            otel.kind = "client",
            http.request.method = method,
            server.address = address,
        );
        Self {
            span: OpenSpan::new(span),
            start: Instant::now(),
            method,
            unknown_method: (method == protocol::OTHER).then(|| written.clone()),
            address: address.map(str::to_owned),
            port: url.port(),
            shared: Arc::clone(shared),
            finished: false,
        }
    }

    /// Called inside the span, once.
    pub(super) fn describe(&mut self, url: &Url<'_>, notes: Notes) {
        self.span.entered(None);
        self.span.write(|span| {
            let method = protocol::in_name(self.method);
            span.update_name(match notes.template {
                Some(template) => Cow::from(format!("{method} {template}")),
                None => Cow::from(method),
            });
            let port = self.address.is_some().then_some(self.port);
            let attributes = [
                url.full().map(|full| KeyValue::new("url.full", full)),
                port.map(|port| KeyValue::new("server.port", i64::from(port))),
                (self.unknown_method.as_ref()).map(|method| {
                    KeyValue::new("http.request.method_original", method.to_string())
                }),
                (notes.template).map(|template| KeyValue::new("url.template", template)),
                (notes.resend.filter(|count| *count > 0))
                    .map(|count| KeyValue::new("http.request.resend_count", i64::from(count))),
            ];
            span.set_attributes(attributes.into_iter().flatten());
        });
    }

    /// Called inside the span: the headers that carry it to the server.
    pub(super) fn context_for(&self, url: &Url<'_>) -> HeaderMap {
        let mut headers = HeaderMap::new();
        if self.shared.propagates_to(&url.host) {
            crate::traces::inject(&mut headers);
        }
        headers
    }

    pub(super) fn span(&self) -> &Span {
        self.span.span()
    }

    pub(super) fn finish(mut self, outcome: Outcome) {
        self.end(outcome);
    }

    fn end(&mut self, outcome: Outcome) {
        self.finished = true;
        let (status, version) = match outcome {
            Outcome::Answered(status, version) => (Some(status), Some(version)),
            _ => (None, None),
        };
        // Semantic conventions, HTTP client spans: what a server calls the client's fault is an error here, too.
        let error = match &outcome {
            Outcome::Answered(status, _) => {
                Some(status.as_str()).filter(|_| status.as_u16() >= 400)
            }
            Outcome::Failed(word) => Some(*word),
            Outcome::Cancelled => Some("cancelled"),
            Outcome::Panicked => Some("panic"),
        };
        // The caller gave up and knows why; the server may have done nothing wrong.
        let failed = error.is_some() && !matches!(outcome, Outcome::Cancelled);
        self.span.write(|span| {
            let attributes = [
                status.map(|status| {
                    KeyValue::new("http.response.status_code", i64::from(status.as_u16()))
                }),
                version.map(|version| {
                    KeyValue::new("network.protocol.version", protocol::version(version))
                }),
                error.map(|error| KeyValue::new("error.type", error.to_owned())),
            ];
            span.set_attributes(attributes.into_iter().flatten());
            if failed {
                span.set_status(Status::error(""));
            }
        });
        self.measure(status.as_ref().map(StatusCode::as_str), error);
        self.span.end();
    }

    fn measure(&self, status: Option<&str>, error: Option<&str>) {
        let duration = self.start.elapsed().as_secs_f64();
        let mut digits = itoa::Buffer::new();
        let (address, port) = match &self.address {
            Some(address) => {
                let (label, has_port) = self.shared.hosts.label(address, self.port);
                (Some(label), has_port.then(|| digits.format(self.port)))
            }
            None => (None, None),
        };
        let labels = [Some(self.method), address, port, status, error];
        (self.span).measure(|| self.shared.durations.record(&labels, duration));
    }
}

impl EndsByPanic for Call {
    fn end_by_panic(mut self) {
        self.end(Outcome::Panicked);
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        if !self.finished {
            self.end(if std::thread::panicking() {
                Outcome::Panicked
            } else {
                Outcome::Cancelled
            });
        }
    }
}
