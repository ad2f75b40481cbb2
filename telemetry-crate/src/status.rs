//! What is configured, what works and what does not, for `/telemetry` and for the check.
//!
//! Read from where it is counted at the moment when somebody asks; nothing is kept for it but what the start has said.
//! What it leaves out: numbers over time, which `/metrics` has, and secrets, which it never gets to see.

mod crates;
mod exports;
mod hint;
mod report;
mod skew;

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant, SystemTime},
};

use tracing::{dispatcher, level_filters::LevelFilter};

pub(crate) use self::{
    hint::hint,
    report::{Item, Report, Section, State},
    skew::versions,
};
use crate::{
    config::{Destination, Exports, LogFormat, Propagator, Settings},
    layer::Installed,
    logs::{LogCounts, LogFilterControl, LogWriter, rfc3339},
    metrics::{Format, MetricsHandle, SeriesReport, catalog},
    otlp::{ExportStats, Signal},
};

/// Metrics that are shown with their series: the one that fills the page is the first of them.
const LARGEST: usize = 5;

/// What the start has decided.
#[derive(Debug)]
pub(crate) struct Configured {
    resource: Vec<(String, String)>,
    log_format: LogFormat,
    sampler: String,
    never_samples: bool,
    trace_filter: String,
    trace_events: LevelFilter,
    propagators: Vec<Propagator>,
    /// Where traces, metrics and log records go, in the order of [`Signal::ALL`].
    endpoints: [Option<String>; 3],
    why_no_traces: &'static str,
    serves_page: bool,
    warnings: Vec<String>,
}

impl Configured {
    pub(crate) fn new(settings: &Settings) -> Self {
        let Exports {
            traces,
            metrics,
            logs,
            ..
        } = &settings.exports;
        let destinations = [
            traces.as_ref().map(|export| &export.destination),
            metrics.as_ref().map(|export| &export.destination),
            logs.as_ref().map(|export| &export.destination),
        ];
        Self {
            resource: settings.resource.to_pairs(),
            log_format: settings.log_format,
            sampler: settings.sampler.to_string(),
            never_samples: settings.sampler.ratio == 0.0,
            trace_filter: settings.trace_filter.to_string(),
            trace_events: settings.trace_events,
            propagators: settings.propagators.clone(),
            endpoints: destinations.map(|to| to.map(Destination::address)),
            why_no_traces: why_no_traces(settings),
            serves_page: settings.exports.page,
            warnings: settings.warnings.clone(),
        }
    }
}

/// What to tell somebody who misses them.
pub(crate) fn why_no_traces(settings: &Settings) -> &'static str {
    if settings.disabled {
        "OTEL_SDK_DISABLED is true"
    } else if settings.exports.traces_refused {
        "OTEL_TRACES_EXPORTER is none"
    } else {
        "set OTEL_EXPORTER_OTLP_ENDPOINT to export"
    }
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Status {
    configured: Configured,
    log_filter: Arc<LogFilterControl>,
    writer: LogWriter,
    lines: Arc<LogCounts>,
    metrics: MetricsHandle,
    /// In the order of [`Signal::ALL`].
    exports: [Option<Arc<ExportStats>>; 3],
    scrapes: AtomicU64,
    /// When, and how long the page took.
    last_scrape: Mutex<Option<(SystemTime, Duration)>>,
}

impl Status {
    pub(crate) fn new(
        configured: Configured,
        log_filter: Arc<LogFilterControl>,
        writer: LogWriter,
        lines: Arc<LogCounts>,
        metrics: MetricsHandle,
        exports: [Option<Arc<ExportStats>>; 3],
    ) -> Self {
        Self {
            configured,
            log_filter,
            writer,
            lines,
            metrics,
            exports,
            scrapes: AtomicU64::new(0),
            last_scrape: Mutex::default(),
        }
    }

    pub(crate) fn log_filter(&self) -> &Arc<LogFilterControl> {
        &self.log_filter
    }

