//! No telemetry: the log calls find no subscriber.

fn main() -> anyhow::Result<()> {
    service::serve(service::orders()?)
}
