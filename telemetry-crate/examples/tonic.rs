//! A service on tonic, with a layer around the server and one around each channel.
//!
//! Run it with `cargo run -p firstlight --example tonic`. If `UPSTREAM` is the `host:port` of
//! another instance, `Get` is forwarded to that instance.

// This module takes the place of the code that `tonic-prost-build` generates from a .proto file.
#[allow(dead_code, reason = "an example calls one method")]
#[path = "../tests/support/shop.rs"]
mod shop;

use std::{env, error::Error, process::ExitCode};

use firstlight::{
    InitError,
    grpc::{ClientLayer, ClientService, ServerLayer},
    shutdown_signal,
};
use shop::{Client, Orders};
use tonic::transport::{Channel, Endpoint, Server, server::TcpIncoming};
use tower::Layer;

#[tokio::main]
async fn main() -> Result<ExitCode, InitError> {
    let telemetry = firstlight::init!()?;
    Ok(telemetry.finish(serve().await))
}

async fn serve() -> Result<(), Box<dyn Error + Send + Sync>> {
    let orders = match env::var("UPSTREAM") {
        Ok(upstream) => Orders::forwarding_to(client(&upstream)?),
        Err(_) => Orders::default(),
    };
    let address = env::var("ADDRESS").unwrap_or_else(|_| "127.0.0.1:50051".to_owned());
    let incoming = TcpIncoming::bind(address.parse()?)?;
    tracing::info!(address = %incoming.local_addr()?, "listening");
    Server::builder()
        .layer(ServerLayer::new())
        .add_service(orders)
        .serve_with_incoming_shutdown(incoming, shutdown_signal())
        .await?;
    Ok(())
}

/// Creates a client whose calls are spans.
///
/// The called service continues the trace.
fn client(upstream: &str) -> Result<Client<ClientService<Channel>>, tonic::transport::Error> {
    let endpoint = Endpoint::new(format!("http://{upstream}"))?;
    Ok(Client::new(
        ClientLayer::new().layer(endpoint.connect_lazy()),
    ))
}
