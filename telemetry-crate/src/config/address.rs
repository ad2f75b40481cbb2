//! Resolution of an endpoint setting to a signal's address, and warnings about it.
//!
//! The book's decision 27 has the reasons why `url` is not used.

use http::Uri;

use super::{host, protocol::Protocol};
use crate::{InitError, error::cut, signal::Signal};

/// The default port of OTLP over gRPC, by the OTLP specification.
const GRPC_PORT: u16 = 4317;

/// The default port of OTLP over HTTP, by the OTLP specification.
const HTTP_PORT: u16 = 4318;

/// An endpoint as it was configured.
pub(super) struct Address {
    /// The name of the setting.
    pub(super) setting: &'static str,
    pub(super) value: String,
    /// Whether the signal's path is appended over HTTP.
    ///
    /// A signal's own endpoint is used unchanged.
    pub(super) is_base: bool,
    pub(super) signal: Signal,
    pub(super) protocol: Protocol,
    /// Whether an address without a scheme, which gRPC allows, means `http`.
    pub(super) insecure: bool,
}

impl Address {
    /// Returns the complete address.
    pub(super) fn resolve(&self) -> Result<Uri, InitError> {
        let value = &*self.value;
        let shown = without_credentials(value);
        let invalid = |expected: &str| InitError::invalid(self.setting, &*shown, expected);
        let expected = "an address with a scheme, such as http://localhost:4318";
        let complete = match self.protocol {
            Protocol::HttpProtobuf if self.is_base => {
                let (base, query) = value.split_once('?').unwrap_or((value, ""));
                let mark = if query.is_empty() { "" } else { "?" };
                let path = self.signal.http_path();
                format!("{}{path}{mark}{query}", base.trim_end_matches('/'))
            }
            Protocol::HttpProtobuf => value.to_owned(),
            #[cfg(feature = "otlp-grpc")]
            Protocol::Grpc => grpc_address(value, self.signal, self.insecure),
        };
        // A build without gRPC never reads the field, because only gRPC addresses may lack a scheme.
        let _ = self.insecure;
        // `Uri` drops what follows `#` and treats quotes as part of the path.
        if value.contains(|char: char| {
            !char.is_ascii_graphic() || matches!(char, '#' | '"' | '\'' | '`' | '\\' | '<' | '>')
        }) {
            return Err(invalid(
                "an address without quotes, spaces, `#` and the like, such as http://localhost:4318",
            ));
        }
        let uri: Uri = complete.parse().map_err(|_| invalid(expected))?;
        let (Some(scheme @ ("http" | "https")), Some(authority)) =
            (uri.scheme_str(), uri.authority())
        else {
            return Err(invalid(expected));
        };
        if authority.as_str().contains('@') {
            return Err(invalid(
                "an address without credentials: put them into OTEL_EXPORTER_OTLP_HEADERS",
            ));
        }
        if let Err(expected) = host::authority(authority.as_str()) {
            return Err(invalid(expected));
        }
        if scheme == "https" && !cfg!(feature = "otlp-tls") {
            return Err(invalid(
                "an http:// address, because this build has no TLS: build the service with firstlight's feature `otlp-tls`, or export to a collector or agent beside the service, which encrypts the connection",
            ));
        }
        Ok(uri)
    }

    /// Returns a warning for each valid but probably unintended part of the address.
    ///
    /// Each warning is one sentence and says what to write instead. `endpoint` is the result of
    /// [`resolve`](Self::resolve).
    pub(super) fn oddities(&self, endpoint: &Uri) -> Vec<String> {
        let mut warnings = Vec::new();
        let (setting, shown) = (self.setting, without_credentials(&self.value));
        let mut warn = |problem: String| {
            warnings.push(format!("{setting}: found {:?}: {problem}", cut(&shown)));
        };
        let port = endpoint.port_u16();
        let (url, query) = shown.split_once('?').unwrap_or((&shown, ""));
        let query = if query.is_empty() { "" } else { "?***" };
        let url = url.trim_end_matches('/');
        match self.protocol {
            Protocol::HttpProtobuf => {
                let path = self.signal.http_path();
                let signal_of_path = Signal::ALL
                    .into_iter()
                    .find(|signal| url.ends_with(signal.http_path()));
                if port == Some(GRPC_PORT) {
                    let feature = if cfg!(feature = "otlp-grpc") {
                        ""
                    } else {
                        " (and firstlight's feature `otlp-grpc`)"
                    };
                    warn(format!(
                        "{GRPC_PORT} is the usual port of OTLP over gRPC, and the protocol is http/protobuf; set OTEL_EXPORTER_OTLP_PROTOCOL=grpc{feature}, or take the port {HTTP_PORT}"
                    ));
                }
                match signal_of_path {
                    Some(signal) if self.is_base => {
                        let base = url.strip_suffix(signal.http_path()).unwrap_or(url);
                        let path = signal.http_path();
                        warn(format!(
                            "{path} and the other signals' paths are appended to it once more; write {}{query}",
                            cut(base)
                        ));
                    }
                    Some(other) if other != self.signal => {
                        let base = url.strip_suffix(other.http_path()).unwrap_or(url);
                        warn(format!(
                            "that is the path of {}, and {} are sent there; write {}{path}{query}",
                            other.name(),
                            self.signal.name(),
                            cut(base)
                        ));
                    }
                    None if !self.is_base && endpoint.path() == "/" && port != Some(GRPC_PORT) => {
                        warn(format!(
                            "an endpoint of one signal is used as it is, without {path} appended; write {}{path}{query}",
                            cut(url)
                        ));
                    }
                    _ => {}
                }
            }
            #[cfg(feature = "otlp-grpc")]
            Protocol::Grpc => {
                let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
                if port == Some(HTTP_PORT) {
                    warn(format!(
                        "{HTTP_PORT} is the usual port of OTLP over HTTP, and the protocol is grpc; set OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf, or take the port {GRPC_PORT}"
                    ));
                } else if let Some((_, path)) = rest.split_once('/') {
                    warn(format!(
                        "over gRPC the path /{} is not used; write {}{query}",
                        cut(path),
                        url.strip_suffix(path).unwrap_or(url).trim_end_matches('/')
                    ));
                }
            }
        }
        warnings
    }
}

/// Completes a gRPC address with its scheme and the service's path.
///
/// A gRPC endpoint has a scheme, a host and a port, and its own path is not used. If it has no scheme, `insecure` chooses
/// `http` instead of `https`. See "Endpoint" in the OTLP exporter specification.
#[cfg(feature = "otlp-grpc")]
fn grpc_address(value: &str, signal: Signal, insecure: bool) -> String {
    let (scheme, rest) = match value.split_once("://") {
        Some((scheme, rest)) => (scheme, rest),
        None if insecure => ("http", value),
        None => ("https", value),
    };
    let authority = rest.split('/').next().unwrap_or_default();
    format!("{scheme}://{authority}{}", signal.grpc_path())
}

/// Returns the address with its credentials and its query replaced by `***`.
pub(super) fn without_credentials(url: &str) -> String {
    // The query may be a credential too: some vendors expect API keys there.
    let (url, query) = url.split_once('?').unwrap_or((url, ""));
    let query = if query.is_empty() { "" } else { "?***" };
    let shown = match (url.find("://"), url.rfind('@')) {
        (Some(scheme), Some(at)) if scheme + 3 <= at => {
            format!("{}***{}", &url[..scheme + 3], &url[at..])
        }
        (None, Some(at)) => format!("***{}", &url[at..]),
        _ => url.to_owned(),
    };
    shown + query
}
