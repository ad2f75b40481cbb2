//! Tests of signals and exits.

use std::{
    io,
    process::{Command, ExitCode},
    thread,
    time::{Duration, Instant},
};

use crate::support::scenario::Scenario;

#[tokio::main(flavor = "current_thread")]
pub(crate) async fn run_waits() -> ExitCode {
    let telemetry = firstlight::init!().unwrap();
    let ready = async {
        // Lets `shutdown_signal` register its handlers before the test sends a signal.
        tokio::task::yield_now().await;
        tracing::info!("ready");
        std::future::pending::<()>().await;
    };
    tokio::select! {
        () = firstlight::shutdown_signal() => {}
        () = ready => {}
    }
    if std::env::var_os("STUCK").is_some() {
        tracing::info!("stuck");
        // Blocks the only thread of the runtime.
        loop {
            thread::park();
        }
    }
    telemetry.finish(Ok::<(), std::io::Error>(()))
}

pub(crate) fn signals() {
    for name in ["-TERM", "-INT"] {
        let mut scenario = Scenario::start("waits", &[]);
        scenario.message("telemetry is up");
        scenario.message("ready");
        scenario.send_signal(name);
        scenario.message("shutting down");
        scenario.message("telemetry is down");
        assert_eq!(scenario.end().0, Some(0));
    }
    let mut scenario = Scenario::start("waits", &[("STUCK", "1")]);
    scenario.message("telemetry is up");
    scenario.message("ready");
    scenario.send_signal("-TERM");
    scenario.message("shutting down");
    scenario.message("stuck");
    scenario.repeat_signal("-TERM");
    let last = scenario.message("a second signal: exiting at once with 143");
    assert_eq!(
        (&last["level"], &last["signal"]),
        (&"ERROR".into(), &"SIGTERM".into())
    );
    // By convention, 128 plus the number of the signal.
    assert_eq!(scenario.end().0, Some(128 + 15));
}

/// Exits before a batch is exported.
///
/// It calls `TelemetryGuard::exit`, or with the variable `BARE` only `std::process::exit`.
pub(crate) fn run_exits() -> ExitCode {
    let telemetry = firstlight::init!().unwrap();
    tracing::info_span!("waits for its batch").in_scope(|| tracing::info!("last event"));
    if std::env::var_os("BARE").is_some() {
        std::process::exit(3);
    }
    telemetry.exit(3)
}

#[cfg(feature = "testing")]
pub(crate) fn exits() {
    let receiver = firstlight::testing::OtlpReceiver::start().unwrap();
    let endpoint = receiver.endpoint();
    let variables = [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", &*endpoint),
        // The delay is longer than the test, so only the exit exports.
        ("OTEL_BSP_SCHEDULE_DELAY", "3600000"),
    ];
    let mut scenario = Scenario::start("exits", &[variables[0], variables[1], ("BARE", "1")]);
    scenario.rest();
    assert_eq!(scenario.end().0, Some(3));
    assert_eq!(receiver.spans().len(), 0, "a bare exit loses the span");

    let mut scenario = Scenario::start("exits", &variables);
    scenario.message("telemetry is up");
    scenario.message("last event");
    assert_eq!(scenario.message("telemetry is down")["spans.exported"], 1);
    assert_eq!(scenario.end(), (Some(3), String::new()));
    let spans = receiver.spans();
    assert_eq!((spans.len(), &*spans[0].name), (1, "waits for its batch"));
}

/// A value that logs its drop, and blocks it if `BLOCKS` is `drop`.
struct Connection;

impl Drop for Connection {
    fn drop(&mut self) {
        tracing::info!("disconnected");
        if std::env::var("BLOCKS").as_deref() == Ok("drop") {
            block();
        }
    }
}

fn block() -> ! {
    loop {
        thread::park();
    }
}

