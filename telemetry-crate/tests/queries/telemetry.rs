//! The telemetry that all tests share, and functions that read it.

use std::{
    net::SocketAddr,
    sync::{LazyLock, Mutex},
    time::{Duration, Instant},
};

use firstlight::{
    TelemetryConfig, TelemetryGuard,
    metrics::{Format, MetricsHandle},
    testing::{OtlpReceiver, ReceivedSpan},
};

use crate::support::{ask, send};

/// Deadline of each wait.
///
/// Long, because the machine may be busy with other tests.
const DEADLINE: Duration = Duration::from_secs(30);

static RECEIVER: LazyLock<OtlpReceiver> = LazyLock::new(|| OtlpReceiver::start().unwrap());
static GUARD: Mutex<Option<TelemetryGuard>> = Mutex::new(None);
static METRICS: LazyLock<MetricsHandle> = LazyLock::new(|| {
    let guard = TelemetryConfig::new()
        .service_name("queries")
        // A test of `/explain` reads these lines.
        .log_filter("off,firstlight::jobs=warn")
        .otlp_endpoint(RECEIVER.endpoint())
        .admin_address(([127, 0, 0, 1], 0).into())
        .init()
        .unwrap();
    let metrics = guard.metrics();
    *GUARD.lock().unwrap() = Some(guard);
    metrics
});

/// Starts telemetry, unless another test has started it.
pub(crate) fn start() {
    LazyLock::force(&METRICS);
}

/// Shuts telemetry down if a test has started it.
pub(crate) fn end() {
    if let Some(guard) = GUARD.lock().unwrap().take() {
        guard.shutdown(DEADLINE).unwrap();
    }
}

/// Waits for a span of this name, and returns all spans of its trace.
pub(crate) fn trace(name: &str) -> Vec<ReceivedSpan> {
    let guard = GUARD.lock().unwrap();
    guard.as_ref().unwrap().flush(DEADLINE).unwrap();
    drop(guard);
    let spans = RECEIVER.wait_for(DEADLINE, |spans| spans.iter().any(|span| span.name == name));
    let named = spans.iter().find(|span| span.name == name);
    let named = named.unwrap_or_else(|| panic!("no span {name} among {spans:?}"));
    let mut spans: Vec<_> = (spans.iter())
        .filter(|span| span.trace_id == named.trace_id)
        .cloned()
        .collect();
    spans.sort_by_key(|span| span.start);
    spans
}

/// Returns what `/traces` answers to this path or query, as text.
pub(crate) fn traces(path: &str) -> String {
    ask(address(), &format!("GET /traces{path}")).body
}

/// Returns what `/traces` answers to this query, as JSON.
pub(crate) fn traces_json(query: &str) -> String {
    let head =
        format!("GET /traces{query} HTTP/1.1\r\nhost: localhost\r\naccept: application/json");
    send(address(), &head, "").body
}

/// The address of the admin listener.
pub(crate) fn address() -> SocketAddr {
    let guard = GUARD.lock().unwrap();
    guard.as_ref().unwrap().admin_address().unwrap()
}

/// Finds the span of this name.
pub(crate) fn named<'a>(spans: &'a [ReceivedSpan], name: &str) -> &'a ReceivedSpan {
    let found = spans.iter().find(|span| span.name == name);
    found.unwrap_or_else(|| panic!("no span {name} among {spans:#?}"))
}

/// Returns the sum of the series of this name that have all of these labels.
///
/// Returns `None` if no series has them. The values are added, because labels about the database depend on the pools
/// that other tests observe at the same time.
pub(crate) fn value(name: &str, labels: &[(&str, &str)]) -> Option<f64> {
    let exposition = exposition();
    let series = exposition
        .lines()
        .filter(|line| line.starts_with(name) && line[name.len()..].starts_with(['{', ' ']))
        .filter(|line| {
            labels
                .iter()
                .all(|(label, value)| line.contains(&format!("{label}=\"{value}\"")))
        });
    let values = series.map(|line| -> f64 {
        let value = line.split(" # ").next().unwrap().rsplit(' ').next();
        value.unwrap().parse().unwrap()
    });
    values.reduce(|sum, value| sum + value)
}

/// Waits until the sum has this value.
///
/// SQLite's thread may hold a request's span for a moment after the request has ended.
pub(crate) fn wait_for_value(name: &str, labels: &[(&str, &str)], expected: f64) {
    let until = Instant::now() + DEADLINE;
    while value(name, labels) != Some(expected) {
        assert!(
            Instant::now() < until,
            "expected {name}{labels:?} to be {expected}, found {:?}",
            value(name, labels)
        );
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Returns the current exposition.
pub(crate) fn exposition() -> String {
    METRICS.render(Format::OpenMetrics)
}
