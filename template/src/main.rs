//! From top to bottom: telemetry, configuration,{% if store != "none" %} database,{% endif %} application, serve, shut down.

use std::{error::Error, process::ExitCode};

use {{crate_name}}::{app::serve, cli, config::Config{% if store != "none" %}, store{% endif %}};

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
{%- if store == "none" %}
    let listener = Config::from_env()?.listen().await?;
    starting.release();
    Ok(serve(listener).await?)
{%- else %}
    let config = Config::from_env()?;
    let store = store::open(&config, &telemetry.readiness()).await?;
    let listener = config.listen().await?;
    starting.release();
    serve(listener, store{% if worker and example %}, &config{% endif %}).await
{%- endif %}
}
