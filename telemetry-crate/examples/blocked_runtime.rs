//! An application whose only runtime thread is stuck: `/metrics` and `/livez` go on answering, because the admin
//! listener has a thread and a runtime of its own. Ends when standard input is closed. Run it with
//! `cargo run -p firstlight --example blocked_runtime`, and ask `localhost:9464/metrics` from another terminal.

use std::{error::Error, io::Read, time::Duration};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let telemetry = firstlight::init!()?;
    tracing::info!("blocking the only runtime thread");
    // The mistake itself: blocking I/O inside async code.
    std::io::stdin().read_to_end(&mut Vec::new())?;
    telemetry.shutdown(Duration::from_secs(5))?;
    Ok(())
}
