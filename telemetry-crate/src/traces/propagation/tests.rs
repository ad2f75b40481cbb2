//! Tests of the propagators, from received headers to sent ones.

#![expect(clippy::unwrap_used, reason = "tests")]

use http::{HeaderMap, HeaderName, HeaderValue};
use opentelemetry::propagation::TextMapPropagator;

use super::*;

mod formats;
mod w3c;

/// The headers that a service sends after it has received `headers`.
///
/// No headers are sent if the received headers are invalid.
fn forwarded(chosen: &[Propagator], headers: &[(&str, &str)]) -> HeaderMap {
    let mut received = HeaderMap::new();
    for (name, value) in headers {
        let name: HeaderName = name.parse().unwrap();
        received.append(name, HeaderValue::from_bytes(value.as_bytes()).unwrap());
    }
    let propagator = propagator(chosen);
    let context = propagator.extract_with_context(&Context::new(), &Headers(&received));
    let mut written = HeaderMap::new();
    let mut injector = opentelemetry_http::HeaderInjector(&mut written);
    propagator.inject_context(&context, &mut injector);
    written
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).map(|value| value.to_str().unwrap())
}
