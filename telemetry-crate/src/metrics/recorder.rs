//! What the `metrics` macros talk to.
//!
//! Every use asks the cache first; only the first use of a key goes through the registry. What it leaves out: putting
//! the unit of `describe_*` into the name. A name that changes when a description is added breaks every query of it.

use std::sync::Arc;

use ::metrics::{Counter, Gauge, Histogram, Key, KeyName, Metadata, Recorder, SharedString, Unit};

use super::{catalog::Kind, handle::Handle, registry::Registry};

/// The front of the metrics signal, for `metrics::set_global_recorder` or beside a recorder of the service's own. Clones
/// share everything.
#[derive(Debug, Clone)]
pub(crate) struct FrontRecorder {
    registry: Arc<Registry>,
}

impl FrontRecorder {
    pub(super) fn new(registry: Arc<Registry>) -> Self {
        Self { registry }
    }

    fn handle<T>(&self, kind: Kind, key: &Key, pick: impl Fn(&Handle) -> Option<T>) -> Option<T> {
        if let Some(handle) = self.registry.cache.get(key, &pick) {
            return Some(handle);
        }
        self.registry.resolve(kind, key).as_ref().and_then(pick)
    }
}

impl Recorder for FrontRecorder {
    fn describe_counter(&self, key: KeyName, unit: Option<Unit>, description: SharedString) {
        self.registry
            .describe(Kind::Counter, key.as_str(), unit, &description);
    }

    fn describe_gauge(&self, key: KeyName, unit: Option<Unit>, description: SharedString) {
        self.registry
            .describe(Kind::Gauge, key.as_str(), unit, &description);
    }

    fn describe_histogram(&self, key: KeyName, unit: Option<Unit>, description: SharedString) {
        self.registry
            .describe(Kind::Histogram, key.as_str(), unit, &description);
    }

    fn register_counter(&self, key: &Key, _metadata: &Metadata<'_>) -> Counter {
        let pick = |handle: &Handle| match handle {
            Handle::Counter(counter) => Some(counter.clone()),
            _ => None,
        };
        self.handle(Kind::Counter, key, pick)
            .unwrap_or_else(Counter::noop)
    }

    fn register_gauge(&self, key: &Key, _metadata: &Metadata<'_>) -> Gauge {
        let pick = |handle: &Handle| match handle {
            Handle::Gauge(gauge) => Some(gauge.clone()),
            _ => None,
        };
        self.handle(Kind::Gauge, key, pick)
            .unwrap_or_else(Gauge::noop)
    }

    fn register_histogram(&self, key: &Key, _metadata: &Metadata<'_>) -> Histogram {
        let pick = |handle: &Handle| match handle {
            Handle::Histogram(histogram) => Some(histogram.clone()),
            _ => None,
        };
        self.handle(Kind::Histogram, key, pick)
            .unwrap_or_else(Histogram::noop)
    }
}
