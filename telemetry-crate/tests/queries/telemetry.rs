//! The telemetry of all tests, and what they ask it.

use std::{
    sync::{LazyLock, Mutex},
    time::{Duration, Instant},
};

use firstlight::{
    TelemetryConfig, TelemetryGuard,
    metrics::{Format, MetricsHandle},
    testing::{OtlpReceiver, ReceivedSpan},
};

/// Generous: the machine may have much else to do.
const DEADLINE: Duration = Duration::from_secs(30);

static RECEIVER: LazyLock<OtlpReceiver> = LazyLock::new(|| OtlpReceiver::start().unwrap());
static GUARD: Mutex<Option<TelemetryGuard>> = Mutex::new(None);
static METRICS: LazyLock<MetricsHandle> = LazyLock::new(|| {
    let guard = TelemetryConfig::new()
        .service_name("queries")
        // Nothing depends on what is logged.
        .log_filter("off")
        .otlp_endpoint(RECEIVER.endpoint())
        .without_admin()
        .init()
        .unwrap();
    let metrics = guard.metrics();
    *GUARD.lock().unwrap() = Some(guard);
    metrics
});

/// Starts it, if no test has yet.
pub(crate) fn start() {
    LazyLock::force(&METRICS);
}

pub(crate) fn end() {
    if let Some(guard) = GUARD.lock().unwrap().take() {
        guard.shutdown(DEADLINE).unwrap();
    }
}

/// All spans of the trace that has a span of this name, once that one has arrived.
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

/// The one of that name.
pub(crate) fn named<'a>(spans: &'a [ReceivedSpan], name: &str) -> &'a ReceivedSpan {
    let found = spans.iter().find(|span| span.name == name);
    found.unwrap_or_else(|| panic!("no span {name} among {spans:#?}"))
}

/// The sum of the series of this name that have all of these labels, if there are any. There may be several: which
/// database a query was for depends on the pools that other tests observe meanwhile.
pub(crate) fn value(name: &str, labels: &[(&str, &str)]) -> Option<f64> {
    let page = page();
    let series = page
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

/// Waits until the sum is that: SQLite's thread may hold a request's span a moment longer than the request lasts.
pub(crate) fn becomes(name: &str, labels: &[(&str, &str)], expected: f64) {
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

pub(crate) fn page() -> String {
    METRICS.render(Format::OpenMetrics)
}
