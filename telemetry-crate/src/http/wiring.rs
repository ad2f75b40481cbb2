//! Diagnosis of a misplaced [`TelemetryLayer`](super::TelemetryLayer).
//!
//! `/telemetry` reports the diagnosis for all routers of the process together. It consists of facts
//! that requests set once and afterward only read.

#[cfg(feature = "axum")]
use std::sync::atomic::AtomicU32;
use std::sync::atomic::{AtomicBool, Ordering};

/// A fact that is false until it becomes true once.
#[derive(Debug)]
struct Fact(AtomicBool);

impl Fact {
    const fn new() -> Self {
        Self(AtomicBool::new(false))
    }

    fn is_true(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    /// Sets the fact and returns whether it was false.
    fn set(&self) -> bool {
        // The read comes first, because a write invalidates the cache line of all other cores.
        !self.is_true() && !self.0.swap(true, Ordering::Relaxed)
    }
}

/// Whether a request has passed through a `TelemetryLayer`.
static REQUEST: Fact = Fact::new();
/// Whether a request with a route has passed through a layer.
static ROUTE: Fact = Fact::new();
/// Whether a request without a route was answered with a status other than 404.
static UNROUTED: Fact = Fact::new();
/// Whether a request has passed through two layers.
static NESTED: Fact = Fact::new();
/// Whether `UNSEEN_THRESHOLD` requests were answered outside any layer.
///
/// Only [`serve`](super::serve) notices such requests.
static UNSEEN: Fact = Fact::new();

/// Number of requests outside any layer at which the layer counts as missing.
///
/// The first few requests after a start may all be health probes of a load balancer.
#[cfg(feature = "axum")]
const UNSEEN_THRESHOLD: u32 = 10;

/// Number of requests outside any layer, counted up to `UNSEEN_THRESHOLD`.
#[cfg(feature = "axum")]
static UNSEEN_COUNT: AtomicU32 = AtomicU32::new(0);

pub(super) fn record_request(has_route: bool) {
    REQUEST.set();
    if has_route {
        ROUTE.set();
    }
}

pub(super) fn record_route() {
    ROUTE.set();
}

pub(super) fn record_unrouted() {
    UNROUTED.set();
}

pub(super) fn record_nested() {
    NESTED.set();
}

/// Records a successful request outside any layer.
///
/// Warns when their number reaches `UNSEEN_THRESHOLD`, if no request has passed through a layer.
#[cfg(feature = "axum")]
pub(super) fn record_unseen() {
    if UNSEEN.is_true() || UNSEEN_COUNT.fetch_add(1, Ordering::Relaxed) + 1 < UNSEEN_THRESHOLD {
        return;
    }
    if UNSEEN.set() && !REQUEST.is_true() {
        tracing::warn!(target: "firstlight", "{NO_LAYER}");
    }
}

/// Problems with the placement of the layers, worded for a reader of `/telemetry`.
#[derive(Debug, Default)]
pub(crate) struct Wiring {
    /// Set if requests are served and none has passed through a layer.
    pub(crate) fault: Option<&'static str>,
    /// Findings that may be intended.
    pub(crate) cautions: Vec<&'static str>,
}

/// Returns the problems found since the start of the process.
pub(crate) fn wiring() -> Wiring {
    let (has_requests, has_routes) = (REQUEST.is_true(), ROUTE.is_true());
    let is_unseen = UNSEEN.is_true();
    let fault = (is_unseen && !has_requests).then_some(NO_LAYER);
    let cautions = [
        (is_unseen && has_requests, OUTSIDE_LAYER),
        (has_requests && !has_routes, NO_ROUTE),
        (has_routes && UNROUTED.is_true(), SOME_ROUTES),
        (NESTED.is_true(), TWO_LAYERS),
    ];
    let cautions = cautions.into_iter().filter(|(applies, _)| *applies);
    Wiring {
        fault,
        cautions: cautions.map(|(_, text)| text).collect(),
    }
}

const NO_LAYER: &str = "requests are served and none of them has a span, a metric or an access log line: add \
     http::TelemetryLayer::new() to the router, with Router::layer after its routes";

const OUTSIDE_LAYER: &str = "some requests are served outside http::TelemetryLayer, and have no span, metric or access log line: \
     Router::layer applies only to the routes added before it, so add the layer after all of them";

const NO_ROUTE: &str = "no request has had a route yet: unless all paths were unknown, add http::TelemetryLayer after the \
     routes, because Router::layer applies only to the routes added before it; with a router other than axum's, \
     insert an http::Route into the extensions of requests";

const SOME_ROUTES: &str = "some requests were answered without a route and share one series, because a fallback or a \
     service of nest_service answered them: to name the routes of a nested service, add an http::TelemetryLayer to \
     it as well";

const TWO_LAYERS: &str = "an http::TelemetryLayer is inside another one: each request is still counted once, and \
     the inner one names the routes that the outer one does not know";