    /// The metrics page, for somebody who scrapes it.
    pub(crate) fn scrape(&self, format: Format) -> String {
        let start = Instant::now();
        let page = self.metrics.render(format);
        self.scrapes.fetch_add(1, Ordering::Relaxed);
        let scrape = (SystemTime::now(), start.elapsed());
        *self
            .last_scrape
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = Some(scrape);
        page
    }

    /// Whether events of the calling thread become lines.
    pub(crate) fn is_in_the_subscriber(&self) -> bool {
        dispatcher::get_default(|dispatch| dispatch.downcast_ref::<Installed>().is_some())
    }

    /// What is worth knowing and breaks nothing.
    pub(crate) fn notes(&self) -> Vec<String> {
        let mut notes = self.configured.warnings.clone();
        notes.extend(self.log_filter.caution().map(str::to_owned));
        notes.extend(self.metrics.refusals().iter().map(ToString::to_string));
        notes.extend(self.replaced());
        notes.extend(versions().doubles());
        notes
    }

    /// Where a signal is exported to, and what became of it.
    pub(crate) fn export(&self, signal: Signal) -> Option<(&str, &ExportStats)> {
        let endpoint = self.configured.endpoints.get(signal as usize)?.as_deref()?;
        let stats = self.exports.get(signal as usize)?.as_deref()?;
        Some((endpoint, stats))
    }

    /// Whether `/metrics` is served.
    pub(crate) fn serves_page(&self) -> bool {
        self.configured.serves_page
    }

