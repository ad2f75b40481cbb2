//! What only the outside can judge: exit codes, signals, and what a whole process writes.
//!
//! The test starts itself as a child that plays a part; the variable `PART` says which.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "tests, and one part is to panic"
)]

use std::{
    io::{BufRead, BufReader, Lines, Read},
    process::{Child, ChildStdout, Command, ExitCode, ExitStatus, Stdio},
    thread,
    time::Duration,
};

use firstlight::TelemetryConfig;
use libtest_mimic::{Arguments, Failed, Trial};
use serde_json::Value;

fn main() -> ExitCode {
    match std::env::var("PART").ok().as_deref() {
        None => {
            let trial = |name: &str, test: fn()| {
                Trial::test(name, move || {
                    test();
                    Ok::<(), Failed>(())
                })
            };
            let trials = vec![
                trial(
                    "panics_log_records_and_a_failing_main_are_one_line_each",
                    panics_and_records,
                ),
                trial(
                    "the_environment_wins_over_the_package_and_says_so_at_start",
                    environment,
                ),
                trial("sigterm_drains_and_a_second_signal_exits_at_once", signals),
                trial("a_closed_standard_output_is_survived", closed_output),
            ];
            libtest_mimic::run(&Arguments::from_args(), trials).exit_code()
        }
        Some("panics") => play_panics(),
        Some("waits") => play_waits(),
        Some("writes") => play_writes(),
        Some(part) => panic!("no part {part}"),
    }
}

/// A child that is killed when the test is over, however it ends.
struct Part {
    child: Child,
    lines: Option<Lines<BufReader<ChildStdout>>>,
}

impl Part {
    fn start(part: &str, variables: &[(&str, &str)]) -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .env("PART", part)
            .env("OTEL_EXPORTER_PROMETHEUS_PORT", "0")
            .env("RUST_BACKTRACE", "1")
            .envs(variables.iter().copied())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = Some(BufReader::new(child.stdout.take().unwrap()).lines());
        Self { child, lines }
    }

    fn line(&mut self) -> Value {
        let line = self.lines.as_mut().and_then(Iterator::next);
        let line = line.expect("the process ended too early").unwrap();
        serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error} in {line}"))
    }

    fn message(&mut self, expected: &str) -> Value {
        let line = self.line();
        assert!(
            line["message"].as_str().unwrap().starts_with(expected),
            "expected {expected:?}: {line}"
        );
        line
    }

    fn signal(&self, name: &str) {
        let status = Command::new("kill")
            .args([name, &self.child.id().to_string()])
            .status()
            .unwrap();
        assert!(status.success());
    }

    /// The exit status, and what the process wrote to standard error.
    fn end(&mut self) -> (ExitStatus, String) {
        let mut stderr = String::new();
        self.child
            .stderr
            .take()
            .unwrap()
            .read_to_string(&mut stderr)
            .unwrap();
        (self.child.wait().unwrap(), stderr)
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn play_panics() -> ExitCode {
    let telemetry = firstlight::init!().unwrap();
    let span = tracing::info_span!("a_span");
    tracing::info!(parent: &span, "inside a span that is named");
    let key = firstlight::Secret::new("hunter2");
    tracing::info!(user.password = "hunter2", pin = "hunter2", key = ?key, "signed in");
    log::info!(target: "a_library", "a record of the log crate");
    let _ = thread::Builder::new()
        .name("worker".into())
        .spawn(|| panic!("on\npurpose"))
        .unwrap()
        .join();
    let cause = std::io::Error::other("disk full");
    telemetry.finish(Err(std::io::Error::other(Outer(cause))))
}

#[derive(Debug)]
struct Outer(std::io::Error);

impl std::fmt::Display for Outer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("cannot save")
    }
}

impl std::error::Error for Outer {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.0)
    }
}

