//! Detection of probes: requests that the infrastructure sends every few seconds.
//!
//! Load balancers, orchestrators and scrapers send them. They would only be noise in traces and
//! rates.

use http::Method;

use super::route::RouteTemplate;

const PROBES: [&str; 5] = ["livez", "readyz", "healthz", "health", "metrics"];

/// Returns whether a request is a probe: a `GET` or `HEAD` of a known path.
///
/// The path may have any prefix. A route with a parameter, such as `/patients/{id}/health`, is a
/// route of the application. axum 0.7 and other routers write it `/patients/:id/health`.
pub(super) fn is_probe(method: &Method, path: &str, route: Option<&RouteTemplate>) -> bool {
    let is_last_segment = |probe: &&str| {
        (path.strip_suffix(*probe)).is_some_and(|before| before.is_empty() || before.ends_with('/'))
    };
    PROBES.iter().any(is_last_segment)
        && (*method == Method::GET || *method == Method::HEAD)
        && !route.is_some_and(|route| route.as_str().split('/').any(is_parameter))
}

fn is_parameter(segment: &str) -> bool {
    segment.contains('{') || segment.starts_with([':', '*'])
}

#[cfg(test)]
mod tests {
    use http::Method;

    use super::is_probe;
    use crate::http::route::RouteTemplate;

    #[test]
    fn probes_are_known_under_any_prefix() {
        for path in ["/livez", "/healthz", "/base/healthz", "/a/b/metrics"] {
            assert!(is_probe(&Method::GET, path, None), "{path}");
            assert!(is_probe(&Method::HEAD, path, None), "{path}");
        }
    }

    #[test]
    fn other_requests_are_not_probes() {
        for path in ["/", "", "/orders", "/livez/", "/healthz/7", "/myhealthz"] {
            assert!(!is_probe(&Method::GET, path, None), "{path}");
        }
        assert!(!is_probe(&Method::POST, "/metrics", None));
        for route in ["/patients/{id}/health", "/patients/:id/health", "/*rest"] {
            let route = RouteTemplate::Given(crate::http::Route::new(route));
            assert!(!is_probe(&Method::GET, "/patients/7/health", Some(&route)));
        }
    }
}
