//! Requests that a load balancer, an orchestrator or a scraper sends every few seconds; in a trace or in a rate they would
//! only be noise.

use http::Method;

use super::route::RouteTemplate;

const PROBES: [&str; 5] = ["livez", "readyz", "healthz", "health", "metrics"];

/// Whether a request is a probe: one of these paths, under any prefix. A route with a parameter is none, such as
/// `/patients/{id}/health`, and neither is what changes something.
pub(super) fn is_probe(method: &Method, path: &str, route: Option<&RouteTemplate>) -> bool {
    let last = path.rsplit('/').next().unwrap_or(path);
    PROBES.contains(&last)
        && (*method == Method::GET || *method == Method::HEAD)
        && !route.is_some_and(|route| route.as_str().contains('{'))
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
    fn other_requests_are_no_probes() {
        for path in ["/", "", "/orders", "/livez/", "/healthz/7", "/myhealthz"] {
            assert!(!is_probe(&Method::GET, path, None), "{path}");
        }
        assert!(!is_probe(&Method::POST, "/metrics", None));
        let route = RouteTemplate::Static("/patients/{id}/health");
        assert!(!is_probe(&Method::GET, "/patients/7/health", Some(&route)));
    }
}
