//! Tests of scheduled runs.

use std::{
    fmt,
    future::{pending, ready},
    io,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use firstlight::{
    TelemetryConfig,
    cron::{Cron, LocalStore, Schedule, Scheduler},
    metrics::Format,
    testing::OtlpReceiver,
};
use tokio::time::{Instant, sleep};
use tracing::{Event, Subscriber, field::Field};
use tracing_subscriber::{
    Layer, Registry,
    layer::{Context, SubscriberExt},
    registry::LookupSpan,
};

#[tokio::main(flavor = "current_thread")]
pub(crate) async fn runs_have_their_own_traces() {
    let receiver = OtlpReceiver::start().unwrap();
    let telemetry = TelemetryConfig::new()
        .service_name("cron")
        .log_filter("off")
        .otlp_endpoint(receiver.endpoint())
        .admin_address(([127, 0, 0, 1], 0).into())
        .init()
        .unwrap();

    let every_second = |name: &str| {
        Schedule::every(Duration::from_secs(1))
            .unwrap()
            .named(name)
            .without_jitter()
    };
    let surrounding = tracing::info_span!("surrounding");
    let scheduler = Scheduler::new(LocalStore::default())
        .add(every_second("works"), async || {
            tracing::info_span!("inside").in_scope(|| ());
            Ok::<(), io::Error>(())
        })
        .add(every_second("fails"), async || {
            Err(io::Error::other("the disk is full"))
        });
    let has = |name: &'static str| {
        let receiver = &receiver;
        move || receiver.spans().iter().any(|span| span.name == name)
    };
    let seen = async {
        let deadline = tokio::time::Instant::now() + Duration::from_secs(30);
        let (works, fails) = (has("cron works"), has("cron fails"));
        while !(works() && fails()) && tokio::time::Instant::now() < deadline {
            tokio::time::sleep(Duration::from_millis(200)).await;
            let _ = telemetry.flush(Duration::from_secs(5));
        }
    };
    tracing::Instrument::instrument(scheduler.run(seen), surrounding)
        .await
        .unwrap();
    telemetry.flush(Duration::from_secs(30)).unwrap();

    let spans = receiver.spans();
    let works = spans.iter().find(|span| span.name == "cron works").unwrap();
    let fails = spans.iter().find(|span| span.name == "cron fails").unwrap();
    let inside = spans
        .iter()
        .find(|span| span.name == "inside" && span.trace_id == works.trace_id)
        .unwrap();
    assert_eq!(inside.parent_span_id, works.span_id);
    assert!(works.parent_span_id.is_empty(), "{works:?}");
    assert_ne!(works.trace_id, fails.trace_id);
    assert_eq!((works.kind, works.status), ("internal", "unset"));
    assert_eq!(works.attributes["cron.name"], "works");
    assert_eq!(works.attributes["cron.outcome"], "ok");
    assert_eq!(fails.status, "error");
    assert_eq!(fails.attributes["error.type"], "failed");
    assert!(fails.attributes["cron.scheduled_for"].ends_with('Z'));

    // The exemplars of the start delay belong to traces of runs.
    let exposition = telemetry.metrics().render(Format::OpenMetrics);
    let exemplar = |line: &str| {
        let of_works =
            line.starts_with("cron_start_delay_seconds_bucket{") && line.contains("cron=\"works\"");
        let (_, trace) = line.split_once("# {trace_id=\"")?;
        of_works.then(|| trace.split('"').next().unwrap_or_default().to_owned())
    };
    let traces: Vec<_> = exposition.lines().filter_map(exemplar).collect();
    let ran = |trace: &String| {
        let mut spans = spans.iter();
        spans.any(|span| span.name == "cron works" && span.trace_id == *trace)
    };
    assert!(!traces.is_empty() && traces.iter().all(ran), "{exposition}");
}

/// A layer that stores level, span and message of each event.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<String>>>);

/// The message of an event.
struct Message(String);

impl tracing::field::Visit for Message {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if field.name() == "message" {
            self.0 = format!("{value:?}");
        }
    }
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Lines {
    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let mut message = Message(String::new());
        event.record(&mut message);
        let span = context.event_span(event).map_or("", |span| span.name());
        let line = format!("{} [{span}] {}", event.metadata().level(), message.0);
        self.0.lock().unwrap().push(line);
    }
}

impl Lines {
    /// Returns the number of lines that start with `start`.
    fn count(&self, start: &str) -> usize {
        let lines = self.0.lock().unwrap();
        lines.iter().filter(|line| line.starts_with(start)).count()
    }
}

fn every_second(name: &str) -> Cron {
    Schedule::every(Duration::from_secs(1))
        .unwrap()
        .named(name)
        .without_jitter()
}

#[tokio::main(flavor = "current_thread")]
pub(crate) async fn runs_end_with_one_line() {
    let lines = Lines::default();
    tracing::subscriber::set_global_default(Registry::default().with(lines.clone())).unwrap();
    let ends = [
        "INFO [cron] cron works: ok after ",
        "ERROR [cron] cron hangs: canceled at its limit of 0.1 s",
        "ERROR [cron] cron fails: failed after ",
    ];
    // The numbers of runs, in the same order.
    let runs = [0; 3].map(|_| Arc::new(AtomicUsize::new(0)));
    let [works, hangs, fails] = runs.clone();
    let enough = async {
        let deadline = Instant::now() + Duration::from_secs(30);
        while ends.iter().any(|end| lines.count(end) < 1) && Instant::now() < deadline {
            sleep(Duration::from_millis(50)).await;
        }
    };
    Scheduler::new(LocalStore::default())
        .add(every_second("works"), move || {
            works.fetch_add(1, Ordering::Relaxed);
            ready(Ok::<(), io::Error>(()))
        })
        .add(
            every_second("hangs").time_limit(Duration::from_millis(100)),
            move || {
                hangs.fetch_add(1, Ordering::Relaxed);
                pending::<Result<(), io::Error>>()
            },
        )
        .add(every_second("fails"), move || {
            fails.fetch_add(1, Ordering::Relaxed);
            ready(Err(io::Error::other("the disk is full")))
        })
        .run(enough)
        .await
        .unwrap();

    let all = lines.0.lock().unwrap().clone();
    for (end, runs) in ends.iter().zip(&runs) {
        let runs = runs.load(Ordering::Relaxed);
        assert_eq!(lines.count(end), runs, "{end}: {all:#?}");
        assert_ne!(runs, 0, "{end}: {all:#?}");
    }
    // No run has another line.
    let of_runs = all.iter().filter(|line| line.contains("[cron]"));
    let runs = runs.iter().map(|runs| runs.load(Ordering::Relaxed));
    assert_eq!(of_runs.count(), runs.sum::<usize>(), "{all:#?}");
    let failed = all.iter().filter(|line| line.starts_with(ends[2]));
    for line in failed {
        assert!(line.ends_with(" s: the disk is full"), "{line}");
    }
}
