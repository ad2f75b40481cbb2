//! An exposition, as the sums that a dashboard would show.

use std::{thread, time::Duration, time::Instant};

use anyhow::bail;

use super::SOON;
use crate::{
    openmetrics::{self, Sample},
    service::Service,
};

/// One scrape.
#[derive(Debug)]
pub(super) struct Figures(Vec<Sample>);

/// The labels that a sample must have.
type Labels<'a> = &'a [(&'a str, &'a str)];

impl Figures {
    pub(super) fn of(service: &Service) -> anyhow::Result<Self> {
        openmetrics::fetch(&service.metrics_url()).map(Self)
    }

    /// Scrapes until `enough` holds.
    pub(super) fn wait(
        service: &Service,
        what: &str,
        enough: impl Fn(&Self) -> bool,
    ) -> anyhow::Result<Self> {
        let until = Instant::now() + SOON;
        loop {
            let figures = Self::of(service)?;
            if enough(&figures) {
                return Ok(figures);
            }
            if Instant::now() > until {
                let mut page = figures.0.iter().map(|sample| sample.line.as_str());
                let of_interest = |line: &&str| {
                    ["db_", "worker_", "cron_"]
                        .iter()
                        .any(|prefix| line.starts_with(prefix))
                        && !line.contains("_bucket{")
                };
                let page: Vec<_> = page.by_ref().filter(of_interest).collect();
                bail!("the metrics do not show {what}:\n{}", page.join("\n"));
            }
            thread::sleep(Duration::from_millis(200));
        }
    }

    fn with<'a>(&'a self, name: &'a str, labels: Labels<'a>) -> impl Iterator<Item = &'a Sample> {
        self.0.iter().filter(move |sample| {
            let fits = |(label, value): &(&str, &str)| sample.label(label) == *value;
            sample.name == name && labels.iter().all(fits)
        })
    }

    /// The sum of all samples of this name with these labels; 0 if there are none. A label that must be missing is empty.
    pub(super) fn sum(&self, name: &str, labels: Labels<'_>) -> f64 {
        self.with(name, labels).map(|sample| sample.value).sum()
    }

    /// The sum of the samples of this name that fit.
    pub(super) fn sum_where(&self, name: &str, fits: impl Fn(&Sample) -> bool) -> f64 {
        let samples = self.with(name, &[]).filter(|sample| fits(sample));
        samples.map(|sample| sample.value).sum()
    }

    /// Whether there is a sample with exactly this value.
    pub(super) fn has(&self, name: &str, labels: Labels<'_>, value: f64) -> bool {
        self.with(name, labels).any(|sample| sample.value == value)
    }

    /// How many measurements of a histogram are above one of its bounds.
    pub(super) fn above(&self, histogram: &str, labels: Labels<'_>, bound: f64) -> f64 {
        let buckets = format!("{histogram}_bucket");
        let below = self
            .with(&buckets, labels)
            .filter(|bucket| bucket.label("le").parse() == Ok(bound));
        self.sum(&format!("{histogram}_count"), labels)
            - below.map(|bucket| bucket.value).sum::<f64>()
    }
}
