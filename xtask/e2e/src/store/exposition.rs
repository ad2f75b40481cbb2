//! Sums over an exposition, as a dashboard shows them.

use std::{thread, time::Duration, time::Instant};

use anyhow::bail;

use super::DEADLINE;
use crate::{
    openmetrics::{self, Sample},
    service::Service,
};

/// The samples of one scrape.
#[derive(Debug)]
pub(super) struct Exposition(Vec<Sample>);

/// Labels that a sample must have.
type Labels<'a> = &'a [(&'a str, &'a str)];

impl Exposition {
    pub(super) fn scrape(service: &Service) -> anyhow::Result<Self> {
        openmetrics::fetch(&service.metrics_url()).map(Self)
    }

    /// Scrapes until `enough` holds.
    pub(super) fn wait(
        service: &Service,
        what: &str,
        enough: impl Fn(&Self) -> bool,
    ) -> anyhow::Result<Self> {
        let until = Instant::now() + DEADLINE;
        loop {
            let exposition = Self::scrape(service)?;
            if enough(&exposition) {
                return Ok(exposition);
            }
            if Instant::now() > until {
                let mut lines = exposition.0.iter().map(|sample| sample.line.as_str());
                let of_interest = |line: &&str| {
                    ["db_", "worker_", "cron_"]
                        .iter()
                        .any(|prefix| line.starts_with(prefix))
                        && !line.contains("_bucket{")
                };
                let lines: Vec<_> = lines.by_ref().filter(of_interest).collect();
                bail!("the metrics do not show {what}:\n{}", lines.join("\n"));
            }
            thread::sleep(Duration::from_millis(200));
        }
    }

    fn matching<'a>(
        &'a self,
        name: &'a str,
        labels: Labels<'a>,
    ) -> impl Iterator<Item = &'a Sample> {
        self.0.iter().filter(move |sample| {
            let has = |(label, value): &(&str, &str)| sample.label(label) == *value;
            sample.name == name && labels.iter().all(has)
        })
    }

    /// The sum of all samples with this name and these labels; 0 if there are none.
    ///
    /// An empty value matches a missing label.
    pub(super) fn sum(&self, name: &str, labels: Labels<'_>) -> f64 {
        self.matching(name, labels).map(|sample| sample.value).sum()
    }

    /// The sum of all samples with this name for which `predicate` is true.
    pub(super) fn sum_where(&self, name: &str, predicate: impl Fn(&Sample) -> bool) -> f64 {
        let samples = self.matching(name, &[]).filter(|sample| predicate(sample));
        samples.map(|sample| sample.value).sum()
    }

    /// Whether a sample has exactly this value.
    pub(super) fn has(&self, name: &str, labels: Labels<'_>, value: f64) -> bool {
        self.matching(name, labels)
            .any(|sample| sample.value == value)
    }

    /// The number of measurements above one of the histogram's bounds.
    pub(super) fn above(&self, histogram: &str, labels: Labels<'_>, bound: f64) -> f64 {
        let buckets = format!("{histogram}_bucket");
        let below = self
            .matching(&buckets, labels)
            .filter(|bucket| bucket.label("le").parse() == Ok(bound));
        self.sum(&format!("{histogram}_count"), labels)
            - below.map(|bucket| bucket.value).sum::<f64>()
    }
}
