//! A service on actix-web.
//!
//! Run it with `cargo run -p firstlight --features actix --example actix`, then `curl localhost:8080/orders/7`.

use std::{env, io, process::ExitCode};

use actix_web::{App, HttpResponse, HttpServer, Responder, web};
use firstlight::{InitError, http::TelemetryLayer, shutdown_signal};

#[actix_web::main]
async fn main() -> Result<ExitCode, InitError> {
    let telemetry = firstlight::init!()?;
    Ok(telemetry.finish(serve().await))
}

async fn serve() -> io::Result<()> {
    let telemetry = TelemetryLayer::new(); // one for all workers
    let address = env::var("ADDRESS").unwrap_or_else(|_| "127.0.0.1:8080".to_owned());
    let server = HttpServer::new(move || {
        App::new()
            .route("/orders/{id}", web::get().to(order))
            // The last `wrap` is the outermost, so add further middlewares before this one.
            .wrap(telemetry.clone())
    })
    .shutdown_signal(shutdown_signal()) // instead of actix-web's own, so that `/readyz` tells of the drain
    .bind(address)?;
    for address in server.addrs() {
        tracing::info!(%address, "listening");
    }
    server.run().await
}

async fn order(id: web::Path<u64>) -> impl Responder {
    if *id != 7 {
        return HttpResponse::NotFound().finish();
    }
    tracing::info!(order.id = *id, "order shown"); // has the request's trace id
    HttpResponse::Ok().body("one telescope\n")
}
