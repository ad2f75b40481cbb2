//! Where samples go: the metrics page, or an OTLP request.
//!
//! Collectors and the registry write into a sink and do not know which one it is, so that the page and what is pushed
//! cannot disagree. What it leaves out: how a sample looks there.

use std::{borrow::Cow, sync::Arc};

use super::{
    catalog::{Kind, Metric},
    handle::Series,
};

/// What is known about a metric apart from its samples.
#[derive(Debug, Clone)]
pub(crate) struct About<'a> {
    /// The name on the page.
    pub(crate) name: &'a str,
    pub(crate) kind: Kind,
    /// Empty if nobody has described it.
    pub(crate) help: Cow<'static, str>,
    /// In UCUM; empty if nobody has named one.
    pub(crate) unit: Cow<'static, str>,
}

impl<'a> From<&'a Metric> for About<'a> {
    fn from(metric: &'a Metric) -> Self {
        Self {
            name: metric.name,
            kind: metric.kind,
            help: Cow::Borrowed(metric.help),
            unit: Cow::Borrowed(metric.unit),
        }
    }
}

/// Takes samples, in any order. Of two with the same name and labels the first stays.
pub(crate) trait Sink {
    /// Adds one sample of a metric of the catalogue that is not a histogram.
    fn sample(&mut self, metric: &Metric, labels: &[(&str, &str)], value: f64);

    /// Adds series of one metric, by labels as [`Labels::text`](super::canonical::Labels::text) writes them; whoever
    /// names a metric first decides its kind, help and unit.
    fn family(&mut self, about: About<'_>, series: &[(Arc<str>, Series)]);
}

/// Any of the two.
pub(crate) type AnySink = dyn Sink;
