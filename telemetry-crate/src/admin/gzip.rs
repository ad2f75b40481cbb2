//! A page in gzip, for a scraper that takes it: Prometheus asks for it on every scrape, and a page shrinks to a tenth.

use http::header;
use http_body_util::{BodyExt, Full};

use super::routes::Answer;
use crate::gzip;

/// A smaller page is not worth it: it fits into one packet anyway.
const MIN_BYTES: usize = 1024;

/// Whether an `Accept-Encoding` header takes gzip ([RFC 9110, section 12.5.3](https://www.rfc-editor.org/rfc/rfc9110#section-12.5.3)).
pub(super) fn is_accepted(accept: &str) -> bool {
    let weight = |coding: &str| {
        let mut found = accept.split(',').filter_map(|range| {
            let mut parts = range.split(';').map(str::trim);
            let is_meant = parts.next()?.eq_ignore_ascii_case(coding);
            let weight = parts.find_map(|part| {
                let (name, value) = part.split_once('=')?;
                name.trim().eq_ignore_ascii_case("q").then(|| value.trim())
            });
            // A weight that cannot be read is none.
            is_meant.then(|| weight.map_or(1.0, |weight| weight.parse().unwrap_or(0.0)))
        });
        found.next()
    };
    let weight = weight("gzip")
        .or_else(|| weight("x-gzip"))
        .or_else(|| weight("*"));
    weight.is_some_and(|weight: f32| weight > 0.0)
}

/// The same answer in gzip, unless that is not worth it.
pub(super) async fn compressed(answer: Answer) -> Answer {
    let (mut head, body) = answer.into_parts();
    let Ok(page) = body.collect().await;
    let page = page.to_bytes();
    if page.len() < MIN_BYTES {
        return Answer::from_parts(head, Full::new(page));
    }
    // A page of ten megabytes takes a moment, and probes are answered by the same thread.
    let plain = page.clone();
    let body = match tokio::task::spawn_blocking(move || gzip::compress(&plain)).await {
        Ok(Ok(body)) => body.into(),
        // Out of memory or of threads: the page as it is.
        _ => return Answer::from_parts(head, Full::new(page)),
    };
    head.headers.insert(
        header::CONTENT_ENCODING,
        header::HeaderValue::from_static("gzip"),
    );
    Answer::from_parts(head, Full::new(body))
}

#[cfg(test)]
mod tests {
    use super::is_accepted;

    #[test]
    fn the_accepted_coding_is_weighed() {
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
