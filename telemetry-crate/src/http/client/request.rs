//! The parts of requests and responses that the layer reads, for any client.

use http::{HeaderMap, Method, StatusCode, Version, header, uri::Authority};

use super::{ResendCount, UrlTemplate};

/// A request that [`ClientLayer`](super::ClientLayer) can send.
///
/// Implemented for [`http::Request`], and for `reqwest::Request` with the features `reqwest` and `reqwest-012`.
pub trait ClientRequest: sealed::Request {}

impl<T: sealed::Request> ClientRequest for T {}

/// The response to a [`ClientRequest`].
///
/// Implemented for [`http::Response`], and for `reqwest::Response` with the features `reqwest` and
/// `reqwest-012`.
pub trait ClientResponse: sealed::Response {}

impl<T: sealed::Response> ClientResponse for T {}

pub(super) mod sealed {
    use super::{CallOptions, HeaderMap, Method, StatusCode, Url, Version};

    #[expect(unnameable_types, reason = "unnameable, so that the trait is sealed")]
    pub trait Request {
        fn method(&self) -> &Method;
        fn url(&self) -> Url<'_>;
        fn options(&self) -> CallOptions;
        fn headers_mut(&mut self) -> &mut HeaderMap;
    }

    #[expect(unnameable_types, reason = "unnameable, so that the trait is sealed")]
    pub trait Response {
        fn status(&self) -> StatusCode;
        fn version(&self) -> Version;
    }
}

/// The recordable parts of a URL: no credentials, and no query string.
#[derive(Debug, Clone)]
#[expect(unnameable_types, reason = "only in the signatures of sealed traits")]
pub struct Url<'a> {
    pub(super) scheme: &'a str,
    /// In brackets if it is an IPv6 address, as in a URL. Empty if it is unknown.
    pub(super) host: Host<'a>,
    pub(super) port: Option<u16>,
    pub(super) path: &'a str,
    pub(super) has_query: bool,
}

/// A host, borrowed from the URL or parsed from the `Host` header.
pub(super) type Host<'a> = std::borrow::Cow<'a, str>;

/// Details for the span that the caller attached to the request.
#[derive(Debug, Clone, Copy, Default)]
#[expect(unnameable_types, reason = "only in the signatures of sealed traits")]
pub struct CallOptions {
    pub(super) template: Option<&'static str>,
    pub(super) resend: Option<u32>,
}

impl<B> sealed::Request for http::Request<B> {
    fn method(&self) -> &Method {
        self.method()
    }

    fn url(&self) -> Url<'_> {
        let uri = self.uri();
        let (host, port) = match uri.authority() {
            Some(authority) => (authority.host().into(), authority.port_u16()),
            // A client of a single connection gets paths without an authority.
            None => {
                let header = self.headers().get(header::HOST);
                let authority = header.and_then(|host| Authority::try_from(host.as_bytes()).ok());
                let host = authority.as_ref().map_or("", Authority::host).to_owned();
                (
                    host.into(),
                    authority.as_ref().and_then(Authority::port_u16),
                )
            }
        };
        Url {
            scheme: uri.scheme_str().unwrap_or("http"),
            host,
            port,
            path: uri.path(),
            has_query: uri.query().is_some(),
        }
    }

    fn options(&self) -> CallOptions {
        let extensions = self.extensions();
        CallOptions {
            template: extensions.get().map(|UrlTemplate(template)| *template),
            resend: extensions.get().map(|ResendCount(count)| *count),
        }
    }

    fn headers_mut(&mut self) -> &mut HeaderMap {
        self.headers_mut()
    }
}

impl<B> sealed::Response for http::Response<B> {
    fn status(&self) -> StatusCode {
        self.status()
    }

    fn version(&self) -> Version {
        self.version()
    }
}

impl Url<'_> {
    /// Returns `server.address`: the host, without the brackets of an IPv6 address.
    pub(super) fn address(&self) -> Option<&str> {
        let address = self.host.trim_start_matches('[').trim_end_matches(']');
        Some(address).filter(|address| !address.is_empty())
    }

    /// Returns `server.port`, by default that of the scheme.
    pub(super) fn port(&self) -> u16 {
        let default = if self.scheme == "https" { 443 } else { 80 };
        self.port.unwrap_or(default)
    }

    /// Returns `url.full`, without the parts that must not be recorded.
    ///
    /// The semantic conventions allow no credentials in `url.full`, and have `REDACTED` in place of
    /// sensitive parts. Any name or value in a query may be sensitive, so the whole query is
    /// redacted.
    pub(super) fn full(&self) -> Option<String> {
        self.address()?;
        let Self {
            scheme, host, path, ..
        } = self;
        let port = self.port.map(|port| format!(":{port}")).unwrap_or_default();
        let query = if self.has_query { "?REDACTED" } else { "" };
        Some(format!("{scheme}://{host}{port}{path}{query}"))
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may fail")]

    use http::Request;

    use super::sealed::Request as _;

    #[test]
    fn urls_hold_no_credentials_or_query() {
        for (url, address, port, full) in [
            (
                "https://user:hunter2@api.example.com/a/b?key=hunter2",
                "api.example.com",
                443,
                "https://api.example.com/a/b?REDACTED",
            ),
            (
                "http://api.example.com:8080",
                "api.example.com",
                8080,
                "http://api.example.com:8080/",
            ),
            ("http://[::1]:9/x", "::1", 9, "http://[::1]:9/x"),
        ] {
            let request = Request::get(url).body(()).unwrap();
            let url = request.url();
            assert_eq!(url.address(), Some(address));
            assert_eq!(url.port(), port);
            assert_eq!(url.full().as_deref(), Some(full));
        }
    }

    #[test]
    fn bare_paths_take_the_host_header() {
        let request = |host: &str| {
            let request = Request::get("/a?b=c").header("host", host);
            request.body(()).unwrap()
        };
        let named = request("orders.internal:81");
        assert_eq!(named.url().address(), Some("orders.internal"));
        assert_eq!(named.url().port(), 81);
        let unknown = request("not a host");
        assert_eq!(
            (unknown.url().address(), unknown.url().full()),
            (None, None)
        );
    }
}
