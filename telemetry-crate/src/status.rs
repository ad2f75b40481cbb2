//! The status of telemetry, for `/telemetry` and `firstlight::check()`.
//!
//! Values are read from their counters when a report is requested. For their course over time, scrape `/metrics`. The
//! report contains no secrets.

mod crates;
mod exports;
mod hint;
mod integrations;
#[cfg(any(feature = "apalis-postgres", feature = "apalis-sqlite"))]
mod jobs;
mod metrics;
mod report;
mod requests;
mod sigterm;
mod skew;
mod static_level;

use std::{
    sync::{Arc, Mutex, OnceLock, atomic::AtomicU64},
    time::{Duration, SystemTime},
};

use opentelemetry::trace::TraceId;
use tracing::dispatcher;

pub(crate) use self::{
    hint::hint,
    report::{Item, Report, Section, State},
    sigterm::watch_sigterm,
    skew::{report_versions, versions},
    static_level::missing as missing_levels,
};
#[cfg(feature = "console")]
use crate::{catalog::Metric, metrics::Series};
use crate::{
    config::{LogFormat, Settings},
    export::ExportStats,
    logs::{Installed, LogCounts, LogFilterControl, LogWriter},
    metrics::{MetricsHandle, SampleList},
    recorder::{Recorder, last_words::Writer},
    runtime::RuntimeObserver,
    signal::Signal,
    values::counted,
};

/// The way in which telemetry ended.
#[derive(Debug, Clone, Copy)]
pub(crate) enum End {
    /// The program called `finish`, `exit` or `shutdown`.
    Requested,
    /// The program dropped the guard.
    Dropped,
}

/// The status of telemetry in this process.
#[derive(Debug)]
pub(crate) struct Status {
    settings: Arc<Settings>,
    log_filter: Arc<LogFilterControl>,
    writer: LogWriter,
    lines: Arc<LogCounts>,
    metrics: MetricsHandle,
    /// The export of each signal, in the order of [`Signal::ALL`].
    ///
    /// `None` if the signal is not exported.
    exports: [Option<Arc<ExportStats>>; 3],
    /// `None` if the flight recorder is off.
    recorder: Option<Recorder>,
    runtime: Arc<RuntimeObserver>,
    scrapes: AtomicU64,
    /// The time of the last scrape, and the duration of its rendering.
    last_scrape: Mutex<Option<(SystemTime, Duration)>>,
    end: OnceLock<End>,
}

impl Status {
    pub(crate) fn new(
        settings: Arc<Settings>,
        log_filter: Arc<LogFilterControl>,
        writer: LogWriter,
        lines: Arc<LogCounts>,
        metrics: MetricsHandle,
        exports: [Option<Arc<ExportStats>>; 3],
        recorder: Option<Recorder>,
    ) -> Self {
        Self {
            settings,
            log_filter,
            writer,
            lines,
            metrics,
            exports,
            recorder,
            runtime: Arc::default(),
            scrapes: AtomicU64::new(0),
            last_scrape: Mutex::default(),
            end: OnceLock::new(),
        }
    }

    /// Also tells the state of the application's runtime.
    pub(crate) fn with_runtime(mut self, runtime: Arc<RuntimeObserver>) -> Self {
        self.runtime = runtime;
        self
    }

    pub(crate) fn runtime(&self) -> &RuntimeObserver {
        &self.runtime
    }

    /// Records that telemetry has ended; the process may continue.
    pub(crate) fn record_end(&self, end: End) {
        // The end is set only once, because there is only one guard.
        let _ = self.end.set(end);
    }

    pub(crate) fn log_filter(&self) -> &Arc<LogFilterControl> {
        &self.log_filter
    }

    pub(crate) fn recorder(&self) -> Option<&Recorder> {
        self.recorder.as_ref()
    }

    /// All counters and gauges.
    pub(crate) fn samples(&self) -> SampleList {
        self.metrics.samples()
    }

    /// The series of a metric, without those of collectors.
    #[cfg(feature = "console")]
    pub(crate) fn series_of(&self, metric: &Metric) -> Vec<(Arc<str>, Series)> {
        self.metrics.series_of(metric)
    }

    /// How the last process ended, unless its end was clean.
    ///
    /// `None` if it is not known.
    pub(crate) fn last_end(&self) -> Option<Option<String>> {
        let report = &self.last_words()?.previous()?.report;
        let is_clean = report.ended == "clean";
        Some((!is_clean).then(|| report.summary.clone()))
    }

    /// The last words, of this process and of the last one.
    pub(crate) fn last_words(&self) -> Option<&Writer> {
        self.recorder.as_ref()?.last_words()
    }

    /// An attribute of the resource; empty if there is none.
    pub(crate) fn resource(&self, key: &str) -> &str {
        self.settings.resource.get(key).unwrap_or_default()
    }

    /// Where the trace backend shows a trace; `None` if that is not known.
    pub(crate) fn trace_url(&self, trace_id: TraceId) -> Option<String> {
        let url = self.settings.trace_url.as_ref()?;
        Some(url.of(trace_id))
    }

    /// Whether the calling thread's default subscriber has firstlight's layers.
    ///
    /// Without them, no event of the thread becomes a log line. The default is the global subscriber, unless the thread
    /// has set its own.
    pub(crate) fn log_layer_is_in_subscriber(&self) -> bool {
        dispatcher::get_default(|dispatch| dispatch.downcast_ref::<Installed>().is_some())
    }

