//! From top to bottom: arguments, telemetry, configuration, application, serve, shut down.

use std::process::ExitCode;

use {{crate_name}}::{app::AppState, cli, config::Config};

#[tokio::main]
async fn main() -> anyhow::Result<ExitCode> {
    if let Some(done) = cli::run().await? {
        return Ok(done);
    }
    let telemetry = firstlight::init!()?;
    let result = run(&telemetry).await;
    Ok(telemetry.finish(result)) // a failure becomes one log line; then everything that waits is sent
}

async fn run(telemetry: &firstlight::TelemetryGuard) -> anyhow::Result<()> {
    let starting = telemetry.readiness().latch("start"); // no traffic until it is released
    let config = Config::from_env()?;
{%- if store == "none" %}
    let app = AppState::default();
{%- else %}
    let app = AppState::new(&config, &telemetry.readiness()).await?;
{%- endif %}
    let listener = config.listen().await?;
    starting.release();
    app.serve(listener).await
}
