//! What a service holds in memory before it serves: series and open spans.

use std::{thread, time::Duration};

use tracing::Span;

/// Records `count` series: a tenth of histograms, the rest of counters and gauges.
pub(crate) fn record_series(count: u32) {
    for number in 0..count {
        let customer = number.to_string();
        match number % 10 {
            0 => metrics::histogram!("order_seconds", "customer" => customer).record(0.1),
            1..=5 => metrics::counter!("orders_total", "customer" => customer).increment(1),
            _ => metrics::gauge!("orders_open", "customer" => customer).set(1.0),
        }
    }
}

/// Opens `count` spans with two fields, each the root of a trace.
pub(crate) fn open_spans(count: u32) -> Vec<Span> {
    let open = |number| {
        let span = tracing::info_span!(parent: None, "order", order.id = number, customer = "b");
        // Some layers create their part of a span when it is first entered.
        span.in_scope(|| ());
        span
    };
    (0..count).map(open).collect()
}

/// Closes all spans, with pauses in which an exporter sends them.
///
/// The receiver counts all of them, and so can tell that all were open.
pub(crate) fn close(mut spans: Vec<Span>) {
    while !spans.is_empty() {
        spans.truncate(spans.len().saturating_sub(SPANS_BETWEEN_PAUSES));
        thread::sleep(PAUSE);
    }
}

/// A batch of an exporter by default, and a quarter of its queue.
const SPANS_BETWEEN_PAUSES: usize = 512;
const PAUSE: Duration = Duration::from_millis(10);
