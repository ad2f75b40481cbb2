//! The admin listener: metrics, probes, the recorder's data and the console.
//!
//! The listener serves the routes of `table` on an address, a thread and a runtime of its own. Scrapes and probes are
//! therefore answered while the application's runtime is blocked or busy, and the metrics show that it is. Endpoints for operators are never on the port that the public can reach. `/livez` reports only that
//! the process answers: a check of a database there would restart every replica whenever the database is slow.
//!
//! `connections` limits the number of connections and their duration, and `streams` those that stay open. `table` lists
//! the routes, `access` decides what a client may request, `audit` logs who did, and `routes` answers. TLS and users are
//! left to a proxy.

mod access;
mod answer;
mod audit;
mod connections;
#[cfg(feature = "console")]
mod console;
mod errors;
mod explain;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzz;
#[cfg(feature = "otlp-gzip")]
mod gzip;
#[cfg(feature = "console")]
mod history;
mod host;
mod identity;
mod log_filter;
mod log_lines;
mod one_line;
mod query;
mod rate_limit;
mod recent;
mod routes;
mod streams;
mod table;
mod time;
mod user_data;
mod write_timeout;

use std::{
    convert::Infallible,
    io,
    net::{SocketAddr, TcpListener, ToSocketAddrs},
    sync::{Arc, OnceLock},
    thread,
    time::Duration,
};

#[cfg(feature = "console")]
use self::history::History;
#[cfg(feature = "console")]
pub(crate) use self::history::history_bytes;
use self::{access::Access, connections::Connections, routes::Routes};
use crate::{
    InitError, Readiness, Secret,
    runtime::{RuntimeObserver, watch},
    status::{Status, watch_sigterm},
    thread::{ignore_sockets, suppressed},
};

/// The bytes that the history takes: none without the console.
#[cfg(not(feature = "console"))]
pub(crate) fn history_bytes(_recorder_bytes: usize) -> usize {
    0
}

const THREAD: &str = "firstlight-admin";

/// The time between two attempts to bind an address that is in use.
const BIND_INTERVAL: Duration = Duration::from_secs(5);

/// A listener that is not serving yet; bound unless the address is in use.
#[derive(Debug)]
pub(crate) struct AdminListener {
    host: String,
    port: u16,
    listener: Option<TcpListener>,
    address: Arc<OnceLock<SocketAddr>>,
}

/// Binds the first address that this machine has.
///
/// An address that is in use is not skipped: a scraper of that address would read the metrics of another process.
fn bind_first(addresses: &[SocketAddr]) -> io::Result<TcpListener> {
    let mut last_error = io::Error::from(io::ErrorKind::AddrNotAvailable);
    for address in addresses {
        match TcpListener::bind(address) {
            Err(error) if error.kind() != io::ErrorKind::AddrInUse => last_error = error,
            bound => return bound,
        }
    }
    Err(last_error)
}

impl AdminListener {
    /// Binds the address.
    ///
    /// # Errors
    ///
    /// The address cannot be bound. An address in use is an error only if it is required: a second process on the same
    /// machine must not fail because of its telemetry.
    pub(crate) fn bind(host: String, port: u16, is_required: bool) -> Result<Self, InitError> {
        let mut admin = Self {
            host,
            port,
            listener: None,
            address: Arc::default(),
        };
        match admin.listen() {
            Err(error) if error.kind() == io::ErrorKind::AddrInUse && !is_required => Ok(admin),
            Err(error) => Err(InitError::admin_listener(admin.configured_address(), error)),
            Ok(()) => Ok(admin),
        }
    }

    fn listen(&mut self) -> io::Result<()> {
        let mut addresses: Vec<SocketAddr> = (&*self.host, self.port).to_socket_addrs()?.collect();
        // Scrape configurations expect `localhost` to be 127.0.0.1, whatever the resolver prefers.
        addresses.sort_by_key(SocketAddr::is_ipv6);
        let listener = bind_first(&addresses)?;
        listener.set_nonblocking(true)?;
        // The cell is set at most once, because a bound listener is not bound again.
        let _ = self.address.set(listener.local_addr()?);
        self.listener = Some(listener);
        Ok(())
    }

    fn configured_address(&self) -> String {
        format!("{}:{}", self.host, self.port)
    }

    /// The bound address; empty until the listener is bound.
    pub(crate) fn address(&self) -> Arc<OnceLock<SocketAddr>> {
        self.address.clone()
    }

    /// The warning about an address that is in use.
    pub(crate) fn warning(&self) -> Option<String> {
        let (wanted, port) = (self.configured_address(), self.port);
        self.listener.is_none().then(|| {
            format!(
                "admin listener: {wanted} is in use by another process (`ss -ltnp 'sport = :{port}'` says by which), so {} are not served; it is tried again every {} s. Set OTEL_EXPORTER_PROMETHEUS_PORT to a port of this process's own (0 takes a free one), or FIRSTLIGHT_ADMIN_REQUIRED=true to make it an error",
                table::paths(),
                BIND_INTERVAL.as_secs()
            )
        })
    }

    /// Serves until the process ends.
    ///
    /// Probes are therefore answered during the shutdown too.
    pub(crate) fn start(
        self,
        readiness: Readiness,
        status: Arc<Status>,
        observer: Arc<RuntimeObserver>,
        token: Option<Secret<String>>,
    ) -> Result<(), InitError> {
        let failed = |reason| InitError::Thread {
            name: THREAD,
            reason,
        };
        let build = || {
            tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
        };
        let runtime = suppressed(build).map_err(failed)?;
        let watched = status.clone();
        #[cfg(feature = "console")]
        let history = History::new(&status);
        #[cfg(feature = "console")]
        if let Some(history) = history.clone() {
            runtime.spawn(history.watch(status.clone()));
        }
        let routes = |address: SocketAddr| {
            let routes = Routes::new(readiness, status, Access::new(address.ip(), token));
            #[cfg(feature = "console")]
            let routes = routes.with_history(history);
            Arc::new(routes)
        };
        thread::Builder::new()
            .name(THREAD.to_owned())
            .spawn(move || {
                ignore_sockets();
                // Both tasks run here, because the application's runtime could not run them while it is blocked.
                runtime.spawn(watch(observer));
                runtime.spawn(watch_sigterm(watched));
                let Err(error) = runtime.block_on(self.serve(routes));
                tracing::error!(target: "firstlight", "the admin listener stopped: {error}");
            })
            .map(drop)
            .map_err(failed)
    }

    async fn serve(
        mut self,
        routes: impl FnOnce(SocketAddr) -> Arc<Routes>,
    ) -> io::Result<Infallible> {
        let listener = loop {
            if let Some(listener) = self.listener.take() {
                break listener;
            }
            tokio::time::sleep(BIND_INTERVAL).await;
            // Any error may be temporary, so another attempt follows.
            if self.listen().is_ok() {
                tracing::info!(target: "firstlight", address = self.configured_address(), "the admin listener is now listening");
            }
        };
        let listener = tokio::net::TcpListener::from_std(listener)?;
        let routes = routes(listener.local_addr()?);
        let answer = move |request, client| {
            let routes = routes.clone();
            async move { routes.answer(request, client).await }
        };
        Ok(Connections::default().accept(listener, answer).await)
    }
}
