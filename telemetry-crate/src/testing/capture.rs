//! The telemetry of one test, in memory.
//!
//! Everything between the macros and the wire is production's: filters, limits, redaction, names, budgets, JSON lines, the
//! encoding of spans and series. In place of standard output and the exporters there is a buffer that a test reads. Left
//! out: the environment, because a test must not depend on who runs it.

use std::{
    cell::Cell,
    fmt,
    marker::PhantomData,
    sync::Arc,
    sync::Once,
    time::{Duration, SystemTime},
};

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
    config::{Batching, LogFormat, Settings},
    export::{ExportStats, Queue},
    init::{self, Pipeline},
    logs::LogWriter,
    metrics::{MetricsHandle, MetricsRequest},
    resource::Resource,
    secret,
    signal::Signal,
    traces::Traces,
};

/// As many spans as an [`OtlpReceiver`](super::OtlpReceiver) keeps.
const MAX_SPANS: usize = 16_384;

/// Captures the telemetry of this thread, with the default configuration, until what is returned is dropped.
///
/// See [`Capture`].
#[must_use = "dropping a capture ends it; bind it with `let capture = ...`"]
pub fn capture() -> Capture {
    match Capture::start(TelemetryConfig::new()) {
        Ok(capture) => capture,
        // It is what any test would do.
        #[expect(clippy::panic, reason = "a test without its capture must fail")]
        Err(error) => panic!("the default configuration is refused: {error}"),
    }
}

/// The telemetry of one test: its log lines, its spans, its metrics, and no other test's.
///
/// It is the default of its thread as long as it lives, so tests in parallel do not see each other, and nothing global is
/// taken: a `#[test]`, and a `#[tokio::test]` with its one thread, need nothing but [`capture()`].
///
/// ```
/// let capture = firstlight::testing::capture();
///
/// // What is tested:
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
/// A failing assertion says what was found, and draws every trace as a [waterfall] with the log lines of each
/// span below it. A test that panics for another reason prints the same.
///
/// # More threads
///
/// What goes on elsewhere has to be taken along: [`wrap`](Self::wrap) for a task, [`wrap_fn`](Self::wrap_fn) for a thread. Where
/// the code under test spawns by itself on a runtime of several threads, [`block_on`](Self::block_on) has a runtime all of whose
/// threads are in the capture.
///
/// # Limits
///
/// * Make what is tested inside of the capture: a router's telemetry layer, and any other handle of a metric, records into
///   the capture in which it first recorded something.
/// * A span is there once it has ended, and a request's once its response's body was read or dropped.
/// * Records of the `log` crate, and panics as log lines, go through what is global in a process, and are not captured.
/// * 4 MiB of lines and 16,384 spans are kept, the oldest.
/// * Captures in one thread end in the reverse order of their starts, as variables do by themselves.
pub struct Capture {
    /// Dropped first: what follows is what it writes into.
    entered: Option<Entered>,
    scope: Scope,
    writer: LogWriter,
    spans: Queue<SpanData>,
    metrics: MetricsHandle,
    resource: Resource,
    /// Whether a failed assertion has shown everything already.
    is_shown: Cell<bool>,
    /// It must end on the thread that it began on.
    _thread: PhantomData<*const ()>,
}

impl Capture {
    /// Captures like [`capture()`], with the service's own configuration: its filters, buckets, budgets, names of secrets.
    ///
    /// What it says about destinations, ports and the log format is not used. [`TelemetryConfig::redact`] is for the whole
    /// process: the first that names any counts.
    ///
    /// # Errors
    ///
    /// Those of [`TelemetryConfig::build`] that are about what is used here.
    pub fn start(config: TelemetryConfig) -> Result<Self, InitError> {
        let mut settings = Settings::resolve(config, &|_| None)?;
        secret::redact_also(settings.redact.clone());
        // Set by `init()` as well, and never in between: captures have one and the same.
        static PROPAGATOR: Once = Once::new();
        PROPAGATOR.call_once(|| {
            if !init::is_installed() {
                Traces::install_propagator(&settings);
            }
        });

        settings.log_format = LogFormat::Json;
        settings.colors = false;
        // Never emptied, so it is the memory, as the writer is of the lines.
        let spans = Queue::new(
            &Batching {
                timeout: Duration::ZERO,
                timeout_variable: "",
                schedule_delay: Duration::ZERO,
                max_queue_size: MAX_SPANS,
                max_batch_size: usize::MAX,
            },
            Arc::new(ExportStats::new(Signal::Traces, MAX_SPANS)),
        );
        let traces = Traces::into_queue(&settings, Some(spans.clone()));
        let pipeline = Pipeline::new(&settings, traces)?;
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

    /// The log lines so far.
    pub fn logs(&self) -> Vec<CapturedLine> {
        let bytes = self.writer.waiting();
        let text = String::from_utf8_lossy(&bytes);
        text.lines().map(CapturedLine::parse).collect()
    }

    /// The spans that have ended so far, in that order: a child before its parent.
    pub fn spans(&self) -> Vec<ReceivedSpan> {
        let resource = ResourceAttributesWithSchema::from(&self.resource.to_sdk());
        // One by one, because grouping them would lose the order.
        let spans = self.spans.items().into_iter().flat_map(|span| {
            spans_of(ExportTraceServiceRequest {
                resource_spans: group_spans_by_resource_and_scope(vec![span], &resource),
            })
        });
        spans.collect()
    }

    /// The metrics page, and what else there is to ask about metrics.
    pub fn metrics(&self) -> MetricsHandle {
        self.metrics.clone()
    }

    /// Runs a future as the only thing of a runtime of its own, with two threads, all of which are in the capture: for code
    /// that spawns tasks, or blocking work, by itself.
    ///
    /// # Panics
    ///
    /// Inside of another runtime, and where no thread is to be had.
    pub fn block_on<F: Future>(&self, future: F) -> F::Output {
        match self.scope.runtime() {
            Ok(runtime) => runtime.block_on(future),
            #[expect(clippy::panic, reason = "a test without its runtime must fail")]
            Err(error) => panic!("no runtime for the capture: {error}"),
        }
    }

    /// A future that is in the capture wherever it is polled: `tokio::spawn(capture.wrap(work()))` on a runtime of several
    /// threads. What it spawns in turn is not.
    pub fn wrap<F: Future>(&self, future: F) -> Captured<F> {
        Captured::new(self.scope.clone(), future)
    }

    /// A function that is in the capture wherever it is called: `std::thread::spawn(capture.wrap_fn(work))`.
    pub fn wrap_fn<T, F: FnOnce() -> T>(&self, work: F) -> impl FnOnce() -> T + use<T, F> {
        let scope = self.scope.clone();
        move || {
            let _entered = scope.enter();
            work()
        }
    }

    /// Every trace as a waterfall with the log lines of each span below it: what a failing test prints.
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

    /// What would be pushed now.
    pub(super) fn requests(&self, now: SystemTime) -> Vec<MetricsRequest> {
        self.metrics.to_otlp(&self.resource, now)
    }

    /// Whether this is the first call.
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
