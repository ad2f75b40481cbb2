//! The admin listener: `/metrics`, `/livez`, `/readyz`, `/log-filter` and `/telemetry` on an address, a thread and a
//! runtime of their own.
//!
//! Of their own, so that scrapes and probes answer while the application's runtime is stalled or busy, and the stall
//! shows in the metrics; and so that what is meant for operators is never on the port that the world can reach.
//! Liveness asks nothing but whether this process answers: a check of a database there would restart every replica
//! whenever the database is slow.
//!
//! The flow: `connections` decides who has a place and for how long, `access` who may ask what, `routes` which page
//! answers. What it leaves out: TLS and users. Whoever needs them has a proxy that knows them.

mod access;
mod attempts;
mod connections;
mod log_filter;
mod readiness;
mod routes;

use std::{
    io,
    net::{SocketAddr, TcpListener, ToSocketAddrs},
    sync::Arc,
    thread,
    time::Duration,
};

use tokio::runtime::Runtime;

pub(crate) use self::readiness::stopping;
pub use self::readiness::{Latch, Readiness};
use self::{access::Access, connections::Connections, routes::Routes};
use crate::{
    InitError, Secret,
    runtime::{RuntimeObserver, watch},
    status::Status,
};

const THREAD: &str = "firstlight-admin";

/// Bound, and not yet serving.
#[derive(Debug)]
pub(crate) struct AdminListener {
    listener: TcpListener,
    address: SocketAddr,
}

impl AdminListener {
    pub(crate) fn bind(host: &str, port: u16) -> Result<Self, InitError> {
        let failed = |source| InitError::admin_listener(format!("{host}:{port}"), source);
        let mut addresses: Vec<SocketAddr> =
            (host, port).to_socket_addrs().map_err(failed)?.collect();
        // `localhost` is 127.0.0.1 in every scrape configuration, whatever the resolver prefers.
        addresses.sort_by_key(SocketAddr::is_ipv6);
        let listener = TcpListener::bind(&*addresses).map_err(failed)?;
        listener.set_nonblocking(true).map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        Ok(Self { listener, address })
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
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
        let access = Access::new(self.address.ip(), token);
        let routes = Arc::new(Routes::new(readiness, status, access));
        thread::Builder::new()
            .name(THREAD.to_owned())
            .spawn(move || self.run(&runtime, routes, observer))
            .map(drop)
            .map_err(failed)
    }

    fn run(self, runtime: &Runtime, routes: Arc<Routes>, observer: Arc<RuntimeObserver>) {
        // From here, where a blocked application cannot keep it from looking.
        runtime.spawn(watch(observer));
        if let Err(error) = runtime.block_on(self.serve(routes)) {
            tracing::error!(target: "firstlight", "the admin listener stopped: {error}");
        }
    }

    async fn serve(self, routes: Arc<Routes>) -> io::Result<()> {
        let listener = tokio::net::TcpListener::from_std(self.listener)?;
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
