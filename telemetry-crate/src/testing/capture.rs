//! The capture of one test's telemetry in memory.
//!
//! Everything between the macros and the exporters is the same as in production: filters, limits, redaction, names,
//! cardinality limits, JSON lines, and the encoding of spans and series. Standard output and the exporters are replaced
//! by buffers. The environment is not read, so that a test does not depend on it.

use std::{cell::Cell, fmt, marker::PhantomData, sync::Once, time::SystemTime};

use opentelemetry_proto::{
    tonic::collector::trace::v1::ExportTraceServiceRequest,
    transform::{
        common::tonic::ResourceAttributesWithSchema,
        trace::tonic::group_spans_by_resource_and_scope,
    },
};
use opentelemetry_sdk::trace::SpanData;

use super::{
    CapturedLine, ReceivedSpan,
    scope::{Captured, Entered, Scope},
    span::spans_of,
    waterfall,
};
use crate::{
    InitError, LostKind, TelemetryConfig,
    config::{LogFormat, Settings},
    export::Queue,
    init::{self, Pipeline},
    logs::LogWriter,
    metrics::{MetricsHandle, MetricsRequest},
    resource::Resource,
    secret,
    signal::Signal,
    traces::Traces,
};

/// The largest number of captured spans.
///
/// It is the same as in an [`OtlpReceiver`](super::OtlpReceiver).
const MAX_SPANS: usize = 16_384;

/// Captures the telemetry of this thread until the capture is dropped.
///
/// Uses the default configuration.
///
/// See [`Capture`].
#[must_use = "dropping a capture ends it; bind it with `let capture = ...`"]
pub fn capture() -> Capture {
    match Capture::start(TelemetryConfig::new()) {
        Ok(capture) => capture,
        // A test could not handle this error.
        #[expect(clippy::panic, reason = "a test without its capture must fail")]
        Err(error) => panic!("the default configuration is refused: {error}"),
    }
}

/// The log lines, spans and metrics of one test.
///
/// A capture is the default of its thread as long as it lives, and sets nothing global. Tests can therefore run in
/// parallel. A `#[test]`, and a `#[tokio::test]` with its one thread, need only [`capture()`].
///
/// ```
/// let capture = firstlight::testing::capture();
///
/// // The tested code:
/// let span = tracing::info_span!("place order", order.id = 7);
/// span.in_scope(|| tracing::info!("order placed"));
/// metrics::counter!("orders_total", "kind" => "new").increment(1);
/// drop(span);
///
/// capture.assert_log("order placed").with("order.id", 7).once();
/// capture.assert_span("place order").with("order.id", 7);
/// capture.assert_metric("orders_total", [("kind", "new")], 1.0);
/// capture.assert_no_errors();
/// ```
///
/// A failing assertion says what was found, and draws every trace as a [waterfall] with the log lines below each span.
/// A test that panics for another reason prints the same.
///
/// # Other threads
///
/// Code on other threads must be added to the capture: [`wrap`](Self::wrap) for a task, [`wrap_fn`](Self::wrap_fn) for
/// a thread. If the tested code spawns tasks itself on a runtime of several threads, [`block_on`](Self::block_on) runs
/// it on a runtime whose threads are all in the capture.
///
/// # Limits
///
/// * Create the tested router inside the capture. Its telemetry layer, like any handle of a metric, records into the
///   capture in which it first recorded something.
/// * A span appears when it has ended. The span of a request ends when the response's body was read or dropped.
/// * Records of the `log` crate, and log lines about panics, use process-wide globals and are not captured.
/// * The oldest 4 MiB of log lines and 16,384 spans are kept.
/// * Captures in one thread must end in the reverse order of their starts, as local variables do.
pub struct Capture {
    /// Dropped first, because it writes into the other fields.
    entered: Option<Entered>,
    scope: Scope,
    writer: LogWriter,
    spans: Queue<SpanData>,
    metrics: MetricsHandle,
    resource: Resource,
    /// Whether a failure has already printed everything.
    is_shown: Cell<bool>,
    /// Makes the type `!Send`: a capture must end on the thread on which it started.
    _thread: PhantomData<*const ()>,
}

