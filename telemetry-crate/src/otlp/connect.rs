//! Connections to a collector: plain, or with TLS if the address says so.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::{TokioExecutor, TokioTimer},
};

use crate::{InitError, config::Destination};

#[cfg(feature = "otlp-tls")]
type Connector = hyper_rustls::HttpsConnector<HttpConnector>;
#[cfg(not(feature = "otlp-tls"))]
type Connector = HttpConnector;

/// A pool of them; in practice, one.
pub(super) type Connection = Client<Connector, Full<Bytes>>;

pub(super) fn connection(destination: &Destination) -> Result<Connection, InitError> {
    let mut builder = Client::builder(TokioExecutor::new());
    builder
        .pool_timer(TokioTimer::new())
        // Collectors and load balancers close idle connections after a minute or more.
        .pool_idle_timeout(Duration::from_secs(30));
    #[cfg(feature = "otlp-grpc")]
    if destination.protocol == crate::config::Protocol::Grpc {
        builder.http2_only(true);
    }
    Ok(builder.build(connector(destination)?))
}

#[cfg(not(feature = "otlp-tls"))]
fn connector(_: &Destination) -> Result<Connector, InitError> {
    Ok(HttpConnector::new())
}

#[cfg(feature = "otlp-tls")]
fn connector(destination: &Destination) -> Result<Connector, InitError> {
    let mut http = HttpConnector::new();
    http.enforce_http(false);
    let builder = hyper_rustls::HttpsConnectorBuilder::new()
        .with_tls_config(super::tls::config(destination)?)
        .https_or_http();
    #[cfg(feature = "otlp-grpc")]
    if destination.protocol == crate::config::Protocol::Grpc {
        return Ok(builder.enable_http2().wrap_connector(http));
    }
    Ok(builder.enable_http1().wrap_connector(http))
}
