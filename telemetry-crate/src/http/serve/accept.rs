//! Takes connections until the signal to stop, then ends them within the drain.

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

/// Out of file descriptors, most likely. Trying again at once would burn a core.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

const SAID_EVERY: Duration = Duration::from_secs(60);

/// For what was cut to notice it, so that its spans and lines are there before telemetry is flushed.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// How far a server is on its way to the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    Accepting,
    /// What is in flight may end.
    Draining,
    /// It may not any longer.
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
    let places = Arc::new(Semaphore::new(limits.max_connections));
    let server = Server::new(app, limits);
    let (phase, in_phase) = watch::channel(Phase::Accepting);
    let (alive, mut all_closed) = mpsc::channel(1);
    let mut tasks = JoinSet::new();
    let mut accepting = Accepting::default();
    loop {
        let (place, stream, client) = tokio::select! {
            biased;
            () = &mut shutdown => break,
            (place, (stream, client)) = accepting.next(&listener, &places) => (place, stream, client),
        };
        // Responses leave when they are written, and not with what may follow them. An error means that it is closed.
        let _ = stream.set_nodelay(true);
        while tasks.try_join_next().is_some() {}
        tasks.spawn(serve_connection(
            server.clone(),
            stream,
            client,
            (place, alive.clone()),
            in_phase.clone(),
        ));
    }

    // From here on, connecting fails.
    drop(listener);
    drop(alive);
    phase.send_replace(Phase::Draining);
    if timeout(drain, all_closed.recv()).await.is_ok() {
        return;
    }
    let connections = server.limits.max_connections - places.available_permits();
    let requests = server.in_flight.load(Ordering::Relaxed);
    Limit::Drain.count_by(connections);
    tracing::warn!(
        target: "firstlight",
        connections,
        requests,
        "the drain of {} s is over: what was still open is cut",
        drain.as_secs_f64()
    );
    phase.send_replace(Phase::Cutting);
    let _ = timeout(LAST_WORDS, all_closed.recv()).await;
    tasks.abort_all();
}

/// Says once a minute, rather than for each connection, what keeps it from accepting.
#[derive(Default)]
struct Accepting {
    failing: Said,
    full: Said,
}

/// When something was last said.
#[derive(Default)]
struct Said(Option<Instant>);

impl Said {
    /// Whether it is to be said now.
    fn is_due(&mut self) -> bool {
        let is_due = self.0.is_none_or(|last| last.elapsed() >= SAID_EVERY);
        if is_due {
            self.0 = Some(Instant::now());
        }
        is_due
    }
}

impl Accepting {
    async fn next(
        &mut self,
        listener: &TcpListener,
        places: &Arc<Semaphore>,
    ) -> (OwnedSemaphorePermit, (TcpStream, std::net::SocketAddr)) {
        let place = self.place(places).await;
        loop {
            match listener.accept().await {
                Ok(accepted) => return (place, accepted),
                // The client's, which went away meanwhile.
                Err(error) if is_of_the_client(&error) => {}
                Err(error) => {
                    Limit::Accept.count();
                    if self.failing.is_due() {
                        tracing::warn!(
                            target: "firstlight",
                            "cannot accept connections, tries again every {} ms: {error}",
                            ACCEPT_PAUSE.as_millis()
                        );
                    }
                    sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }

    async fn place(&mut self, places: &Arc<Semaphore>) -> OwnedSemaphorePermit {
        if places.available_permits() == 0 {
            Limit::Connections.count();
            if self.full.is_due() {
                tracing::warn!(
                    target: "firstlight",
                    "all places for connections are taken: further ones wait until one is closed"
                );
            }
        }
        loop {
            // An error means that the semaphore is closed, which it never is.
            if let Ok(place) = places.clone().acquire_owned().await {
                return place;
            }
        }
    }
}

fn is_of_the_client(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionRefused
    )
}