/// Runs a service whose start waits, blocks or ends, as the variables say.
#[tokio::main(flavor = "current_thread")]
pub(crate) async fn run_starts_slowly() -> ExitCode {
    let telemetry = firstlight::init!().unwrap();
    let result = firstlight::run_service(async {
        let _connection = Connection;
        tracing::info_span!("connect").in_scope(|| tracing::info!("starting"));
        if std::env::var("BLOCKS").as_deref() == Ok("start") {
            block();
        }
        match std::env::var("START").as_deref() {
            Ok("ends") => {}
            Ok(micros) => signal_within(Duration::from_micros(micros.parse().unwrap())).await,
            Err(_) => std::future::pending().await,
        }
        // The line is logged once `shutdown_signal` was polled.
        tokio::join!(firstlight::shutdown_signal(), async {
            tracing::info!("serving");
        });
        tracing::info!("draining");
        firstlight::shutdown_signal().await;
        match std::env::var_os("FAILS") {
            Some(_) => Err(io::Error::other("cannot save")),
            None => Ok(()),
        }
    });
    telemetry.finish(result.await)
}

/// Sends SIGTERM to this process, and returns after `time`.
async fn signal_within(time: Duration) {
    thread::spawn(|| {
        let id = std::process::id().to_string();
        Command::new("kill").args(["-TERM", &id]).status().unwrap()
    });
    let begin = Instant::now();
    while begin.elapsed() < time {
        tokio::task::yield_now().await;
    }
}

#[cfg(feature = "testing")]
pub(crate) fn canceled() {
    for name in ["-TERM", "-INT"] {
        let receiver = firstlight::testing::OtlpReceiver::start().unwrap();
        let endpoint = receiver.endpoint();
        let mut scenario = Scenario::start(
            "starts_slowly",
            &[
                ("OTEL_EXPORTER_OTLP_ENDPOINT", &*endpoint),
                // The delays are longer than the test, so only the exit exports, and the start has no drain delay.
                ("OTEL_BSP_SCHEDULE_DELAY", "3600000"),
                ("FIRSTLIGHT_DRAIN_DELAY", "3600000"),
            ],
        );
        scenario.message("telemetry is up");
        scenario.message("starting");
        scenario.send_signal(name);
        let line = scenario.message("shutting down during the start: canceling it");
        assert_eq!(line["signal"], name.replace('-', "SIG"), "{line}");
        scenario.message("disconnected");
        let last = scenario.message("telemetry is down");
        assert_eq!(last["spans.exported"], 1, "{last}");
        assert_eq!(scenario.end(), (Some(0), String::new()));
        let spans = receiver.spans();
        assert_eq!((spans.len(), &*spans[0].name), (1, "connect"));
    }
}

/// Blocks the runtime in the start, or when the start is dropped.
pub(crate) fn blocked_starts() {
    for place in ["start", "drop"] {
        let mut scenario = Scenario::start("starts_slowly", &[("BLOCKS", place)]);
        scenario.message("telemetry is up");
        scenario.message("starting");
        scenario.send_signal("-TERM");
        scenario.message("shutting down during the start: canceling it");
        if place == "drop" {
            scenario.message("disconnected");
        }
        scenario.repeat_signal("-TERM");
        scenario.message("a second signal: exiting at once with 143");
        assert_eq!(scenario.end().0, Some(128 + 15));
    }
}

/// Ends the start at about the time of the signal.
///
/// Whichever comes first, the process ends, with one line about the signal.
pub(crate) fn signals_around_the_start() {
    for step in 0..40 {
        let micros = (step * 250).to_string();
        let mut scenario = Scenario::start("starts_slowly", &[("START", &*micros)]);
        let lines = scenario.rest();
        assert_eq!(scenario.end().0, Some(0), "{lines:#?}");
        let lines = lines.concat();
        let count = |text| lines.matches(text).count();
        assert_eq!(count("shutting down"), 1, "{lines}");
        assert_eq!(count("disconnected"), 1, "{lines}");
        assert_eq!(count("telemetry is down"), 1, "{lines}");
    }
}

pub(crate) fn started() {
    for (variable, code) in [("SUCCEEDS", 0), ("FAILS", 1)] {
        let variables = [("START", "ends"), (variable, "1")];
        let mut scenario = Scenario::start("starts_slowly", &variables);
        scenario.message("telemetry is up");
        scenario.message("starting");
        scenario.message("serving");
        scenario.send_signal("-TERM");
        scenario.message("shutting down: draining requests");
        scenario.message("draining");
        scenario.message("disconnected");
        if code == 1 {
            scenario.message("the program failed: cannot save");
        }
        scenario.message("telemetry is down");
        assert_eq!(scenario.end(), (Some(code), String::new()));
    }
}
