//! Connections to a collector: plain, or with TLS if the address says so.

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

/// A pool of connections; in practice, one.
type Pool = Client<Connector, Full<Bytes>>;

/// How long an HTTP/2 connection with a request under way is silent before a ping, and how long the ping may take.
/// `grpc-go` takes three pings in a row without an answer for an attack; a try ends at the third by default.
#[cfg(feature = "otlp-grpc")]
const PING: Duration = Duration::from_secs(4);

/// What the kernel waits for an acknowledgement before it ends a connection; at least as long as a try takes.
#[cfg(target_os = "linux")]
const UNACKNOWLEDGED: Duration = Duration::from_secs(30);

/// The connection to one collector. One that did not answer is never used again.
#[derive(Debug)]
pub(super) struct Connection {
    connector: Connector,
    protocol: Protocol,
    pool: Mutex<Pool>,
}

impl Connection {
    /// Opens nothing yet.
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

    /// Sends a request, and reads the answer by a function. Without an answer, or if the future is dropped before it, the
    /// next request opens a connection: HTTP/2 would go on using one that is frozen for all requests.
    pub(super) async fn exchange<T, F>(
        &self,
        request: Request<Full<Bytes>>,
        read: impl FnOnce(Response<Incoming>) -> F,
    ) -> Result<T, ExportError>
    where
        F: Future<Output = Result<T, ExportError>>,
    {
        let mut exchange = Exchange {
            connection: self,
            is_answered: false,
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
        let answer = read(response).await;
        exchange.is_answered = !matches!(&answer, Err(error) if error.kind == "network");
        answer
    }

    fn renew(&self) {
        let pool = pool(self.connector.clone(), self.protocol);
        *self.pool.lock().unwrap_or_else(PoisonError::into_inner) = pool;
    }
}

/// A request under way; dropped without an answer, its connection is given up.
struct Exchange<'a> {
    connection: &'a Connection,
    is_answered: bool,
}

impl Drop for Exchange<'_> {
    fn drop(&mut self) {
        if !self.is_answered {
            self.connection.renew();
        }
    }
}

fn pool(connector: Connector, protocol: Protocol) -> Pool {
    let mut builder = Client::builder(TokioExecutor::new());
    builder
        .timer(TokioTimer::new())
        .pool_timer(TokioTimer::new())
        // Collectors and load balancers close idle connections after a minute or more.
        .pool_idle_timeout(Duration::from_secs(30));
    match protocol {
        Protocol::HttpProtobuf => {}
        #[cfg(feature = "otlp-grpc")]
        Protocol::Grpc => {
            builder
                .http2_only(true)
                .http2_keep_alive_interval(PING)
                .http2_keep_alive_timeout(PING);
        }
    }
    builder.build(connector)
}

fn tcp() -> HttpConnector {
    let mut http = HttpConnector::new();
    // A host that is gone, with no request under way.
    http.set_keepalive(Some(Duration::from_secs(30)));
    #[cfg(target_os = "linux")]
    http.set_tcp_user_timeout(Some(UNACKNOWLEDGED));
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
