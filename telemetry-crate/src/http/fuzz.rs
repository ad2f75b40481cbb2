//! Checks of the client's address with headers of any client.

use std::net::{IpAddr, Ipv4Addr};

use http::{HeaderMap, HeaderName, HeaderValue};

use super::client_address::ClientAddress;

/// The peers that the proxies report, from the outermost proxy on.
///
/// The first one is the client.
const PEERS: [Ipv4Addr; 3] = [
    Ipv4Addr::new(192, 0, 2, 7),
    Ipv4Addr::new(198, 51, 100, 1),
    Ipv4Addr::new(203, 0, 113, 2),
];

/// Reads lines as values of both headers, to which one to three proxies append.
///
/// # Panics
///
/// If the client's own entries change the address that the outermost proxy has reported.
pub(crate) fn check(bytes: &[u8]) {
    for proxies in 0..=PEERS.len() {
        for (name, prefix, source) in [
            (
                "x-forwarded-for",
                "",
                ClientAddress::XForwardedFor { proxies },
            ),
            ("forwarded", "for=", ClientAddress::Forwarded { proxies }),
        ] {
            let lines = bytes.split(|byte| *byte == b'\n').take(50);
            let own = headers(name, lines);
            assert!(proxies > 0 || source.reported_by_proxies(&own).is_none());
            let reported: Vec<String> = PEERS[..proxies]
                .iter()
                .map(|peer| format!("{prefix}{peer}"))
                .collect();
            // Some proxies add a line, others append to the last one.
            let own = own.get_all(name).iter().map(HeaderValue::as_bytes);
            let mut added: Vec<_> = own.map(<[u8]>::to_vec).collect();
            let mut appended = added.clone();
            added.extend(reported.iter().map(|entry| entry.clone().into_bytes()));
            let mut last = appended.pop().unwrap_or_default();
            for entry in reported {
                last.extend(format!(", {entry}").into_bytes());
            }
            appended.push(last);
            for sent in [added, appended] {
                let headers = headers(name, sent.iter().map(Vec::as_slice));
                let found = source.reported_by_proxies(&headers);
                let expected = (proxies > 0).then_some(IpAddr::V4(PEERS[0]));
                assert_eq!(found, expected, "{source:?} of {headers:?}");
            }
        }
    }
}

/// One header for each line that may be one.
fn headers<'a>(name: &'static str, lines: impl Iterator<Item = &'a [u8]>) -> HeaderMap {
    let name = HeaderName::from_static(name);
    let values = lines.filter_map(|line| HeaderValue::from_bytes(line).ok());
    values.map(|value| (name.clone(), value)).collect()
}
