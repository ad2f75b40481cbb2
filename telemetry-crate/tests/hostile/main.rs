//! Tests of values that log, panic, are circular, or print endlessly.
//!
//! Each case runs in a process of its own, because a failure may hang or abort the process.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "tests; some values panic on purpose"
)]

#[cfg(all(feature = "cron", feature = "staleness"))]
mod entries;
mod records;
#[path = "../support/mod.rs"]
mod support;

use std::{
    cell::Cell,
    error::Error,
    fmt,
    process::{self, ExitCode},
    thread,
    time::Duration,
};

use firstlight::{
    TelemetryConfig, TelemetryGuard,
    testing::{OtlpReceiver, ReceivedSpan},
};
use opentelemetry::trace::{SpanContext, SpanId, TraceContextExt, TraceFlags, TraceId, TraceState};
use support::scenario::{self, Scenario};
use tracing::{Span, field::Empty, info, info_span, warn};
use tracing_opentelemetry::{OpenTelemetrySpanExt, SetParentError};

/// Deadline of each process, which is aborted if it hangs.
const DEADLINE: Duration = Duration::from_secs(60);

fn main() -> ExitCode {
    scenario::run(
        &[
            ("values::circular_errors_end", circular_errors),
            ("values::endless_text_is_cut", endless_text),
            ("values::may_log_and_open_spans", values_that_log),
            ("values::panics_stay_inside", values_that_panic),
            ("values::threads_log_at_their_end", thread_end),
            ("records::keep_their_key_values", records::key_values),
            (
                "records::hostile_values_stay_inside",
                records::hostile_records,
            ),
            #[cfg(all(feature = "cron", feature = "staleness"))]
            ("entries::take_any_value", entries::any_value),
            ("spans::numbers_allow_set_parent", set_parent),
            ("spans::made_without_the_macro", made_without_macro),
        ],
        &[
            ("circle", run_circle),
            ("endless", run_endless),
            ("logs", run_logs),
            ("panics", run_panics),
            ("thread", run_thread),
            ("key_values", records::run_key_values),
            ("hostile_records", records::run_hostile_records),
            #[cfg(all(feature = "cron", feature = "staleness"))]
            ("entries", entries::run_scenario),
            ("parent", run_parent),
            ("by_hand", run_without_macro),
        ],
    )
}

/// Starts telemetry that exports to a receiver in the same process.
fn start() -> (TelemetryGuard, OtlpReceiver) {
    thread::spawn(|| {
        thread::sleep(DEADLINE);
        process::abort();
    });
    let receiver = OtlpReceiver::start().unwrap();
    let telemetry = TelemetryConfig::new()
        .otlp_endpoint(receiver.endpoint())
        .without_admin()
        .init()
        .unwrap();
    (telemetry, receiver)
}

/// Shuts telemetry down, and returns the spans once at least `spans` have arrived.
fn end(telemetry: TelemetryGuard, receiver: &OtlpReceiver, spans: usize) -> Vec<ReceivedSpan> {
    telemetry.shutdown(DEADLINE).unwrap();
    receiver.wait_for(DEADLINE, |received| received.len() >= spans)
}

fn named<'a>(spans: &'a [ReceivedSpan], name: &str) -> &'a ReceivedSpan {
    let span = spans.iter().find(|span| span.name == name);
    span.unwrap_or_else(|| panic!("no {name} in {spans:?}"))
}

/// Runs a scenario to its end and returns its log lines.
fn messages(scenario: &str) -> Vec<serde_json::Value> {
    let mut scenario = Scenario::start(scenario, &[]);
    let lines = scenario.rest();
    let (code, stderr) = scenario.end();
    assert_eq!(code, Some(0), "{stderr}\n{}", lines.join("\n"));
    let parse = |line: &String| serde_json::from_str(line).unwrap();
    lines.iter().map(parse).collect()
}

fn with_message<'a>(lines: &'a [serde_json::Value], message: &str) -> &'a serde_json::Value {
    let line = lines.iter().find(|line| line["message"] == message);
    line.unwrap_or_else(|| panic!("no {message:?} in {lines:#?}"))
}

/// An error that is its own source.
#[derive(Debug)]
struct Circle;

impl fmt::Display for Circle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("round and round")
    }
}

impl Error for Circle {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(self)
    }
}

