//! Tests of losses: full queues, open spans, and the last events before any exit.

use std::{
    convert::Infallible,
    io::{self, Read as _, Write},
    mem::ManuallyDrop,
    net::TcpListener,
    process::ExitCode,
    sync::mpsc,
    thread,
    time::Duration,
};

use firstlight::LostKind;

use crate::support::scenario::Scenario;

pub(crate) fn run_bursts() -> ExitCode {
    let telemetry = firstlight::init!().unwrap();
    for _ in 0..10_000 {
        drop(tracing::info_span!("at once"));
    }
    // The shutdown sends all queued spans.
    let flushed = telemetry.shutdown(Duration::from_secs(30));
    ExitCode::from(u8::from(flushed.is_err()))
}

#[cfg(feature = "testing")]
pub(crate) fn full_queue() {
    for filter in ["warn", "off"] {
        let receiver = firstlight::testing::OtlpReceiver::start().unwrap();
        let endpoint = receiver.endpoint();
        let variables = [
            ("OTEL_EXPORTER_OTLP_ENDPOINT", &*endpoint),
            ("OTEL_BSP_MAX_QUEUE_SIZE", "64"),
            ("RUST_LOG", filter),
        ];
        let mut scenario = Scenario::start("bursts", &variables);
        let warning = scenario.line();
        let text = warning["message"].as_str().unwrap();
        assert!(text.contains("the queue of 64 was full"), "{text}");
        assert!(text.contains("OTEL_BSP_MAX_QUEUE_SIZE"), "{text}");
        let last = scenario
            .message("telemetry is down; spans lost since the start, by reason: queue_full");
        assert_eq!(last["level"], "WARN");
        let lost = last["spans.lost"].as_u64().unwrap();
        let exported = last["spans.exported"].as_u64().unwrap();
        assert_eq!(lost + exported, 10_000);
        assert!(lost > 0);
        assert_eq!(
            scenario.end().0,
            Some(0),
            "the flush itself has lost nothing"
        );
    }
}

/// Fills the queue, and runs until standard input is closed.
pub(crate) fn run_overflows() -> ExitCode {
    let telemetry = firstlight::init!().unwrap();
    for _ in 0..10_000 {
        drop(tracing::info_span!("at once"));
    }
    let _ = io::stdin().read_to_end(&mut Vec::new());
    let flushed = telemetry.shutdown(Duration::from_secs(30));
    ExitCode::from(u8::from(flushed.is_err()))
}

/// Tests the lines that are logged while the only export is retried.
pub(crate) fn failing_exports() {
    let closed = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}", closed.local_addr().unwrap());
    drop(closed);
    let variables = [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", &*endpoint),
        ("OTEL_BSP_MAX_QUEUE_SIZE", "64"),
        ("OTEL_BSP_EXPORT_TIMEOUT", "3600000"),
        ("RUST_LOG", "off"),
    ];
    let mut scenario = Scenario::start("overflows", &variables);
    let full = scenario.line();
    let text = full["message"].as_str().unwrap();
    let cause = "the queue of 64 was full, because their export fails: ";
    assert!(text.contains(cause), "{text}");
    assert!(text.contains("Connection refused"), "{text}");
    let failing = scenario.message("export of traces fails: ");
    let text = failing["message"].as_str().unwrap();
    assert!(text.contains("Connection refused"), "{text}");
    assert_eq!(scenario.end().0, Some(1));
}

/// Logs three events, and prints how many log records the shutdown has lost.
pub(crate) fn run_loses_records() -> ExitCode {
    let telemetry = firstlight::init!().unwrap();
    for _ in 0..3 {
        tracing::info!("lost");
    }
    let error = telemetry.shutdown(Duration::from_secs(30)).unwrap_err();
    let records = error.lost.iter().find(|it| it.kind == LostKind::LogRecords);
    eprint!("{}", records.unwrap().count);
    ExitCode::SUCCESS
}

/// Tests that the count of lost log records is the sum of two flushes.
///
/// The shutdown flushes log records before it logs the last line, and again after it.
pub(crate) fn lost_records() {
    let closed = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}", closed.local_addr().unwrap());
    drop(closed);
    let variables = [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", &*endpoint),
        ("OTEL_LOGS_EXPORTER", "otlp"),
    ];
    let mut scenario = Scenario::start("loses_records", &variables);
    let lines = scenario.rest();
    let (code, lost) = scenario.end();
    assert_eq!(code, Some(0), "{lost}");
    // Each line is a log record as well.
    assert_eq!(lost, lines.len().to_string(), "{lines:#?}");
}

pub(crate) fn run_leaves_open() -> ExitCode {
    let telemetry = firstlight::init!().unwrap();
    let _root = tracing::info_span!("main").entered();
    telemetry.finish(Ok::<(), Infallible>(()))
}

#[cfg(feature = "testing")]
pub(crate) fn open_spans() {
    let receiver = firstlight::testing::OtlpReceiver::start().unwrap();
    let endpoint = receiver.endpoint();
    let mut scenario = Scenario::start(
        "leaves_open",
        &[("OTEL_EXPORTER_OTLP_ENDPOINT", &*endpoint)],
    );
    scenario.message("telemetry is up");
    let last = scenario.message("telemetry is down; 1 span has not ended");
    assert_eq!(
        (&last["level"], &last["spans.lost"]),
        (&"WARN".into(), &1.into())
    );
    assert_eq!(scenario.end().0, Some(0));
}

/// Logs errors on several threads until the process ends.
///
/// The id of each error is written to standard error after its call has returned.
pub(crate) fn run_dies() -> ExitCode {
    let _never_dropped = ManuallyDrop::new(firstlight::init!().unwrap());
    let (returned, calls) = mpsc::channel();
    for thread in 0..3 {
        let returned = returned.clone();
        thread::spawn(move || {
            for n in 0.. {
                let id = format!("{thread}-{n}");
                tracing::error!(id, "last event");
                // One system call writes the id as a whole.
                let _ = io::stderr().write_all(format!("{id}\n").as_bytes());
                let _ = returned.send(());
            }
        });
    }
    calls.iter().take(20).for_each(drop);
    match std::env::var("HOW").as_deref() {
        Ok("exit") => std::process::exit(3),
        Ok("abort") => std::process::abort(),
        Ok("thread") => {
            thread::spawn(|| std::process::exit(3));
            loop {
                thread::park();
            }
        }
        _ => ExitCode::from(3),
    }
}

pub(crate) fn last_events() {
    for how in ["exit", "abort", "thread", "return"] {
        let lost: Vec<_> = (0..5).map(|_| missing_errors(how)).collect();
        // One run of five may lose an error. The call for an error waits only for a limited time, and a busy machine
        // may not run the writer's thread within this time.
        let complete = lost.iter().filter(|lost| lost.is_empty()).count();
        assert!(complete >= 4, "{how}: {lost:?}");
    }
}

/// Returns the ids of the errors that are missing on standard output.
///
/// Only errors whose calls had returned count.
fn missing_errors(how: &str) -> Vec<String> {
    let mut scenario = Scenario::start("dies", &[("HOW", how)]);
    let lines = scenario.rest();
    let (_, returned) = scenario.end();
    assert!(returned.lines().count() >= 20, "{how}: {returned}");
    let is_written = |id: &str| {
        let id = format!("\"{id}\"");
        lines.iter().any(|line| line.contains(&id))
    };
    let lost = returned.lines().filter(|id| !is_written(id));
    lost.map(str::to_owned).collect()
}
