//! From top to bottom: arguments, telemetry, configuration, application, serve, shut down.

use std::process::ExitCode;

use {{crate_name}}::{app::AppState, cli, config::Config};

#[tokio::main]
async fn main() -> anyhow::Result<ExitCode> {
    if let Some(done) = cli::run().await? {
        return Ok(done);
    }
    let readiness = firstlight::Readiness::new();
    let starting = readiness.latch("start"); // from before the first probe until requests are accepted
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
    Ok(telemetry.finish(result)) // a failure becomes one log line; then everything that waits is sent
}
