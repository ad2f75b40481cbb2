//! The application: what its handlers share, its routes behind the layers that observe them, and how it runs and ends.

use axum::{Router, middleware};{%- if store != "none" %}
use firstlight::Readiness;
{%- endif %}
use firstlight::http::{TelemetryLayer, problem_details, serve};
use tokio::{net::TcpListener, task::JoinSet};
use tokio_util::sync::CancellationToken;

use crate::routes;
{%- if store != "none" %}
use crate::{config::Config, store};
{%- endif %}
{%- if worker %}
use crate::{jobs, schedule};
{%- endif %}

/// What a handler, a job or a scheduled run may need: clients, caches. Clones are the same.
{%- if store == "none" %}
#[derive(Debug, Clone, Default)]
{%- else %}
#[derive(Debug, Clone)]
{%- endif %}
pub struct AppState {
    // Yours go here.
{%- if store != "none" %}
    pub store: store::Store,
{%- endif %}
{%- if example %}
    pub orders: crate::orders::Orders,
{%- endif %}
{%- if worker and example %}
    pub bank: crate::orders::bank::Bank,
{%- endif %}
}

impl AppState {
{%- if store != "none" %}
    pub async fn new(config: &Config, readiness: &Readiness) -> anyhow::Result<Self> {
        Ok(Self {
            store: store::open(&config.database, readiness).await?,
{%- if example %}
            orders: crate::orders::cache(),
{%- endif %}
{%- if worker and example %}
            bank: crate::orders::bank::Bank::new(config.bank_url.clone())?,
{%- endif %}
        })
    }

{%- endif %}
    /// Runs until SIGTERM or Ctrl-C, then finishes what is in flight.
    pub async fn serve(self, listener: TcpListener) -> anyhow::Result<()> {
        tracing::info!(address = %listener.local_addr()?, "listening");
        let stop = CancellationToken::new();
        // Clients that are slow, idle or too many meet limits; README.md has them. Each has a setter here.
        let server = serve(listener, router(self.clone()))
            .with_graceful_shutdown(stop.clone().cancelled_owned());
        // The first of these to fail or to panic ends the service, and a new process starts whole.
        let mut tasks = JoinSet::new();
        tasks.spawn(async {
            server.await;
            anyhow::Ok(())
        });
{%- if worker %}
        tasks.spawn(jobs::work(self.clone(), stop.clone()));
        tasks.spawn(schedule::run(self.clone(), stop.clone()));
{%- endif %}
        firstlight::run_until_shutdown(tasks, || stop.cancel()).await?;
{%- if store != "none" %}
        store::close(&self.store).await;
{%- endif %}
        Ok(())
    }
}

/// All routes, observed. An error, whatever has found it, is answered as problem details (RFC 9457).
pub fn router(app: AppState) -> Router {
    routes::routes()
        .layer(middleware::from_fn(problem_details))
        // Last: a layer covers the routes that are there when it is added.
        .layer(TelemetryLayer::new())
        .with_state(app)
}
