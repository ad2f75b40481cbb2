//! An application that blocks its only runtime thread.
//!
//! `/metrics` and `/livez` still answer, because the admin listener has a thread and a runtime of its own. The
//! application ends when standard input is closed. Run it with `cargo run -p firstlight --example blocked_runtime`, and
//! request `localhost:9464/metrics` from another terminal.

use std::{
    io::{self, Read},
    process::ExitCode,
};

use firstlight::InitError;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<ExitCode, InitError> {
    let telemetry = firstlight::init!()?;
    tracing::info!("blocking the only runtime thread");
    // The mistake that the example shows: blocking I/O in async code.
    let read = io::stdin().read_to_end(&mut Vec::new());
    Ok(telemetry.finish(read.map(drop)))
}
