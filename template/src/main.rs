//! From top to bottom: arguments, telemetry, configuration, application, serve, shut down.

use std::{error::Error, process::ExitCode};

use {{crate_name}}::{app, cli, config::Config};

#[tokio::main]
async fn main() -> ExitCode {
    if let Some(done) = cli::run().await {
        return done;
    }
    let telemetry = match firstlight::init!() {
        Ok(telemetry) => telemetry,
        Err(error) => {
            eprintln!("{error}");
            return ExitCode::FAILURE;
        }
    };
    let result = run(&telemetry).await;
    telemetry.finish(result) // a failure becomes one log line; then everything that waits is sent
}

async fn run(telemetry: &firstlight::TelemetryGuard) -> Result<(), Box<dyn Error + Send + Sync>> {
    let starting = telemetry.readiness().latch("start"); // no traffic until it is released
    let config = Config::from_env()?;
{%- if store == "none" %}
    let app = app::AppState::default();
{%- else %}
    let app = app::AppState::new(&config, &telemetry.readiness()).await?;
{%- endif %}
    let listener = config.listen().await?;
    starting.release();
    app.serve(listener).await
}
