//! The place of a database, read from a URL: host, port and name.
//!
//! Credentials are never read.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;

/// The place of a database, as far as its URL names it.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) namespace: Option<String>,
    pub(super) address: Option<String>,
    pub(super) port: Option<u16>,
}

impl Place {
    /// Reads a URL such as `postgres://user:password@db:5432/orders`.
    ///
    /// The user and the password are never read. Nothing is returned of a URL in which they cannot be told from the
    /// host, because a password contains `/`, `?` or `#`.
    pub(super) fn from_url(url: &str) -> Self {
        Self::parse(url).unwrap_or_default()
    }

    fn parse(url: &str) -> Option<Self> {
        let (scheme, rest) = url.split_once("://")?;
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (authority, rest) = rest.split_at(end);
        let host = match authority.rsplit_once('@') {
            Some((_, host)) => host,
            None if rest.contains('@') => return None,
            None => authority,
        };
        let (host, port) = host_and_port(host)?;
        let rest = rest.split('#').next().unwrap_or_default();
        let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
        let parameter = |wanted| {
            let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
            let mut values = pairs.filter_map(|(name, value)| (name == wanted).then_some(value));
            values.next().map(decoded)
        };
        if scheme.ends_with("unix") {
            return Some(Self {
                namespace: parameter("db"),
                address: Some(decoded(path)),
                port: None,
            });
        }
        let socket = parameter("host");
        let namespace = parameter("dbname").unwrap_or_else(|| decoded(path.trim_matches('/')));
        Some(Self {
            port: port.filter(|_| socket.is_none()),
            address: socket
                .or_else(|| Some(decoded(host)))
                .filter(|it| !it.is_empty()),
            namespace: Some(namespace).filter(|it| !it.is_empty()),
        })
    }
}

/// Splits a host from its port; `None` if the text after the colon is no port.
fn host_and_port(authority: &str) -> Option<(&str, Option<u16>)> {
    let after_brackets = authority.rfind(']').map_or(0, |bracket| bracket + 1);
    match authority[after_brackets..].rfind(':') {
        Some(colon) => {
            let (host, port) = authority.split_at(after_brackets + colon);
            let port = port.trim_start_matches(':').parse().ok()?;
            (!host.contains(':') || host.ends_with(']')).then_some((host, Some(port)))
        }
        None => Some((authority, None)),
    }
}

fn decoded(text: &str) -> String {
    match percent_decode_str(text).decode_utf8_lossy() {
        Cow::Borrowed(text) => text.to_owned(),
        Cow::Owned(text) => text,
    }
}

#[cfg(test)]
mod tests {
    use super::Place;

    fn place(url: &str) -> (Option<String>, Option<u16>, Option<String>) {
        let Place {
            namespace,
            address,
            port,
        } = Place::from_url(url);
        (address, port, namespace)
    }

    #[test]
    fn addresses_are_read() {
        for (url, address, port, namespace) in [
            ("postgres://db:5432/orders", "db", Some(5432), "orders"),
            ("postgres://ada:hunter2@db/orders", "db", None, "orders"),
            ("postgres://a:p@ss@db:1/o%20s", "db", Some(1), "o s"),
            ("mysql://[::1]:3306/orders", "[::1]", Some(3306), "orders"),
            ("mysql://[::1]/orders", "[::1]", None, "orders"),
            ("postgres://%2Fvar%2Frun/orders", "/var/run", None, "orders"),
            (
                "postgres://db:5432/?host=%2Frun&dbname=orders#x",
                "/run",
                None,
                "orders",
            ),
        ] {
            let expected = (Some(address.to_owned()), port, Some(namespace.to_owned()));
            assert_eq!(place(url), expected, "{url}");
        }
    }

    #[test]
    fn sockets_of_redis_are_addresses() {
        let found = place("redis+unix:///run/redis.sock?db=1");
        let [address, namespace] = ["/run/redis.sock", "1"].map(|it| Some(it.to_owned()));
        assert_eq!(found, (address, None, namespace));
    }

    #[test]
    fn credentials_are_never_read() {
        for url in [
            "postgres://ada:hunt/er2@db/orders",
            "postgres://ada:1234/secret@db/orders",
            "postgres://ada:12?34@db/orders",
            "postgres://ada:hunter2",
            "postgres://ada:hunter2/orders",
            "postgres://ada:hunter2:5432/orders",
            "ada:hunter2@db",
        ] {
            assert_eq!(place(url), (None, None, None), "{url}");
        }
        let (address, port, namespace) = place("postgres://ada@db");
        assert_eq!(
            (address.as_deref(), port, namespace),
            (Some("db"), None, None)
        );
    }
}
