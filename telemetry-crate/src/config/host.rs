//! Validation of hosts and ports.
//!
//! Runs before name resolution, because `http::Uri` and resolvers accept many invalid hosts. The book's
//! decision 27 compares them with `url`.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The largest length of a host name in bytes (RFC 1035, section 2.3.4).
const MAX_NAME: usize = 253;

/// The largest length of one label of a host name in bytes, by the same section.
const MAX_LABEL: usize = 63;

/// Validates the `host` or `host:port` of an address.
///
/// # Errors
///
/// A description of what is expected.
pub(super) fn authority(text: &str) -> Result<(), &'static str> {
    let (host, port) = match text.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
        _ => (text, None),
    };
    let is_port = |port: &str| {
        let is_number = port.bytes().all(|byte| byte.is_ascii_digit());
        is_number && port.parse::<u16>().is_ok_and(|port| port > 0)
    };
    let is_address = host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'))
        .is_some_and(|host| host.parse::<Ipv6Addr>().is_ok());
    if !is_address && !is_name(host) {
        Err("an address with a host name or an IP address, such as http://localhost:4318")
    } else if !port.is_none_or(is_port) {
        Err("an address with a port from 1 to 65535, such as http://localhost:4318")
    } else {
        Ok(())
    }
}

/// Whether a listener can bind to the host.
///
/// The host must be a name, or an IP address without brackets.
pub(super) fn is_bindable(host: &str) -> bool {
    host.parse::<IpAddr>().is_ok() || is_name(host)
}

/// Whether the text is a host name or an IPv4 address.
///
/// Allows underscores, which RFC 1035 does not, because the names of containers have them.
fn is_name(text: &str) -> bool {
    let name = text.strip_suffix('.').unwrap_or(text);
    let mut labels = name.split('.');
    let is_label = |label: &str| {
        (1..=MAX_LABEL).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
    };
    // No top-level domain is a number, so a name that ends in one is an IPv4 address (WHATWG URL, "ends in a number").
    let ends_in_number = |name: &str| {
        let last = name.rsplit('.').next().unwrap_or_default();
        last.bytes().all(|byte| byte.is_ascii_digit())
    };
    name.len() <= MAX_NAME
        && labels.all(is_label)
        && (!ends_in_number(name) || text.parse::<Ipv4Addr>().is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn valid_hosts_and_ports_are_accepted() {
        for text in [
            "localhost",
            "localhost:4318",
            "otel-collector.monitoring.svc.cluster.local:4318",
            "otel.example.",
            "otel_collector:65535",
            "4317collector",
            "127.0.0.1:1",
            "[::1]",
            "[2001:db8::1]:4318",
        ] {
            assert_eq!(authority(text), Ok(()), "{text}");
        }
    }

    #[test]
    fn invalid_hosts_are_rejected() {
        for text in [
            "",
            ":4318",
            ".",
            "a..b",
            "-a",
            "a,b",
            "*",
            "a%20b",
            "{host}",
            "$HOST:4318",
            "127.0.0.1.5",
            "127.0.0.256",
            "127.0.0",
            "4318",
            "::1",
            "[::1",
            "[localhost]:4318",
        ] {
            let refused = authority(text);
            assert!(
                refused.is_err_and(|expected| expected.contains("host name")),
                "{text}"
            );
        }
        let long = ["a"; 127].join(".") + ".aa";
        assert!(authority(&long).is_err());
        assert!(authority(&"a".repeat(64)).is_err());
    }

    #[test]
    fn invalid_ports_are_rejected() {
        for port in ["", "0", "65536", "99999", "-1", "+1", "4318x", "http"] {
            let refused = authority(&format!("localhost:{port}"));
            assert!(
                refused.is_err_and(|expected| expected.contains("65535")),
                "{port}"
            );
        }
    }

    #[test]
    fn listeners_have_no_scheme_and_no_port() {
        for host in ["localhost", "0.0.0.0", "::", "::1", "otel.example"] {
            assert!(is_bindable(host), "{host}");
        }
        for host in [
            "http://localhost",
            "0.0.0.0:9464",
            "[::]:9464",
            "'0.0.0.0'",
            "*",
            "0.0.0",
            "a b",
        ] {
            assert!(!is_bindable(host), "{host}");
        }
    }
}
