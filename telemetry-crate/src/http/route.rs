//! The route template and the original path of a request.

use http::{Extensions, Request, uri::PathAndQuery};

/// Route template of a request, for routers other than axum's.
///
/// An example is `/orders/{id}`.
///
/// Insert it into the request's extensions before [`TelemetryLayer`](super::TelemetryLayer) sees
/// the request, or into the response's extensions if it is known only then. It must not be a path:
/// the route becomes a label, and each value of a label is a series.
///
/// ```
/// use firstlight::http::Route;
///
/// let mut request = http::Request::new(());
/// request.extensions_mut().insert(Route("/orders/{id}"));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "a newtype that users construct")]
pub struct Route(pub &'static str);

/// Route template, shared with the router that matched it.
#[derive(Debug, Clone)]
pub(super) enum RouteTemplate {
    Static(&'static str),
    #[cfg(feature = "axum")]
    Matched(axum::extract::MatchedPath),
}

impl RouteTemplate {
    /// Reads the template from a request before it is served.
    pub(super) fn of_request(extensions: &Extensions) -> Option<Self> {
        if let Some(Route(route)) = extensions.get() {
            return Some(Self::Static(route));
        }
        #[cfg(feature = "axum")]
        if let Some(route) = extensions.get::<axum::extract::MatchedPath>() {
            return Some(Self::Matched(route.clone()));
        }
        None
    }

    /// Reads the template that an inner layer or router put into a response.
    pub(super) fn of_response(extensions: &Extensions) -> Option<Self> {
        extensions
            .get::<Inner>()
            .map(|Inner(route)| route.clone())
            .or_else(|| extensions.get().map(|Route(route)| Self::Static(route)))
    }

    /// Stores the template in a response, where an outer layer finds it.
    pub(super) fn store_in(self, extensions: &mut Extensions) {
        extensions.insert(Inner(self));
    }

    pub(super) fn as_str(&self) -> &str {
        match self {
            Self::Static(route) => route,
            #[cfg(feature = "axum")]
            Self::Matched(route) => route.as_str(),
        }
    }
}

/// Template in the extensions of a response, for an outer layer.
#[derive(Debug, Clone)]
struct Inner(RouteTemplate);

/// Returns the path as the client sent it.
///
/// A nested router sees only the rest of it.
pub(super) fn whole_path<B>(request: &Request<B>) -> Option<&PathAndQuery> {
    #[cfg(feature = "axum")]
    if let Some(axum::extract::OriginalUri(uri)) = request.extensions().get() {
        return uri.path_and_query();
    }
    request.uri().path_and_query()
}
