//! Attributes of a request's span that describe the client and its request.
//!
//! Names follow the semantic conventions for HTTP server spans.

use http::{
    HeaderValue, Request,
    header::{HOST, USER_AGENT},
    uri::PathAndQuery,
};
use opentelemetry::KeyValue;

use super::client_address::{ClientAddress, peer};
use crate::secret::without_secrets;

pub(super) fn client_attributes<B>(
    request: &Request<B>,
    client_address: ClientAddress,
) -> impl Iterator<Item = KeyValue> {
    let peer = peer(request);
    let reported = client_address.reported_by_proxies(request.headers());
    let client = reported.or(peer);
    let client = client.map(|client| KeyValue::new("client.address", client.to_string()));
    let peer = peer.filter(|_| reported.is_some());
    let peer = peer.map(|peer| KeyValue::new("network.peer.address", peer.to_string()));
    client.into_iter().chain(peer)
}

pub(super) fn request_attributes<B>(request: &Request<B>) -> impl Iterator<Item = KeyValue> {
    let headers = request.headers();
    let authority = match request.uri().authority() {
        Some(authority) => Some(authority.as_str()),
        None => headers.get(HOST).and_then(|host| host.to_str().ok()),
    };
    let host = authority.and_then(host_and_port);
    let address = host.map(|(host, _)| KeyValue::new("server.address", host.to_owned()));
    let port = host.and_then(|(_, port)| port);
    let port = port.map(|port| KeyValue::new("server.port", i64::from(port)));
    let agent = headers.get(USER_AGENT).map(HeaderValue::as_bytes);
    let agent = agent.map(|agent| String::from_utf8_lossy(agent).into_owned());
    let agent = agent.map(|agent| KeyValue::new("user_agent.original", agent));
    [address, port, agent].into_iter().flatten()
}

pub(super) fn query_attribute(path: Option<&PathAndQuery>) -> Option<KeyValue> {
    let query = path?.query()?;
    Some(KeyValue::new("url.query", without_secrets(query)))
}

/// Splits an authority into host and port (RFC 3986, section 3.2).
///
/// IPv6 addresses lose their brackets.
fn host_and_port(authority: &str) -> Option<(&str, Option<u16>)> {
    let (_, host) = authority.rsplit_once('@').unwrap_or(("", authority));
    let (host, port) = match host.strip_prefix('[') {
        Some(host) => host.split_once(']')?,
        None => host.split_at(host.find(':').unwrap_or(host.len())),
    };
    let port = port.strip_prefix(':').and_then(|port| port.parse().ok());
    (!host.is_empty()).then_some((host, port))
}

#[cfg(test)]
mod tests {
    use super::host_and_port;

    #[test]
    fn host_and_port_are_split() {
        for (authority, expected) in [
            ("shop.example", Some(("shop.example", None))),
            ("shop.example:8080", Some(("shop.example", Some(8080)))),
            ("[::1]:8080", Some(("::1", Some(8080)))),
            ("[::1]", Some(("::1", None))),
            (
                "ada:hunter2@shop.example:1",
                Some(("shop.example", Some(1))),
            ),
            ("shop.example:http", Some(("shop.example", None))),
            ("shop.example:99999", Some(("shop.example", None))),
            ("[::1", None),
            (":80", None),
            ("", None),
        ] {
            assert_eq!(host_and_port(authority), expected, "{authority}");
        }
    }
}
