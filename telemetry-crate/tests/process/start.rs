//! The admin listener's address and its first answers.

use std::{
    io::Read,
    net::{SocketAddr, TcpListener, TcpStream},
    process::ExitCode,
};

use firstlight::Readiness;

use crate::support::{ask, part::Part};

/// Starts so often: a probe that comes before the latch is a matter of milliseconds.
const STARTS: usize = 10;

/// Holds a latch until it is told to let go, and goes on until its standard input is closed.
pub(crate) fn play_starts() -> ExitCode {
    let readiness = Readiness::new();
    let starting = readiness.latch("start");
    let telemetry = firstlight::config!().readiness(readiness).init().unwrap();
    let mut told = String::new();
    std::io::stdin().read_line(&mut told).unwrap();
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
        let mut part = Part::start("starts", &variables);
        // As a probe does it that asks from the start.
        while !is_open(address) {
            std::thread::yield_now();
        }
        for _ in 0..STARTS {
            let answer = ask(address, "GET /readyz");
            let expected = (503, "not ready\nstart: not finished\n");
            assert_eq!((answer.status, &*answer.body), expected);
        }
        part.message("telemetry is up");
        part.tell("go");
        part.message("released");
        assert_eq!(ask(address, "GET /readyz").status, 200);
        assert_eq!(part.end(), (Some(0), String::new()));
    }
}

fn is_open(address: SocketAddr) -> bool {
    TcpStream::connect(address).is_ok()
}

pub(crate) fn port_in_use() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let variables = [
        // Of its two addresses one is free.
        ("OTEL_EXPORTER_PROMETHEUS_HOST", "localhost"),
        ("OTEL_EXPORTER_PROMETHEUS_PORT", &*port),
    ];
    let mut part = Part::start("waits", &variables);
    part.message("telemetry is up");
    let warning = part.message(&format!("admin listener: localhost:{port} is in use"));
    assert_eq!(warning["level"], "WARN");
    part.message("ready");
    drop(taken);
    part.message("the admin listener has its address now");
    let address = ([127, 0, 0, 1], port.parse().unwrap()).into();
    assert_eq!(ask(address, "GET /livez").status, 200);

    // By choice it is an error of the start.
    let strict = [
        variables[0],
        variables[1],
        ("FIRSTLIGHT_ADMIN_REQUIRED", "true"),
    ];
    let mut second = Part::start("waits", &strict);
    second.rest();
    let (code, stderr) = second.end();
    assert_ne!(code, Some(0));
    assert!(
        stderr.contains(&format!("cannot listen on localhost:{port}")),
        "{stderr}"
    );
}
