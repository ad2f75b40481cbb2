//! The result of one run.

use std::time::Duration;

use serde::Serialize;

use crate::{args::Args, host::Resident, load::Load, sink::Counts, variant_process::Log};

/// The output that `cargo xtask bench` parses.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    /// User and system time of the server, in microseconds.
    cpu_us_per_request: f64,
    requests_per_second: f64,
    p50_us: f64,
    p99_us: f64,
    resident_mib: f64,
    anonymous_mib: f64,
    lines_per_request: f64,
    bytes_per_line: f64,
    /// Received spans; fewer than the sampled fraction if the variant dropped some.
    spans_per_request: f64,
    attributes_per_span: f64,
    events_per_span: f64,
    bytes_per_span: f64,
    spans_per_export: f64,
    log_records_per_request: f64,
    series: usize,
    http_series: usize,
    exemplars: usize,
    example_line: String,
}

impl Report {
    pub(crate) fn new(
        args: &Args,
        load: &Load,
        processor_time: Duration,
        resident: Resident,
        log: Log,
        counts: &Counts,
    ) -> Self {
        // Lines and spans include those of the warm-up.
        let all = (args.warm_up + args.requests) as f64;
        let measured = load.latencies.len().max(1) as f64;
        let spans = counts.spans;
        Self {
            cpu_us_per_request: micros(processor_time) / measured,
            requests_per_second: measured / load.took.as_secs_f64(),
            p50_us: percentile(&load.latencies, 0.50),
            p99_us: percentile(&load.latencies, 0.99),
            resident_mib: resident.all,
            anonymous_mib: resident.anonymous,
            lines_per_request: log.lines as f64 / all,
            bytes_per_line: per(log.bytes, log.lines),
            spans_per_request: spans.spans as f64 / all,
            attributes_per_span: per(spans.attributes, spans.spans),
            events_per_span: per(spans.events, spans.spans),
            bytes_per_span: per(counts.bytes, spans.spans),
            spans_per_export: per(spans.spans, counts.exports),
            log_records_per_request: counts.log_records as f64 / all,
            series: load.exposition.series,
            http_series: load.exposition.http_series,
            exemplars: load.exposition.exemplars,
            example_line: log.example,
        }
    }
}

fn micros(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}

fn per(sum: u64, count: u64) -> f64 {
    if count == 0 {
        0.0
    } else {
        sum as f64 / count as f64
    }
}

/// A percentile in microseconds of values in ascending order.
pub(crate) fn percentile(latencies: &[Duration], fraction: f64) -> f64 {
    let last = latencies.len().saturating_sub(1);
    latencies
        .get((last as f64 * fraction).round() as usize)
        .copied()
        .map_or(0.0, micros)
}
