//! The words of HTTP as the semantic conventions spell them, the same for servers and clients.

use std::sync::OnceLock;

use http::{Method, Version};

/// `http.request.method` of what is not known, so that a scanner can't invent series.
pub(super) const OTHER: &str = "_OTHER";

/// In place of the conventions' list, if an operator has one.
static KNOWN: OnceLock<Vec<&'static str>> = OnceLock::new();

/// Makes these the known methods, and no others.
pub(crate) fn set_known_methods(methods: Vec<String>) {
    // Once in a process, like telemetry; so that what leaks is one list.
    KNOWN.get_or_init(|| methods.into_iter().map(|method| &*method.leak()).collect());
}

/// `http.request.method`: those of RFC 9110 and RFC 5789, and QUERY, unless `OTEL_INSTRUMENTATION_HTTP_KNOWN_METHODS` lists
/// others. Methods differ by case.
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

/// The method in a span's name: one that is none has no name.
pub(super) fn in_name(method: &'static str) -> &'static str {
    if method == OTHER { "HTTP" } else { method }
}

/// `network.protocol.version`.
pub(super) fn version(version: Version) -> &'static str {
    match version {
        Version::HTTP_09 => "0.9",
        Version::HTTP_10 => "1.0",
        Version::HTTP_2 => "2",
        Version::HTTP_3 => "3",
        _ => "1.1",
    }
}
