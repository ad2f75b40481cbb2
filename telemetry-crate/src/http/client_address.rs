//! Whose request it is: the other end of the connection, or whom the proxies in front of the service name.

use std::net::{IpAddr, SocketAddr};

use http::{HeaderMap, Request, header::FORWARDED};

/// Where the `client.address` of a server's span comes from; semantic conventions, "Client attributes".
///
/// A header is the client's own words, except for what a proxy has appended to it. So the choice is the header that *your*
/// proxies append to, and how many they are: with one, the client is the last entry, and whatever a client has written
/// itself stands before it. With fewer entries than proxies, and with an entry that is no address, it is the other end.
///
/// ```
/// use firstlight::http::{ClientAddress, TelemetryLayer};
///
/// // An ingress in front of the service.
/// let layer = TelemetryLayer::new()
///     .client_address(ClientAddress::XForwardedFor { proxies: 1 });
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum ClientAddress {
    /// The other end of the connection, which may be a proxy's. Known under [`serve`](super::serve), with axum's
    /// `ConnectInfo<SocketAddr>` or a `SocketAddr` in the request's extensions; otherwise the attribute is left out.
    #[default]
    Peer,
    /// From `Forwarded` (RFC 7239).
    Forwarded {
        /// Those that append to it.
        proxies: usize,
    },
    /// From `X-Forwarded-For`.
    XForwardedFor {
        /// Those that append to it.
        proxies: usize,
    },
}

impl ClientAddress {
    /// The client as the proxies name it.
    pub(super) fn named(self, headers: &HeaderMap) -> Option<IpAddr> {
        match self {
            Self::Peer => None,
            Self::Forwarded { proxies } => {
                let entry = from_the_right(headers, FORWARDED.as_str(), proxies)?;
                let mut pairs = entry.split(';').filter_map(|pair| pair.split_once('='));
                let (_, node) = pairs.find(|(name, _)| name.trim().eq_ignore_ascii_case("for"))?;
                address(node.trim().trim_matches('"'))
            }
            Self::XForwardedFor { proxies } => {
                address(from_the_right(headers, "x-forwarded-for", proxies)?)
            }
        }
    }
}

/// The other end of the connection.
pub(super) fn peer<B>(request: &Request<B>) -> Option<IpAddr> {
    let extensions = request.extensions();
    #[cfg(feature = "axum")]
    if let Some(axum::extract::ConnectInfo(peer)) =
        extensions.get::<axum::extract::ConnectInfo<SocketAddr>>()
    {
        return Some(peer.ip().to_canonical());
    }
    let peer = extensions.get::<SocketAddr>();
    peer.map(|peer| peer.ip().to_canonical())
}

/// The entry that the outermost of so many proxies has appended. Several headers are one list.
fn from_the_right<'a>(headers: &'a HeaderMap, name: &str, proxies: usize) -> Option<&'a str> {
    let lines = headers.get_all(name).into_iter().rev();
    // RFC 7239, section 4: an address with a comma in it is none.
    let entries = lines.flat_map(|line| line.to_str().unwrap_or_default().rsplit(','));
    entries.map(str::trim).nth(proxies.checked_sub(1)?)
}

/// With or without a port.
fn address(node: &str) -> Option<IpAddr> {
    let with_port = || Some(node.parse::<SocketAddr>().ok()?.ip());
    let in_brackets = || node.strip_prefix('[')?.strip_suffix(']')?.parse().ok();
    let address = node.parse().ok().or_else(with_port).or_else(in_brackets);
    address.map(|address: IpAddr| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, HeaderName, HeaderValue};

    use super::ClientAddress;

    fn named(by: ClientAddress, lines: &[(&'static str, &'static str)]) -> Option<String> {
        let headers: HeaderMap = lines
            .iter()
            .map(|(name, value)| {
                let name = HeaderName::from_static(name);
                (name, HeaderValue::from_static(value))
            })
            .collect();
        by.named(&headers).map(|address| address.to_string())
    }

    #[test]
    fn clients_are_counted_from_the_right() {
        let one = ClientAddress::XForwardedFor { proxies: 1 };
        let two = ClientAddress::XForwardedFor { proxies: 2 };
        for (line, by_one, by_two) in [
            ("192.0.2.1", Some("192.0.2.1"), None),
            ("6.6.6.6, 192.0.2.1", Some("192.0.2.1"), Some("6.6.6.6")),
            ("2001:db8::1", Some("2001:db8::1"), None),
            ("[2001:db8::1]:4711", Some("2001:db8::1"), None),
            ("[2001:db8::1]", Some("2001:db8::1"), None),
            (
                "192.0.2.1:80,10.0.0.1 ",
                Some("10.0.0.1"),
                Some("192.0.2.1"),
            ),
            ("::ffff:192.0.2.1", Some("192.0.2.1"), None),
            ("unknown", None, None),
            ("", None, None),
            (",,,", None, None),
        ] {
            let lines = [("x-forwarded-for", line)];
            assert_eq!(named(one, &lines).as_deref(), by_one, "{line}");
            assert_eq!(named(two, &lines).as_deref(), by_two, "{line}");
        }
        let lines = [
            ("x-forwarded-for", "192.0.2.1"),
            ("x-forwarded-for", "10.0.0.1"),
        ];
        assert_eq!(named(two, &lines).as_deref(), Some("192.0.2.1"));
        let none = ClientAddress::XForwardedFor { proxies: 0 };
        assert_eq!(named(none, &lines), None);
    }

    #[test]
    fn forwarded_is_read_as_in_rfc_7239() {
        let one = ClientAddress::Forwarded { proxies: 1 };
        for (line, client) in [
            (
                "for=192.0.2.60;proto=http;by=203.0.113.43",
                Some("192.0.2.60"),
            ),
            (
                "For=\"[2001:db8:cafe::17]:4711\"",
                Some("2001:db8:cafe::17"),
            ),
            (
                "for=6.6.6.6, proto=https; FOR=192.0.2.43:80",
                Some("192.0.2.43"),
            ),
            ("for=_gazonk", None),
            ("for=unknown", None),
            ("proto=https", None),
        ] {
            let found = named(one, &[("forwarded", line)]);
            assert_eq!(found.as_deref(), client, "{line}");
        }
        assert_eq!(named(one, &[("x-forwarded-for", "192.0.2.1")]), None);
    }
}
