//! Tests of a queue's jobs: traces and metrics.

pub(crate) mod apalis;

use std::{
    collections::BTreeMap,
    convert::Infallible,
    future::pending,
    io,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, SystemTime},
};

use firstlight::{
    TelemetryConfig, TelemetryGuard,
    jobs::{AttemptOutcome, Envelope, FailureCause, Job, Queue, QueueStats},
    metrics::Format,
    testing::{OtlpReceiver, ReceivedSpan},
};
use tracing::{Instrument, info_span};

/// Deadline of each wait, and the delay of a job that is not due.
const LONG: Duration = Duration::from_secs(30);

type Row = BTreeMap<String, String>;

/// Enqueues the job `welcome`, and returns the row that a database would store.
async fn enqueue_welcome(queue: &Queue) -> Row {
    let store = |envelope: Envelope| async move { Ok::<Row, Infallible>(envelope.to_pairs()) };
    queue.enqueue("welcome", store).await.unwrap()
}

fn job(row: &Row) -> Job {
    Job::new("welcome").envelope(Envelope::from_pairs(row))
}

/// Returns the error of a failed attempt.
fn failed() -> io::Error {
    io::Error::from(io::ErrorKind::ConnectionRefused)
}

/// An error whose text does not have the cause, as those of HTTP clients.
#[derive(Debug)]
struct SendError(io::Error);

impl std::fmt::Display for SendError {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("error sending request")
    }
}

impl std::error::Error for SendError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.0)
    }
}

#[tokio::main(flavor = "current_thread")]
pub(crate) async fn failures_have_all_causes() {
    let receiver = OtlpReceiver::start().unwrap();
    let telemetry = TelemetryConfig::new()
        .otlp_endpoint(receiver.endpoint())
        .without_admin()
        .init()
        .unwrap();
    let queue = Queue::declare("emails").latency_budget(Duration::from_secs(60));
    let work = async { Err::<(), _>(SendError(failed())) };
    let failure = queue.run(Job::new("welcome"), work).await.unwrap_err();
    let error = match failure.into_cause() {
        FailureCause::Error(error) => error,
        cause => panic!("{cause}"),
    };
    assert!(error.is::<SendError>(), "{error}");
    telemetry.flush(LONG).unwrap();
    let spans = receiver.spans();
    let span = named(&spans, "process emails");
    let reason = format!("error sending request: {}", failed());
    assert_eq!(span.status_message, reason);
    let event = &span.events[0];
    assert_eq!(event.attributes.get("exception.message"), Some(&reason));
    assert!(event.name.ends_with(&reason), "{event:?}");
    telemetry.shutdown(LONG).unwrap();
}

/// Runs jobs with every outcome.
///
/// The outcomes are, in this order: retry, ok, dead-lettered, permanently failed, panicked, canceled.
async fn run_every_outcome(queue: &Queue, row: &Row) {
    let again = queue.run(job(row).id("7").attempt(1, 2), async {
        tokio::time::sleep(Duration::from_millis(1)).await;
        Err::<(), _>(failed())
    });
    let again = again.await.unwrap_err();
    assert_eq!(
        (again.is_dead_lettered(), again.outcome()),
        (false, AttemptOutcome::Retry)
    );

    let work = async {
        info_span!("work").in_scope(|| {});
        Ok::<_, io::Error>(42)
    };
    let done = queue.run(job(row).id("7").attempt(2, 2), work).await;
    assert_eq!(done.unwrap(), 42);

    let dead = queue.run(job(row).attempt(2, 2), async { Err::<(), _>(failed()) });
    assert!(dead.await.unwrap_err().is_dead_lettered());

    let is_permanent = |error: &io::Error| error.kind() == io::ErrorKind::ConnectionRefused;
    let work = async { Err::<(), _>(failed()) };
    let permanent = queue
        .run_with(job(row).attempt(1, 9), is_permanent, work)
        .await;
    assert!(permanent.unwrap_err().is_dead_lettered());

    let panics = queue.run(job(row).attempt(1, 9), async {
        // Always true. Without the condition, the compiler would warn of unreachable code.
        if row.len() < 99 {
            panic!("on purpose");
        }
        Ok::<(), io::Error>(())
    });
    let panicked = panics.await.unwrap_err();
    assert!(!panicked.is_dead_lettered());
    assert!(
        matches!(panicked.into_cause(), FailureCause::Panic(message) if message == "on purpose")
    );

    let hangs = queue.run(job(row).attempt(1, 9), pending::<Result<(), io::Error>>());
    let hangs = tokio::time::timeout(Duration::from_millis(10), hangs).await;
    assert!(hangs.is_err());
}

