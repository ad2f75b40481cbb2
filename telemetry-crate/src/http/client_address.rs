//! The client's address: the connection's peer, or what trusted proxies report.
//!
//! The book's decision 26 compares this with `client-ip`.

use std::net::{IpAddr, SocketAddr};

use http::{HeaderMap, Request, header::FORWARDED};

/// Source of the `client.address` attribute of a server's span.
///
/// The semantic conventions define it under "Client attributes". A client can send any header
/// itself. Only the entries that your proxies append are reliable. So choose the header that *your*
/// proxies append to, and state how many proxies there are. With one proxy, the client's address is
/// the last entry, after any entries that the client wrote itself. If there are fewer entries than
/// proxies, or the entry is not an address, the peer of the connection is used.
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
    /// The peer of the connection, which may be a proxy.
    ///
    /// The peer is known under [`serve`](super::serve), or if axum's `ConnectInfo<SocketAddr>` or a
    /// `SocketAddr` is in the request's extensions. Otherwise the attribute is omitted.
    #[default]
    Peer,
    /// The `Forwarded` header (RFC 7239).
    Forwarded {
        /// Number of proxies that append to the header.
        proxies: usize,
    },
    /// The `X-Forwarded-For` header.
    XForwardedFor {
        /// Number of proxies that append to the header.
        proxies: usize,
    },
}

impl ClientAddress {
    /// Returns the client's address as the proxies report it.
    pub(super) fn reported_by_proxies(self, headers: &HeaderMap) -> Option<IpAddr> {
        match self {
            Self::Peer => None,
            Self::Forwarded { proxies } => {
                let entry = entry_from_right(headers, FORWARDED.as_str(), proxies)?;
                let mut pairs = entry.split(';').filter_map(|pair| pair.split_once('='));
                let (_, node) = pairs.find(|(name, _)| name.trim().eq_ignore_ascii_case("for"))?;
                address(node.trim().trim_matches('"'))
            }
            Self::XForwardedFor { proxies } => {
                address(entry_from_right(headers, "x-forwarded-for", proxies)?)
            }
        }
    }
}

/// Returns the address of the connection's peer.
pub(super) fn peer<B>(request: &Request<B>) -> Option<IpAddr> {
    let extensions = request.extensions();
    #[cfg(feature = "axum")]
    if let Some(axum::extract::ConnectInfo(peer)) =
        extensions.get::<axum::extract::ConnectInfo<SocketAddr>>()
    {
        return Some(peer.ip().to_canonical());
    }
    #[cfg(feature = "axum-07")]
    if let Some(axum_07::extract::ConnectInfo(peer)) =
        extensions.get::<axum_07::extract::ConnectInfo<SocketAddr>>()
    {
        return Some(peer.ip().to_canonical());
    }
    let peer = extensions.get::<SocketAddr>();
    peer.map(|peer| peer.ip().to_canonical())
}

/// Returns the entry that the outermost of `proxies` proxies appended.
///
/// Several headers of the same name are one list.
fn entry_from_right<'a>(headers: &'a HeaderMap, name: &str, proxies: usize) -> Option<&'a str> {
    let lines = headers.get_all(name).into_iter().rev();
    // No address contains a comma: RFC 7239, section 6. So the list is split at every comma. An entry of the client that
    // is not text counts as well, because those after it in the line are the proxies'.
    let entries = lines.flat_map(|line| line.as_bytes().rsplit(|byte| *byte == b','));
    let entry = entries
        .map(<[u8]>::trim_ascii)
        .nth(proxies.checked_sub(1)?)?;
    std::str::from_utf8(entry).ok()
}

/// Parses an address with or without a port.
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

    fn reported(source: ClientAddress, lines: &[(&'static str, &'static str)]) -> Option<String> {
        let headers: HeaderMap = lines
            .iter()
            .map(|(name, value)| {
                let name = HeaderName::from_static(name);
                (name, HeaderValue::from_static(value))
            })
            .collect();
        let address = source.reported_by_proxies(&headers);
        address.map(|address| address.to_string())
    }

    #[test]
    fn x_forwarded_for_counts_from_right() {
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
            assert_eq!(reported(one, &lines).as_deref(), by_one, "{line}");
            assert_eq!(reported(two, &lines).as_deref(), by_two, "{line}");
        }
        let lines = [
            ("x-forwarded-for", "192.0.2.1"),
            ("x-forwarded-for", "10.0.0.1"),
        ];
        assert_eq!(reported(two, &lines).as_deref(), Some("192.0.2.1"));
        let none = ClientAddress::XForwardedFor { proxies: 0 };
        assert_eq!(reported(none, &lines), None);
    }

    #[test]
    fn forwarded_follows_rfc_7239() {
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
            let found = reported(one, &[("forwarded", line)]);
            assert_eq!(found.as_deref(), client, "{line}");
        }
        assert_eq!(reported(one, &[("x-forwarded-for", "192.0.2.1")]), None);
    }
}
