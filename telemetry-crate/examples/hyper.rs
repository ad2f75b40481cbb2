//! A server on hyper and tower, with a `TelemetryLayer` around its service.
//!
//! Each request carries the template of its route. Run it with `cargo run -p firstlight --example hyper`, then
//! `curl localhost:8080/orders/7`.

use std::{convert::Infallible, env, io, pin::pin, process::ExitCode};

use bytes::Bytes;
use firstlight::{
    InitError,
    http::{Route, TelemetryLayer},
    shutdown_signal,
};
use http_body_util::Full;
use hyper::{Request, Response, StatusCode, body::Incoming, server::conn::http1};
use hyper_util::{rt::TokioIo, server::graceful::GracefulShutdown, service::TowerToHyperService};
use tokio::net::TcpListener;
use tower::{Layer, ServiceExt, service_fn};

#[tokio::main]
async fn main() -> Result<ExitCode, InitError> {
    let telemetry = firstlight::init!()?;
    Ok(telemetry.finish(serve().await))
}

async fn serve() -> io::Result<()> {
    let service = TelemetryLayer::new()
        .layer(service_fn(answer))
        .map_request(with_route); // runs before the layer
    let address = env::var("ADDRESS").unwrap_or_else(|_| "127.0.0.1:8080".to_owned());
    let listener = TcpListener::bind(address).await?;
    tracing::info!(address = %listener.local_addr()?, "listening");

    let connections = GracefulShutdown::new();
    let mut shutdown = pin!(shutdown_signal());
    loop {
        let (stream, _) = tokio::select! {
            accepted = listener.accept() => accepted?,
            () = &mut shutdown => break,
        };
        let service = TowerToHyperService::new(service.clone());
        let connection = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
        tokio::spawn(connections.watch(connection));
    }
    connections.shutdown().await;
    Ok(())
}

/// Adds the route to the request, as a router would.
///
/// The route must be a template and not a path, because it becomes a metric label.
fn with_route(mut request: Request<Incoming>) -> Request<Incoming> {
    if request.uri().path().starts_with("/orders/") {
        request.extensions_mut().insert(Route::new("/orders/{id}"));
    }
    request
}

async fn answer(request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    if request.uri().path() != "/orders/7" {
        let mut response = Response::new(Full::default());
        *response.status_mut() = StatusCode::NOT_FOUND;
        return Ok(response);
    }
    tracing::info!("order shown"); // has the request's trace id
    Ok(Response::new(Full::from("one telescope\n")))
}
