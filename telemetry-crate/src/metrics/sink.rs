//! Where samples go: the metrics page, or an OTLP request.
//!
//! Collectors and the registry write into a sink and do not know which one it is, so that the page and what is pushed
//! cannot disagree.

use std::{borrow::Cow, sync::Arc};

use super::handle::Series;
use crate::{
    catalog::{Kind, Metric},
    collector::Samples,
};

/// What is known about a metric apart from its samples.
#[derive(Debug, Clone)]
pub(crate) struct About<'a> {
    /// The name on the page.
    pub(crate) name: &'a str,
    pub(crate) kind: Kind,
    /// Empty without a description.
    pub(crate) help: Cow<'static, str>,
    /// In UCUM; empty without one.
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

/// Takes samples of collectors, and the registry's series.
pub(crate) trait Sink: Samples {
    /// Adds series of one metric, by labels as [`Labels::text`](super::canonical::Labels::text) writes them; the first
    /// mention of a metric decides its kind, help and unit.
    fn family(&mut self, about: About<'_>, series: &[(Arc<str>, Series)]);
}
