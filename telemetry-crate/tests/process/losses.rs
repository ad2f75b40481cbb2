//! What a process loses, and says of it: a full queue, spans that have not ended, and its last words however it ends.

use std::{
    convert::Infallible,
    io::{self, Write},
    mem::ManuallyDrop,
    process::ExitCode,
    sync::mpsc,
    thread,
    time::Duration,
};

use crate::support::part::Part;

pub(crate) fn play_bursts() -> ExitCode {
    let telemetry = firstlight::init!().unwrap();
    for _ in 0..10_000 {
        drop(tracing::info_span!("at once"));
    }
    // What this flush sends is all that waits.
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
            // Nothing is taken from the queue in the meantime.
            ("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "2048"),
            ("OTEL_BSP_MAX_QUEUE_SIZE", "64"),
            ("RUST_LOG", filter),
        ];
        let mut part = Part::start("bursts", &variables);
        let warning = part.line();
        let text = warning["message"].as_str().unwrap();
        assert!(text.contains("the queue of 64 was full"), "{text}");
        assert!(text.contains("OTEL_BSP_MAX_QUEUE_SIZE"), "{text}");
        let last =
            part.message("telemetry is down; spans lost since the start, by reason: queue_full");
        assert_eq!(last["level"], "WARN");
        let lost = last["spans.lost"].as_u64().unwrap();
        let exported = last["spans.exported"].as_u64().unwrap();
        assert_eq!(lost + exported, 10_000);
        assert!(lost > 0);
        assert_eq!(part.end().0, Some(0), "the flush itself lost nothing");
    }
}

pub(crate) fn play_leaves_open() -> ExitCode {
    let telemetry = firstlight::init!().unwrap();
    let _root = tracing::info_span!("main").entered();
    telemetry.finish(Ok::<(), Infallible>(()))
}

#[cfg(feature = "testing")]
pub(crate) fn open_spans() {
    let receiver = firstlight::testing::OtlpReceiver::start().unwrap();
    let endpoint = receiver.endpoint();
    let mut part = Part::start(
        "leaves_open",
        &[("OTEL_EXPORTER_OTLP_ENDPOINT", &*endpoint)],
    );
    part.message("telemetry is up");
    let last = part.message("telemetry is down; 1 span has not ended");
    assert_eq!(
        (&last["level"], &last["spans.lost"]),
        (&"WARN".into(), &1.into())
    );
    assert_eq!(part.end().0, Some(0));
}

/// Threads log errors, each of which is said on standard error once its call has returned, until the process ends.
pub(crate) fn play_dies() -> ExitCode {
    let _never_dropped = ManuallyDrop::new(firstlight::init!().unwrap());
    let (said, heard) = mpsc::channel();
    for thread in 0..3 {
        let said = said.clone();
        thread::spawn(move || {
            for n in 0.. {
                let id = format!("{thread}-{n}");
                tracing::error!(id, "the last words");
                // One system call, so that it is whole.
                let _ = io::stderr().write_all(format!("{id}\n").as_bytes());
                let _ = said.send(());
            }
        });
    }
    heard.iter().take(20).for_each(drop);
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

pub(crate) fn last_words() {
    for how in ["exit", "abort", "thread", "return"] {
        let lost: Vec<_> = (0..5).map(|_| lost_by(how)).collect();
        // Not none in all, for a machine that does not run the writer's thread for longer than an error waits.
        let complete = lost.iter().filter(|lost| lost.is_empty()).count();
        assert!(complete >= 4, "{how}: {lost:?}");
    }
}

/// The errors whose calls had returned, and which are not on standard output.
fn lost_by(how: &str) -> Vec<String> {
    let mut part = Part::start("dies", &[("HOW", how)]);
    let lines = part.rest();
    let (_, returned) = part.end();
    assert!(returned.lines().count() >= 20, "{how}: {returned}");
    let is_out = |id: &str| {
        let id = format!("\"{id}\"");
        lines.iter().any(|line| line.contains(&id))
    };
    let lost = returned.lines().filter(|id| !is_out(id));
    lost.map(str::to_owned).collect()
}
