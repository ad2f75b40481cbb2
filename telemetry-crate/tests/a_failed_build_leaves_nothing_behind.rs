//! Alone in its file: it counts the threads of its process, and installs what is global in it.

#![expect(clippy::unwrap_used, reason = "tests")]

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

fn threads() -> usize {
    std::fs::read_dir("/proc/self/task").map_or(0, Iterator::count)
}

#[test]
fn a_failed_build_leaves_no_global_no_thread_and_no_listener_behind() {
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

    let free: SocketAddr = ([127, 0, 0, 1], 0).into();
    for broken in [
        config(free).otlp_endpoint("http://user:pass@collector:4318"),
        config(free).log_filter("orders=loud"),
        config(free).buckets("x_seconds", [2.0, 1.0]),
    ] {
        assert!(matches!(
            broken.build().unwrap_err(),
            InitError::InvalidSetting { .. }
        ));
    }
    // Built and never installed is nothing either.
    drop(config(free).build().unwrap());
    assert_eq!(threads(), before);
    assert!(!tracing::dispatcher::has_been_set());

    // The service starts all the same, and has its address once it is free.
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
