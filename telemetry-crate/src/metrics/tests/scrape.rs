//! A scrape beside a program that records.

use std::{collections::BTreeSet, sync::mpsc, thread, time::Duration};

use ::metrics::{counter, histogram, with_local_recorder};

use super::super::{
    Metrics, MetricsOptions,
    handle::Series,
    sink::{Descriptor, Sink},
};
use crate::{catalog::Metric, collector::Samples};

/// A sink in whose middle another thread records.
struct Interrupted<'a> {
    metrics: &'a Metrics,
    /// The families that the sink has got.
    families: usize,
}

impl Interrupted<'_> {
    /// Records on another thread.
    ///
    /// It records a new metric, a new series, and a sample of a known one.
    fn record(&self) {
        let recorder = self.metrics.recorder();
        let (sender, recorded) = mpsc::channel();
        let number = self.families.to_string();
        thread::spawn(move || {
            with_local_recorder(&recorder, || {
                counter!(format!("new_{number}_total")).increment(1);
                counter!("orders_total", "customer" => number).increment(1);
                histogram!("duration_seconds", "customer" => "0").record(0.1);
            });
            sender.send(())
        });
        // A lock of the scrape would be held for ever, because the scrape waits here.
        let recorded = recorded.recv_timeout(Duration::from_secs(60));
        assert_eq!(recorded, Ok(()), "the writer waits for the scrape");
    }
}

impl Samples for Interrupted<'_> {
    fn sample(&mut self, _: &Metric, _: &[(&str, &str)], _: f64) {
        self.record();
    }
}

impl Sink for Interrupted<'_> {
    fn family(&mut self, _: Descriptor<'_>, _: &[(std::sync::Arc<str>, Series)]) {
        self.families += 1;
        self.record();
    }
}

#[test]
fn writers_do_not_wait_for_a_scrape() {
    let metrics = Metrics::new(MetricsOptions::default());
    with_local_recorder(&metrics.recorder(), || {
        counter!("orders_total", "customer" => "a").increment(1);
        histogram!("duration_seconds", "customer" => "0").record(0.1);
    });
    let mut sink = Interrupted {
        metrics: &metrics,
        families: 0,
    };
    metrics.handle().collect(&mut sink);
    assert!(sink.families >= 2, "{} families", sink.families);
}

#[test]
fn every_series_is_scraped_once() {
    let metrics = Metrics::new(MetricsOptions::default());
    for count in [0, 1, 511, 512, 513, 1_024, 1_500] {
        with_local_recorder(&metrics.recorder(), || {
            for customer in 0..count {
                counter!("orders_total", "customer" => customer.to_string()).increment(0);
            }
        });
        let exposition = metrics.handle().render(super::Format::Text);
        let series = exposition
            .lines()
            .filter(|line| line.starts_with("orders_total{"));
        let series: Vec<_> = series.collect();
        assert_eq!(series.len(), count);
        assert_eq!(series.iter().collect::<BTreeSet<_>>().len(), count);
    }
}
