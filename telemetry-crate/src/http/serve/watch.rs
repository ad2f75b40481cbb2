//! Serves one connection, and closes it when its client misses a deadline.

use std::{
    future::poll_fn,
    net::SocketAddr,
    pin::{Pin, pin},
    sync::Arc,
    task::{Poll, ready},
};

use hyper_util::rt::TokioIo;
use tokio::{
    net::TcpStream,
    sync::{OwnedSemaphorePermit, mpsc, watch},
    time::{Instant, Sleep, sleep, sleep_until},
};

use super::{
    Server, accept::Phase, connection::Connection, io::Io, metrics::Limit, service::Service,
};
use crate::http::cut::{Cut, CutGuard};

pub(super) async fn serve_connection(
    server: Arc<Server>,
    stream: TcpStream,
    client: SocketAddr,
    (permit, alive): (OwnedSemaphorePermit, mpsc::Sender<()>),
    mut phase: watch::Receiver<Phase>,
) {
    let connection = Connection::new(server, permit, alive);
    // Runs even if the task is aborted at the end of the drain, and closes the sockets of upgraded
    // connections.
    let _end = CloseOnDrop(connection.clone());
    let limit = match serve_requests(&connection, stream, client, phase.clone()).await {
        Some(limit) => Some(limit),
        None => tokio::select! {
            limit = follow_upgrade(&connection) => limit,
            _ = phase.wait_for(|phase| *phase == Phase::Cutting) => None,
        },
    };
    if let Some(limit) = limit {
        limit.count();
        tracing::debug!(target: "firstlight", { client.address = %client.ip(), client.port = client.port(), ?limit }, "connection closed");
    }
}

struct CloseOnDrop(Arc<Connection>);

impl Drop for CloseOnDrop {
    fn drop(&mut self) {
        self.0.cut();
    }
}

/// Serves the connection's requests and returns the limit that ended it, if any.
async fn serve_requests(
    connection: &Arc<Connection>,
    stream: TcpStream,
    client: SocketAddr,
    mut phase: watch::Receiver<Phase>,
) -> Option<Limit> {
    let cut_guard = CutGuard::default();
    let mut cutting = phase.clone();
    let service = Service {
        connection: connection.clone(),
        client,
    };
    let io = TokioIo::new(Io::new(stream, connection.clone()));
    let builder = &connection.server.connections;
    let mut serving = pin!(builder.serve_connection_with_upgrades(io, service));
    let mut timer = pin!(sleep_until(connection.due(None).0));
    let mut closing = None;
    loop {
        tokio::select! {
            biased;
            // Polled first, so that deadlines are checked after the latest read or write.
            served = serving.as_mut() => {
                return served.err().and_then(|error| Limit::of_rejected_head(&*error));
            }
            limit = overdue(connection, timer.as_mut(), closing) => {
                if limit == Some(Limit::WriteTimeout) {
                    cut_guard.set(Cut::WriteTimeout);
                }
                if limit.is_some() || closing.is_some() {
                    return limit;
                }
            }
            // An error means that the server, and soon this task, is gone.
            _ = phase.wait_for(|phase| *phase != Phase::Accepting), if closing.is_none() => {}
            // `accept` counts the connections that are cut, all at once.
            _ = cutting.wait_for(|phase| *phase == Phase::Cutting) => {
                cut_guard.set(Cut::Drain);
                return None;
            }
        }
        closing = Some(Instant::now());
        serving.as_mut().graceful_shutdown();
    }
}

/// Completes when the client misses a deadline, and returns the exceeded limit.
///
/// Returns `None` for a client that was idle, or that did not leave a closing connection. A timer
/// that still runs is reset only to an earlier time, so an ordinary request does not reset it.
async fn overdue(
    connection: &Connection,
    mut timer: Pin<&mut Sleep>,
    closing: Option<Instant>,
) -> Option<Limit> {
    poll_fn(|context| {
        loop {
            let (at, _) = connection.due(closing);
            if at < timer.deadline() || timer.is_elapsed() {
                timer.as_mut().reset(at);
            }
            ready!(timer.as_mut().poll(context));
            let (at, limit) = connection.due(closing);
            if at <= Instant::now() {
                return Poll::Ready(limit);
            }
        }
    })
    .await
}

/// Watches a connection after hyper has handed its socket over to an upgrade.
async fn follow_upgrade(connection: &Connection) -> Option<Limit> {
    loop {
        tokio::select! {
            () = connection.closed.notified() => return None,
            () = sleep(connection.server.limits.write_timeout) => {}
        }
        if connection.is_stalled() {
            return Some(Limit::WriteTimeout);
        }
    }
}