/// Returns the spans of the runs of jobs.
fn processed(spans: &[ReceivedSpan]) -> Vec<&ReceivedSpan> {
    let is = |span: &&ReceivedSpan| span.name == "process emails";
    spans.iter().filter(is).collect()
}

fn named<'a>(spans: &'a [ReceivedSpan], name: &str) -> &'a ReceivedSpan {
    let found = spans.iter().find(|span| span.name == name);
    found.unwrap_or_else(|| panic!("no {name} in {spans:?}"))
}

fn attribute<'a>(span: &'a ReceivedSpan, name: &str) -> &'a str {
    span.attributes.get(name).map_or("", String::as_str)
}

#[tokio::main(flavor = "current_thread")]
pub(crate) async fn runs_continue_the_request() {
    // Declared before telemetry starts, as in a `static`.
    let queue = Queue::declare("emails").latency_budget(Duration::from_secs(60));
    let receiver = OtlpReceiver::start().unwrap();
    let telemetry = TelemetryConfig::new()
        .otlp_endpoint(receiver.endpoint())
        .without_admin()
        .init()
        .unwrap();

    let row = enqueue_welcome(&queue)
        .instrument(info_span!("request"))
        .await;
    run_every_outcome(&queue, &row).await;

    // This batch job is not due yet, and has a trace of its own.
    let other = enqueue_welcome(&queue)
        .instrument(info_span!("other"))
        .await;
    let later = Job::new("batch")
        .envelope(Envelope::from_pairs(&row))
        .link(Envelope::from_pairs(&other).context().clone())
        .due_at(SystemTime::now() + LONG)
        .new_linked_trace();
    let work = async { Ok::<_, Infallible>(()) };
    queue.run(later, work).await.unwrap();
    // This job has no envelope.
    let work = async { Ok::<_, Infallible>(()) };
    queue.run(Job::new("by hand"), work).await.unwrap();

    let store = |_: Envelope| async { Err::<(), _>(failed()) };
    assert!(queue.enqueue("welcome", store).await.is_err());

    telemetry.flush(LONG).unwrap();
    let spans = receiver.spans();
    assert_same_trace(&spans);
    assert_linked_trace(&spans);
    assert_metrics(&telemetry.metrics().render(Format::OpenMetrics));
    telemetry.shutdown(LONG).unwrap();
}

