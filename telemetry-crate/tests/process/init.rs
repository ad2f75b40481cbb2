//! Tests of the admin listener's address and of its first responses.

use std::{
    io::Read,
    net::{SocketAddr, TcpListener, TcpStream},
    process::ExitCode,
};

use firstlight::Readiness;

use crate::support::{ask, scenario::Scenario};

/// Number of starts.
///
/// A single start could miss a wrong 200 that is returned only in the first milliseconds.
const STARTS: usize = 10;
/// Number of probes after each start.
const PROBES: usize = 10;

/// Holds a latch until it reads a line, and runs until standard input is closed.
pub(crate) fn run_starts() -> ExitCode {
    let readiness = Readiness::new();
    let starting = readiness.latch("start");
    let telemetry = firstlight::config!().readiness(readiness).init().unwrap();
    let mut line = String::new();
    std::io::stdin().read_line(&mut line).unwrap();
    starting.release();
    tracing::info!("released");
    let _ = std::io::stdin().read_to_end(&mut Vec::new());
    telemetry.finish(Ok::<(), std::io::Error>(()))
}

pub(crate) fn latches() {
    for _ in 0..STARTS {
        let free = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = free.local_addr().unwrap();
        drop(free);
        let port = address.port().to_string();
        let variables = [
            ("OTEL_EXPORTER_PROMETHEUS_HOST", "127.0.0.1"),
            ("OTEL_EXPORTER_PROMETHEUS_PORT", &*port),
        ];
        let mut scenario = Scenario::start("starts", &variables);
        // The first probe follows as soon as the listener accepts connections.
        while !is_open(address) {
            std::thread::yield_now();
        }
        for _ in 0..PROBES {
            let answer = ask(address, "GET /readyz");
            let expected = (503, "not ready\nstart: not finished\n");
            assert_eq!((answer.status, &*answer.body), expected);
        }
        scenario.message("telemetry is up");
        scenario.write_line("go");
        scenario.message("released");
        assert_eq!(ask(address, "GET /readyz").status, 200);
        assert_eq!(scenario.end(), (Some(0), String::new()));
    }
}

fn is_open(address: SocketAddr) -> bool {
    TcpStream::connect(address).is_ok()
}

pub(crate) fn port_in_use() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let variables = [
        // The IPv4 address of `localhost` is in use, and its IPv6 address is free.
        ("OTEL_EXPORTER_PROMETHEUS_HOST", "localhost"),
        ("OTEL_EXPORTER_PROMETHEUS_PORT", &*port),
    ];
    let mut scenario = Scenario::start("waits", &variables);
    scenario.message("telemetry is up");
    let warning = scenario.message(&format!("admin listener: localhost:{port} is in use"));
    assert_eq!(warning["level"], "WARN");
    scenario.message("ready");
    drop(taken);
    scenario.message("the admin listener is now listening");
    let address = ([127, 0, 0, 1], port.parse().unwrap()).into();
    assert_eq!(ask(address, "GET /livez").status, 200);

    // With `FIRSTLIGHT_ADMIN_REQUIRED`, a port in use is an error instead of a warning.
    let strict = [
        variables[0],
        variables[1],
        ("FIRSTLIGHT_ADMIN_REQUIRED", "true"),
    ];
    let mut second = Scenario::start("waits", &strict);
    second.rest();
    let (code, stderr) = second.end();
    assert_ne!(code, Some(0));
    assert!(
        stderr.contains(&format!("cannot listen on localhost:{port}")),
        "{stderr}"
    );
}
