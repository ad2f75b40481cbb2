//! Tests of the admin listener by its log lines and exit codes.

pub(crate) mod access;
#[cfg(feature = "console")]
pub(crate) mod console;
#[cfg(feature = "axum")]
pub(crate) mod errors;
pub(crate) mod explain;
pub(crate) mod log_lines;

use std::{io, process::ExitCode, thread};

use crate::support::{ask, put, scenario::Scenario, send};

pub(crate) fn run_check() -> ExitCode {
    let report = firstlight::check();
    eprintln!("{report}");
    report.exit_code()
}

/// Makes the service work once, and returns the messages that it logs.
fn work(service: &mut Scenario) -> Vec<String> {
    service.write_line("work");
    let mut messages = Vec::new();
    loop {
        let message = service.line()["message"].as_str().unwrap().to_owned();
        if message == "done" {
            return messages;
        }
        messages.push(message);
    }
}

/// Logs the same events for each line of standard input.
///
/// Meanwhile two threads open and close spans.
pub(crate) fn run_service() -> ExitCode {
    let telemetry = firstlight::init!().unwrap();
    for _ in 0..2 {
        thread::spawn(|| {
            for id in 0u64.. {
                tracing::info_span!(target: "orders", "order", id = id % 8).in_scope(|| {
                    let inner = tracing::debug_span!(target: "orders", "inner").entered();
                    thread::yield_now();
                    drop(inner);
                });
            }
        });
    }
    let open = tracing::info_span!(target: "orders", "order", id = 7);
    for _ in io::stdin().lines() {
        tracing::info!(target: "orders", "info");
        tracing::debug!(target: "orders", "debug");
        log::debug!(target: "orders", "a record");
        open.in_scope(|| tracing::trace!(target: "orders", "in a span that was open"));
        tracing::info_span!(target: "orders", "order", id = 7)
            .in_scope(|| tracing::trace!(target: "orders", "in a new span"));
        // This target passes every log filter.
        tracing::info!(target: "firstlight::check", "done");
    }
    telemetry.finish(Ok::<(), io::Error>(()))
}

pub(crate) fn log_filter() {
    let (mut service, address) = Scenario::serving("service", &[("RUST_LOG", "info")]);
    let answer = ask(address, "GET /log-filter").body;
    assert!(answer.starts_with("filter: info\nsince: "), "{answer}");
    assert!(answer.contains("\nreverts: never"), "{answer}");
    assert_eq!(work(&mut service), ["info"]);

    let path = "/log-filter?for=10m&who=ada&why=slow+orders";
    let answer = put(address, path, "info,orders=debug\n");
    assert_eq!(answer.status, 200, "{}", answer.body);
    let head = "GET /log-filter HTTP/1.1\r\nhost: localhost\r\naccept: application/json";
    let answer = send(address, head, "").body;
    let state: serde_json::Value = serde_json::from_str(&answer).unwrap();
    let words = ["filter", "start_filter", "who", "why"].map(|key| state[key].as_str());
    let expected = ["info,orders=debug", "info", "ada", "slow orders"];
    assert_eq!(words, expected.map(Some));
    let left = state["seconds_left"].as_u64().unwrap();
    assert!((500..=600).contains(&left), "{state}");
    assert!(state["until"].as_str().unwrap().ends_with('Z'), "{state}");
    assert!(!state["instance"].as_str().unwrap().is_empty(), "{state}");
    let answer = ask(address, "GET /log-filter").body;
    for fact in [
        "filter: info,orders=debug\n",
        "\nby: ada, from 127.0.0.1\n",
        "\nwhy: slow orders\n",
        "\nreverts: at ",
    ] {
        assert!(answer.contains(fact), "{answer}");
    }
    let line = service.message("log filter changed to info,orders=debug");
    let fields = ["client.address", "who", "why", "old", "new"].map(|key| line[key].as_str());
    let expected = [
        "127.0.0.1",
        "ada",
        "slow orders",
        "info",
        "info,orders=debug",
    ];
    assert_eq!(fields, expected.map(Some));
    assert!(line["until"].as_str().unwrap().ends_with('Z'), "{line}");
    assert_eq!(work(&mut service), ["info", "debug", "a record"]);

    // While spans are open, a filter by span and a plain filter are set in turn, three times.
    for _ in 0..3 {
        let by_span = put(address, "/log-filter", "warn,[order{id=7}]=trace");
        assert_eq!(by_span.status, 200, "{}", by_span.body);
        service.message("log filter changed to warn,[order{id=7}]=trace");
        assert_eq!(work(&mut service), ["in a new span"]);
        assert_eq!(put(address, "/log-filter", "off").status, 200);
        // The log filter does not remove this event.
        service.message("log filter changed to off");
        assert_eq!(work(&mut service), [""; 0]);
    }

    let answer = send(
        address,
        "DELETE /log-filter HTTP/1.1\r\nhost: localhost\r\nfrom: ada@example.com",
        "",
    );
    assert!(answer.body.starts_with("filter: info\n"), "{}", answer.body);
    let line = service.message("log filter reverted to info on request");
    assert_eq!(line["who"], "ada@example.com");
    assert_eq!(work(&mut service), ["info"]);

    assert_eq!(
        put(address, "/log-filter?for=1s", "orders=debug").status,
        200
    );
    service.message("log filter changed to orders=debug");
    let answer = ask(address, "GET /log-filter").body;
    assert!(answer.contains("\ncaution: only the targets"), "{answer}");
    service.message("log filter reverted to info: the change has expired");
    assert_eq!(work(&mut service), ["info"]);

    for (path, body, status, hint) in [
        ("/log-filter", "orders=loud", 400, "RUST_LOG"),
        ("/log-filter", "", 400, "empty"),
        ("/log-filter?for=forever", "debug", 400, "24h"),
        ("/log-filter?fro=1m", "debug", 400, "`for`"),
        ("/log-filter", &"x".repeat(9 * 1024), 413, "8192"),
    ] {
        let answer = put(address, path, body);
        assert_eq!(answer.status, status, "{path}: {}", answer.body);
        assert!(answer.body.contains(hint), "{}", answer.body);
    }
    let post = ask(address, "POST /log-filter");
    assert_eq!(post.status, 405);
    assert!(
        post.head.contains("allow: GET, HEAD, PUT, DELETE"),
        "{}",
        post.head
    );
    assert_eq!(ask(address, "PUT /metrics").status, 405);
    assert_eq!(
        work(&mut service),
        ["info"],
        "rejected requests have changed nothing"
    );

    // A panic of a thread would be a log line before this one.
    drop(service.child.stdin.take());
    service.message("telemetry is down");
    assert_eq!(service.end(), (Some(0), String::new()));
}