fn panics_and_records() {
    let mut part = Part::start("panics", &[("FIRSTLIGHT_REDACT", "PIN")]);
    part.message("telemetry is up");
    let inside = part.message("inside a span that is named");
    assert_eq!(inside["trace_id"].as_str().unwrap().len(), 32, "{inside}");
    let signed_in = part.message("signed in");
    for name in ["user.password", "pin", "key"] {
        assert_eq!(signed_in[name], "***", "{signed_in}");
    }
    let record = part.message("a record of the log crate");
    assert_eq!(record["target"], "a_library");
    let keys: Vec<&String> = record.as_object().unwrap().keys().collect();
    assert!(keys.iter().all(|key| !key.starts_with("log.")), "{keys:?}");

    let panic = part.message("panicked: on\npurpose");
    assert_eq!(
        (&panic["level"], &panic["target"]),
        (&"ERROR".into(), &"panic".into())
    );
    assert_eq!(panic["thread.name"], "worker");
    assert!(
        panic["panic.location"]
            .as_str()
            .unwrap()
            .contains("process.rs:"),
        "{panic}"
    );
    assert!(
        panic["exception.stacktrace"]
            .as_str()
            .unwrap()
            .contains('\n'),
        "{panic}"
    );

    let failure = part.message("the program failed: ");
    assert_eq!(
        failure["message"],
        "the program failed: cannot save: disk full"
    );
    part.message("telemetry is down");
    let (status, stderr) = part.end();
    assert_eq!((status.code(), &*stderr), (Some(1), ""));
}

fn environment() {
    let variables = [
        ("OTEL_SERVICE_NAME", "operator"),
        ("OTEL_TRACES_SAMPLER", "always_off"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1"),
        (
            "OTEL_EXPORTER_OTLP_HEADERS",
            "authorization=Bearer%20hunter2",
        ),
        ("OTEL_PROPAGATORS", "jaeger"),
        ("RUST_LOG", "warn,firstlight=info"),
    ];
    let mut part = Part::start("panics", &variables);
    let start = part.message("telemetry is up");
    assert_eq!(start["service.name"], "operator");
    assert_eq!(start["logs"], "json to stdout, filter warn,firstlight=info");
    assert_eq!(
        start["traces"],
        "otlp http/protobuf to http://127.0.0.1:1/v1/traces, sampler always_off"
    );
    assert!(
        !start["metrics"].as_str().unwrap().ends_with(":0/metrics"),
        "{start}"
    );
    let warning = part.message("OTEL_PROPAGATORS: found \"jaeger\"");
    assert_eq!(warning["level"], "WARN");
    let rest: String = part.lines.take().unwrap().map(Result::unwrap).collect();
    assert!(!rest.contains("hunter2"), "{rest}");
}

#[tokio::main(flavor = "current_thread")]
async fn play_waits() -> ExitCode {
    let telemetry = firstlight::init!().unwrap();
    let ready = async {
        // Once the signals are listened for.
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
        // On the only thread of the runtime.
        loop {
            thread::park();
        }
    }
    telemetry.finish(Ok::<(), std::io::Error>(()))
}

fn signals() {
    for name in ["-TERM", "-INT"] {
        let mut part = Part::start("waits", &[]);
        part.message("telemetry is up");
        part.message("ready");
        part.signal(name);
        part.message("shutting down");
        part.message("telemetry is down");
        assert_eq!(part.end().0.code(), Some(0));
    }
    let mut part = Part::start("waits", &[("STUCK", "1")]);
    part.message("telemetry is up");
    part.message("ready");
    part.signal("-TERM");
    part.message("shutting down");
    part.message("stuck");
    part.signal("-TERM");
    assert_eq!(part.end().0.code(), Some(128 + 15));
}

fn play_writes() -> ExitCode {
    let telemetry = TelemetryConfig::new().without_admin().init().unwrap();
    // Until the reader has gone.
    let _ = std::io::stdin().read_to_end(&mut Vec::new());
    for n in 0..100 {
        tracing::info!(n, "into the void");
    }
    let result = telemetry.shutdown(Duration::from_secs(10));
    let error = result.expect_err("every line is lost");
    eprintln!("{error}");
    ExitCode::SUCCESS
}

fn closed_output() {
    let mut part = Part::start("writes", &[]);
    drop(part.lines.take());
    drop(part.child.stdin.take());
    let (status, stderr) = part.end();
    assert_eq!(status.code(), Some(0), "{stderr}");
    assert!(
        stderr.contains("log lines lost") && stderr.contains("roken pipe"),
        "{stderr}"
    );
}
