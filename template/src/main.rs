//! From top to bottom: telemetry, configuration, application, serve, shut down.

use std::{error::Error, process::ExitCode};

use {{crate_name}}::{app::serve, config::Config};

#[tokio::main]
async fn main() -> ExitCode {
    if std::env::args().any(|argument| argument == "--check-telemetry") {
        let report = firstlight::check!();
        println!("{report}");
        return report.exit_code();
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
    let listener = Config::from_env()?.listen().await?;
    starting.release();
    Ok(serve(listener).await?)
}