impl Capture {
    /// Captures the telemetry of this thread with the service's own configuration.
    ///
    /// The capture uses the configuration's filters, buckets, cardinality limits and redacted names.
    ///
    /// Destinations, ports and the log format are ignored. [`TelemetryConfig::redact`] applies to the whole process:
    /// only the first configuration that has such names counts.
    ///
    /// # Errors
    ///
    /// The errors of [`TelemetryConfig::build`] about these settings.
    pub fn start(config: TelemetryConfig) -> Result<Self, InitError> {
        let mut settings = Settings::resolve(config, &|_| None)?;
        secret::redact_also(settings.redact.clone());
        // All captures have the same propagator, so it is set once. Installed telemetry has already set its own.
        static PROPAGATOR: Once = Once::new();
        PROPAGATOR.call_once(|| {
            if !init::is_installed() {
                Traces::install_propagator(&settings);
            }
        });

        settings.log_format = LogFormat::Json;
        settings.colors = false;
        // Without an exporter the queue is never emptied, so it holds all spans.
        let spans = Queue::kept(Signal::Traces, MAX_SPANS);
        let traces = Traces::into_queue(&settings, Some(spans.clone()));
        let pipeline = Pipeline::new(&settings, traces, None)?;
        let metrics = &pipeline.metrics;
        let scope = Scope::new(pipeline.signals().into_subscriber(), metrics.recorder());
        Ok(Self {
            entered: Some(scope.enter()),
            scope,
            writer: pipeline.writer.clone(),
            spans,
            metrics: metrics.handle(),
            resource: settings.resource,
            is_shown: Cell::new(false),
            _thread: PhantomData,
        })
    }

    /// Returns the log lines so far.
    pub fn logs(&self) -> Vec<CapturedLine> {
        let bytes = self.writer.waiting();
        let text = String::from_utf8_lossy(&bytes);
        text.lines().map(CapturedLine::parse).collect()
    }

    /// Returns the spans that have ended so far, in the order of their ends.
    ///
    /// A child ends before its parent.
    pub fn spans(&self) -> Vec<ReceivedSpan> {
        let resource = ResourceAttributesWithSchema::from(&self.resource.to_sdk());
        // The spans are converted one by one, because grouping would lose their order.
        let spans = self.spans.items().into_iter().flat_map(|span| {
            spans_of(ExportTraceServiceRequest {
                resource_spans: group_spans_by_resource_and_scope(vec![span], &resource),
            })
        });
        spans.collect()
    }

    /// Returns a handle on the metrics of the capture.
    pub fn metrics(&self) -> MetricsHandle {
        self.metrics.clone()
    }

    /// Runs a future on a runtime whose two threads are in the capture.
    ///
    /// Suits code that itself spawns tasks or blocking work.
    ///
    /// # Panics
    ///
    /// Panics inside another runtime, or if no thread is available.
    pub fn block_on<F: Future>(&self, future: F) -> F::Output {
        match self.scope.runtime() {
            Ok(runtime) => runtime.block_on(future),
            #[expect(clippy::panic, reason = "a test without its runtime must fail")]
            Err(error) => panic!("no runtime for the capture: {error}"),
        }
    }

    /// Wraps a future, so that it is in the capture wherever it is polled.
    ///
    /// An example is `tokio::spawn(capture.wrap(work()))` on a runtime of several threads. Tasks that the future spawns
    /// are not in the capture.
    pub fn wrap<F: Future>(&self, future: F) -> Captured<F> {
        Captured::new(self.scope.clone(), future)
    }

    /// Wraps a function, so that it is in the capture wherever it is called.
    ///
    /// An example is `std::thread::spawn(capture.wrap_fn(work))`.
    pub fn wrap_fn<T, F: FnOnce() -> T>(&self, work: F) -> impl FnOnce() -> T + use<T, F> {
        let scope = self.scope.clone();
        move || {
            let _entered = scope.enter();
            work()
        }
    }

    /// Draws every trace as a waterfall with the log lines below each span.
    ///
    /// A failing test prints the drawing.
    pub fn waterfall(&self) -> String {
        let mut text = waterfall::draw(&self.spans(), &self.logs());
        let lost = (self.writer.dropped(), self.spans.stats().total_lost());
        if lost != (0, 0) {
            text += &format!(
                "and {} and {} more, for which there was no room\n",
                LostKind::LogLines.counted(lost.0),
                LostKind::Spans.counted(lost.1)
            );
        }
        text
    }

    /// Returns the OTLP requests for the current values of the metrics.
    pub(super) fn requests(&self, now: SystemTime) -> Vec<MetricsRequest> {
        self.metrics.to_otlp(&self.resource, now)
    }

    /// Returns whether this is the first call.
    ///
    /// Only the first failure prints the waterfall.
    pub(super) fn show_once(&self) -> bool {
        !self.is_shown.replace(true)
    }
}

impl Drop for Capture {
    fn drop(&mut self) {
        self.entered = None;
        if std::thread::panicking() && self.show_once() {
            #[expect(clippy::print_stderr, reason = "it is where a test says why it failed")]
            {
                eprintln!("\nwhat the test captured:\n\n{}", self.waterfall());
            }
        }
    }
}

impl fmt::Debug for Capture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Capture")
            .field("lines", &self.logs().len())
            .field("spans", &self.spans.items().len())
            .finish_non_exhaustive()
    }
}
