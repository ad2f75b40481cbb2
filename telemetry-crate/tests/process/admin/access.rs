//! Tests of access control through the admin listener of a whole process.

use std::{
    io::{BufRead as _, BufReader, Write as _},
    net::TcpStream,
};

use super::work;
use crate::support::{ask, put, scenario::Scenario, send};

/// Makes the listener listen on all addresses.
const EVERYWHERE: (&str, &str) = ("OTEL_EXPORTER_PROMETHEUS_HOST", "0.0.0.0");

const TOKEN: (&str, &str) = ("FIRSTLIGHT_ADMIN_TOKEN", "hunter2");

/// The routes with data of the service's users.
const USER_DATA: &[&str] = &[
    "/traces",
    "/traces/0af7651916cd43dd8448eb211c80319c",
    "/logs",
    "/errors",
    "/explain",
    #[cfg(feature = "console")]
    "/history",
];

/// Tests who may change settings.
pub(crate) fn changes() {
    let (mut service, address) = Scenario::serving("service", &[]);
    // A page that uses DNS rebinding sends a foreign host.
    let foreign = send(
        address,
        "GET /metrics HTTP/1.1\r\nhost: rebound.example",
        "",
    );
    assert_eq!(foreign.status, 421);
    assert!(!foreign.body.contains("target_info"), "{}", foreign.body);
    assert_eq!(put(address, "/log-filter", "debug").status, 200);
    service.message("log filter changed");

    let (mut service, address) = Scenario::serving("service", &[EVERYWHERE]);
    let refused = put(address, "/log-filter", "debug");
    assert_eq!(refused.status, 403);
    assert!(
        refused.body.contains("FIRSTLIGHT_ADMIN_TOKEN"),
        "{}",
        refused.body
    );
    let line = service.message("a change through the admin listener was rejected");
    assert_eq!(line["client.address"], "127.0.0.1", "{line}");
    let named = send(address, "GET /metrics HTTP/1.1\r\nhost: pod-1.example", "");
    assert_eq!(named.status, 200);
    assert_eq!(work(&mut service), ["info"]);

    let (mut service, address) = Scenario::serving("service", &[EVERYWHERE, TOKEN]);
    let refused = put(address, "/log-filter", "off");
    assert_eq!(refused.status, 401);
    let line = service.message("a change through the admin listener was rejected");
    assert_eq!(
        (&line["level"], &line["attempts"]),
        (&"WARN".into(), &1.into())
    );
    let head = |token: &str| {
        format!("PUT /log-filter HTTP/1.1\r\nhost: pod-1\r\nauthorization: Bearer {token}")
    };
    // A further attempt within a minute is counted and not logged.
    assert_eq!(send(address, &head("hunter3"), "off").status, 401);
    assert_eq!(work(&mut service), ["info"]);
    assert_eq!(send(address, &head("hunter2"), "off").status, 200);
    let line = service.message("log filter changed to off");
    assert!(!line.to_string().contains("hunter2"), "{line}");
    let answer = ask(address, "GET /telemetry").body;
    assert!(!answer.contains("hunter2"), "{answer}");
}

fn with_headers(path: &str, headers: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nhost: pod-1.example{headers}")
}

/// Tests that reads of user data need the token off loopback, and are audited.
pub(crate) fn reads() {
    let (mut service, address) = Scenario::serving("service", &[EVERYWHERE]);
    for path in USER_DATA {
        let refused = send(address, &with_headers(path, ""), "");
        assert_eq!(refused.status, 403, "{path}");
        let body = refused.body;
        assert!(body.contains("FIRSTLIGHT_ADMIN_TOKEN"), "{path}: {body}");
    }
    let line = service.message("a read of user data through the admin listener was rejected");
    assert_eq!(line["http.route"], "/traces", "{line}");
    // One line a minute: the rejections of the other routes are counted.
    assert_eq!(work(&mut service), ["info"]);

    let (mut service, address) = Scenario::serving("service", &[EVERYWHERE, TOKEN]);
    let bearer = |token: &str| format!("\r\nauthorization: Bearer {token}");
    for path in USER_DATA {
        for headers in [String::new(), bearer("hunter3")] {
            let refused = send(address, &with_headers(path, &headers), "");
            assert_eq!(refused.status, 401, "{path}");
            assert!(refused.head.contains("www-authenticate: Bearer"));
        }
    }
    service.message("a read of user data through the admin listener was rejected");
    for path in USER_DATA {
        let expected = if path.starts_with("/traces/") {
            404
        } else {
            200
        };
        let answer = send(address, &with_headers(path, &bearer("hunter2")), "");
        assert_eq!(answer.status, expected, "{path}: {}", answer.body);
        assert!(!answer.body.contains("hunter"), "{path}: {}", answer.body);
    }
    let line = service.message("user data was read through the admin listener");
    let fields = ["level", "target", "client.address", "http.route"].map(|key| &line[key]);
    let expected = ["INFO", "firstlight::admin", "127.0.0.1", "/traces"];
    assert_eq!(fields, expected, "{line}");
    assert_eq!(line["attempts"], 1, "{line}");
    assert!(!line.to_string().contains("hunter"), "{line}");
    // The other reads are counted, and are on a line a minute later.
    assert_eq!(work(&mut service), ["info"]);
    // Metrics and states are open.
    for path in ["/metrics", "/telemetry", "/log-filter"] {
        let answer = send(address, &with_headers(path, ""), "");
        assert_eq!(answer.status, 200, "{path}");
    }
}

/// Tests that web pages of other sites neither read nor occupy the streams.
pub(crate) fn pages() {
    let (mut service, address) = Scenario::serving("service", &[]);
    let get = |path: &str, headers: &str| {
        let head = format!("GET {path} HTTP/1.1\r\nhost: {address}{headers}");
        send(address, &head, "").status
    };
    let no_cors = "\r\nsec-fetch-site: cross-site\r\nsec-fetch-mode: no-cors";
    let image = format!("{no_cors}\r\nsec-fetch-dest: image");
    let link = "\r\nsec-fetch-site: cross-site\r\nsec-fetch-mode: navigate";
    let link = format!("{link}\r\nsec-fetch-dest: document");
    for path in ["/traces", "/logs?follow", "/errors", "/explain"] {
        for headers in ["\r\norigin: https://evil.example", no_cors, &image] {
            assert_eq!(get(path, headers), 403, "{path}{headers}");
        }
    }
    let line = service.message("a read of user data through the admin listener was rejected");
    let message = line["message"].as_str().unwrap();
    assert!(message.contains("a web page of another site"), "{line}");
    for headers in ["", &link, "\r\nsec-fetch-site: none"] {
        assert_eq!(get("/explain", headers), 200, "{headers}");
    }
    assert_eq!(get("/metrics", no_cors), 200);
    // All places of streams are free.
    let streams: Vec<_> = (0..8)
        .map(|_| {
            let mut stream = TcpStream::connect(address).unwrap();
            let head = format!("GET /logs?follow HTTP/1.1\r\nhost: {address}\r\n\r\n");
            stream.write_all(head.as_bytes()).unwrap();
            let mut reader = BufReader::new(stream);
            let mut status = String::new();
            reader.read_line(&mut status).unwrap();
            assert!(status.starts_with("HTTP/1.1 200"), "{status}");
            reader
        })
        .collect();
    assert_eq!(get("/logs?follow", ""), 429);
    drop(streams);
}
