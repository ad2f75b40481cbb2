//! The application: all routes, one layer that observes them, and the server around both.

{% if store == "none" %}use std::io;{% else %}use std::{error::Error, time::Duration};{% endif %}

use axum::Router;
use firstlight::http::{self, TelemetryLayer};
use tokio::{% if worker %}{net::TcpListener, time::sleep}{% elsif store != "none" %}{net::TcpListener, time::timeout}{% else %}net::TcpListener{% endif %};

{% if store == "none" %}use crate::routes;{% elsif worker %}use crate::{ {%- if example %}config::Config, {% endif %}jobs, {% if example %}orders::bank::Bank, {% endif %}routes, schedule, stop::Stop, store::Store};{% else %}use crate::{routes, store::Store};{% endif %}

/// All routes, observed.
pub fn router({% if store != "none" %}store: Store{% endif %}) -> Router {
    Router::new()
        .merge(routes::routes({% if store != "none" %}store{% endif %}))
        // Last: a layer covers the routes that are there when it is added.
        .layer(TelemetryLayer::new())
}

{% if worker -%}
/// Serves, works and keeps the schedules until SIGTERM or Ctrl-C, then finishes what is in flight.
pub async fn serve(
    listener: TcpListener,
    store: Store,
{%- if example %}
    config: &Config,
{%- endif %}
) -> Result<(), Box<dyn Error + Send + Sync>> {
    tracing::info!(address = %listener.local_addr()?, "listening");
{%- if example %}
    let bank = Bank::new(config)?;
{%- endif %}
    let stop = Stop::on_signal();
    // Clients that are slow, idle or too many meet limits; README.md has them. Each has a setter here.
    let server = http::serve(listener, router(store.clone()))
        .with_graceful_shutdown(stop.clone().requested());
    // In tasks of their own, so that they don't wait for the server, nor for each other.
    let worker = tokio::spawn(jobs::work(store.clone(), {% if example %}bank, {% endif %}stop.clone()));
    let schedules = tokio::spawn(schedule::run(store.clone(), stop.clone()));
    let all = async {
        // The first to fail or to panic ends the service, and a new process starts whole.
        tokio::try_join!(
            async {
                server.await;
                Ok::<_, Box<dyn Error + Send + Sync>>(())
            },
            async { Ok(worker.await?) },
            async { Ok(schedules.await??) },
        )?;
        store.close().await;
        Ok(())
    };
    let overdue = async {
        stop.requested().await;
        // The server, which has cut its requests by then, is done before that.
        sleep(firstlight::drain_timeout() + Duration::from_secs(1)).await;
    };
    tokio::select! {
        result = all => result,
        () = overdue => {
            tracing::warn!("giving up jobs that are still in flight after FIRSTLIGHT_DRAIN_TIMEOUT");
            Ok(())
        }
    }
}
{%- else -%}
/// Serves until SIGTERM or Ctrl-C, then finishes the requests that are in flight.
{% if store == "none" -%}
pub async fn serve(listener: TcpListener) -> io::Result<()> {
{%- else -%}
pub async fn serve(
    listener: TcpListener,
    store: Store,
) -> Result<(), Box<dyn Error + Send + Sync>> {
{%- endif %}
    tracing::info!(address = %listener.local_addr()?, "listening");
    // Clients that are slow, idle or too many meet limits; README.md has them. Each has a setter here.
    http::serve(listener, router({% if store != "none" %}store.clone(){% endif %}))
        .with_graceful_shutdown(firstlight::shutdown_signal())
        .await;
{%- if store != "none" %}
    // What was cut may still hold a connection.
    let _ = timeout(Duration::from_secs(1), store.close()).await;
{%- endif %}
    Ok(())
}
{%- endif %}
