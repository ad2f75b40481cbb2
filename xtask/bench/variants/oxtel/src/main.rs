//! oxtel with `oxtel-tower`, as in their README: one call and one layer.
//!
//! Environment variables make it serve metrics and write log lines to standard output, like the others.

fn main() -> anyhow::Result<()> {
    let telemetry = oxtel::init()?;
    service::serve(service::orders()?.layer(oxtel_tower::HttpServerLayer::new()))?;
    drop(telemetry);
    Ok(())
}
