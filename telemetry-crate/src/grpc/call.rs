//! One call: the span, the clock, and the one place where both end. A server's and a client's differ in whose fault a status
//! is, and in that a server writes a line.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use opentelemetry::{
    KeyValue,
    trace::{SpanContext, Status},
};
use tracing::Span;

use super::{
    deadline::passed,
    method::{Methods, OTHER},
    verdict::{Outcome, Side, Verdict},
};
use crate::{
    grpc_code::Code, http::is_cut_by_the_drain, metrics::Durations, span_end::OpenSpan,
    traces::GRPC_TARGET, unwind::EndsByPanic,
};

/// Semantic conventions, `rpc.system.name`.
const SYSTEM: &str = "grpc";

/// What all calls of a layer have in common.
#[derive(Debug)]
pub(super) struct Common {
    pub(super) side: Side,
    pub(super) methods: Methods,
    pub(super) durations: Durations,
    /// Who is called, if the program says so.
    pub(super) server: Option<(String, u16)>,
}

/// Lives from the request to the status. Dropped before that, it ends as what it looks like.
#[derive(Debug)]
pub(super) struct Call {
    span: OpenSpan,
    start: Instant,
    /// As it was called, whether or not there is such a method.
    method: String,
    deadline: Option<Duration>,
    common: Arc<Common>,
    /// A message came back, and so there is such a method.
    has_answered: bool,
    finished: bool,
}

impl Call {
    pub(super) fn new(
        span: Span,
        method: &str,
        deadline: Option<Duration>,
        common: &Arc<Common>,
    ) -> Self {
        Self {
            span: OpenSpan::new(span),
            start: Instant::now(),
            method: method.to_owned(),
            deadline,
            common: Arc::clone(common),
            has_answered: false,
            finished: false,
        }
    }

    /// Called inside the span, once.
    pub(super) fn describe(&mut self, caller: Option<&SpanContext>) {
        self.span.entered(caller);
        self.span.write(|span| {
            // For code inside the span that reads it; the end replaces it.
            span.update_name(self.method.clone());
            let server = self.common.server.as_ref();
            let attributes = [
                Some(KeyValue::new("rpc.system.name", SYSTEM)),
                server.map(|(address, _)| KeyValue::new("server.address", address.clone())),
                server.map(|(_, port)| KeyValue::new("server.port", i64::from(*port))),
            ];
            span.set_attributes(attributes.into_iter().flatten());
        });
    }

    pub(super) fn span(&self) -> &Span {
        self.span.span()
    }

    pub(super) fn side(&self) -> Side {
        self.common.side
    }

    /// A message came back.
    pub(super) fn answered(&mut self) {
        self.has_answered = true;
    }

    pub(super) fn finish(mut self, outcome: Outcome) {
        self.end(outcome);
    }

    fn end(&mut self, outcome: Outcome) {
        self.finished = true;
        let duration = self.start.elapsed();
        let in_time = !self
            .deadline
            .is_some_and(|deadline| passed(deadline, duration));
        let Verdict {
            status,
            error,
            failed,
        } = Verdict::of(outcome, self.common.side, in_time);
        let method = self.known_method(outcome);
        self.span.write(|span| {
            let original = (method == OTHER).then(|| self.method.clone());
            if original.is_some() {
                // Semantic conventions, RPC span names: what has no name is called like its system.
                span.update_name(SYSTEM);
            }
            let attributes = [
                Some(KeyValue::new("rpc.method", method.to_owned())),
                original.map(|original| KeyValue::new("rpc.method_original", original)),
                status.map(|status| KeyValue::new("rpc.status_code", status.name())),
                error.map(|error| KeyValue::new("error.type", error)),
            ];
            span.set_attributes(attributes.into_iter().flatten());
            if failed {
                span.set_status(Status::error(""));
            }
        });

        let seconds = duration.as_secs_f64();
        self.measure(method, status, error, seconds);
        if self.common.side == Side::Server {
            // A call of a method that does not exist is the client's mistake, and must not fill the log with errors.
            let loud = failed && !(method == OTHER && status.is_some());
            self.span.log(|| self.log(status, error, loud, seconds));
        }
        // Now, and not when the last clone of the span is dropped or was left last.
        self.span.end();
    }

    /// The method, if there is one of that name.
    fn known_method(&self, outcome: Outcome) -> &str {
        let vouched = self.has_answered || outcome.is_the_methods_own(self.common.side);
        if self.common.methods.knows(&self.method, vouched) {
            &self.method
        } else {
            OTHER
        }
    }

    fn measure(&self, method: &str, status: Option<Code>, error: Option<&str>, seconds: f64) {
        let status = status.map(Code::name);
        let mut digits = itoa::Buffer::new();
        let server = self.common.server.as_ref();
        let address = server.map(|(address, _)| address.as_str());
        let port = server.map(|(_, port)| digits.format(*port));
        // A server's metric ends after the first four.
        let labels = [Some(SYSTEM), Some(method), status, error, address, port];
        (self.span).measure(|| self.common.durations.record(&labels, seconds));
    }

    fn log(&self, status: Option<Code>, error: Option<&str>, loud: bool, seconds: f64) {
        let method = self.method.as_str();
        let status = status.map(Code::name);
        let end = match (status, error) {
            (Some("CANCELLED"), Some("cancelled")) => "client disconnected",
            (Some(status), _) => status,
            (None, error) => error.unwrap_or("no status"),
        };
        // The level is part of an event's static description, hence two of them.
        macro_rules! access_line {
            ($level:ident) => {
                tracing::$level!(
                    target: GRPC_TARGET,
                    parent: self.span.span(),
                    {
                        rpc.status_code = status,
                        // To the microsecond: what is beyond is noise to a reader.
                        rpc.server.call.duration = (seconds * 1e6).round() / 1e6,
                        error.r#type = error
                    },
                    "{method} {end}"
                )
            };
        }
        if loud {
            access_line!(error);
        } else {
            access_line!(info);
        }
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
            } else if is_cut_by_the_drain() {
                Outcome::Failed("drain")
            } else {
                Outcome::Cancelled
            });
        }
    }
}
