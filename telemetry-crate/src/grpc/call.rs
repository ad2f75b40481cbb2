//! One call: the span, the duration, and their common end.
//!
//! Servers and clients differ in the codes that count as errors. Only servers write an access log
//! line.

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
    classification::{Classification, Outcome, Side},
    deadline::has_passed,
    method::{Methods, OTHER},
};
use crate::{
    grpc_code::Code, http::is_cut_by_drain, metrics::Durations, span_end::OpenSpan,
    traces::GRPC_TARGET, unwind::EndsByPanic,
};

/// Value of `rpc.system.name` for gRPC in the semantic conventions.
const SYSTEM: &str = "grpc";

/// Settings and metrics that all calls of a layer share.
#[derive(Debug)]
pub(super) struct Common {
    pub(super) side: Side,
    pub(super) methods: Methods,
    pub(super) durations: Durations,
    /// The called server, if the program names it.
    pub(super) server: Option<(String, u16)>,
}

/// A call from the request to the status.
///
/// If it is dropped earlier, it ends as a panic, as cut by the drain, or as canceled.
#[derive(Debug)]
pub(super) struct Call {
    span: OpenSpan,
    start: Instant,
    /// The name that was called, whether or not the method exists.
    method: String,
    deadline: Option<Duration>,
    common: Arc<Common>,
    /// Whether a message was sent back, which confirms that the method exists.
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

    /// Writes the span's name and attributes; called once, inside the span.
    pub(super) fn describe(&mut self, caller: Option<&SpanContext>) {
        self.span.entered(caller);
        self.span.write(|span| {
            // Code inside the span may read the name. The end of the call may replace the name.
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

    /// Records that a message was sent back.
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
            .is_some_and(|deadline| has_passed(deadline, duration));
        let Classification {
            status,
            error,
            failed,
        } = Classification::new(outcome, self.common.side, in_time);
        let method = self.known_method(outcome);
        self.span.write(|span| {
            let original = (method == OTHER).then(|| self.method.clone());
            if original.is_some() {
                // In the semantic conventions for RPC spans, a span without a known method has the
                // system's name.
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
            // A call of a method that does not exist is the client's mistake, and must not fill the
            // log with errors.
            let is_error = failed && !(method == OTHER && status.is_some());
            self.span.log(|| self.log(status, error, is_error, seconds));
        }
        // The span is ended explicitly, because its clones may outlive the call.
        self.span.end();
    }

    /// Returns the method, or [`OTHER`] if it is not known to exist.
    fn known_method(&self, outcome: Outcome) -> &str {
        let confirmed = self.has_answered || outcome.confirms_method(self.common.side);
        if self.common.methods.is_known(&self.method, confirmed) {
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
        // A server's metric has only the first four labels.
        let labels = [Some(SYSTEM), Some(method), status, error, address, port];
        (self.span).measure(|| self.common.durations.record(&labels, seconds));
    }

    fn log(&self, status: Option<Code>, error: Option<&str>, is_error: bool, seconds: f64) {
        let method = self.method.as_str();
        let status = status.map(Code::name);
        let end = match (status, error) {
            // Only a call that was dropped has this error in lower case.
            (Some("CANCELLED"), Some("cancelled")) => "client disconnected",
            (Some(status), _) => status,
            (None, error) => error.unwrap_or("no status"),
        };
        // The level is part of an event's static metadata, hence two events.
        macro_rules! access_line {
            ($level:ident) => {
                tracing::$level!(
                    target: GRPC_TARGET,
                    parent: self.span.span(),
                    {
                        rpc.status_code = status,
                        // Rounded to microseconds: more digits are only noise for a reader.
                        rpc.server.call.duration = (seconds * 1e6).round() / 1e6,
                        error.r#type = error
                    },
                    "{method} {end}"
                )
            };
        }
        if is_error {
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
            } else if is_cut_by_drain() {
                Outcome::Failed("drain")
            } else {
                Outcome::Canceled
            });
        }
    }
}
