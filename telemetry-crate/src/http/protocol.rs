//! Values of HTTP attributes as the semantic conventions spell them.

use std::sync::OnceLock;

use http::{Method, Version};

/// `http.request.method` of unknown methods, so that scanners create no series.
pub(super) const OTHER: &str = "_OTHER";

/// The operator's list of known methods, which replaces that of the conventions.
static KNOWN: OnceLock<Vec<&'static str>> = OnceLock::new();

/// Replaces the list of known methods.
pub(crate) fn set_known_methods(methods: Vec<String>) {
    // Set once per process, like the telemetry, so only one list is leaked.
    KNOWN.get_or_init(|| methods.into_iter().map(|method| &*method.leak()).collect());
}

/// Returns `http.request.method`, or [`OTHER`] for an unknown method.
///
/// The known methods are those of RFC 9110 and RFC 5789, and QUERY, unless
/// `OTEL_INSTRUMENTATION_HTTP_KNOWN_METHODS` lists others. Methods are case-sensitive.
pub(super) fn method(method: &Method) -> &'static str {
    if let Some(known) = KNOWN.get() {
        let known = known.iter().find(|known| **known == method.as_str());
        return known.copied().unwrap_or(OTHER);
    }
    match *method {
        Method::GET => "GET",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::HEAD => "HEAD",
        Method::OPTIONS => "OPTIONS",
        Method::CONNECT => "CONNECT",
        Method::TRACE => "TRACE",
        _ if method.as_str() == "QUERY" => "QUERY",
        _ => OTHER,
    }
}

/// Returns the method for a span's name, which is `HTTP` for an unknown method.
pub(super) fn span_name_method(method: &'static str) -> &'static str {
    if method == OTHER { "HTTP" } else { method }
}

/// Returns `network.protocol.version`.
pub(super) fn version(version: Version) -> &'static str {
    match version {
        Version::HTTP_09 => "0.9",
        Version::HTTP_10 => "1.0",
        Version::HTTP_2 => "2",
        Version::HTTP_3 => "3",
        _ => "1.1",
    }
}
