//! The destination of one signal's OTLP exports.
//!
//! A signal's own OTLP variable takes precedence over the general variable, as the specification of the "OpenTelemetry
//! Protocol Exporter" requires.

use std::{fmt, net::IpAddr, time::Duration};

use http::{HeaderName, HeaderValue, Uri};

use super::{
    TelemetryConfig,
    address::Address,
    env,
    env::{Env, OtlpVariables},
    key_values::{key_value, pairs},
    protocol::Protocol,
};
use crate::{
    InitError,
    error::{cut, without_query},
    signal::Signal,
};

/// The address of one signal's exports and how requests are sent there.
#[derive(Clone)]
pub(crate) struct Destination {
    /// The complete address, with its path and without credentials.
    pub(crate) endpoint: Uri,
    pub(crate) protocol: Protocol,
    pub(crate) headers: Vec<(HeaderName, HeaderValue)>,
    pub(crate) gzip: bool,
    /// The timeout of one attempt to send a request.
    pub(crate) request_timeout: Duration,
    #[cfg_attr(not(feature = "otlp-tls"), expect(dead_code, reason = "see Tls"))]
    pub(crate) tls: Tls,
}

impl fmt::Debug for Destination {
    // Header values are usually credentials.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Destination")
            .field("endpoint", &self.endpoint)
            .field("protocol", &self.protocol)
            .finish_non_exhaustive()
    }
}

impl Destination {
    /// The address for logs and reports, without its query.
    ///
    /// The query may hold an API key. An address of gRPC is shown without its path, because the path is always the same.
    pub(crate) fn address(&self) -> String {
        match (
            self.protocol,
            self.endpoint.scheme(),
            self.endpoint.authority(),
        ) {
            #[cfg(feature = "otlp-grpc")]
            (Protocol::Grpc, Some(scheme), Some(authority)) => format!("{scheme}://{authority}"),
            _ => without_query(&self.endpoint),
        }
    }
}

impl fmt::Display for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "otlp {} to {}", self.protocol, self.address())
    }
}

/// The PEM files of a TLS connection.
///
/// The files are read at the start, so a missing file is an error of the start and not of the first export.
#[derive(Clone, Default)]
#[cfg_attr(
    not(feature = "otlp-tls"),
    expect(
        dead_code,
        reason = "read in every build, so that a wrong setting is an error with and without TLS"
    )
)]
pub(crate) struct Tls {
    pub(crate) certificate: Option<PemFile>,
    /// The service's certificate and its private key.
    pub(crate) client: Option<(PemFile, PemFile)>,
}

/// A PEM file and the variable that names it.
#[derive(Clone)]
pub(crate) struct PemFile {
    pub(crate) variable: &'static str,
    pub(crate) path: String,
    #[cfg_attr(not(feature = "otlp-tls"), expect(dead_code, reason = "see Tls"))]
    pub(crate) contents: Vec<u8>,
}

/// Reads the destination of a signal's exports.
///
/// # Errors
///
/// Returns an error if the address or the protocol is invalid, if a PEM file cannot be read, or if
/// only one of the client's certificate and private key is set. Other invalid values cause
/// warnings.
pub(super) fn destination(
    signal: Signal,
    config: &TelemetryConfig,
    env: &mut Env<'_>,
) -> Result<Destination, InitError> {
    let own = match signal {
        Signal::Traces => &env::OTLP_TRACES,
        Signal::Metrics => &env::OTLP_METRICS,
        Signal::Logs => &env::OTLP_LOGS,
    };
    let protocol = protocol(own, env)?;
    let address = match env.first(&[own.endpoint, env::OTLP.endpoint]) {
        Some((setting, value)) => Address {
            setting,
            value,
            is_base: setting == env::OTLP.endpoint,
            signal,
            protocol,
            insecure: env
                .boolean(own.insecure)
                .or_else(|| env.boolean(env::OTLP.insecure))
                .unwrap_or(false),
        },
        None => {
            let default = match protocol {
                Protocol::HttpProtobuf => "http://localhost:4318",
                #[cfg(feature = "otlp-grpc")]
                Protocol::Grpc => "http://localhost:4317",
            };
            let base = config.otlp_endpoint.as_deref().unwrap_or(default);
            Address {
                setting: "TelemetryConfig::otlp_endpoint",
                value: base.to_owned(),
                is_base: true,
                signal,
                protocol,
                insecure: false,
            }
        }
    };
    let endpoint = address.resolve()?;
    for warning in address.oddities(&endpoint) {
        env.warn_once(warning);
    }
    warn_of_proxy(&endpoint, env);
    Ok(Destination {
        endpoint,
        protocol,
        headers: headers(own, env),
        gzip: gzip(own, env),
        request_timeout: env
            .timeout(own.timeout)
            .or_else(|| env.timeout(env::OTLP.timeout))
            .unwrap_or(Duration::from_secs(10)),
        tls: tls(own, env)?,
    })
}