fn assert_same_trace(spans: &[ReceivedSpan]) {
    let request = named(spans, "request");
    let send = named(spans, "send emails");
    assert_eq!(send.kind, "producer");
    assert_eq!(send.parent_span_id, request.span_id);
    let runs: Vec<_> = processed(spans)
        .into_iter()
        .filter(|span| span.trace_id == request.trace_id)
        .collect();
    let ends: Vec<_> = runs
        .iter()
        .map(|span| {
            assert_eq!(
                (span.kind, &span.parent_span_id),
                ("consumer", &send.span_id)
            );
            let error = attribute(span, "error.type");
            (attribute(span, "worker.task.outcome"), error, span.status)
        })
        .collect();
    assert_eq!(
        ends,
        [
            ("retry", "connection_refused", "error"),
            ("ok", "", "unset"),
            ("dead_lettered", "connection_refused", "error"),
            ("dead_lettered", "connection_refused", "error"),
            ("retry", "panic", "error"),
            ("retry", "cancelled", "error"),
        ]
    );
    let done = runs[1];
    for (name, value) in [
        ("messaging.system.name", "jobs"),
        ("messaging.destination.name", "emails"),
        ("messaging.operation.name", "process"),
        ("messaging.operation.type", "process"),
        ("messaging.message.id", "7"),
        ("worker.task.kind", "welcome"),
        ("worker.task.attempt", "2"),
    ] {
        assert_eq!(attribute(done, name), value, "{name}");
    }
    assert_eq!(named(spans, "work").parent_span_id, done.span_id);
    // The pause before a retry does not count as waiting.
    assert_eq!(attribute(done, "worker.task.wait"), "");
    assert_ne!(attribute(runs[0], "worker.task.wait"), "");
    // The event of a failure on the span has the text of the error.
    let event = &runs[0].events[0];
    let message = format!("job welcome: failed, to be tried again: {}", failed());
    assert_eq!(event.name, message, "{event:?}");
    assert_eq!(
        event.attributes.get("exception.message").unwrap(),
        &failed().to_string()
    );
}

fn assert_linked_trace(spans: &[ReceivedSpan]) {
    let request = named(spans, "request");
    let is = |kind| move |span: &&&ReceivedSpan| attribute(span, "worker.task.kind") == kind;
    let runs = processed(spans);
    let batch = runs.iter().find(is("batch")).unwrap();
    assert_eq!(batch.parent_span_id, "");
    assert_ne!(batch.trace_id, request.trace_id);
    let links: Vec<_> = batch.links.iter().map(|link| &link.trace_id).collect();
    let traces = [&request.trace_id, &named(spans, "other").trace_id];
    assert!(links.len() == 2 && traces.iter().all(|trace| links.contains(trace)));
    let by_hand = runs.iter().find(is("by hand")).unwrap();
    assert_eq!((&*by_hand.parent_span_id, by_hand.links.len()), ("", 0));
}

fn assert_metrics(exposition: &str) {
    for line in [
        "worker_queue_latency_budget_seconds{queue=\"emails\"} 60",
        "worker_tasks_enqueued_total{kind=\"welcome\",queue=\"emails\"} 2",
        "worker_tasks_total{error_type=\"cancelled\",kind=\"welcome\",outcome=\"retry\",queue=\"emails\"} 1",
        "worker_tasks_total{error_type=\"connection_refused\",kind=\"welcome\",outcome=\"dead_lettered\",queue=\"emails\"} 2",
        "worker_tasks_total{error_type=\"connection_refused\",kind=\"welcome\",outcome=\"retry\",queue=\"emails\"} 1",
        "worker_tasks_total{error_type=\"panic\",kind=\"welcome\",outcome=\"retry\",queue=\"emails\"} 1",
        "worker_tasks_total{kind=\"welcome\",outcome=\"ok\",queue=\"emails\"} 1",
        // Only first attempts are counted, and only if the time of their acceptance is known.
        "worker_task_wait_seconds_count{kind=\"welcome\",queue=\"emails\"} 4",
        "worker_task_wait_seconds_count{kind=\"batch\",queue=\"emails\"} 1",
        // The batch job was not due yet.
        "worker_task_wait_seconds_sum{kind=\"batch\",queue=\"emails\"} 0",
        "worker_task_run_seconds_count{kind=\"welcome\",outcome=\"dead_lettered\",queue=\"emails\"} 2",
        "worker_task_accepted_to_done_seconds_count{kind=\"welcome\",queue=\"emails\"} 1",
    ] {
        let found = exposition.lines().any(|found| {
            let rest = found.strip_prefix(line);
            rest.is_some_and(|rest| ["", ".0"].contains(&rest))
        });
        assert!(found, "{line} is not in:\n{exposition}");
    }
    assert!(
        !exposition.contains("wait_seconds_count{kind=\"by hand\""),
        "{exposition}"
    );
}

