//! What is wired wrongly, and what is not: each is said once, and never of a program that is wired as it should be.

use std::{io::Read, process::ExitCode, thread, time::Duration};

use firstlight::TelemetryConfig;

use crate::support::{ask, part::Part};

const DEADLINE: Duration = Duration::from_secs(60);

/// Lets go of its guard as it is told to, and goes on until its standard input is closed.
pub(crate) fn play_lets_go() -> ExitCode {
    let how = std::env::var("HOW").unwrap();
    if how == "at once" {
        let _ = firstlight::init!().unwrap();
    }
    if how == "by shutdown" {
        let telemetry = firstlight::init!().unwrap();
        telemetry.shutdown(DEADLINE).unwrap();
    }
    let _at_the_end = (how == "at the end").then(|| TelemetryConfig::new().init().unwrap());
    goes_on()
}

/// Until its standard input is closed, and so that a test which waits for a line in vain ends.
fn goes_on() -> ExitCode {
    thread::spawn(|| {
        thread::sleep(DEADLINE);
        std::process::exit(9)
    });
    let _ = std::io::stdin().read_to_end(&mut Vec::new());
    ExitCode::SUCCESS
}

pub(crate) fn dropped_guards() {
    let mut part = Part::start("lets_go", &[("HOW", "at once")]);
    let admin = part.admin_address();
    part.message("telemetry is down");
    let warning = part.message("telemetry has ended 2 s ago, because its guard was dropped");
    assert_eq!(warning["level"], "WARN");
    let page = ask(admin, "GET /telemetry").body;
    assert!(page.starts_with("service: needs attention\n"), "{page}");
    assert!(
        page.contains("`let telemetry = firstlight::init!()?;`"),
        "{page}"
    );
    assert_eq!(part.end(), (Some(0), String::new()));

    let mut part = Part::start("lets_go", &[("HOW", "by shutdown")]);
    let admin = part.admin_address();
    part.message("telemetry is down");
    let page = ask(admin, "GET /telemetry").body;
    assert!(
        page.starts_with("service: off\n  telemetry was shut down\n"),
        "{page}"
    );

    let mut part = Part::start("lets_go", &[("HOW", "at the end")]);
    let admin = part.admin_address();
    let page = ask(admin, "GET /telemetry").body;
    assert!(page.starts_with("service: up\n"), "{page}");
    assert!(page.contains("\nrequests: untried\n"), "{page}");
    assert!(
        page.contains("\nmetrics: untried\n  nothing has read them"),
        "{page}"
    );
    drop(part.child.stdin.take());
    let rest = part.rest();
    assert!(
        rest.len() == 1 && rest[0].contains("telemetry is down"),
        "{rest:?}"
    );
}

/// Keeps its guard, and goes on.
pub(crate) fn play_holds_two_versions() -> ExitCode {
    let _telemetry = firstlight::init!().unwrap();
    goes_on()
}

pub(crate) fn two_versions() {
    // What two versions leave in an executable; put together here, so that this one has it not.
    let paths = ["0.0.1", "0.0.2"].map(|version| format!("/registry/metrics-{version}/src/a/"));
    let mut part = Part::start_with(paths.concat().as_bytes(), "holds_two_versions", &[]);
    part.message("telemetry is up");
    let warning = part.message("the program holds metrics 0.0.1 and 0.0.2");
    assert_eq!(warning["level"], "WARN");
    drop(part.child.stdin.take());
    assert_eq!(part.rest().len(), 1, "the last line");
}

#[cfg(feature = "axum")]
#[tokio::main]
pub(crate) async fn play_serves_until_killed() -> ExitCode {
    use tokio::signal::unix::{SignalKind, signal};

    let telemetry = firstlight::init!().unwrap();
    let _own = std::env::var_os("OWN").map(|_| signal(SignalKind::terminate()).unwrap());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    tracing::info!(address = %listener.local_addr().unwrap(), "listening");
    let app = axum::Router::new()
        .route("/", axum::routing::get(|| async { "hello" }))
        .layer(firstlight::http::TelemetryLayer::new());
    tokio::task::spawn_blocking(goes_on);
    axum::serve(listener, app).await.unwrap();
    telemetry.finish(Ok::<(), std::io::Error>(()))
}

#[cfg(all(feature = "axum", target_os = "linux"))]
pub(crate) fn unhandled_sigterm() {
    for is_handled in [true, false] {
        let own = is_handled.then_some(("OWN", "1"));
        let mut part = Part::start("serves_until_killed", own.as_slice());
        let admin = part.admin_address();
        let line = part.message("listening");
        let address = line["address"].as_str().unwrap().parse().unwrap();
        let page = || ask(admin, "GET /telemetry").body;
        assert!(page().contains("\nsigterm: untried\n"), "{}", page());
        assert!(page().contains("\nrequests: untried\n"), "{}", page());
        assert_eq!(ask(address, "GET /").body, "hello");
        part.message("GET /");
        assert!(page().contains("\nrequests: works\n"), "{}", page());
        if is_handled {
            assert!(
                page().contains("\nsigterm: untried\n  it has a handler"),
                "{}",
                page()
            );
            continue;
        }
        assert!(
            page().contains("\nsigterm: needs attention\n"),
            "{}",
            page()
        );
        let warning = part.message("nothing handles SIGTERM, ");
        assert_eq!(warning["level"], "WARN");
        part.signal("-TERM");
        assert_eq!(part.rest(), [""; 0], "it has ended at once");
    }
}