    /// Remarks in the report of `firstlight::check()` that do not make it fail.
    pub(crate) fn notes(&self) -> Vec<String> {
        let mut notes = self.settings.warnings.clone();
        notes.extend(self.log_filter.caution());
        notes.extend(self.metrics.rejected().iter().map(ToString::to_string));
        notes.extend(self.replaced());
        notes.extend(versions().duplicates());
        notes
    }

    /// The destination and the counters of a signal's export.
    pub(crate) fn export(&self, signal: Signal) -> Option<(String, &ExportStats)> {
        let destination = self.settings.destination(signal)?;
        let stats = self.exports.get(signal as usize)?.as_deref()?;
        Some((destination.address(), stats))
    }

    /// Whether `/metrics` is served.
    pub(crate) fn serves_metrics(&self) -> bool {
        self.settings.exports.prometheus
    }

    pub(crate) fn why_no_traces(&self) -> &'static str {
        self.settings.why_no_traces()
    }

    pub(crate) fn log_format(&self) -> &'static str {
        self.settings.log_format.name()
    }

    /// Whether each log line is a JSON object.
    pub(crate) fn log_lines_are_json(&self) -> bool {
        self.settings.log_format != LogFormat::Pretty
    }

    /// Returns the whole report.
    pub(crate) fn report(&self) -> Report {
        let mut sections = vec![
            self.service(),
            self.requests(),
            self.logs(),
            self.metrics(),
            self.traces(),
        ];
        // Optional exports are shown only if they are on.
        for (name, signal) in [
            ("metrics_push", Signal::Metrics),
            ("log_records", Signal::Logs),
        ] {
            sections.extend(self.export(signal).map(|(endpoint, stats)| {
                let (state, detail) = exports::state(stats, self.end.get().is_some());
                exports::describe(Section::new(name, state, detail), &endpoint, stats)
            }));
        }
        #[cfg(any(feature = "apalis-postgres", feature = "apalis-sqlite"))]
        sections.extend(jobs::section());
        sections.extend(self.sigterm());
        sections.extend([self.crates(), self.start()]);
        Report(sections)
    }

    fn service(&self) -> Section {
        let (state, detail) = match self.end.get() {
            None => (State::Up, ""),
            Some(End::Requested) => (State::Off, "telemetry was shut down"),
            Some(End::Dropped) => {
                let detail = "telemetry has ended because its guard was dropped, but the process goes on: keep the guard until the end of main. `let telemetry = firstlight::init!()?;` does so, while `let _ = ...` drops it at once";
                (State::Fails, detail)
            }
        };
        Section::new("service", state, detail.to_owned())
            .with("resource", Item::Pairs(self.settings.resource.to_pairs()))
    }

    fn logs(&self) -> Section {
        let dropped = self.writer.dropped();
        // The admin listener's thread asks, which has no subscriber of its own.
        let (state, detail) = if !self.log_layer_is_in_subscriber() {
            let detail = "firstlight's layer is not in the global subscriber, so no event becomes a log line: add Telemetry::layer() to it";
            (State::Fails, detail.to_owned())
        } else if dropped > 0 {
            let detail = format!(
                "{} lost: {}; usually because the reader of {} is slow or gone",
                counted(dropped, "line was", "lines were"),
                self.writer.last_error(),
                self.writer.output()
            );
            (State::Fails, detail)
        } else if self.lines.total() == 0 {
            let detail = "no event has become a log line yet; the filter decides which do";
            (State::Unknown, detail.to_owned())
        } else {
            (State::Works, String::new())
        };
        let mut section = Section::new("logs", state, detail)
            .with("format", Item::text(self.log_format()))
            .with("filter", Item::Text(self.log_filter.text()))
            .with("lines", Item::Number(self.lines.total()))
            .with("lines_dropped", Item::Number(dropped));
        if let Some(caution) = self.log_filter.caution() {
            section = section.with("caution", Item::text(caution));
        }
        section
    }

    fn traces(&self) -> Section {
        let settings = &self.settings;
        let section = match self.export(Signal::Traces) {
            Some((endpoint, stats)) => {
                let (state, detail) = exports::state(stats, self.end.get().is_some());
                exports::describe(Section::new("traces", state, detail), &endpoint, stats)
            }
            None => Section::new("traces", State::Off, settings.why_no_traces().to_owned()),
        };
        let section = section.with("sampler", Item::Text(settings.sampler.to_string()));
        let events = settings.trace_events.to_string().to_lowercase();
        section
            .with("span_filter", Item::Text(settings.trace_filter.to_string()))
            .with("event_filter", Item::Text(events))
            .with("hidden", Item::List(self.hidden()))
    }

    /// Returns one sentence about the span filter, and one if no new trace is sampled.
    ///
    /// A forgotten setting is often the cause of missing spans. A ratio between 0 and 1 has no sentence; it is in the item
    /// `sampler`.
    fn hidden(&self) -> Vec<String> {
        let settings = &self.settings;
        let trace_filter = settings.trace_filter.to_string();
        let mut hidden = vec![if trace_filter.is_empty() {
            "all spans: nothing passes the filter".to_owned()
        } else {
            format!(
                "spans that do not pass the filter {:?}: FIRSTLIGHT_TRACE_FILTER changes it, and RUST_LOG does not",
                trace_filter
            )
        }];
        if settings.sampler.ratio == 0.0 {
            hidden.push(format!(
                "every trace that starts here: OTEL_TRACES_SAMPLER is {}",
                settings.sampler
            ));
        }
        hidden
    }

    fn start(&self) -> Section {
        let warnings = &self.settings.warnings;
        let state = if warnings.is_empty() {
            State::Works
        } else {
            State::Fails
        };
        Section::new("start", state, String::new()).with("warnings", Item::List(warnings.clone()))
    }
}