/// The number of different results of [`read_store`].
const READS: usize = 6;

/// Returns the result of the read with this number.
async fn read_store(number: usize) -> Result<QueueStats, &'static str> {
    tracing::info_span!("query").in_scope(|| {});
    match number {
        0 => Err("not there yet"),
        1 => Ok(QueueStats::new()
            .ready(3)
            .dead_lettered(1)
            .oldest_age(Duration::from_secs(2))),
        2 => panic!("on purpose"),
        // This result has no number of dead-lettered jobs, which an earlier result had.
        3 => Ok(QueueStats::new().ready(4).oldest_age(Duration::ZERO)),
        4 => std::future::pending().await,
        _ => Ok(QueueStats::new().ready(5).dead_lettered(2)),
    }
}

/// The values of the series `up`, `ready`, `dead_lettered` and age.
fn values(telemetry: &TelemetryGuard) -> [Option<String>; 4] {
    let exposition = telemetry.metrics().render(Format::Text);
    [
        "worker_queue_up{queue=\"emails\"} ",
        "worker_queue_depth{queue=\"emails\",status=\"ready\"} ",
        "worker_queue_depth{queue=\"emails\",status=\"dead_lettered\"} ",
        "worker_queue_oldest_age_seconds{queue=\"emails\"} ",
    ]
    .map(|series| {
        let line = exposition
            .lines()
            .find_map(|line| line.strip_prefix(series));
        line.map(str::to_owned)
    })
}

#[tokio::main(flavor = "current_thread", start_paused = true)]
pub(crate) async fn gauges_are_nan_without_the_store() {
    let receiver = OtlpReceiver::start().unwrap();
    let telemetry = TelemetryConfig::new()
        .otlp_endpoint(receiver.endpoint())
        .without_admin()
        .init()
        .unwrap();
    let queue = Queue::declare("emails").latency_budget(Duration::from_secs(60));

    let reads = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&reads);
    // On the paused clock each sleep has its exact length, so the test reads the metrics about
    // halfway between two reads of the store.
    let watch = queue.watch(Duration::from_secs(15), move || {
        read_store(counter.fetch_add(1, Ordering::Relaxed))
    });
    let mut seen = Vec::new();
    tokio::time::sleep(Duration::from_secs(7)).await;
    while reads.load(Ordering::Relaxed) <= READS {
        seen.push(values(&telemetry));
        tokio::time::sleep(Duration::from_secs(15)).await;
    }
    drop(watch);
    tokio::time::sleep(Duration::from_secs(1)).await;
    seen.push(values(&telemetry));

    let expected = [
        [Some("0"), None, None, None],
        [Some("1"), Some("3"), Some("1"), Some("2")],
        [Some("0"), Some("NaN"), Some("NaN"), Some("NaN")],
        [Some("1"), Some("4"), Some("NaN"), Some("0")],
        // The read hangs and has not timed out yet.
        [Some("1"), Some("4"), Some("NaN"), Some("0")],
        [Some("1"), Some("5"), Some("2"), Some("NaN")],
        // The store is no longer watched.
        [Some("0"), Some("NaN"), Some("NaN"), Some("NaN")],
    ];
    let seen: Vec<_> = seen
        .iter()
        .map(|values| values.each_ref().map(Option::as_deref))
        .collect();
    assert_eq!(seen, expected);
    let exposition = telemetry.metrics().render(Format::Text);
    let count = |level| format!("logging_events_total{{level=\"{level}\"}} ");
    let lines = |level| {
        let count = count(level);
        exposition
            .lines()
            .find_map(|line| line.strip_prefix(&*count))
    };
    // Three failed reads, and the event about the panic.
    assert_eq!(
        (lines("warn"), lines("error")),
        (Some("3"), Some("1")),
        "{exposition}"
    );
    telemetry.shutdown(Duration::from_secs(30)).unwrap();
    assert_eq!(receiver.spans(), [], "reads of the store have no spans");
}
