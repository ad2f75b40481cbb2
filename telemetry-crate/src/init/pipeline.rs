//! The parts of the three signals, which need no globals and no threads.

use std::sync::Arc;

use super::query_observer::{QueryObserver, observer};
use crate::{
    InitError,
    config::Settings,
    directives::Directives,
    evidence::EventSink,
    layer::{Signals, SignalsFilter},
    logs::{LogFilter, LogLayer, LogWriter},
    metrics::{Aliases, Declarations, Metrics, MetricsOptions},
    recorder::Recorder,
    traces::Traces,
};

/// The parts of the three signals, from which subscriber and recorder are made.
///
/// A process builds one pipeline, and a test builds one per capture.
pub(crate) struct Pipeline {
    pub(crate) writer: LogWriter,
    pub(crate) log_filter: LogFilter,
    pub(crate) logs: LogLayer,
    pub(crate) traces: Traces,
    pub(crate) metrics: Metrics,
    pub(crate) recorder: Option<Recorder>,
    observer: QueryObserver,
}

impl Pipeline {
    /// Also reports spans and events to the flight recorder, if there is one.
    pub(crate) fn new(
        settings: &Settings,
        mut traces: Traces,
        recorder: Option<Recorder>,
    ) -> Result<Self, InitError> {
        let directives = Directives::parse(&settings.log_filter)
            .map_err(|error| InitError::invalid("log filter", &settings.log_filter, error))?;
        let aliases = Aliases::new(settings.metric_aliases.clone())?;
        let metrics = Metrics::new(MetricsOptions {
            resource: settings.resource.to_pairs(),
            declared: Declarations::new(settings.declared.clone(), &settings.buckets, &aliases)?,
            buckets: settings.buckets.clone(),
            cardinality: settings.cardinality_limits.clone(),
            aliases,
        });
        let writer = LogWriter::new(settings.log_output);
        let mut logs = LogLayer::new(
            settings.log_format,
            settings.colors,
            &settings.resource,
            writer.clone(),
        );
        metrics.handle().add_collector(logs.counts());
        if let Some(recorder) = &recorder {
            traces.report_to(Arc::new(recorder.clone()));
            logs = logs.report_to(Arc::new(recorder.clone()));
            metrics.handle().add_collector(Arc::new(recorder.clone()));
        }
        Ok(Self {
            writer,
            log_filter: LogFilter::new(directives),
            logs,
            observer: observer(settings, &traces, recorder.as_ref()),
            traces,
            metrics,
            recorder,
        })
    }

    /// The layer and filter for a subscriber.
    pub(crate) fn signals(&self) -> Signals<QueryObserver> {
        Signals::new(
            self.logs.clone(),
            self.filter(),
            self.traces.span_tracer(),
            self.observer.clone(),
        )
    }

    pub(crate) fn filter(&self) -> SignalsFilter<QueryObserver> {
        let held = self.recorder.clone().filter(Recorder::has_filter);
        let held = held.map(|recorder| Arc::new(recorder) as Arc<dyn EventSink>);
        SignalsFilter::new(self.log_filter.clone(), self.traces.span_events(), held)
    }
}
