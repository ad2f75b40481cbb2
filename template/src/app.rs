//! The application: shared state, the router with its layers, start and shutdown.

use axum::{Router, middleware};
use firstlight::Latch;
{%- if store != "none" %}
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

/// State that handlers, jobs and scheduled runs share; a clone is the same state.
{%- if store == "none" %}
#[derive(Debug, Clone, Default)]
{%- else %}
#[derive(Debug, Clone)]
{%- endif %}
pub struct AppState {
{%- if store == "none" %}
    // Add your own fields here.
{%- endif %}
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
    /// Opens the database and registers its readiness check.
    pub async fn new(config: &Config, readiness: &Readiness) -> anyhow::Result<Self> {
{%- if worker and example %}
        Ok(Self {
            store: store::open(&config.database, readiness).await?,
            orders: crate::orders::cache(),
            bank: crate::orders::bank::Bank::new(config.bank_url.clone())?,
        })
{%- elsif example %}
        Ok(Self {
            store: store::open(&config.database, readiness).await?,
            orders: crate::orders::cache(),
        })
{%- else %}
        let store = store::open(&config.database, readiness).await?;
        Ok(Self { store })
{%- endif %}
    }

{%- endif %}
    /// Allows `/readyz` to answer 200, serves until SIGTERM or Ctrl-C, then drains.
    pub async fn serve(self, listener: TcpListener, starting: Latch) -> anyhow::Result<()> {
        tracing::info!(address = %listener.local_addr()?, "listening");
        let stop = CancellationToken::new();
        // `serve` limits slow, idle and numerous clients, see README.md, and has a setter for each.
        let server = serve(listener, router(self.clone()))
            .with_graceful_shutdown(stop.clone().cancelled_owned());
        // If a task fails or panics, the service ends, so that its supervisor restarts it.
        let mut tasks = JoinSet::new();
        tasks.spawn(async {
            server.await;
            anyhow::Ok(())
        });
{%- if worker %}
        tasks.spawn(jobs::work(self.clone(), stop.clone()));
        let schedules = schedule::all(self.clone())?.run(stop.clone().cancelled_owned());
        tasks.spawn(async { Ok(schedules.await?) });
{%- endif %}
        starting.release();
        firstlight::run_until_shutdown(tasks, || stop.cancel()).await?;
{%- if store != "none" %}
        firstlight::sqlx::close(&self.store).await;
{%- endif %}
        Ok(())
    }
}

/// All routes; errors of all layers are answered as problem details (RFC 9457).
pub fn router(app: AppState) -> Router {
    routes::routes()
        .layer(middleware::from_fn(problem_details))
        // Added last, so that it sees the final response of every route.
        .layer(TelemetryLayer::new())
        .with_state(app)
}
