//! `target_info` and `build_info`: the service and its build.
//!
//! The labels are the resource that is also on every span, so that series, traces and log lines can be joined. The resource
//! is not repeated on every series, because the scraper adds the labels of the target itself.

use crate::{
    catalog,
    collector::{Collector, Samples},
};

/// Collects both metrics from the resource, which is constant.
#[derive(Debug)]
pub(super) struct InfoCollector {
    resource: Vec<(String, String)>,
}

impl InfoCollector {
    pub(super) fn new(resource: Vec<(String, String)>) -> Self {
        Self { resource }
    }

    /// The value of the attribute, or an empty text, which leaves the label out.
    fn attribute(&self, key: &str) -> &str {
        let found = self.resource.iter().find(|(name, _)| name == key);
        found.map_or("", |(_, value)| value.as_str())
    }
}

impl Collector for InfoCollector {
    fn collect(&self, samples: &mut dyn Samples) {
        let labels: Vec<_> = self
            .resource
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        samples.sample(&catalog::TARGET_INFO, &labels, 1.0);
        let build = [
            ("version", self.attribute("service.version")),
            ("revision", self.attribute("vcs.ref.head.revision")),
            ("firstlight_version", env!("CARGO_PKG_VERSION")),
        ];
        samples.sample(&catalog::BUILD_INFO, &build, 1.0);
    }
}
