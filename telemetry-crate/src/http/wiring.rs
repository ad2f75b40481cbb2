//! Whether requests reach the layer, and whether it can name them: what a layer in the wrong place looks like from inside.
//!
//! Of the whole process, for `/telemetry`. Nothing is counted: each fact is set once, and looked at from then on.

use std::sync::atomic::{AtomicBool, Ordering};

/// A fact that becomes true once.
#[derive(Debug)]
struct Fact(AtomicBool);

impl Fact {
    const fn new() -> Self {
        Self(AtomicBool::new(false))
    }

    fn is_true(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    /// Returns whether it is new.
    fn set(&self) -> bool {
        // Looked at first, because writing takes the line of memory away from all other cores.
        !self.is_true() && !self.0.swap(true, Ordering::Relaxed)
    }
}

/// A request has come through a layer.
static REQUEST: Fact = Fact::new();
/// One of them had a route.
static ROUTE: Fact = Fact::new();
/// One without a route was answered, and not with 404.
static NAMELESS: Fact = Fact::new();
/// One has come through two layers.
static TWICE: Fact = Fact::new();
/// One was answered by [`serve`](super::serve) without a layer, and not with 404.
static UNSEEN: Fact = Fact::new();

pub(super) fn see_request(has_route: bool) {
    REQUEST.set();
    if has_route {
        ROUTE.set();
    }
}

pub(super) fn see_route() {
    ROUTE.set();
}

pub(super) fn see_nameless() {
    NAMELESS.set();
}

pub(super) fn see_twice() {
    TWICE.set();
}

/// Says so as well, if no request has come through a layer at all.
#[cfg(feature = "axum")]
pub(super) fn miss_request() {
    if UNSEEN.set() && !REQUEST.is_true() {
        tracing::warn!(target: "firstlight", "{FORGOTTEN}");
    }
}

const FORGOTTEN: &str = "requests are served and none of them has a span, a metric or an access line: add \
     http::TelemetryLayer::new() to the router, with Router::layer after its routes";

/// What is known of requests so far, in the words for a reader of `/telemetry`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Wiring {
    pub(crate) has_requests: bool,
    pub(crate) faults: Vec<&'static str>,
}

pub(crate) fn wiring() -> Wiring {
    let has_requests = REQUEST.is_true();
    let faults = [
        (UNSEEN.is_true() && !has_requests, FORGOTTEN),
        (
            UNSEEN.is_true() && has_requests,
            "some requests are served outside of http::TelemetryLayer, and have no span, metric or access line: a layer \
             added with Router::layer is on the routes that exist by then, so add it after the routes",
        ),
        (
            has_requests && !ROUTE.is_true(),
            "no request has had a route yet: if there were more than wrong paths, add http::TelemetryLayer after the routes \
             (Router::layer is on those that exist by then); a router other than axum's puts an http::Route into the requests",
        ),
        (
            ROUTE.is_true() && NAMELESS.is_true(),
            "some requests were answered without a route, and are one series together: a service of nest_service or a \
             fallback; put http::TelemetryLayer on a nested router as well, or an http::Route into the requests",
        ),
        (
            TWICE.is_true(),
            "http::TelemetryLayer is inside of another one: a request is counted once all the same, and the inner one \
             only names routes that the outer one does not know",
        ),
    ];
    let faults = faults.into_iter().filter(|(is_so, _)| *is_so);
    Wiring {
        has_requests,
        faults: faults.map(|(_, words)| words).collect(),
    }
}
