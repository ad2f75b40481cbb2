//! The request metrics, with a handle kept for every combination of labels that occurs, and with it what the access line
//! says of such a request.
//!
//! What is at hand costs one lookup with borrowed keys; asking the recorder again costs a string for each label, and the
//! text one more. The number of combinations is bounded by the program: routes are templates, methods and versions are known
//! ones, status codes are the program's own.

use std::{
    hash::{Hash, Hasher},
    sync::{Arc, PoisonError, RwLock},
};

use hashbrown::{Equivalent, HashMap};
use metrics::{Gauge, Histogram, Label};

use crate::metrics::{catalog, is_recorded};

/// What distinguishes one request's series from another's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Labels<'a> {
    pub(super) method: &'static str,
    pub(super) scheme: &'static str,
    pub(super) version: &'static str,
    pub(super) route: Option<&'a str>,
    pub(super) status: Option<u16>,
    pub(super) error: Option<&'a str>,
}

/// Of what tells most requests apart; the rest is compared.
impl Hash for Labels<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (self.method, self.route, self.status).hash(state);
    }
}

#[derive(Debug, PartialEq, Eq)]
struct OwnedLabels {
    route: Option<String>,
    error: Option<String>,
    /// With neither route nor error.
    rest: Labels<'static>,
}

impl OwnedLabels {
    fn borrow(&self) -> Labels<'_> {
        Labels {
            route: self.route.as_deref(),
            error: self.error.as_deref(),
            ..self.rest
        }
    }
}

impl Hash for OwnedLabels {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.borrow().hash(state);
    }
}

impl Equivalent<OwnedLabels> for Labels<'_> {
    fn equivalent(&self, other: &OwnedLabels) -> bool {
        *self == other.borrow()
    }
}

impl Labels<'_> {
    fn into_owned(self) -> OwnedLabels {
        OwnedLabels {
            route: self.route.map(str::to_owned),
            error: self.error.map(str::to_owned),
            rest: Labels {
                method: self.method,
                scheme: self.scheme,
                version: self.version,
                status: self.status,
                route: None,
                error: None,
            },
        }
    }

    fn to_metrics(self) -> Vec<Label> {
        let mut labels = vec![
            Label::from_static_parts("http_request_method", self.method),
            Label::from_static_parts("url_scheme", self.scheme),
            Label::from_static_parts("network_protocol_version", self.version),
        ];
        labels.extend(
            self.route
                .map(|route| Label::new("http_route", route.to_owned())),
        );
        labels.extend(
            self.status
                .map(|status| Label::new("http_response_status_code", status.to_string())),
        );
        labels.extend(
            self.error
                .map(|error| Label::new("error_type", error.to_owned())),
        );
        labels
    }
}

/// One series of the durations.
#[derive(Debug)]
struct Series {
    histogram: Histogram,
    message: Arc<str>,
}

#[derive(Debug, Default)]
pub(super) struct RequestMetrics {
    durations: RwLock<HashMap<OwnedLabels, Series>>,
    active: RwLock<HashMap<(&'static str, &'static str), Gauge>>,
}

impl RequestMetrics {
    /// Counts a request that is being served; the gauge is for its end.
    pub(super) fn started(&self, method: &'static str, scheme: &'static str) -> Gauge {
        let gauge = self.active(method, scheme);
        gauge.increment(1.0);
        gauge
    }

    /// Returns what the access line says of requests with these labels, made by `message` for the first of them.
    pub(super) fn finished(
        &self,
        labels: &Labels<'_>,
        seconds: f64,
        message: impl FnOnce() -> String,
    ) -> Arc<str> {
        if let Some(series) = self
            .durations
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .get(labels)
        {
            series.histogram.record(seconds);
            return series.message.clone();
        }
        let histogram = metrics::histogram!(
            catalog::HTTP_SERVER_REQUEST_DURATION.name,
            labels.to_metrics()
        );
        histogram.record(seconds);
        let message: Arc<str> = message().into();
        // One that was made before telemetry started is a no-op for ever.
        if !is_recorded(&histogram) {
            return message;
        }
        let series = Series {
            histogram,
            message: message.clone(),
        };
        self.durations
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(labels.into_owned(), series);
        message
    }

    fn active(&self, method: &'static str, scheme: &'static str) -> Gauge {
        if let Some(gauge) = self
            .active
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .get(&(method, scheme))
        {
            return gauge.clone();
        }
        let gauge = metrics::gauge!(
            catalog::HTTP_SERVER_ACTIVE_REQUESTS.name,
            "http_request_method" => method,
            "url_scheme" => scheme
        );
        if !is_recorded(&gauge) {
            return gauge;
        }
        self.active
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .insert((method, scheme), gauge.clone());
        gauge
    }
}
