//! Entry point: arguments, telemetry, configuration, application, shutdown.

use std::process::ExitCode;

use {{crate_name}}::{app::AppState, cli, config::Config};

#[tokio::main]
async fn main() -> anyhow::Result<ExitCode> {
    if let Some(done) = cli::run().await? {
        return Ok(done);
    }
    let readiness = firstlight::Readiness::new();
    let starting = readiness.latch("start"); // not ready until it is released
    let telemetry = firstlight::config!().readiness(readiness).init()?;
    let run = async {
        let config = Config::from_env()?;
{%- if store == "none" %}
        let app = AppState::default();
{%- else %}
        let app = AppState::new(&config, &telemetry.readiness()).await?;
{%- endif %}
        let listener = config.listen().await?;
        starting.release();
        app.serve(listener).await
    };
    let result = run.await;
    Ok(telemetry.finish(result)) // logs a failure as one line, then flushes
}
