//! The route template and the original path of a request.

use std::borrow::Cow;

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
/// request.extensions_mut().insert(Route::new("/orders/{id}"));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route(Cow<'static, str>);

impl Route {
    /// Creates a route from a template.
    ///
    /// The template is a literal, or a text that the router has.
    #[must_use]
    pub fn new(template: impl Into<Cow<'static, str>>) -> Self {
        Self(template.into())
    }
}

/// Route template, shared with the router that matched it.
#[derive(Debug, Clone)]
pub(super) enum RouteTemplate {
    Given(Route),
    #[cfg(feature = "axum")]
    Axum(axum::extract::MatchedPath),
    #[cfg(feature = "axum-07")]
    Axum07(axum_07::extract::MatchedPath),
}

impl RouteTemplate {
    /// Reads the template from a request before it is served.
    pub(super) fn of_request(extensions: &Extensions) -> Option<Self> {
        let given = extensions.get::<Route>().cloned().map(Self::Given);
        #[cfg(feature = "axum")]
        let given = given.or_else(|| extensions.get().cloned().map(Self::Axum));
        #[cfg(feature = "axum-07")]
        let given = given.or_else(|| extensions.get().cloned().map(Self::Axum07));
        given
    }

    /// Reads the template that an inner layer or router put into a response.
    pub(super) fn of_response(extensions: &Extensions) -> Option<Self> {
        let inner = extensions.get::<Inner>().map(|Inner(route)| route.clone());
        inner.or_else(|| extensions.get().cloned().map(Self::Given))
    }

    /// Stores the template in a response, where an outer layer finds it.
    pub(super) fn store_in(self, extensions: &mut Extensions) {
        extensions.insert(Inner(self));
    }

    pub(super) fn as_str(&self) -> &str {
        match self {
            Self::Given(Route(route)) => route,
            #[cfg(feature = "axum")]
            Self::Axum(route) => route.as_str(),
            #[cfg(feature = "axum-07")]
            Self::Axum07(route) => route.as_str(),
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
    #[cfg(feature = "axum-07")]
    if let Some(axum_07::extract::OriginalUri(uri)) = request.extensions().get() {
        return uri.path_and_query();
    }
    request.uri().path_and_query()
}
