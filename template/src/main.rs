//! Entry point: arguments, telemetry, configuration, application, shutdown.

use std::process::ExitCode;

use {{crate_name}}::{app::AppState, cli, config::Config, metrics};

#[tokio::main]
async fn main() -> anyhow::Result<ExitCode> {
    if let Some(done) = cli::run().await? {
        return Ok(done);
    }
    let readiness = firstlight::Readiness::new();
    let starting = readiness.latch("start"); // not ready until `serve` releases it
    let config = firstlight::config!().readiness(readiness);
    let telemetry = config.declare(metrics::ALL).init()?;
    let run = async {
        let config = Config::from_env()?;
{%- if store == "none" %}
        let app = AppState::default();
{%- else %}
        let app = AppState::new(&config, &telemetry.readiness()).await?;
{%- endif %}
        let listener = config.listen().await?;
        app.serve(listener, starting).await
    };
    let result = firstlight::run_service(run).await; // a signal also cancels a slow start
    Ok(telemetry.finish(result)) // logs a failure as one line, then flushes
}
