//! The application: all routes, one layer that observes them, and the server around both.

use std::{io, time::Duration};

use axum::Router;
use firstlight::http::TelemetryLayer;
use tokio::{net::TcpListener, sync::oneshot, time::sleep};

use crate::routes;

/// How long requests in flight may take after the signal to stop. Kubernetes kills after 30 s by default, and the flush
/// of telemetry takes up to 5 of them.
const DRAIN: Duration = Duration::from_secs(20);

/// All routes, observed.
pub fn router() -> Router {
    Router::new()
        .merge(routes::routes())
        // Last: a layer covers the routes that are there when it is added.
        .layer(TelemetryLayer::new())
}

/// Serves until SIGTERM or Ctrl-C, then finishes the requests that are in flight.
pub async fn serve(listener: TcpListener) -> io::Result<()> {
    tracing::info!(address = %listener.local_addr()?, "listening");
    let (stop, stopping) = oneshot::channel();
    let shutdown = async move {
        firstlight::shutdown_signal().await;
        let _ = stop.send(());
    };
    let overdue = async {
        let _ = stopping.await;
        sleep(DRAIN).await;
    };
    let server = axum::serve(listener, router()).with_graceful_shutdown(shutdown);
    tokio::select! {
        result = server.into_future() => result,
        () = overdue => {
            tracing::warn!("giving up requests that are still in flight after {DRAIN:?}");
            Ok(())
        }
    }
}
