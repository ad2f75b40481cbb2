//! The request metrics, with a cached access log text for each series.

use std::sync::Arc;

use metrics::{Gauge, Histogram};

use crate::{catalog, metrics::Handles};

/// The labels of one request's series.
#[derive(Debug, Clone, Copy)]
pub(super) struct RequestLabels<'a> {
    pub(super) method: &'static str,
    pub(super) scheme: &'static str,
    pub(super) route: Option<&'a str>,
    pub(super) status: Option<&'a str>,
    pub(super) version: &'static str,
    pub(super) error: Option<&'a str>,
}

impl<'a> RequestLabels<'a> {
    /// Returns the values in the order of the metric's labels.
    fn values(self) -> [Option<&'a str>; 6] {
        [
            Some(self.method),
            Some(self.scheme),
            self.route,
            self.status,
            Some(self.version),
            self.error,
        ]
    }
}

#[derive(Debug)]
pub(super) struct RequestMetrics {
    durations: Handles<Histogram, Arc<str>>,
    active: Handles<Gauge>,
}

impl Default for RequestMetrics {
    fn default() -> Self {
        Self {
            durations: Handles::new(&catalog::HTTP_SERVER_REQUEST_DURATION),
            active: Handles::new(&catalog::HTTP_SERVER_ACTIVE_REQUESTS),
        }
    }
}

impl RequestMetrics {
    /// Increments the gauge of active requests and returns it for the decrement.
    pub(super) fn started(&self, method: &'static str, scheme: &'static str) -> Gauge {
        let values = [Some(method), Some(scheme)];
        self.active.with(
            &values,
            || (),
            |gauge, ()| {
                gauge.increment(1.0);
                gauge.clone()
            },
        )
    }

    /// Records the duration and returns the access log text for these labels.
    ///
    /// `message` makes the text if no handle is cached for these labels.
    pub(super) fn finished(
        &self,
        labels: RequestLabels<'_>,
        seconds: f64,
        message: impl FnOnce() -> Arc<str>,
    ) -> Arc<str> {
        self.durations
            .with(&labels.values(), message, |histogram, message| {
                histogram.record(seconds);
                message.clone()
            })
    }
}
