//! The target of samples: an exposition or an OTLP request.
//!
//! Collectors and the registry write to both targets through one trait, so that scraped and pushed metrics cannot differ.

use std::{borrow::Cow, sync::Arc};

use super::handle::Series;
use crate::{
    catalog::{Kind, Metric},
    collector::Samples,
};

/// A metric without its samples.
#[derive(Debug, Clone)]
pub(crate) struct Descriptor<'a> {
    /// The canonical name.
    pub(crate) name: &'a str,
    pub(crate) kind: Kind,
    /// The text of `# HELP`; empty without a description.
    pub(crate) help: Cow<'static, str>,
    /// The unit in UCUM; empty without a unit.
    pub(crate) unit: Cow<'static, str>,
}

impl<'a> From<&'a Metric> for Descriptor<'a> {
    fn from(metric: &'a Metric) -> Self {
        Self {
            name: metric.name,
            kind: metric.kind,
            help: Cow::Borrowed(metric.help),
            unit: Cow::Borrowed(metric.unit),
        }
    }
}

/// Receives the samples of collectors and the series of the registry.
pub(crate) trait Sink: Samples {
    /// Adds series of one metric.
    ///
    /// Each comes with its labels as [`Labels::text`](super::canonical::Labels::text) writes them. The first call for a
    /// metric decides its kind, help and unit.
    fn family(&mut self, descriptor: Descriptor<'_>, series: &[(Arc<str>, Series)]);
}
