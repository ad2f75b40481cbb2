//! From top to bottom: telemetry, configuration,{% if store != "none" %} database,{% endif %} application, serve, shut down.

use std::{error::Error, process::ExitCode};

use {{crate_name}}::{app::serve, cli, config::Config{% if store != "none" %}, store{% endif %}};

#[tokio::main]
async fn main() -> ExitCode {
    if let Some(done) = cli::run().await {
        return done;
    }
    let readiness = firstlight::Readiness::new();
    let starting = readiness.latch("start"); // held before the first probe is answered, so that none finds it ready too early
    let telemetry = match firstlight::config!().readiness(readiness).init() {
        Ok(telemetry) => telemetry,
        Err(error) => {
            eprintln!("{error}");
            return ExitCode::FAILURE;
        }
    };
    let result = run({% if store != "none" %}&telemetry, {% endif %}starting).await;
    telemetry.finish(result) // a failure becomes one log line; then everything that waits is sent
}

{% if store == "none" -%}
async fn run(starting: firstlight::Latch) -> Result<(), Box<dyn Error + Send + Sync>> {
    let listener = Config::from_env()?.listen().await?;
    starting.release();
    Ok(serve(listener).await?)
{%- else -%}
async fn run(
    telemetry: &firstlight::TelemetryGuard,
    starting: firstlight::Latch,
) -> Result<(), Box<dyn Error + Send + Sync>> {
    let config = Config::from_env()?;
    let store = store::open(&config, &telemetry.readiness()).await?;
    let listener = config.listen().await?;
    starting.release();
    serve(listener, store{% if worker and example %}, &config{% endif %}).await
{%- endif %}
}
