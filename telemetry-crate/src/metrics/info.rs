//! `target_info` and `build_info`: who is speaking, and which build of it.
//!
//! The same resource as on every span, so that a series, a trace and a log line can be joined. What it leaves out: the
//! resource as labels of every series, which would multiply the size of the page to say what the scraper knows.

use crate::{
    catalog,
    collector::{Collector, Samples},
};

/// Writes both from the resource, which does not change.
#[derive(Debug)]
pub(super) struct InfoCollector {
    resource: Vec<(String, String)>,
}

impl InfoCollector {
    pub(super) fn new(resource: Vec<(String, String)>) -> Self {
        Self { resource }
    }

    /// The attribute's value, or nothing, which leaves the label out.
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
