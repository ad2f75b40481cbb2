//! The admin listener: `/metrics`, `/livez` and `/readyz` on an address, a thread and a runtime of their own.
//!
//! Of their own, so that scrapes and probes answer while the application's runtime is stalled or busy, and the stall
//! shows in the metrics; and so that what is meant for operators is never on the port that the world can reach.
//! Liveness asks nothing but whether this process answers: a check of a database there would restart every replica
//! whenever the database is slow.

mod readiness;

use std::{
    convert::Infallible,
    io,
    net::{SocketAddr, TcpListener, ToSocketAddrs},
    sync::Arc,
    thread,
    time::Duration,
};

use http::{Method, Request, Response, StatusCode, header};
use http_body_util::Full;
use hyper::{
    body::{Bytes, Incoming},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{runtime::Runtime, sync::Semaphore};

pub use self::readiness::Readiness;
pub(crate) use self::readiness::stopping;
use crate::{
    InitError,
    metrics::{Format, MetricsHandle},
};

const THREAD: &str = "firstlight-admin";

/// More than the scrapers, probes and people of any one process; a flood waits in the kernel's queue.
const MAX_CONNECTIONS: usize = 64;

/// A client that sends its request byte by byte, or keeps an idle connection, gives its place back after this long.
const READ_TIMEOUT: Duration = Duration::from_secs(30);

/// Bound, and not yet serving.
#[derive(Debug)]
pub(crate) struct AdminListener {
    listener: TcpListener,
    address: SocketAddr,
    pages: Pages,
}

#[derive(Debug, Clone)]
struct Pages {
    metrics: MetricsHandle,
    readiness: Readiness,
}

impl AdminListener {
    pub(crate) fn bind(
        host: &str,
        port: u16,
        metrics: MetricsHandle,
        readiness: Readiness,
    ) -> Result<Self, InitError> {
        let failed = |source| InitError::admin_listener(format!("{host}:{port}"), source);
        let mut addresses: Vec<SocketAddr> =
            (host, port).to_socket_addrs().map_err(failed)?.collect();
        // `localhost` is 127.0.0.1 in every scrape configuration, whatever the resolver prefers.
        addresses.sort_by_key(SocketAddr::is_ipv6);
        let listener = TcpListener::bind(&*addresses).map_err(failed)?;
        listener.set_nonblocking(true).map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        Ok(Self {
            listener,
            address,
            pages: Pages { metrics, readiness },
        })
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves until the process ends: probes are answered during the shutdown, too.
    pub(crate) fn start(self) -> Result<(), InitError> {
        let failed = |source| InitError::Thread {
            name: THREAD,
            source,
        };
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(failed)?;
        thread::Builder::new()
            .name(THREAD.to_owned())
            .spawn(move || self.run(&runtime))
            .map(drop)
            .map_err(failed)
    }

    fn run(self, runtime: &Runtime) {
        if let Err(error) = runtime.block_on(self.serve()) {
            tracing::error!(target: "firstlight", "the admin listener stopped: {error}");
        }
    }

    async fn serve(self) -> io::Result<()> {
        let listener = tokio::net::TcpListener::from_std(self.listener)?;
        let places = Arc::new(Semaphore::new(MAX_CONNECTIONS));
        loop {
            // The semaphore is never closed.
            let Ok(place) = places.clone().acquire_owned().await else {
                return Ok(());
            };
            let Ok((stream, _)) = listener.accept().await else {
                // Out of file descriptors, most likely; trying again at once would burn a core.
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            };
            let pages = self.pages.clone();
            tokio::spawn(async move {
                let service = service_fn(move |request| {
                    let pages = pages.clone();
                    async move { Ok::<_, Infallible>(pages.answer(&request).await) }
                });
                // An error here is the client's: it went away, or was too slow.
                let _ = http1::Builder::new()
                    .timer(TokioTimer::new())
                    .header_read_timeout(READ_TIMEOUT)
                    .serve_connection(TokioIo::new(stream), service)
                    .await;
                drop(place);
            });
        }
    }
}

impl Pages {
    async fn answer(&self, request: &Request<Incoming>) -> Response<Full<Bytes>> {
        let path = request.uri().path();
        if !matches!(path, "/metrics" | "/livez" | "/readyz") {
            return text(
                StatusCode::NOT_FOUND,
                "not found; there are /metrics, /livez and /readyz\n",
            );
        }
        if !matches!(*request.method(), Method::GET | Method::HEAD) {
            return text(StatusCode::METHOD_NOT_ALLOWED, "only GET and HEAD\n");
        }
        match path {
            "/livez" => text(StatusCode::OK, "alive\n"),
            "/readyz" => {
                let report = self.readiness.report().await;
                text(
                    if report.ready {
                        StatusCode::OK
                    } else {
                        StatusCode::SERVICE_UNAVAILABLE
                    },
                    report.text,
                )
            }
            _ => {
                let accept = request
                    .headers()
                    .get(header::ACCEPT)
                    .and_then(|value| value.to_str().ok());
                let format = Format::negotiate(accept);
                response(
                    StatusCode::OK,
                    format.content_type(),
                    self.metrics.render(format),
                )
            }
        }
    }
}

fn text(status: StatusCode, body: impl Into<Bytes>) -> Response<Full<Bytes>> {
    response(status, "text/plain; charset=utf-8", body)
}

fn response(
    status: StatusCode,
    content_type: &'static str,
    body: impl Into<Bytes>,
) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body.into()));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(
        header::CONTENT_TYPE,
        header::HeaderValue::from_static(content_type),
    );
    // What a probe or a scrape said a moment ago is never worth keeping.
    headers.insert(
        header::CACHE_CONTROL,
        header::HeaderValue::from_static("no-store"),
    );
    response
}
