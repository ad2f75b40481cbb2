//! The host that a request names, and the web page from which it comes.
//!
//! On loopback the attacker is a web page in a browser on the same machine. The page can make a name of its own point to
//! 127.0.0.1 (DNS rebinding) and then read the responses. Such a request names the page's host, so the listener answers
//! only requests for loopback hosts. A page can also send requests to 127.0.0.1 itself. With a script, it cannot read the
//! responses, and such a request has the page's `Origin`, which is rejected where it matters. Before a page can change
//! anything, the browser moreover sends a preflight request, whose method `OPTIONS` is rejected. Other requests of a page,
//! such as one for an image, have no `Origin`, but have `Sec-Fetch-Site`.

use std::net::IpAddr;

use http::{HeaderValue, Method, Request, StatusCode, Uri, Version, header, uri::Authority};

use super::answer::{Answer, text};

/// Rejects a request without one valid host, or for the host of another site.
///
/// See RFC 9112, section 3.2, and RFC 9110, section 15.5.20.
pub(super) fn refuse<B>(request: &Request<B>, on_loopback: bool) -> Option<Answer> {
    let invalid = |found: &str| {
        let sentence = format!(
            "found {found}, expected one `Host` header with the name or address of this listener\n"
        );
        Some(text(StatusCode::BAD_REQUEST, sentence))
    };
    let mut hosts = request.headers().get_all(header::HOST).into_iter();
    let host = hosts.next();
    if hosts.next().is_some() {
        return invalid("several `Host` headers");
    }
    if host.is_none() && request.version() >= Version::HTTP_11 {
        return invalid("no `Host` header");
    }
    // An empty host is valid, and is not a loopback host.
    let parsed = host.map(parse_host);
    if host.is_some_and(|host| !host.is_empty()) && parsed == Some(None) {
        return invalid("an invalid `Host` header");
    }
    let local = |host: &Authority| is_loopback(host.host());
    let is_own = parsed.is_none_or(|host| host.as_ref().is_some_and(local))
        && request.uri().authority().is_none_or(local);
    if !on_loopback || is_own {
        return None;
    }
    Some(text(
        StatusCode::MISDIRECTED_REQUEST,
        "this listener is on a loopback address and answers requests for localhost, 127.0.0.1 and [::1] only; to serve other hosts, set OTEL_EXPORTER_PROMETHEUS_HOST\n",
    ))
}

/// Whether the request comes from a web page that is not of this listener.
///
/// Programs other than browsers send no `Origin`.
pub(super) fn is_foreign_origin<B>(request: &Request<B>, on_loopback: bool) -> bool {
    let headers = request.headers();
    let mut origins = headers.get_all(header::ORIGIN).into_iter();
    let Some(origin) = origins.next() else {
        return false;
    };
    // `null` has no scheme. It is the origin of files and of sandboxed pages.
    let origin = origin
        .to_str()
        .ok()
        .and_then(|origin| origin.parse::<Uri>().ok())
        .filter(|origin| origin.scheme().is_some());
    let Some(origin) = origin.as_ref().and_then(Uri::authority) else {
        return true;
    };
    let is_own = if on_loopback {
        is_loopback(origin.host())
    } else {
        // The authority of the request's target replaces `Host` (RFC 9112, section 3.2.2).
        let host = request.uri().authority().cloned();
        host.or_else(|| headers.get(header::HOST).and_then(parse_host))
            .is_some_and(|host| host == *origin)
    };
    !is_own || origins.next().is_some()
}

/// Whether a web page of another site makes the browser load this for itself.
///
/// The rules are those of the resource isolation policy (<https://web.dev/articles/fetch-metadata>): pages of the same site,
/// the user, and programs that send no such headers are admitted, and so is a link that the user follows. Frames are
/// refused as well, because eight of them would take all streams. A request with an `Origin` is for
/// [`is_foreign_origin`].
pub(super) fn is_loaded_by_foreign_page<B>(request: &Request<B>) -> bool {
    let headers = request.headers();
    let all_are = |name, values: &[&str]| {
        let mut found = headers.get_all(name).into_iter();
        found.all(|value| values.iter().any(|expected| value == expected))
    };
    let has_mode = headers.contains_key("sec-fetch-mode") && headers.contains_key("sec-fetch-dest");
    let is_link = has_mode
        && request.method() == Method::GET
        && all_are("sec-fetch-mode", &["navigate"])
        && all_are("sec-fetch-dest", &["document"]);
    !headers.contains_key(header::ORIGIN)
        && !all_are("sec-fetch-site", &["same-origin", "same-site", "none"])
        && !is_link
}

/// Parses the value of a `Host` header: a host, and maybe a port.
fn parse_host(host: &HeaderValue) -> Option<Authority> {
    let host = host.to_str().ok().filter(|host| !host.contains('@'))?;
    host.parse().ok()
}

