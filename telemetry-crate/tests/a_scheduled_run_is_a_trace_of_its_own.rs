//! Alone in its file: it installs what is global in a process.

#![cfg(all(feature = "cron", feature = "testing"))]
#![expect(clippy::unwrap_used, reason = "tests")]

use std::{io, time::Duration};

use firstlight::{
    TelemetryConfig,
    cron::{LocalStore, Schedule, Scheduler},
    metrics::Format,
    testing::OtlpReceiver,
};

#[tokio::test]
async fn a_scheduled_run_is_a_trace_of_its_own() {
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

    // From a late start one click leads to the run.
    let page = telemetry.metrics().render(Format::OpenMetrics);
    let exemplar = |line: &str| {
        let of_works =
            line.starts_with("cron_start_delay_seconds_bucket{") && line.contains("cron=\"works\"");
        let (_, trace) = line.split_once("# {trace_id=\"")?;
        of_works.then(|| trace.split('"').next().unwrap_or_default().to_owned())
    };
    let traces: Vec<_> = page.lines().filter_map(exemplar).collect();
    let ran = |trace: &String| {
        let mut spans = spans.iter();
        spans.any(|span| span.name == "cron works" && span.trace_id == *trace)
    };
    assert!(!traces.is_empty() && traces.iter().all(ran), "{page}");
}
