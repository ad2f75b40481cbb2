//! Tests of the warnings about wiring mistakes, and of their absence.

use std::{io::Read, process::ExitCode, thread, time::Duration};

use firstlight::TelemetryConfig;

use crate::support::{ask, scenario::Scenario};

/// Deadline of a shutdown, and of a child process as a whole.
const DEADLINE: Duration = Duration::from_secs(60);

/// Ends telemetry in the way that the variable `HOW` names.
///
/// Runs until standard input is closed.
pub(crate) fn run_lets_go() -> ExitCode {
    let how = std::env::var("HOW").unwrap();
    if how == "at once" {
        let _ = firstlight::init!().unwrap();
    }
    if how == "by shutdown" {
        let telemetry = firstlight::init!().unwrap();
        telemetry.shutdown(DEADLINE).unwrap();
    }
    let _at_the_end = (how == "at the end").then(|| TelemetryConfig::new().init().unwrap());
    run_on()
}

/// Runs until standard input is closed.
///
/// Exits with 9 at the deadline, so that the test does not hang.
fn run_on() -> ExitCode {
    thread::spawn(|| {
        thread::sleep(DEADLINE);
        std::process::exit(9)
    });
    let _ = std::io::stdin().read_to_end(&mut Vec::new());
    ExitCode::SUCCESS
}

pub(crate) fn dropped_guards() {
    let mut scenario = Scenario::start("lets_go", &[("HOW", "at once")]);
    let admin = scenario.admin_address();
    scenario.message("telemetry is down");
    let warning = scenario.message("telemetry ended 2 s ago because its guard was dropped");
    assert_eq!(warning["level"], "WARN");
    let status = ask(admin, "GET /telemetry").body;
    assert!(status.starts_with("service: needs attention\n"), "{status}");
    assert!(
        status.contains("`let telemetry = firstlight::init!()?;`"),
        "{status}"
    );
    assert_eq!(scenario.end(), (Some(0), String::new()));

    let mut scenario = Scenario::start("lets_go", &[("HOW", "by shutdown")]);
    let admin = scenario.admin_address();
    scenario.message("telemetry is down");
    let status = ask(admin, "GET /telemetry").body;
    assert!(
        status.starts_with("service: off\n  telemetry was shut down\n"),
        "{status}"
    );

    let mut scenario = Scenario::start("lets_go", &[("HOW", "at the end")]);
    let admin = scenario.admin_address();
    let status = ask(admin, "GET /telemetry").body;
    assert!(status.starts_with("service: up\n"), "{status}");
    assert!(status.contains("\nrequests: unknown\n"), "{status}");
    assert!(
        status.contains("\nmetrics: unknown\n  nothing has read them"),
        "{status}"
    );
    drop(scenario.child.stdin.take());
    let rest = scenario.rest();
    assert!(
        rest.len() == 1 && rest[0].contains("telemetry is down"),
        "{rest:?}"
    );
}

/// Keeps the telemetry guard, and runs until standard input is closed.
pub(crate) fn run_holds_two_versions() -> ExitCode {
    let _telemetry = firstlight::init!().unwrap();
    run_on()
}

pub(crate) fn two_versions() {
    // An executable contains source paths with the versions of its crates. These two paths are assembled at run time,
    // so this executable does not contain them.
    let paths = ["0.0.1", "0.0.2"].map(|version| format!("/registry/metrics-{version}/src/a/"));
    let mut scenario = Scenario::start_with(paths.concat().as_bytes(), "holds_two_versions", &[]);
    scenario.message("telemetry is up");
    let warning = scenario.message("the program contains metrics 0.0.1 and 0.0.2");
    assert_eq!(warning["level"], "WARN");
    drop(scenario.child.stdin.take());
    assert_eq!(scenario.rest().len(), 1, "only the last line");
}

/// Serves without a graceful shutdown, and handles SIGTERM only if `OWN` is set.
#[cfg(feature = "axum")]
#[tokio::main]
pub(crate) async fn run_serves_until_killed() -> ExitCode {
    use tokio::signal::unix::{SignalKind, signal};

    let telemetry = firstlight::init!().unwrap();
    let _own = std::env::var_os("OWN").map(|_| signal(SignalKind::terminate()).unwrap());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    tracing::info!(address = %listener.local_addr().unwrap(), "listening");
    let app = axum::Router::new()
        .route("/", axum::routing::get(|| async { "hello" }))
        .layer(firstlight::http::TelemetryLayer::new());
    tokio::task::spawn_blocking(run_on);
    axum::serve(listener, app).await.unwrap();
    telemetry.finish(Ok::<(), std::io::Error>(()))
}

#[cfg(all(feature = "axum", target_os = "linux"))]
pub(crate) fn unhandled_sigterm() {
    for is_handled in [true, false] {
        let own = is_handled.then_some(("OWN", "1"));
        let mut scenario = Scenario::start("serves_until_killed", own.as_slice());
        let admin = scenario.admin_address();
        let line = scenario.message("listening");
        let address = line["address"].as_str().unwrap().parse().unwrap();
        let status = || ask(admin, "GET /telemetry").body;
        assert!(status().contains("\nsigterm: unknown\n"), "{}", status());
        assert!(status().contains("\nrequests: unknown\n"), "{}", status());
        assert_eq!(ask(address, "GET /").body, "hello");
        scenario.message("GET /");
        assert!(status().contains("\nrequests: works\n"), "{}", status());
        if is_handled {
            assert!(
                status().contains("\nsigterm: unknown\n  it has a handler"),
                "{}",
                status()
            );
            continue;
        }
        assert!(
            status().contains("\nsigterm: needs attention\n"),
            "{}",
            status()
        );
        let warning = scenario.message("nothing handles SIGTERM, ");
        assert_eq!(warning["level"], "WARN");
        scenario.send_signal("-TERM");
        assert_eq!(scenario.rest(), [""; 0], "the signal has ended it at once");
    }
}
