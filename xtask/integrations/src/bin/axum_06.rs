//! axum 0.6, which firstlight does not observe.
//!
//! `cargo run --bin axum_06`; a log line and `curl localhost:9464/telemetry` say so.

use std::{
    env,
    error::Error,
    net::{SocketAddr, TcpListener},
    process::ExitCode,
};

use axum_06::{Router, Server, routing::get};
use firstlight::InitError;

#[tokio::main]
async fn main() -> Result<ExitCode, InitError> {
    let telemetry = firstlight::init!()?;
    Ok(telemetry.finish(serve().await))
}

async fn serve() -> Result<(), Box<dyn Error + Send + Sync>> {
    let app = Router::new().route("/", get(|| async { "not observed\n" }));
    let address = env::var("ADDRESS").unwrap_or_else(|_| "127.0.0.1:8080".to_owned());
    let listener = TcpListener::bind(address.parse::<SocketAddr>()?)?;
    tracing::info!(address = %listener.local_addr()?, "listening");
    Server::from_tcp(listener)?
        .serve(app.into_make_service())
        .with_graceful_shutdown(firstlight::shutdown_signal())
        .await?;
    Ok(())
}
