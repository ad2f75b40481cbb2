//! firstlight as in its README: one call and one layer.

use std::time::Duration;

fn main() -> anyhow::Result<()> {
    let telemetry = firstlight::init!()?;
    service::serve(service::orders()?.layer(firstlight::http::TelemetryLayer::new()))?;
    telemetry.shutdown(Duration::from_secs(5))?;
    Ok(())
}
