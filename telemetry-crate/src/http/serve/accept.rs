//! Accepts connections until the signal to stop, and ends them within the drain.

use std::{
    io,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use tokio::{
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore, mpsc, watch},
    task::JoinSet,
    time::{Instant, sleep, timeout},
};

use super::{Serve, Server, metrics::Limit, watch::serve_connection};

/// Pause after a failed accept.
///
/// The usual reason is a lack of file descriptors. Without a pause the loop would use a whole core.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

const WARNING_INTERVAL: Duration = Duration::from_secs(60);

/// Time for the cut requests to record their spans and log lines before the flush.
const CUT_GRACE: Duration = Duration::from_secs(1);

/// Stage of a server's shutdown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    Accepting,
    /// Requests in flight may complete, and new connections are refused.
    Draining,
    /// Requests in flight are cut.
    Cutting,
}

pub(super) async fn run(serve: Serve) {
    let Serve {
        listener,
        app,
        limits,
        mut shutdown,
    } = serve;
    let limits = limits.effective();
    let drain = limits.drain;
    let permits = Arc::new(Semaphore::new(limits.max_connections));
    let server = Server::new(app, limits);
    let (phase, in_phase) = watch::channel(Phase::Accepting);
    let (alive, mut all_closed) = mpsc::channel(1);
    let mut tasks = JoinSet::new();
    let mut accepting = Acceptor::default();
    loop {
        let (permit, stream, client) = tokio::select! {
            biased;
            () = &mut shutdown => break,
            (permit, (stream, client)) = accepting.next(&listener, &permits) => (permit, stream, client),
        };
        // Small responses leave at once, without waiting for more data. An error means that the
        // connection is closed.
        let _ = stream.set_nodelay(true);
        while tasks.try_join_next().is_some() {}
        tasks.spawn(serve_connection(
            server.clone(),
            stream,
            client,
            (permit, alive.clone()),
            in_phase.clone(),
        ));
    }

    // From here on, new connections are refused.
    drop(listener);
    drop(alive);
    phase.send_replace(Phase::Draining);
    if timeout(drain, all_closed.recv()).await.is_ok() {
        return;
    }
    let connections = server.limits.max_connections - permits.available_permits();
    let requests = server.in_flight.load(Ordering::Relaxed);
    Limit::Drain.count_by(connections);
    tracing::warn!(
        target: "firstlight",
        connections,
        requests,
        "the drain of {} s is over: open connections are cut",
        drain.as_secs_f64()
    );
    phase.send_replace(Phase::Cutting);
    let _ = timeout(CUT_GRACE, all_closed.recv()).await;
    tasks.abort_all();
}

/// Accepts connections, and limits its warnings to one of each kind a minute.
#[derive(Default)]
struct Acceptor {
    failing: WarningLimit,
    full: WarningLimit,
}

/// Time of the last warning.
#[derive(Default)]
struct WarningLimit(Option<Instant>);

impl WarningLimit {
    /// Returns whether a warning is due, and records it.
    fn is_due(&mut self) -> bool {
        let is_due = self.0.is_none_or(|last| last.elapsed() >= WARNING_INTERVAL);
        if is_due {
            self.0 = Some(Instant::now());
        }
        is_due
    }
}

impl Acceptor {
    async fn next(
        &mut self,
        listener: &TcpListener,
        permits: &Arc<Semaphore>,
    ) -> (OwnedSemaphorePermit, (TcpStream, std::net::SocketAddr)) {
        let permit = self.permit(permits).await;
        loop {
            match listener.accept().await {
                Ok(accepted) => return (permit, accepted),
                // The client disconnected before it was accepted.
                Err(error) if is_client_error(&error) => {}
                Err(error) => {
                    Limit::Accept.count();
                    if self.failing.is_due() {
                        tracing::warn!(
                            target: "firstlight",
                            "cannot accept connections, retrying every {} ms: {error}",
                            ACCEPT_PAUSE.as_millis()
                        );
                    }
                    sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }

    async fn permit(&mut self, permits: &Arc<Semaphore>) -> OwnedSemaphorePermit {
        if permits.available_permits() == 0 {
            Limit::Connections.count();
            if self.full.is_due() {
                tracing::warn!(
                    target: "firstlight",
                    "the connection limit is reached: further connections wait until one is closed"
                );
            }
        }
        loop {
            // An error means that the semaphore is closed, which never happens.
            if let Ok(permit) = permits.clone().acquire_owned().await {
                return permit;
            }
        }
    }
}

fn is_client_error(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionRefused
    )
}
