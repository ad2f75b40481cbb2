//! Compression of responses with gzip.
//!
//! Prometheus requests gzip on every scrape, and an exposition shrinks to a tenth.

use http::header;
use http_body_util::{BodyExt, Full};

use super::answer::{Answer, AnswerBody};
use crate::gzip;

/// The smallest body that is compressed; a smaller body fits into one packet.
const MIN_BYTES: usize = 1024;

/// Whether an `Accept-Encoding` header accepts gzip.
///
/// See [RFC 9110, section 12.5.3](https://www.rfc-editor.org/rfc/rfc9110#section-12.5.3).
pub(super) fn is_accepted(accept: &str) -> bool {
    let weight = |coding: &str| {
        let mut found = accept.split(',').filter_map(|range| {
            let mut parts = range.split(';').map(str::trim);
            let is_same = parts.next()?.eq_ignore_ascii_case(coding);
            let weight = parts.find_map(|part| {
                let (name, value) = part.split_once('=')?;
                name.trim().eq_ignore_ascii_case("q").then(|| value.trim())
            });
            // An invalid weight counts as 0.
            is_same.then(|| weight.map_or(1.0, |weight| weight.parse().unwrap_or(0.0)))
        });
        found.next()
    };
    let weight = weight("gzip")
        .or_else(|| weight("x-gzip"))
        .or_else(|| weight("*"));
    weight.is_some_and(|weight: f32| weight > 0.0)
}

/// Compresses an answer if it has at least [`MIN_BYTES`].
pub(super) async fn compressed(answer: Answer) -> Answer {
    let (mut head, body) = answer.into_parts();
    let Ok(body) = body.collect().await;
    let body = body.to_bytes();
    if body.len() < MIN_BYTES {
        return Answer::from_parts(head, AnswerBody::Full(Full::new(body)));
    }
    // Ten megabytes take a moment, and this thread answers the probes, so another thread compresses.
    let plain = body.clone();
    let compressed = match tokio::task::spawn_blocking(move || gzip::compress(&plain)).await {
        Ok(Ok(compressed)) => compressed.into(),
        // If memory or threads are exhausted, the uncompressed body is sent.
        _ => return Answer::from_parts(head, AnswerBody::Full(Full::new(body))),
    };
    head.headers.insert(
        header::CONTENT_ENCODING,
        header::HeaderValue::from_static("gzip"),
    );
    Answer::from_parts(head, AnswerBody::Full(Full::new(compressed)))
}

#[cfg(test)]
mod tests {
    use super::is_accepted;

    #[test]
    fn weights_of_codings_are_honored() {
        for (accept, expected) in [
            ("gzip", true),
            ("gzip, deflate, br, zstd", true),
            ("GZIP;q=0.5", true),
            ("x-gzip", true),
            ("*", true),
            ("deflate, gzip;q=1.0, *;q=0.5", true),
            ("gzip;q=0", false),
            ("gzip;q=0, *", false),
            ("gzip;q=much", false),
            ("*;q=0", false),
            ("identity", false),
            ("br", false),
            ("", false),
            (",;q=1,", false),
        ] {
            assert_eq!(is_accepted(accept), expected, "{accept}");
        }
    }
}
