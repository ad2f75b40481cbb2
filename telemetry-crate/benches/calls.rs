//! Benchmarks of single calls: a log line, a span, a sample, a scrape.
//!
//! ```console
//! $ cargo bench -p firstlight | sed 's/{"timestamp.*//' | grep .
//! ```
//!
//! Log lines and the table of results share standard output. `sed` removes the log lines, but the
//! row of a benchmark that logs stays split in two. `cargo xtask bench` measures whole requests,
//! and `tests/allocations.rs` counts allocations. The times depend on the machine and its load, so
//! no benchmark asserts a limit.

#![expect(clippy::unwrap_used, reason = "a benchmark")]

use divan::Bencher;
use firstlight::{
    TelemetryConfig, TelemetryGuard,
    metrics::{Format, MetricsHandle},
};
use opentelemetry::{
    Context, ContextGuard,
    trace::{SpanContext, SpanId, TraceContextExt, TraceFlags, TraceId, TraceState},
};
use std::sync::OnceLock;

static METRICS: OnceLock<MetricsHandle> = OnceLock::new();

fn main() {
    let telemetry = start();
    let _ = METRICS.set(telemetry.metrics());
    divan::main();
}

fn start() -> TelemetryGuard {
    TelemetryConfig::new()
        .without_admin()
        // Spans are recorded only with an endpoint. No collector listens there, so the queue is
        // soon full, and further spans are dropped and counted.
        .otlp_endpoint("http://127.0.0.1:1")
        .log_filter("info,firstlight::traces=off,opentelemetry=off")
        .cardinality_limit("series_1k", 1_000)
        .cardinality_limit("series_10k", 10_000)
        .init()
        .unwrap()
}

/// Puts the thread into a trace of another service with the given flags.
fn caller(flags: TraceFlags) -> ContextGuard {
    let (trace_id, span_id) = (TraceId::from(1), SpanId::from(1));
    let span = SpanContext::new(trace_id, span_id, flags, true, TraceState::NONE);
    Context::new().with_remote_span_context(span).attach()
}

mod log {
    use super::*;

    /// An event with three fields, inside a span with two fields.
    #[divan::bench]
    fn event(bencher: Bencher<'_, '_>) {
        let _caller = caller(TraceFlags::default());
        let span = tracing::info_span!("order", tenant = "a", number = 7);
        let _entered = span.enter();
        bencher.bench_local(|| tracing::info!(order = 7, customer = "b", paid = true, "read"));
    }

    #[divan::bench]
    fn event_that_is_filtered_out() {
        tracing::debug!(order = 7, customer = "b", paid = true, "read");
    }
}

mod span {
    use super::*;

    /// Creates a span with three fields, enters it once and ends it.
    fn span() {
        let span = tracing::info_span!("order", order = 7, customer = "b", paid = true);
        let _entered = span.enter();
    }

    #[divan::bench]
    fn sampled(bencher: Bencher<'_, '_>) {
        let _caller = caller(TraceFlags::SAMPLED);
        bencher.bench_local(span);
    }

    #[divan::bench]
    fn unsampled(bencher: Bencher<'_, '_>) {
        let _caller = caller(TraceFlags::default());
        bencher.bench_local(span);
    }
}

/// The cost of a statement of sqlx: its event, and what is recorded from it.
#[cfg(feature = "sqlx")]
mod query {
    use super::*;

    const SQL: &str = "SELECT id, customer, placed FROM orders WHERE id = $1 AND tenant = $2";

    /// Records the event of a statement as `sqlx_core::logger` of sqlx 0.9 does.
    fn query() {
        if !tracing::enabled!(target: "sqlx::query", tracing::Level::DEBUG) {
            return;
        }
        let words: Vec<&str> = SQL.split_whitespace().take(4).collect();
        let mut summary = words.join(" ");
        summary.push_str(" …");
        let sql = format!("\n\n{SQL}\n");
        let elapsed = std::time::Duration::from_micros(300);
        tracing::event!(
            target: "sqlx::query",
            tracing::Level::DEBUG,
            summary,
            db.statement = sql,
            rows_affected = 0_u64,
            rows_returned = 1_u64,
            ?elapsed,
            elapsed_secs = elapsed.as_secs_f64(),
        );
    }

    /// Records ten statements in one span, as in a request.
    fn ten_queries() {
        let span = tracing::info_span!("request");
        span.in_scope(|| (0..10).for_each(|_| query()));
    }

    #[divan::bench]
    fn ten_in_a_sampled_span(bencher: Bencher<'_, '_>) {
        let _caller = caller(TraceFlags::SAMPLED);
        bencher.bench_local(ten_queries);
    }

    #[divan::bench]
    fn ten_in_an_unsampled_span(bencher: Bencher<'_, '_>) {
        let _caller = caller(TraceFlags::default());
        bencher.bench_local(ten_queries);
    }

    #[divan::bench]
    fn outside_a_span() {
        query();
    }
}

mod sample {
    use super::*;

    #[divan::bench]
    fn counter() {
        metrics::counter!("orders_total", "customer" => "b").increment(1);
    }

    #[divan::bench]
    fn histogram() {
        metrics::histogram!("orders_seconds", "customer" => "b").record(0.1);
    }

    #[divan::bench]
    fn histogram_with_exemplar(bencher: Bencher<'_, '_>) {
        let _caller = caller(TraceFlags::SAMPLED);
        bencher.bench_local(|| metrics::histogram!("sales_seconds", "customer" => "b").record(0.1));
    }
}

mod scrape {
    use super::*;

    /// Renders an exposition with `series` series of one counter.
    ///
    /// The exposition also has the series of the benchmarks that ran before.
    #[divan::bench(args = [1_000, 10_000])]
    fn series(bencher: Bencher<'_, '_>, series: usize) {
        let name = if series == 1_000 {
            "series_1k"
        } else {
            "series_10k"
        };
        for index in 0..series {
            metrics::counter!(name, "index" => index.to_string()).increment(1);
        }
        let metrics = METRICS.get().unwrap();
        bencher.bench_local(|| metrics.render(Format::OpenMetrics));
    }
}