    pub(crate) fn why_no_traces(&self) -> &'static str {
        self.configured.why_no_traces
    }

    pub(crate) fn log_format(&self) -> &'static str {
        self.configured.log_format.name()
    }

    /// Everything, in the order in which a reader asks.
    pub(crate) fn report(&self) -> Report {
        let mut sections = vec![self.service(), self.logs(), self.metrics(), self.traces()];
        // What few have asked for; whoever did not need not read that it is off.
        for (name, signal) in [
            ("metrics_push", Signal::Metrics),
            ("log_records", Signal::Logs),
        ] {
            sections.extend(self.export(signal).map(|(endpoint, stats)| {
                let (state, words) = exports::state(stats);
                exports::describe(Section::new(name, state, words), endpoint, stats)
            }));
        }
        sections.extend([self.crates(), self.start()]);
        Report(sections)
    }

    fn service(&self) -> Section {
        Section::new("service", State::Works, String::new())
            .with("resource", Item::Pairs(self.configured.resource.clone()))
    }

    fn logs(&self) -> Section {
        let dropped = self.writer.dropped();
        let (state, words) = if !self.is_in_the_subscriber() {
            let words = "firstlight's layer is not in the global subscriber, so no event becomes a line: add Telemetry::layer() to it";
            (State::Fails, words.to_owned())
        } else if dropped > 0 {
            let words = format!(
                "{dropped} lines were lost: {}; a reader of standard output that is slow or gone is the usual reason",
                self.writer.last_error()
            );
            (State::Fails, words)
        } else {
            (State::Works, String::new())
        };
        let mut section = Section::new("logs", state, words)
            .with("format", Item::text(self.log_format()))
            .with("filter", Item::Text(self.log_filter.text()))
            .with("lines", Item::Number(self.lines.total()))
            .with("lines_dropped", Item::Number(dropped));
        if let Some(caution) = self.log_filter.caution() {
            section = section.with("caution", Item::text(caution));
        }
        section
    }

    fn metrics(&self) -> Section {
        let reports = self.metrics.series();
        let refused: Vec<String> = self
            .metrics
            .refusals()
            .iter()
            .map(ToString::to_string)
            .collect();
        let over_budget: Vec<String> = reports
            .iter()
            .filter(|report| report.over_budget_uses > 0)
            .map(ToString::to_string)
            .collect();
        let (state, words) = if refused.is_empty() && over_budget.is_empty() {
            (State::Works, String::new())
        } else {
            let words = "some metrics are not on the page as the program means them; see refused and over_budget";
            (State::Fails, words.to_owned())
        };
        let absent = self.metrics.described_and_absent();
        let last = *self
            .last_scrape
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let last = match last {
            None => "none yet".to_owned(),
            Some((at, took)) => format!("{}, the page took {:.1?}", rfc3339(at), took),
        };
        let is_ours =
            |report: &&SeriesReport| catalog::ALL.iter().any(|ours| ours.name == report.metric);
        let own = reports.len() - reports.iter().filter(is_ours).count();
        let series: usize = reports.iter().map(|report| report.series).sum();
        let largest = reports.iter().take(LARGEST).map(series_of).collect();
        let mut section = Section::new("metrics", state, words);
        if own == 0 {
            section = section.with("caution", Item::text("the program has recorded no metric of its own; if it should have, it uses another version of `metrics`, or a handle that was made before init()"));
        } else if !absent.is_empty() {
            section = section.with("caution", Item::text("what is described and was never recorded has not happened yet, or is recorded into a handle that was made before init(), which counts nothing for good; firstlight::metrics::is_recorded(&handle) tells which"));
        }
        section
            .with("metrics_of_the_program", Item::Number(own as u64))
            .with("series", Item::Number(series as u64))
            .with("largest", Item::List(largest))
            .with("refused", Item::List(refused))
            .with("over_budget", Item::List(over_budget))
            .with("described_and_never_recorded", Item::List(absent))
            .with(
                "scrapes",
                Item::Number(self.scrapes.load(Ordering::Relaxed)),
            )
            .with("last_scrape", Item::Text(last))
    }

    fn traces(&self) -> Section {
        let configured = &self.configured;
        let section = match self.export(Signal::Traces) {
            Some((endpoint, stats)) => {
                let (state, words) = exports::state(stats);
                exports::describe(Section::new("traces", state, words), endpoint, stats)
            }
            None => Section::new("traces", State::Off, configured.why_no_traces.to_owned()),
        };
        let section = section.with("sampler", Item::text(&configured.sampler));
        let events = format!("{}", configured.trace_events).to_lowercase();
        section
            .with("span_filter", Item::text(&configured.trace_filter))
            .with("event_filter", Item::Text(events))
            .with("hidden", Item::List(self.hidden()))
    }

    /// What is taken out of traces on purpose, which is easily forgotten.
    fn hidden(&self) -> Vec<String> {
        let configured = &self.configured;
        let mut hidden = vec![if configured.trace_filter.is_empty() {
            "all spans: nothing passes the filter".to_owned()
        } else {
            format!(
                "spans that do not pass {:?}; FIRSTLIGHT_TRACE_FILTER lets more through, RUST_LOG has no part in it",
                configured.trace_filter
            )
        }];
        if configured.never_samples {
            hidden.push(format!(
                "every trace that starts here: OTEL_TRACES_SAMPLER is {}",
                configured.sampler
            ));
        }
        hidden
    }

    fn start(&self) -> Section {
        let warnings = &self.configured.warnings;
        let state = if warnings.is_empty() {
            State::Works
        } else {
            State::Fails
        };
        Section::new("start", state, String::new()).with("warnings", Item::List(warnings.clone()))
    }
}

/// How many series a metric has, and the label that makes them.
fn series_of(report: &SeriesReport) -> String {
    let SeriesReport {
        metric,
        series,
        budget,
        growth,
        culprit,
        ..
    } = report;
    let mut text = format!("{metric} has {series} of {budget} series, {growth} of them new");
    if let Some(culprit) = culprit {
        let samples = culprit.samples.join(", ");
        text += &format!(
            "; its label {} has {} values, such as {samples}",
            culprit.label, culprit.distinct
        );
    }
    text
}
