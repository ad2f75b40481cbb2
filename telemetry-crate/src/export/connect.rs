//! Connections to a collector, with TLS for `https` addresses.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::{TokioExecutor, TokioTimer},
};

use super::stats::{ExportError, Retry};
use crate::{
    InitError,
    config::{Destination, Protocol},
    values::with_causes,
};

#[cfg(feature = "otlp-tls")]
type Connector = hyper_rustls::HttpsConnector<HttpConnector>;
#[cfg(not(feature = "otlp-tls"))]
type Connector = HttpConnector;

/// A pool of connections.
///
/// The pool holds one connection in practice, because the requests of a signal are sequential.
type Pool = Client<Connector, Full<Bytes>>;

/// The idle time before an HTTP/2 ping, and the timeout of the ping.
///
/// Pings are sent only while a request is in flight. `grpc-go` treats the third ping
/// during one unanswered request as an attack. That ping would be due after 12 s, and the default
/// timeout ends an attempt after 10 s.
#[cfg(feature = "otlp-grpc")]
const PING_INTERVAL: Duration = Duration::from_secs(4);

/// How long the kernel waits for an acknowledgment before it closes a connection.
///
/// It is longer than the default timeout of an attempt, 10 s, which therefore ends first.
#[cfg(target_os = "linux")]
const ACKNOWLEDGMENT_TIMEOUT: Duration = Duration::from_secs(30);

/// The connection to one collector; replaced if a request gets no response.
#[derive(Debug)]
pub(super) struct Connection {
    connector: Connector,
    protocol: Protocol,
    pool: Mutex<Pool>,
}

impl Connection {
    /// Creates a pool without opening a connection.
    pub(super) fn new(destination: &Destination) -> Result<Self, InitError> {
        let connector = connector(destination)?;
        let protocol = destination.protocol;
        let pool = Mutex::new(pool(connector.clone(), protocol));
        Ok(Self {
            connector,
            protocol,
            pool,
        })
    }

    /// Sends a request and reads the response with `read`.
    ///
    /// If there is no response, or if the future is dropped before the response arrives, the next request opens a new
    /// connection. HTTP/2 would otherwise send all requests over a connection that no longer works.
    pub(super) async fn exchange<T, F>(
        &self,
        request: Request<Full<Bytes>>,
        read: impl FnOnce(Response<Incoming>) -> F,
    ) -> Result<T, ExportError>
    where
        F: Future<Output = Result<T, ExportError>>,
    {
        let mut exchange = ExchangeGuard {
            connection: self,
            has_response: false,
        };
        let pool = self
            .pool
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        let response = pool.request(request).await.map_err(|error| {
            let kind = if error.is_connect() {
                "connect"
            } else {
                "network"
            };
            ExportError::new(kind, with_causes(&error), Retry::Yes)
        })?;
        let result = read(response).await;
        exchange.has_response = !matches!(&result, Err(error) if error.kind == "network");
        result
    }

    /// Replaces the pool, so that the next request opens a new connection.
    fn renew(&self) {
        let pool = pool(self.connector.clone(), self.protocol);
        *self.pool.lock().unwrap_or_else(PoisonError::into_inner) = pool;
    }
}

/// Replaces the connection when dropped without a response.
struct ExchangeGuard<'a> {
    connection: &'a Connection,
    has_response: bool,
}

impl Drop for ExchangeGuard<'_> {
    fn drop(&mut self) {
        if !self.has_response {
            self.connection.renew();
        }
    }
}

fn pool(connector: Connector, protocol: Protocol) -> Pool {
    let mut builder = Client::builder(TokioExecutor::new());
    builder
        .timer(TokioTimer::new())
        .pool_timer(TokioTimer::new())
        // Collectors and load balancers close a connection that is idle for a minute or longer. The client closes it
        // earlier, so that no request meets a closed connection.
        .pool_idle_timeout(Duration::from_secs(30));
    match protocol {
        Protocol::HttpProtobuf => {}
        #[cfg(feature = "otlp-grpc")]
        Protocol::Grpc => {
            builder
                .http2_only(true)
                .http2_keep_alive_interval(PING_INTERVAL)
                .http2_keep_alive_timeout(PING_INTERVAL);
        }
    }
    builder.build(connector)
}

fn tcp() -> HttpConnector {
    let mut http = HttpConnector::new();
    // TCP keepalive detects a host that has disappeared while no request is in flight.
    http.set_keepalive(Some(Duration::from_secs(30)));
    #[cfg(target_os = "linux")]
    http.set_tcp_user_timeout(Some(ACKNOWLEDGMENT_TIMEOUT));
    http
}

#[cfg(not(feature = "otlp-tls"))]
fn connector(_: &Destination) -> Result<Connector, InitError> {
    Ok(tcp())
}

#[cfg(feature = "otlp-tls")]
fn connector(destination: &Destination) -> Result<Connector, InitError> {
    let mut http = tcp();
    http.enforce_http(false);
    let builder = hyper_rustls::HttpsConnectorBuilder::new()
        .with_tls_config(super::tls::config(destination)?)
        .https_or_http();
    #[cfg(feature = "otlp-grpc")]
    if destination.protocol == Protocol::Grpc {
        return Ok(builder.enable_http2().wrap_connector(http));
    }
    Ok(builder.enable_http1().wrap_connector(http))
}