fn run_circle() -> ExitCode {
    let (telemetry, receiver) = start();
    let error: &(dyn Error + 'static) = &Circle;
    let span = info_span!("circle", error, late = Empty);
    span.in_scope(|| {
        span.record("late", error);
        warn!(error, "failed");
        warn!(err = error, attempt = 3, "failed again");
    });
    drop(span);
    let spans = end(telemetry, &receiver, 1);
    let span = named(&spans, "circle");
    for name in ["error", "late"] {
        assert_eq!(span.attributes[name], "round and round");
    }
    assert_eq!(span.events.len(), 2);
    ExitCode::SUCCESS
}

fn circular_errors() {
    let lines = messages("circle");
    let line = with_message(&lines, "failed again");
    assert_eq!(line["err"], "round and round");
    assert_eq!(line["late"], "round and round");
}

/// A value whose `Debug` never ends while the writer accepts text.
struct Endless;

impl fmt::Debug for Endless {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        loop {
            f.write_str("more and ")?;
        }
    }
}

fn run_endless() -> ExitCode {
    let (telemetry, receiver) = start();
    let span = info_span!("endless", at_start = ?Endless, late = Empty);
    span.in_scope(|| {
        span.record("late", tracing::field::debug(Endless));
        warn!(value = ?Endless, "and {:?}", Endless);
    });
    drop(span);
    let spans = end(telemetry, &receiver, 1);
    let span = named(&spans, "endless");
    for name in ["at_start", "late"] {
        // The limit of an attribute, in bytes.
        assert_eq!(span.attributes[name].len(), 8 * 1024);
    }
    let event = &span.events[0];
    assert!(event.name.starts_with("and more and more"));
    assert_eq!(event.name.len(), 8 * 1024);
    assert_eq!(event.attributes["value"].len(), 8 * 1024);
    ExitCode::SUCCESS
}

fn endless_text() {
    let lines = messages("endless");
    let line = lines.iter().find(|line| line["value"].is_string()).unwrap();
    for (name, start) in [
        ("message", "and more and more"),
        ("value", "more and more"),
        ("at_start", "more and more"),
        ("late", "more and more"),
    ] {
        let text = line[name].as_str().unwrap();
        let is_cut = text.starts_with(start) && text.ends_with("...[truncated]");
        assert!(is_cut, "{name}: {text}");
        // The limit of a value, in bytes, without the mark.
        assert!(text.len() <= 8 * 1024 + 16, "{name}: {}", text.len());
    }
}

/// A value whose `Debug` logs, records and opens a span.
struct Logs;

impl fmt::Debug for Logs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Span::current().record("late", "by the value");
        info_span!("inside", value = ?"plain").in_scope(|| info!("inside of a value"));
        f.write_str("it logs")
    }
}

fn run_logs() -> ExitCode {
    let (telemetry, receiver) = start();
    let outer = info_span!("outer", late = Empty).entered();
    let span = info_span!("logs", at_start = ?Logs, late = Empty);
    span.in_scope(|| {
        span.record("late", tracing::field::debug(Logs));
        warn!(value = ?Logs, "logged {:?}", Logs);
    });
    drop(span);
    drop(outer);
    let spans = end(telemetry, &receiver, 6);
    let span = named(&spans, "logs");
    assert_eq!(span.attributes["at_start"], "it logs");
    ExitCode::SUCCESS
}

fn values_that_log() {
    let lines = messages("logs");
    let line = with_message(&lines, "logged it logs");
    assert_eq!(line["value"], "it logs");
    assert_eq!(line["at_start"], "it logs");
    let inside = lines
        .iter()
        .filter(|line| line["message"] == "inside of a value");
    // The value is printed at least at the start of the span, by `record`, in the message and in a
    // field of the line.
    assert!(inside.count() >= 4, "{lines:#?}");
}

/// A value whose `Debug` panics after some text.
struct Panics;

impl fmt::Debug for Panics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("half")?;
        panic!("in the middle of a value")
    }
}

fn run_panics() -> ExitCode {
    let (telemetry, receiver) = start();
    let span = info_span!("panics", at_start = ?Panics, late = Empty);
    span.in_scope(|| {
        span.record("late", tracing::field::debug(Panics));
        warn!(value = ?Panics, "logged");
        info!("and on");
    });
    drop(span);
    let spans = end(telemetry, &receiver, 1);
    let span = named(&spans, "panics");
    assert!(span.attributes["at_start"].starts_with("half"));
    ExitCode::SUCCESS
}

