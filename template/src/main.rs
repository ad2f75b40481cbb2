//! From top to bottom: telemetry, configuration, application, serve, shut down.

use std::{error::Error, process::ExitCode};

use {{crate_name}}::{app::serve, config::Config};

#[tokio::main]
async fn main() -> ExitCode {
    match firstlight::init!() {
        Ok(telemetry) => {
            let result = run().await;
            // A failure becomes one log line; then everything that waits is sent.
            telemetry.finish(result)
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

async fn run() -> Result<(), Box<dyn Error + Send + Sync>> {
    let config = Config::from_env()?;
    let listener = config.listen().await?;
    serve(listener).await?;
    Ok(())
}