fn is_loopback(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']');
    host.eq_ignore_ascii_case("localhost")
        || address
            .parse::<IpAddr>()
            .is_ok_and(|address| address.to_canonical().is_loopback())
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use http::HeaderName;

    use super::*;

    fn request(headers: &[(HeaderName, &str)]) -> Request<()> {
        let builder = Request::builder().uri("/");
        let add = |builder: http::request::Builder, (name, value): &(HeaderName, &str)| {
            builder.header(name, *value)
        };
        headers.iter().fold(builder, add).body(()).unwrap()
    }

    fn status(request: &Request<()>, on_loopback: bool) -> u16 {
        refuse(request, on_loopback).map_or(200, |answer| answer.status().as_u16())
    }

    #[test]
    fn loopback_answers_loopback_hosts() {
        for (host, expected) in [
            ("localhost", 200),
            ("LOCALHOST:9464", 200),
            ("127.0.0.1:1", 200),
            ("[::1]:9464", 200),
            ("evil.example", 421),
            ("localhost.evil.example:9464", 421),
            ("127.0.0.1.evil.example", 421),
            ("10.0.0.1", 421),
            ("", 421),
        ] {
            let request = request(&[(header::HOST, host)]);
            assert_eq!(status(&request, true), expected, "{host}");
            assert_eq!(status(&request, false), 200, "{host}");
        }
        let mut absolute = request(&[(header::HOST, "localhost")]);
        *absolute.uri_mut() = Uri::from_static("http://evil.example/metrics");
        assert_eq!(status(&absolute, true), 421);
    }

    #[test]
    fn one_valid_host_is_required() {
        let one = (header::HOST, "localhost");
        for on_loopback in [true, false] {
            let status = |request: &Request<()>| status(request, on_loopback);
            assert_eq!(status(&request(&[one.clone(), one.clone()])), 400);
            for invalid in ["a b", "evil.example@localhost", "localhost/", "[::1"] {
                let request = request(&[(header::HOST, invalid)]);
                assert_eq!(status(&request), 400, "{invalid}");
            }
            let mut none = request(&[]);
            assert_eq!(status(&none), 400);
            // HTTP/1.0 has no such header.
            *none.version_mut() = Version::HTTP_10;
            assert_eq!(status(&none), 200);
        }
    }

    #[test]
    fn foreign_pages_load_nothing() {
        let name = HeaderName::from_static;
        for (site, mode, dest, expected) in [
            ("same-origin", "cors", "empty", false),
            ("same-site", "no-cors", "image", false),
            ("none", "navigate", "document", false),
            ("cross-site", "no-cors", "empty", true),
            ("cross-site", "no-cors", "image", true),
            ("cross-site", "navigate", "document", false),
            ("cross-site", "navigate", "iframe", true),
            ("cross-site", "navigate", "object", true),
            ("unknown", "no-cors", "empty", true),
        ] {
            let headers = [
                (name("sec-fetch-site"), site),
                (name("sec-fetch-mode"), mode),
                (name("sec-fetch-dest"), dest),
            ];
            let found = is_loaded_by_foreign_page(&request(&headers));
            assert_eq!(found, expected, "{site} {mode} {dest}");
        }
        assert!(!is_loaded_by_foreign_page(&request(&[])));
        let foreign = (name("sec-fetch-site"), "cross-site");
        assert!(is_loaded_by_foreign_page(&request(std::slice::from_ref(
            &foreign
        ))));
        // The origin decides, which may be a page of another loopback host.
        let with_origin = [foreign, (header::ORIGIN, "http://localhost:3000")];
        assert!(!is_loaded_by_foreign_page(&request(&with_origin)));
    }

    #[test]
    fn origins_are_compared_with_the_host() {
        for (origin, inside, outside) in [
            ("http://localhost:9464", false, true),
            ("http://127.0.0.1:3000", false, true),
            ("http://[::1]:9464", false, true),
            ("https://pod-1.example:9464", true, false),
            ("http://POD-1.example:9464", true, false),
            ("http://pod-1.example", true, true),
            ("http://pod-1.example:8080", true, true),
            ("https://evil.example", true, true),
            ("http://localhost.evil.example", true, true),
            ("null", true, true),
            ("localhost", true, true),
            ("", true, true),
        ] {
            for (host, on_loopback, expected) in [
                ("localhost:9464", true, inside),
                ("pod-1.example:9464", false, outside),
            ] {
                let request = request(&[(header::HOST, host), (header::ORIGIN, origin)]);
                let found = is_foreign_origin(&request, on_loopback);
                assert_eq!(found, expected, "{origin} for {host}");
            }
        }
        let host = (header::HOST, "localhost");
        assert!(!is_foreign_origin(
            &request(std::slice::from_ref(&host)),
            true
        ));
        let two = [
            host,
            (header::ORIGIN, "http://localhost"),
            (header::ORIGIN, "http://evil.example"),
        ];
        assert!(is_foreign_origin(&request(&two), true));
    }
}