fn values_that_panic() {
    let lines = messages("panics");
    with_message(&lines, "panicked: in the middle of a value");
    let line = with_message(&lines, "and on");
    let text = line["late"].as_str().unwrap();
    assert_eq!(text, "half...[panicked while it was printed]");
    assert_eq!(with_message(&lines, "logged")["value"], text);
}

/// A thread-local that logs in its destructor.
///
/// The destructor runs after those of the thread-locals that the thread has first used later.
struct LastWords(Cell<bool>);

impl Drop for LastWords {
    fn drop(&mut self) {
        let span = info_span!("at the end of a thread", value = ?"x");
        span.in_scope(|| warn!(said = self.0.get(), "last words"));
        let _ = firstlight::context::TraceContext::current();
        firstlight::http::inject(&mut http::HeaderMap::new());
    }
}

thread_local! {
    static LAST_WORDS: LastWords = const { LastWords(Cell::new(false)) };
}

fn run_thread() -> ExitCode {
    let (telemetry, receiver) = start();
    for logs_before in [true, false] {
        let thread = thread::spawn(move || {
            LAST_WORDS.with(|words| words.0.set(true));
            if logs_before {
                info_span!("in a thread").in_scope(|| info!("said before"));
            }
        });
        thread.join().unwrap();
    }
    end(telemetry, &receiver, 1);
    ExitCode::SUCCESS
}

fn thread_end() {
    let lines = messages("thread");
    let last = lines.iter().filter(|line| line["message"] == "last words");
    assert_eq!(last.count(), 2, "{lines:#?}");
}

/// Returns the context of a remote parent.
fn remote() -> opentelemetry::Context {
    opentelemetry::Context::new().with_remote_span_context(SpanContext::new(
        TraceId::from(0xfeed),
        SpanId::from(0xbee),
        TraceFlags::SAMPLED,
        true,
        TraceState::default(),
    ))
}

/// Sets the parent of a span whose fields are unsigned numbers.
///
/// Such fields must not start the OpenTelemetry span, because a started span keeps its parent.
fn run_parent() -> ExitCode {
    let (telemetry, receiver) = start();
    let span = info_span!("consume", offset = 5_u64, most = u64::MAX, topic = %"orders");
    span.record("offset", 6_u64);
    span.set_parent(remote()).unwrap();
    span.set_attribute("set", 7);
    assert_eq!(
        span.context().span().span_context().trace_id(),
        TraceId::from(0xfeed)
    );
    assert!(matches!(
        span.set_parent(remote()),
        Err(SetParentError::AlreadyStarted)
    ));
    span.in_scope(|| info!("consumed"));
    span.record("offset", 8_u64);
    drop(span);
    let spans = end(telemetry, &receiver, 1);
    let span = named(&spans, "consume");
    assert_eq!(span.trace_id, TraceId::from(0xfeed).to_string());
    assert_eq!(span.parent_span_id, SpanId::from(0xbee).to_string());
    assert_eq!(span.attributes["offset"], "8");
    assert_eq!(span.attributes["set"], "7");
    assert_eq!(span.attributes["most"], u64::MAX.to_string());
    ExitCode::SUCCESS
}

fn set_parent() {
    let lines = messages("parent");
    let line = with_message(&lines, "consumed");
    assert_eq!(line["trace_id"], TraceId::from(0xfeed).to_string());
    assert_eq!(line["offset"], 6);
    assert_eq!(line["most"], u64::MAX);
}

/// Creates a span with `Span::new` from the metadata of another span.
fn run_without_macro() -> ExitCode {
    let (telemetry, receiver) = start();
    let template = info_span!("by hand", n = Empty);
    let metadata = template.metadata().unwrap();
    let values = metadata.fields().value_set_all(&[Some(&1_i64)]);
    let span = Span::new(metadata, &values);
    span.in_scope(|| info!("inside"));
    drop((span, template));
    end(telemetry, &receiver, 2);
    ExitCode::SUCCESS
}

fn made_without_macro() {
    let lines = messages("by_hand");
    assert_eq!(with_message(&lines, "inside")["n"], 1);
}
