//! The recorder behind the `metrics` macros.
//!
//! Each use looks in the cache first. Only the first use of a key goes through the registry. The unit of a `describe_*` macro
//! is not added to the name, because a name that changes with its description breaks every query.

use std::sync::Arc;

use ::metrics::{Counter, Gauge, Histogram, Key, KeyName, Metadata, Recorder, SharedString, Unit};

use super::{catalog::Kind, handle::Handle, registry::Registry};

/// The recorder of the metrics signal.
///
/// It becomes the global recorder, or is used beside another recorder of the service. Clones share the same metrics.
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
