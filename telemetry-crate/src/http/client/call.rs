//! One call: the span, the duration, and their common end.

use std::{borrow::Cow, sync::Arc, time::Instant};

use http::{HeaderMap, Method, StatusCode, Version};
use opentelemetry::{KeyValue, trace::Status};
use tracing::Span;

use super::{
    request::{CallOptions, Url},
    settings::ClientSettings,
};
use crate::{http::protocol, span_end::OpenSpan, traces::SPAN_LEVEL, unwind::EndsByPanic};

/// How a call ended.
#[derive(Debug, Clone, Copy)]
pub(super) enum Outcome {
    /// The response's head has arrived.
    Answered(StatusCode, Version),
    /// The client returned an error; holds its class, one of a few fixed words.
    Failed(&'static str),
    /// The caller dropped the future, as a timeout or a race with another call does.
    Canceled,
    /// The client panicked.
    Panicked,
}

/// A call from the request to the response's head.
///
/// If it is dropped earlier, it ends as a panic during unwinding, and as canceled otherwise.
#[derive(Debug)]
pub(super) struct Call {
    span: OpenSpan,
    start: Instant,
    method: &'static str,
    /// The method as the program wrote it, if it is unknown.
    unknown_method: Option<Method>,
    address: Option<String>,
    port: u16,
    shared: Arc<ClientSettings>,
    finished: bool,
}

impl Call {
    pub(super) fn start(shared: &Arc<ClientSettings>, method: &Method, url: &Url<'_>) -> Self {
        let written = method;
        let method = protocol::method(written);
        let address = url.address();
        // Log lines of the client inherit these fields. Other attributes go only to a sampled
        // trace.
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

    /// Writes the span's name and attributes; called once, inside the span.
    pub(super) fn describe(&mut self, url: &Url<'_>, options: CallOptions) {
        self.span.entered(None);
        self.span.write(|span| {
            let method = protocol::span_name_method(self.method);
            span.update_name(match options.template {
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
                (options.template).map(|template| KeyValue::new("url.template", template)),
                (options.resend.filter(|count| *count > 0))
                    .map(|count| KeyValue::new("http.request.resend_count", i64::from(count))),
            ];
            span.set_attributes(attributes.into_iter().flatten());
        });
    }

    /// Returns the headers that carry the context; called inside the span.
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
        // In the semantic conventions for HTTP client spans, a 4xx is an error of the call as well.
        let error = match &outcome {
            Outcome::Answered(status, _) => {
                Some(status.as_str()).filter(|_| status.as_u16() >= 400)
            }
            Outcome::Failed(word) => Some(*word),
            Outcome::Canceled => Some("cancelled"),
            Outcome::Panicked => Some("panic"),
        };
        // The caller stopped waiting and knows why. The server may have done nothing wrong.
        let failed = error.is_some() && !matches!(outcome, Outcome::Canceled);
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
                Outcome::Canceled
            });
        }
    }
}
