//! Tests of `init` and `build`.

use std::{
    net::{SocketAddr, TcpListener, TcpStream},
    thread,
    time::{Duration, Instant},
};

use firstlight::{InitError, TelemetryConfig};

fn config(admin: SocketAddr) -> TelemetryConfig {
    TelemetryConfig::new()
        .otlp_endpoint("http://127.0.0.1:4318")
        .admin_address(admin)
}

/// Returns the number of threads of this process, or 0 outside Linux.
fn threads() -> usize {
    std::fs::read_dir("/proc/self/task").map_or(0, Iterator::count)
}

pub(crate) fn failed_builds_leave_nothing_behind() {
    let before = threads();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();

    let error = config(address).require_admin().build().unwrap_err();
    let InitError::AdminListener { .. } = &error else {
        unreachable!("{error}")
    };
    let message = error.to_string();
    assert!(
        message.contains(&address.to_string()) && message.contains("OTEL_EXPORTER_PROMETHEUS_PORT"),
        "{message}"
    );
    // The message has the reason, so a program that prints the causes as well must not print it twice.
    assert!(message.contains("in use"), "{message}");
    assert!(std::error::Error::source(&error).is_none(), "{message}");

    let free: SocketAddr = ([127, 0, 0, 1], 0).into();
    for broken in [
        config(free).otlp_endpoint("http://user:pass@collector:4318"),
        config(free).log_filter("orders=loud"),
    ] {
        assert!(matches!(
            broken.build().unwrap_err(),
            InitError::InvalidSetting { .. }
        ));
    }
    let broken = config(free).buckets("x_seconds", [2.0, 1.0]);
    assert_eq!(
        broken.build().unwrap_err().to_string(),
        "TelemetryConfig::buckets, x_seconds: found 1 after 2, expected increasing upper bounds; sort them and remove duplicates"
    );
    // Telemetry that is built and not installed leaves nothing behind.
    drop(config(free).build().unwrap());
    assert_eq!(threads(), before);
    assert!(!tracing::dispatcher::has_been_set());

    // By default, the service starts, and the admin listener binds the address when it becomes free.
    let telemetry = config(address).init().unwrap();
    assert_eq!(telemetry.admin_address(), None);
    drop(taken);
    let end = Instant::now() + Duration::from_secs(60);
    while telemetry.admin_address().is_none() && Instant::now() < end {
        thread::sleep(Duration::from_millis(50));
    }
    assert_eq!(telemetry.admin_address(), Some(address));
    TcpStream::connect(address).unwrap();
}

pub(crate) fn second_init_changes_nothing() {
    let first = TelemetryConfig::new()
        .admin_address(([127, 0, 0, 1], 0).into())
        .init()
        .unwrap();
    metrics::counter!("made_by_the_first").increment(1);
    let second = firstlight::init().unwrap_err();
    assert!(matches!(second, InitError::AlreadyInitialized), "{second}");
    assert!(second.to_string().contains("call init() once"), "{second}");

    metrics::counter!("made_by_the_first").increment(1);
    let exposition = first.metrics().render(firstlight::metrics::Format::Text);
    assert!(
        exposition.contains("\nmade_by_the_first_total 2\n"),
        "{exposition}"
    );
    first.shutdown(std::time::Duration::from_secs(10)).unwrap();
    assert!(
        matches!(
            firstlight::init().unwrap_err(),
            InitError::AlreadyInitialized
        ),
        "telemetry can be installed once per process"
    );
}
