//! The service of the benchmark, whose variants differ only in their telemetry.
//!
//! It has one route with a small answer, and writes `LINES` log lines per request. It has no
//! database or other slow part, so that the cost of telemetry is a visible share of a request.

mod held;

use std::{env, future::Future, net::SocketAddr, num::ParseIntError, str::FromStr};

use anyhow::Context as _;
use axum::{
    Json, Router,
    extract::{Path, State},
    routing::get,
    serve::ListenerExt as _,
};
use serde::Serialize;
use tokio::{
    net::TcpListener,
    runtime::Builder,
    signal::unix::{SignalKind, signal},
};

/// The route without telemetry, around which a variant puts its layer.
///
/// # Errors
///
/// If `LINES`, the number of log lines per request, is set and not a number.
pub fn orders() -> anyhow::Result<Router> {
    let lines = number("LINES")?.unwrap_or(0);
    Ok(Router::new()
        .route("/orders/{id}", get(order))
        .with_state(Lines(lines)))
}

/// Serves `app` on `127.0.0.1:$PORT` until SIGTERM, on one thread.
///
/// It uses one thread, so that CPU time per request does not depend on how the runtime spreads work over cores.
///
/// # Errors
///
/// If `PORT` is missing or not a number, or the port is in use.
pub fn serve(app: Router) -> anyhow::Result<()> {
    let port: u16 = number("PORT")?.context("found no PORT, expected a port number")?;
    let runtime = Builder::new_current_thread().enable_all().build()?;
    held::record_series(number("SERIES")?.unwrap_or(0));
    let open = held::open_spans(number("OPEN_SPANS")?.unwrap_or(0));
    runtime.block_on(async {
        let listener = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], port))).await?;
        // A response is one small write, which the kernel may otherwise delay to fill a packet.
        let listener = listener.tap_io(|stream| drop(stream.set_nodelay(true)));
        axum::serve(listener, app)
            .with_graceful_shutdown(terminated()?)
            .await?;
        anyhow::Ok(())
    })?;
    held::close(open);
    Ok(())
}

/// The address for `/metrics`: `127.0.0.1:$OTEL_EXPORTER_PROMETHEUS_PORT`.
///
/// The variable is that of the OpenTelemetry specification.
///
/// # Errors
///
/// If the variable is missing or not a number.
pub fn metrics_address() -> anyhow::Result<SocketAddr> {
    let port: u16 = number("OTEL_EXPORTER_PROMETHEUS_PORT")?
        .context("found no OTEL_EXPORTER_PROMETHEUS_PORT")?;
    Ok(SocketAddr::from(([127, 0, 0, 1], port)))
}

#[derive(Debug, Clone, Copy)]
struct Lines(u16);

#[derive(Debug, Serialize)]
struct Order {
    id: u32,
    status: &'static str,
    total: f64,
}

async fn order(State(Lines(lines)): State<Lines>, Path(id): Path<u32>) -> Json<Order> {
    let order = Order {
        id,
        status: "shipped",
        total: 42.5,
    };
    for _ in 0..lines {
        tracing::info!(
            order.id = id,
            order.status = order.status,
            order.total = order.total,
            "order looked up"
        );
    }
    Json(order)
}

fn terminated() -> anyhow::Result<impl Future<Output = ()> + Send + 'static> {
    let mut terminate = signal(SignalKind::terminate())?;
    Ok(async move {
        // `None` means that no signal can arrive any more, so the service stops as well.
        let _ = terminate.recv().await;
    })
}

fn number<T: FromStr<Err = ParseIntError>>(name: &str) -> anyhow::Result<Option<T>> {
    let Ok(text) = env::var(name) else {
        return Ok(None);
    };
    let number = text
        .parse()
        .with_context(|| format!("found {name}={text:?}, expected a number"))?;
    Ok(Some(number))
}
