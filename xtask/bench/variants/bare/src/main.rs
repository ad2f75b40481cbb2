//! No telemetry: the log calls are there and find no subscriber.

fn main() -> anyhow::Result<()> {
    service::serve(service::orders()?)
}