pub(crate) fn checks() {
    let check = |variables: &[(&str, &str)]| {
        let mut scenario = Scenario::start("check", variables);
        scenario.rest();
        scenario.end()
    };
    let (code, report) = check(&[]);
    assert_eq!(code, Some(0), "{report}");
    assert!(
        report.contains("traces: off, set OTEL_EXPORTER_OTLP_ENDPOINT"),
        "{report}"
    );

    let refused = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1");
    let (code, report) = check(&[refused]);
    assert_eq!(code, Some(1), "{report}");
    assert!(report.starts_with("telemetry check: failed\n"), "{report}");
    assert!(report.contains("is the collector running"), "{report}");

    let (code, report) = check(&[refused, ("OTEL_TRACES_SAMPLER", "always_off")]);
    assert_eq!(code, Some(1), "{report}");
    assert!(report.contains("OTEL_TRACES_SAMPLER"), "{report}");

    let (code, report) = check(&[("OTEL_EXPORTER_OTLP_ENDPOINT", "collector:4317")]);
    assert_eq!(code, Some(1), "{report}");
    assert!(
        report.contains("start: failed, OTEL_EXPORTER_OTLP_ENDPOINT: "),
        "{report}"
    );

    // The service is running during this check, and its port is in use.
    let (_service, address) = Scenario::serving("service", &[("OTEL_SERVICE_NAME", "orders")]);
    let port = address.port().to_string();
    for (name, expected) in [
        (
            "orders",
            "is in use by orders itself, which is running there",
        ),
        (
            "billing",
            "is in use by the service \"orders\"; if that is not",
        ),
    ] {
        let variables = [
            ("OTEL_EXPORTER_PROMETHEUS_PORT", &*port),
            ("OTEL_SERVICE_NAME", name),
        ];
        let (code, report) = check(&variables);
        assert_eq!(code, Some(0), "{report}");
        assert!(report.contains(expected), "{report}");
        assert!(!report.contains("cannot listen"), "{report}");
    }
}

/// Runs a check that blocks the only thread of the runtime, as in an async `main`.
pub(crate) fn run_blocked_checks() -> ExitCode {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    runtime.block_on(async { firstlight::check!().exit_code() })
}

#[cfg(feature = "testing")]
pub(crate) fn blocked_checks() {
    let receiver = firstlight::testing::OtlpReceiver::start().unwrap();
    receiver.set_answer(firstlight::testing::CollectorAnswer::Hang);
    let endpoint = receiver.endpoint();
    let mut scenario = Scenario::start(
        "checks",
        &[
            ("OTEL_EXPORTER_OTLP_ENDPOINT", &*endpoint),
            // The timeouts, in milliseconds, are longer than the time after which a blocked runtime is reported.
            ("OTEL_EXPORTER_OTLP_TIMEOUT", "5000"),
            ("OTEL_BSP_EXPORT_TIMEOUT", "5000"),
        ],
    );
    let lines = scenario.rest();
    assert_eq!(scenario.end().0, Some(1), "{lines:#?}");
    let reports_blocked_runtime = |line: &String| line.contains("the application's runtime");
    assert!(!lines.iter().any(reports_blocked_runtime), "{lines:#?}");
}

#[tokio::main(flavor = "current_thread")]
pub(crate) async fn run_drains() -> ExitCode {
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
    tracing::info!("closing the listener");
    telemetry.finish(Ok::<(), io::Error>(()))
}

pub(crate) fn drains() {
    // The delay, in milliseconds, is longer than any test, because only its start is tested.
    let (mut service, address) =
        Scenario::serving("drains", &[("FIRSTLIGHT_DRAIN_DELAY", "3600000")]);
    service.message("ready");
    assert_eq!(ask(address, "GET /readyz").status, 200);
    service.send_signal("-TERM");
    service.message("shutting down: not ready any more, accepting requests for another 3600000 ms");
    let drained = ask(address, "GET /readyz");
    assert_eq!(
        (drained.status, &*drained.body),
        (503, "not ready: draining\n")
    );
    assert_eq!(ask(address, "GET /livez").status, 200);
    service.repeat_signal("-TERM");
    let rest = service.rest();
    assert!(
        rest.iter().all(|line| line.contains("a second signal")),
        "expected an exit while the listener is open, found {rest:?}"
    );
    assert_eq!(service.end().0, Some(128 + 15));

    let (mut service, _) = Scenario::serving("drains", &[("FIRSTLIGHT_DRAIN_DELAY", "1")]);
    service.message("ready");
    service.send_signal("-TERM");
    service.message("shutting down: not ready any more");
    service.message("closing the listener");
    service.message("telemetry is down");
    assert_eq!(service.end().0, Some(0));
}
