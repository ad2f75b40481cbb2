//! Alone in its file: it installs what is global in a process.

#![expect(clippy::unwrap_used, reason = "tests")]

mod support;

use std::{
    io::{Read, Write},
    net::TcpStream,
    time::Duration,
};

use firstlight::TelemetryConfig;
use support::{ask, send};

#[test]
fn slow_idle_and_greedy_clients_do_not_lock_out_a_scrape() {
    let telemetry = TelemetryConfig::new()
        .admin_address(([127, 0, 0, 1], 0).into())
        .init()
        .unwrap();
    let address = telemetry.admin_address().unwrap();

    // Several times as many as there are places.
    let mut slow = Vec::new();
    for client in 0..200 {
        let mut stream = TcpStream::connect(address).unwrap();
        // Some say nothing, some never finish the head, and some never finish the body. One that has had to make room
        // already may find the connection closed.
        let _ = match client % 3 {
            0 => stream.write_all(b""),
            1 => stream.write_all(b"GET /metrics HTTP/1.1\r\nhost: loc"),
            _ => stream.write_all(b"PUT /log-filter HTTP/1.1\r\ncontent-length: 9\r\n\r\ninfo"),
        };
        slow.push(stream);
        if client % 20 == 0 {
            assert_eq!(ask(address, "GET /livez").status, 200, "{client}");
        }
    }
    let scrape = ask(address, "GET /metrics");
    assert_eq!(scrape.status, 200);
    assert!(scrape.body.contains("target_info"), "{}", scrape.body);
    // Places are given back, not only shared: the first of them has lost its own.
    let mut first = slow.swap_remove(0);
    first
        .set_read_timeout(Some(Duration::from_secs(60)))
        .unwrap();
    assert!(matches!(first.read(&mut [0; 1]), Ok(0) | Err(_)));

    // More than is read of it, so that the connection may be reset before the answer is.
    let mut huge = TcpStream::connect(address).unwrap();
    let padding = "x".repeat(64 * 1024);
    let _ = write!(huge, "GET /livez HTTP/1.1\r\nx-padding: {padding}\r\n\r\n");
    let mut answer = String::new();
    let _ = huge.read_to_string(&mut answer);
    assert!(
        answer.is_empty() || answer.starts_with("HTTP/1.1 431 "),
        "{answer}"
    );
    let many: String = (0..100).map(|n| format!("\r\nx-{n}: y")).collect();
    let many = send(address, &format!("GET /livez HTTP/1.1{many}"), "");
    assert_eq!(many.status, 431, "{}", many.head);
    assert_eq!(ask(address, "GET /livez").status, 200);
}
