//! Whether requests reach the layer, and whether it can name them: what a layer in the wrong place looks like from inside.
//!
//! Of the whole process, for `/telemetry`. Nothing is counted: each fact is set once, and looked at from then on.

#[cfg(feature = "axum")]
use std::sync::atomic::AtomicU32;
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
/// Several were answered well by [`serve`](super::serve), and no layer saw them.
static UNSEEN: Fact = Fact::new();

/// A few may be the probes of a load balancer, whatever their paths.
#[cfg(feature = "axum")]
const SEVERAL: u32 = 10;

/// How many there were, until they are several.
#[cfg(feature = "axum")]
static MISSED: AtomicU32 = AtomicU32::new(0);

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

/// A request was answered well and no layer saw it. Says so, once there are several and if none came through a layer at all.
#[cfg(feature = "axum")]
pub(super) fn miss_request() {
    if UNSEEN.is_true() || MISSED.fetch_add(1, Ordering::Relaxed) + 1 < SEVERAL {
        return;
    }
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
    let is_unseen = UNSEEN.is_true();
    let fault = (is_unseen && !has_requests).then_some(FORGOTTEN);
    let cautions = [
        (is_unseen && has_requests, AROUND),
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
