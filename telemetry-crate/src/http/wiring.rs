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

/// What is wrong with how the layers are put around a service, in words for a reader of `/telemetry`.
#[derive(Debug, Default)]
pub(crate) struct Wiring {
    /// Requests are served that no layer sees.
    pub(crate) fault: Option<&'static str>,
    /// What may be meant so.
    pub(crate) cautions: Vec<&'static str>,
}

/// What has been seen so far.
pub(crate) fn wiring() -> Wiring {
    let (has_requests, has_routes) = (REQUEST.is_true(), ROUTE.is_true());
    let fault = match (UNSEEN.is_true(), has_requests) {
        (false, _) => None,
        (true, false) => Some(FORGOTTEN),
        (true, true) => Some(AROUND),
    };
    let cautions = [
        (has_requests && !has_routes, NO_ROUTE),
        (has_routes && NAMELESS.is_true(), SOME_ROUTES),
        (TWICE.is_true(), TWO_LAYERS),
    ];
    let cautions = cautions.into_iter().filter(|(is_so, _)| *is_so);
    Wiring {
        fault,
        cautions: cautions.map(|(_, words)| words).collect(),
    }
}

const FORGOTTEN: &str = "requests are served and none of them has a span, a metric or an access line: add \
     http::TelemetryLayer::new() to the router, with Router::layer after its routes";

const AROUND: &str = "some requests are served outside of http::TelemetryLayer, and have no span, metric or access line: \
     Router::layer is on the routes that exist by then, so add it after all of them";

const NO_ROUTE: &str = "no request has had a route yet: unless all of them were wrong paths, add http::TelemetryLayer after \
     the routes, because Router::layer is on those that exist by then; a router other than axum's puts an http::Route into \
     the extensions of requests";

const SOME_ROUTES: &str = "some requests were answered without a route, and are one series together: by a fallback, or by a \
     service of nest_service, which names its routes if it has an http::TelemetryLayer as well";

const TWO_LAYERS: &str = "an http::TelemetryLayer is inside of another one: each request is counted once all the same, and \
     the inner one names the routes that the outer one does not know";
