//! Checks of the propagators with headers of any client.

#![expect(clippy::unwrap_used, reason = "a failed check panics")]

use http::{HeaderMap, HeaderName, HeaderValue};
use opentelemetry::propagation::TextMapPropagator;

use super::{Context, HEADER_NAMES, Headers, Propagator, propagator};

/// Every propagator alone, and all of them together.
const CHOICES: [&[Propagator]; 5] = [
    &[Propagator::TraceContext, Propagator::Baggage],
    &[Propagator::B3],
    &[Propagator::B3Multi],
    &[Propagator::Jaeger],
    &[
        Propagator::TraceContext,
        Propagator::Baggage,
        Propagator::B3,
        Propagator::B3Multi,
        Propagator::Jaeger,
    ],
];

/// Reads lines of `name: value` as the headers of a request.
///
/// # Panics
///
/// If a sent header is invalid, too long, or is read differently by the next service.
pub(crate) fn check(bytes: &[u8]) {
    let mut received = HeaderMap::new();
    for line in bytes.split(|byte| *byte == b'\n').take(300) {
        let colon = line.iter().position(|byte| *byte == b':');
        let (name, value) = line.split_at(colon.unwrap_or(line.len()));
        let value = value.strip_prefix(b":").unwrap_or_default();
        let value = HeaderValue::from_bytes(value.trim_ascii());
        let known = HEADER_NAMES.iter().find(|known| known.as_bytes() == name);
        if let (Some(name), Ok(value)) = (known, value) {
            received.append(HeaderName::from_static(name), value);
        }
    }
    for chosen in CHOICES {
        let sent = forwarded(chosen, &received);
        check_sent(&sent);
        assert_eq!(
            forwarded(chosen, &sent),
            sent,
            "{chosen:?} from {received:?}"
        );
    }
    let continued = forwarded(CHOICES[0], &received).contains_key("traceparent");
    assert_eq!(continued, is_valid(&received), "{received:?}");
}

/// The headers that a service sends after it has received `headers`.
fn forwarded(chosen: &[Propagator], headers: &HeaderMap) -> HeaderMap {
    let propagator = propagator(chosen);
    let context = propagator.extract_with_context(&Context::new(), &Headers(headers));
    let mut sent = HeaderMap::new();
    let mut injector = opentelemetry_http::HeaderInjector(&mut sent);
    propagator.inject_context(&context, &mut injector);
    sent
}

fn check_sent(sent: &HeaderMap) {
    for (name, value) in sent {
        let text = value.to_str().unwrap();
        let members = text.split(',').count();
        match name.as_str() {
            "traceparent" => assert!(text.len() == 55 && text.starts_with("00-"), "{text}"),
            "tracestate" => assert!(members <= 32 && text.len() <= 32 * 514, "{text}"),
            "baggage" => assert!(members <= 64 && text.len() <= 8_192, "{text}"),
            _ => assert!(text.len() <= 80, "{name}: {text}"),
        }
    }
}

/// Whether the headers have one valid `traceparent`.
///
/// Judged by the positions in section 3.2 of the specification.
fn is_valid(headers: &HeaderMap) -> bool {
    let mut all = headers.get_all("traceparent").iter();
    let (Some(parent), None) = (all.next(), all.next()) else {
        return false;
    };
    let text = parent.as_bytes().trim_ascii();
    let digits = |range: std::ops::Range<usize>| {
        let part = text.get(range).unwrap_or_default();
        let is_digit = |byte: &u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        (!part.is_empty() && part.iter().all(is_digit)).then_some(part)
    };
    let is_id = |range| digits(range).is_some_and(|id| id.iter().any(|byte| *byte != b'0'));
    let has_dashes = [2, 35, 52].iter().all(|at| text.get(*at) == Some(&b'-'));
    let ends_as_its_version = match digits(0..2) {
        Some(b"00") => text.len() == 55,
        Some(b"ff") | None => false,
        Some(_) => text.len() == 55 || text.get(55) == Some(&b'-'),
    };
    // A header that is not text is not read.
    parent.to_str().is_ok()
        && has_dashes
        && ends_as_its_version
        && is_id(3..35)
        && is_id(36..52)
        && digits(53..55).is_some()
}
