//! The section about metrics: what is recorded, exposed and read.

use std::{
    sync::{PoisonError, atomic::Ordering},
    time::{Instant, SystemTime},
};

use super::{Item, Section, State, Status};
use crate::{
    catalog,
    logs::rfc3339,
    metrics::{Format, SeriesReport},
    signal::Signal,
    values::counted,
};

/// The number of metrics that are listed with their series, largest first.
const LARGEST: usize = 5;

impl Status {
    /// Renders the exposition for a scraper.
    pub(crate) fn scrape(&self, format: Format) -> String {
        let start = Instant::now();
        let exposition = self.metrics.render(format);
        self.scrapes.fetch_add(1, Ordering::Relaxed);
        let scrape = (SystemTime::now(), start.elapsed());
        *self
            .last_scrape
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = Some(scrape);
        exposition
    }

    pub(super) fn metrics(&self) -> Section {
        let reports = self.metrics.series();
        let rejected: Vec<String> = self
            .metrics
            .rejected()
            .iter()
            .map(ToString::to_string)
            .collect();
        let overflow: Vec<String> = reports
            .iter()
            .filter(|report| report.overflow_uses > 0)
            .map(ToString::to_string)
            .collect();
        let (state, detail) = if !rejected.is_empty() || !overflow.is_empty() {
            let detail = "some metrics are not exposed as the program records them; see rejected and overflow";
            (State::Fails, detail)
        } else {
            self.readers()
        };
        let absent = self.metrics.described_and_absent();
        let last = *self
            .last_scrape
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let last = match last {
            None => "none yet".to_owned(),
            Some((at, took)) => format!("{}, rendering took {:.1?}", rfc3339(at), took),
        };
        let is_ours =
            |report: &&SeriesReport| catalog::ALL.iter().any(|ours| ours.name == report.metric);
        let of_program = reports.len() - reports.iter().filter(is_ours).count();
        let series: usize = reports.iter().map(|report| report.series).sum();
        let largest = reports.iter().take(LARGEST).map(series_of).collect();
        let has_absent = !absent.is_empty();
        let mut section = Section::new("metrics", state, detail.to_owned());
        // A described metric may wait for its first event, so absent metrics get only a note.
        if of_program == 0 && absent.is_empty() {
            let caution = "the program has recorded no metric of its own; if it should have, it uses another version of `metrics`, or a handle from before init()";
            section = section.with("caution", Item::text(caution));
        }
        section = section
            .with("metrics_of_the_program", Item::Number(of_program as u64))
            .with("series", Item::Number(series as u64))
            .with("largest", Item::List(largest))
            .with("rejected", Item::List(rejected))
            .with("overflow", Item::List(overflow))
            .with("no_sample_yet", Item::List(absent));
        let undeclared = self.metrics.undeclared();
        if !undeclared.is_empty() {
            section = section.with("not_declared", Item::List(undeclared));
        }
        if has_absent {
            let note = "a described metric has no sample before its first event; if the event has happened, the metric's handle is from before init(); firstlight::metrics::is_recorded(&handle) tells whether a handle records";
            section = section.with("note", Item::text(note));
        }
        section
            .with(
                "scrapes",
                Item::Number(self.scrapes.load(Ordering::Relaxed)),
            )
            .with("last_scrape", Item::Text(last))
    }

    /// The state of metrics, which work once they have been scraped or pushed.
    fn readers(&self) -> (State, &'static str) {
        let pushed = self.export(Signal::Metrics);
        let is_pushed = pushed
            .as_ref()
            .is_some_and(|(_, stats)| stats.total_exported() > 0);
        if is_pushed || self.metrics.is_read() {
            (State::Works, "")
        } else if !self.serves_metrics() && pushed.is_none() {
            let detail = "recorded, and neither served nor pushed: OTEL_METRICS_EXPORTER does not name prometheus";
            (State::Off, detail)
        } else {
            (
                State::Unknown,
                "nothing has read them yet: no scrape, no push",
            )
        }
    }
}

/// Describes the number of a metric's series, and the label with the most values.
fn series_of(report: &SeriesReport) -> String {
    let SeriesReport {
        metric,
        series,
        limit,
        growth,
        offending_label,
        ..
    } = report;
    let mut text = format!(
        "{metric} has {series} of {limit} series, {growth} of them added in the last two minutes"
    );
    if let Some(label) = offending_label {
        let samples = label.samples.join(", ");
        text += &format!(
            "; its label {} has {}, such as {samples}",
            label.name,
            counted(label.distinct as u64, "value", "values")
        );
    }
    text
}
