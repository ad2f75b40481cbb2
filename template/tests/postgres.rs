//! Tests on PostgreSQL: slow starts, full servers, and values that it refuses.

#![cfg(unix)] // for SIGTERM

mod support;

use std::net::TcpListener;

use support::{Database, Service, run, text};

#[test]
fn sigterm_cancels_a_slow_start() {
    let silent = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = silent.local_addr().expect("an address");
    let url = format!("postgres://shop:shop@{address}/shop");
    let service = Service::start(&[("DATABASE_URL", &url)]);
    let _connection = silent.accept().expect("a client"); // the start waits for an answer
    let ended = service.terminate();
    assert!(ended.status.success(), "{}: {:#?}", ended.status, ended.log);
    let last = ended.log.last().expect("a line");
    assert_eq!(text(last, "message"), "telemetry is down");
}

#[test]
fn too_many_processes_are_a_warning() {
    let warned = |processes| {
        let mut service = Service::start(&[("DATABASE_PROCESSES", processes)]);
        service.address();
        let ended = service.terminate();
        let lines = ended.log.iter().map(|line| text(line, "message"));
        let lines = lines.filter(|line| line.starts_with("PostgreSQL admits "));
        lines.map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(warned("1"), [""; 0]);
    let warnings = warned("10000");
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    let needed = "up to 220000 are needed"; // 2 * 10,000 processes with 10 + 1 connections
    assert!(warnings[0].contains(needed), "{warnings:?}");
}

#[test]
fn full_server_is_named_at_start() {
    let database = Database::new();
    // A role without connections stands for a server whose connections are in use, and does not disturb other tests.
    let role = format!("full-{}", std::process::id());
    database
        .run(format!(
            "CREATE ROLE \"{role}\" LOGIN PASSWORD 'full' CONNECTION LIMIT 0"
        ))
        .expect("a role");
    let url = database.url();
    let separator = if url.contains('?') { '&' } else { '?' };
    let url = format!("{url}{separator}user={role}&password=full");
    let ended = run(&[], &[("DATABASE_URL", &url), ("PORT", "0")]);
    database
        .run(format!("DROP ROLE \"{role}\""))
        .expect("an unused role");

    assert!(!ended.status.success(), "{ended:?}");
    let log = String::from_utf8_lossy(&ended.stdout);
    for part in [
        "DATABASE_MAX_CONNECTIONS: found 10, expected ",
        "lower this number",
        "too many connections for role",
    ] {
        assert!(log.contains(part), "no {part:?} in {log}");
    }
}
{%- if example %}

#[test]
fn values_that_cannot_be_stored_are_refused() {
    let mut service = Service::start(&[]);
    // PostgreSQL cannot store NUL in text.
    let nul = r#"{"item": "a\u0000b", "quantity": 2}"#;
    assert_eq!(service.post("/orders", nul).problem()["status"], 422);
}
{%- endif %}