/// Warns once per variable and host about a proxy that is configured and not used.
///
/// OTLP clients in other languages use the proxy of the environment.
fn warn_of_proxy(endpoint: &Uri, env: &mut Env<'_>) {
    let host = endpoint.host().unwrap_or_default();
    let name_if_set = |name: &str| {
        // Proxy variables are common in upper case and in lower case.
        let names = [name.to_owned(), name.to_ascii_lowercase()];
        names.into_iter().find(|name| env.text(name).is_some())
    };
    let scheme_variable = match endpoint.scheme_str() {
        Some("https") => env::HTTPS_PROXY,
        _ => env::HTTP_PROXY,
    };
    let Some(variable) = name_if_set(scheme_variable).or_else(|| name_if_set("ALL_PROXY")) else {
        return;
    };
    let excluded = name_if_set(env::NO_PROXY).and_then(|name| env.text(&name));
    if is_local(host) || excluded.is_some_and(|list| is_excluded(host, &list)) {
        return;
    }
    // The warning does not show the variable's value, which may contain credentials.
    env.warn_once(format!(
        "{variable} is set and not used: exports go to {host} directly; if only the proxy can reach {host}, export to a collector or agent beside the service instead; otherwise list {host} in NO_PROXY to silence this"
    ));
}

/// Whether the host is this machine, which no client reaches through a proxy.
fn is_local(host: &str) -> bool {
    let address = host.trim_matches(['[', ']']).parse::<IpAddr>();
    host == "localhost" || address.is_ok_and(|address| address.is_loopback())
}

/// Whether `NO_PROXY` excludes the host.
///
/// The book's decision 27 compares this with `hyper_util`. As for curl and Go, the list has domains (including their subdomains), addresses and networks. A
/// port after a domain or an IPv4 address is ignored.
fn is_excluded(host: &str, list: &str) -> bool {
    let host = host.trim_matches(['[', ']']).to_ascii_lowercase();
    let host = host.as_str();
    let list = list.to_ascii_lowercase();
    list.split([',', ' ']).map(str::trim).any(|entry| {
        let without_port = entry
            .rsplit_once(':')
            .filter(|(front, port)| port.parse::<u16>().is_ok() && !front.contains(':'))
            .map_or(entry, |(front, _)| front);
        let domain = without_port.trim_start_matches("*.");
        let domain = domain.trim_start_matches('.').trim_matches(['[', ']']);
        let within = host
            .strip_suffix(domain)
            .is_some_and(|front| front.is_empty() || front.ends_with('.'));
        entry == "*" || (!domain.is_empty() && within) || is_in_network(host, entry)
    })
}

/// Whether the address is in a network such as `10.0.0.0/8`.
fn is_in_network(host: &str, network: &str) -> bool {
    let bits = |address: &str| match address.parse::<IpAddr>().ok()? {
        IpAddr::V4(address) => Some((u128::from(address.to_bits()) << 96, 32)),
        IpAddr::V6(address) => Some((address.to_bits(), 128)),
    };
    let in_network = || {
        let (network, length) = network.split_once('/')?;
        let ((host, host_width), (network, network_width)) = (bits(host)?, bits(network)?);
        let length: u32 = length.parse().ok()?;
        let mask = u128::MAX
            .checked_shl(128_u32.checked_sub(length)?)
            .unwrap_or(0);
        Some(host_width == network_width && length <= host_width && host & mask == network & mask)
    };
    in_network().unwrap_or(false)
}

