//! A program that adds firstlight's layer to its own `tracing` subscriber.
//!
//! Run it with `cargo run -p firstlight --example own_subscriber`.

use std::{
    convert::Infallible,
    error::Error,
    process::ExitCode,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use firstlight::TelemetryConfig;
use tracing_subscriber::{Layer, layer::SubscriberExt, util::SubscriberInitExt};

/// The program's own layer, which counts spans.
#[derive(Clone, Default)]
struct CountSpans(Arc<AtomicUsize>);

impl<S: tracing::Subscriber> Layer<S> for CountSpans {
    fn on_new_span(
        &self,
        _: &tracing::span::Attributes<'_>,
        _: &tracing::span::Id,
        _: tracing_subscriber::layer::Context<'_, S>,
    ) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

fn main() -> Result<ExitCode, Box<dyn Error>> {
    let mut telemetry = TelemetryConfig::new()
        .service_name("own-subscriber")
        .without_admin()
        .build()?;
    let spans = CountSpans::default();
    tracing_subscriber::registry()
        .with(telemetry.layer())
        .with(spans.clone())
        .try_init()?;
    let guard = telemetry.install()?;

    tracing::info_span!("batch", items = 3)
        .in_scope(|| tracing::info!("inside a span, with its trace id"));
    tracing::info!(
        spans = spans.0.load(Ordering::Relaxed),
        "counted by the program's own layer"
    );

    Ok(guard.finish(Ok::<_, Infallible>(())))
}
