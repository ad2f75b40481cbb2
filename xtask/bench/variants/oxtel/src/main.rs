//! oxtel with `oxtel-tower`, as their README says: one call and one layer. The environment makes it serve its metrics
//! and write its log lines to standard output, like the others.

fn main() -> anyhow::Result<()> {
    let telemetry = oxtel::init()?;
    service::serve(service::orders()?.layer(oxtel_tower::HttpServerLayer::new()))?;
    drop(telemetry);
    Ok(())
}
