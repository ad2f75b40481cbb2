//! The admin listener: `/metrics`, `/livez`, `/readyz`, `/log-filter` and `/telemetry` on an address, a thread and a
//! runtime of their own.
//!
//! Of their own, so that scrapes and probes answer while the application's runtime is stalled or busy, and the stall
//! shows in the metrics; and so that what is meant for operators is never on the port that the world can reach.
//! Liveness asks nothing but whether this process answers: a check of a database there would restart every replica
//! whenever the database is slow.
//!
//! The flow: `connections` decides who has a place and for how long, `access` who may ask what, `routes` which page
//! answers. What it leaves out: TLS and users, which a proxy has.

mod access;
mod attempts;
mod connections;
#[cfg(feature = "otlp-gzip")]
mod gzip;
mod log_filter;
mod routes;

use std::{
    io,
    net::{SocketAddr, TcpListener, ToSocketAddrs},
    sync::{Arc, OnceLock},
    thread,
    time::Duration,
};

use self::{access::Access, connections::Connections, routes::Routes};
use crate::{
    InitError, Readiness, Secret,
    runtime::{RuntimeObserver, watch},
    status::{Status, watch_sigterm},
};

const THREAD: &str = "firstlight-admin";

/// Between two tries to have an address that is in use.
const PAUSE: Duration = Duration::from_secs(5);

/// Bound, unless the address is in use, and not yet serving.
#[derive(Debug)]
pub(crate) struct AdminListener {
    host: String,
    port: u16,
    listener: Option<TcpListener>,
    address: Arc<OnceLock<SocketAddr>>,
}

/// The first that this machine has. One that is in use is not passed over: a scraper that knows it would read what another
/// process says.
fn bind_first(addresses: &[SocketAddr]) -> io::Result<TcpListener> {
    let mut missing = io::Error::from(io::ErrorKind::AddrNotAvailable);
    for address in addresses {
        match TcpListener::bind(address) {
            Err(error) if error.kind() != io::ErrorKind::AddrInUse => missing = error,
            bound => return bound,
        }
    }
    Err(missing)
}

impl AdminListener {
    /// # Errors
    ///
    /// The address cannot be had. One that is in use is no error unless it is required: a second process on the same machine
    /// is not to fail because of its telemetry.
    pub(crate) fn bind(host: String, port: u16, is_required: bool) -> Result<Self, InitError> {
        let mut admin = Self {
            host,
            port,
            listener: None,
            address: Arc::default(),
        };
        match admin.listen() {
            Err(error) if error.kind() == io::ErrorKind::AddrInUse && !is_required => Ok(admin),
            Err(error) => Err(InitError::admin_listener(admin.wanted(), error)),
            Ok(()) => Ok(admin),
        }
    }

    fn listen(&mut self) -> io::Result<()> {
        let mut addresses: Vec<SocketAddr> = (&*self.host, self.port).to_socket_addrs()?.collect();
        // `localhost` is 127.0.0.1 in every scrape configuration, whatever the resolver prefers.
        addresses.sort_by_key(SocketAddr::is_ipv6);
        let listener = bind_first(&addresses)?;
        listener.set_nonblocking(true)?;
        // It is set once, because nothing is tried again after this.
        let _ = self.address.set(listener.local_addr()?);
        self.listener = Some(listener);
        Ok(())
    }

    fn wanted(&self) -> String {
        format!("{}:{}", self.host, self.port)
    }

    /// Where it listens; empty as long as it does not.
    pub(crate) fn address(&self) -> Arc<OnceLock<SocketAddr>> {
        self.address.clone()
    }

    /// What to say if the address is in use.
    pub(crate) fn warning(&self) -> Option<String> {
        let (wanted, port) = (self.wanted(), self.port);
        self.listener.is_none().then(|| {
            format!(
                "admin listener: {wanted} is in use by another process (`ss -ltnp 'sport = :{port}'` says by which), so /metrics, /livez, /readyz, /log-filter and /telemetry are not served; it is tried again every {} s. Set OTEL_EXPORTER_PROMETHEUS_PORT to a port of this process's own (0 takes a free one), or FIRSTLIGHT_ADMIN_REQUIRED=true to make it an error",
                PAUSE.as_secs()
            )
        })
    }

    /// Serves until the process ends: probes are answered during the shutdown, too.
    pub(crate) fn start(
        self,
        readiness: Readiness,
        status: Arc<Status>,
        observer: Arc<RuntimeObserver>,
        token: Option<Secret<String>>,
    ) -> Result<(), InitError> {
        let failed = |source| InitError::Thread {
            name: THREAD,
            source,
        };
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(failed)?;
        let watched = status.clone();
        let routes = |address: SocketAddr| {
            Arc::new(Routes::new(
                readiness,
                status,
                Access::new(address.ip(), token),
            ))
        };
        thread::Builder::new()
            .name(THREAD.to_owned())
            .spawn(move || {
                // From here, where a blocked application cannot keep it from looking.
                runtime.spawn(watch(observer));
                runtime.spawn(watch_sigterm(watched));
                if let Err(error) = runtime.block_on(self.serve(routes)) {
                    tracing::error!(target: "firstlight", "the admin listener stopped: {error}");
                }
            })
            .map(drop)
            .map_err(failed)
    }

    async fn serve(mut self, routes: impl FnOnce(SocketAddr) -> Arc<Routes>) -> io::Result<()> {
        let listener = loop {
            if let Some(listener) = self.listener.take() {
                break listener;
            }
            tokio::time::sleep(PAUSE).await;
            // Whatever is wrong now may be gone the next time.
            if self.listen().is_ok() {
                tracing::info!(target: "firstlight", address = self.wanted(), "the admin listener has its address now");
            }
        };
        let listener = tokio::net::TcpListener::from_std(listener)?;
        let routes = routes(listener.local_addr()?);
        let connections = Connections::default();
        loop {
            let Ok((stream, client)) = listener.accept().await else {
                // Out of file descriptors, most likely; trying again at once would burn a core.
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            };
            connections.serve(stream, client, routes.clone());
            // So that a request that has arrived is read before the next connection may take its place.
            tokio::task::yield_now().await;
        }
    }
}