fn protocol(own: &OtlpVariables, env: &Env<'_>) -> Result<Protocol, InitError> {
    let Some((variable, protocol)) = env.first(&[own.protocol, env::OTLP.protocol]) else {
        return Ok(Protocol::HttpProtobuf);
    };
    match &*protocol.to_ascii_lowercase() {
        "http/protobuf" => Ok(Protocol::HttpProtobuf),
        #[cfg(feature = "otlp-grpc")]
        "grpc" => Ok(Protocol::Grpc),
        #[cfg(not(feature = "otlp-grpc"))]
        "grpc" => Err(InitError::invalid(
            variable,
            protocol,
            "`http/protobuf`, usually on the collector's port 4318, or a build of the service with firstlight's feature `otlp-grpc`",
        )),
        _ => Err(InitError::invalid(
            variable,
            protocol,
            "`http/protobuf`, usually on the collector's port 4318, or `grpc`, usually on its port 4317",
        )),
    }
}

/// Returns the valid headers, and warns about each malformed pair.
fn headers(own: &OtlpVariables, env: &mut Env<'_>) -> Vec<(HeaderName, HeaderValue)> {
    let Some((variable, list)) = env.first(&[own.headers, env::OTLP.headers]) else {
        return Vec::new();
    };
    let mut headers = Vec::new();
    for (position, pair) in pairs(&list) {
        match header(pair) {
            Ok(header) => headers.push(header),
            // The warning shows neither the value nor text without `=`, because both may be API keys.
            Err(problem) => env.warn_once(format!(
                "{variable}: pair {position} is not sent, because {problem}; expected `key=value,key=value` with percent-encoded values"
            )),
        }
    }
    headers
}

/// Parses one `key=value` pair.
///
/// # Errors
///
/// A clause that says what is wrong with the pair, without its value.
fn header(pair: &str) -> Result<(HeaderName, HeaderValue), String> {
    let Some((key, _)) = pair.split_once('=') else {
        return Err("it has no `=`".to_owned());
    };
    let key = key.trim();
    let Ok(name) = key.parse::<HeaderName>() else {
        return Err(format!("{:?} is not a header name", cut(key)));
    };
    let value = key_value(pair).and_then(|(_, value)| value.parse::<HeaderValue>().ok());
    let Some(mut value) = value else {
        return Err(format!(
            "the value of {:?} is not valid in a header",
            cut(key)
        ));
    };
    value.set_sensitive(true);
    Ok((name, value))
}

fn gzip(own: &OtlpVariables, env: &mut Env<'_>) -> bool {
    let parse = |value: &str| match value {
        "gzip" if cfg!(feature = "otlp-gzip") => Some(true),
        "none" => Some(false),
        _ => None,
    };
    let expected = if cfg!(feature = "otlp-gzip") {
        "`gzip` or `none`"
    } else {
        "`none`, or a build of the service with firstlight's feature `otlp-gzip`"
    };
    env.choice(own.compression, expected, parse)
        .or_else(|| env.choice(env::OTLP.compression, expected, parse))
        .unwrap_or(false)
}

fn tls(own: &OtlpVariables, env: &Env<'_>) -> Result<Tls, InitError> {
    let read = |names: &[&'static str]| match env.first(names) {
        None => Ok(None),
        Some((variable, path)) => match std::fs::read(&path) {
            Ok(contents) => Ok(Some(PemFile {
                variable,
                path,
                contents,
            })),
            Err(error) => Err(InitError::invalid(
                variable,
                path,
                format!("a file that can be read: {error}"),
            )),
        },
    };
    let certificate = read(&[own.certificate, env::OTLP.certificate])?;
    let client = match (
        read(&[own.client_certificate, env::OTLP.client_certificate])?,
        read(&[own.client_key, env::OTLP.client_key])?,
    ) {
        (Some(certificate), Some(key)) => Some((certificate, key)),
        (None, None) => None,
        (Some(alone), None) => {
            return Err(InitError::invalid(
                alone.variable,
                alone.path,
                "OTEL_EXPORTER_OTLP_CLIENT_KEY to be set as well, to the PEM file of the certificate's private key",
            ));
        }
        (None, Some(alone)) => {
            return Err(InitError::invalid(
                alone.variable,
                alone.path,
                "OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE to be set as well, to the PEM file of the key's certificate",
            ));
        }
    };
    Ok(Tls {
        certificate,
        client,
    })
}
