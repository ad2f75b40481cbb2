//! Scrapes of many series with exemplars.

use anyhow::Context as _;
use firstlight::{TelemetryGuard, metrics::Format};

use crate::admin;

/// The scrapes of one run.
const SCRAPES: u32 = 4;

/// Series of one customer.
///
/// They are a counter, a gauge, and a histogram with 15 buckets, sum and count.
const SERIES_PER_CUSTOMER: u32 = 19;

/// Samples of each histogram, each in a bucket of its own with an exemplar.
const SAMPLES: [f64; 3] = [0.003, 0.04, 0.7];

/// Renders the exposition of `series` series, as Prometheus counts them.
pub(crate) fn render(series: u32, telemetry: Option<&TelemetryGuard>) -> anyhow::Result<()> {
    let telemetry = telemetry.context("a scrape needs telemetry")?;
    record(series);
    let metrics = telemetry.metrics();
    let mut bytes = 0;
    for _ in 0..SCRAPES {
        bytes = metrics.render(Format::OpenMetrics).len();
    }
    eprintln!("bytes={bytes}");
    Ok(())
}

/// Scrapes `series` series from the admin listener, as Prometheus does.
pub(crate) fn over_http(
    series: u32,
    encoding: &str,
    telemetry: Option<&TelemetryGuard>,
) -> anyhow::Result<()> {
    let telemetry = telemetry.context("a scrape needs telemetry")?;
    let address = telemetry
        .admin_address()
        .context("the admin listener is off")?;
    record(series);
    let mut bytes = 0;
    for _ in 0..SCRAPES {
        bytes = admin::get(address, "/metrics", encoding)?;
    }
    eprintln!("bytes={bytes}");
    Ok(())
}

/// Records the metrics of enough customers.
///
/// The samples of histograms are in sampled spans.
pub(crate) fn record(series: u32) {
    for customer in 0..series / SERIES_PER_CUSTOMER {
        let customer = customer.to_string();
        metrics::counter!("orders_total", "customer" => customer.clone()).increment(1);
        metrics::gauge!("orders_open", "customer" => customer.clone()).set(1.0);
        let span = tracing::info_span!("order");
        let _entered = span.enter();
        let histogram = metrics::histogram!("order_duration_seconds", "customer" => customer);
        SAMPLES.iter().for_each(|sample| histogram.record(*sample));
    }
}
