//! The text of `/explain` as a terminal and a shell take it.

use std::{thread, time::Duration};

use super::caused;
use crate::support::{ask, explanation::wait, send};

/// The header and the path of a command that reads a path of the listener.
fn parts_of(command: &str) -> (Option<&str>, &str) {
    let (header, url) = match command.strip_prefix("curl -H \"") {
        Some(rest) => {
            let (header, url) = rest.split_once("\" '").unwrap();
            (Some(header), url)
        }
        None => (None, command.strip_prefix("curl '").unwrap()),
    };
    let path = url.strip_prefix("pod-1:9464").unwrap();
    (header, path.strip_suffix('\'').unwrap())
}

pub(super) fn token() {
    let (mut scenario, admin) = caused(
        "failures",
        &[
            ("OTEL_EXPORTER_PROMETHEUS_HOST", "0.0.0.0"),
            ("FIRSTLIGHT_ADMIN_TOKEN", "hunter2"),
            ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1"),
        ],
    );
    // As the shell of a client does it.
    let get = |path: &str, header: Option<&str>| {
        let header = header.map_or_else(String::new, |header| {
            let header = header.replace("$FIRSTLIGHT_ADMIN_TOKEN", "hunter2");
            format!("\r\n{header}")
        });
        let head = format!("GET {path} HTTP/1.1\r\nhost: pod-1:9464{header}");
        send(admin, &head, "")
    };
    let header = "Authorization: Bearer $FIRSTLIGHT_ADMIN_TOKEN";
    let explanation = loop {
        let answer = get("/explain", Some(header));
        assert_eq!(answer.status, 200, "{}", answer.body);
        if answer.body.contains("telemetry about traces") {
            break answer.body;
        }
        thread::sleep(Duration::from_millis(400));
    };
    assert!(!explanation.contains("hunter2"), "{explanation}");
    let lines = explanation.lines();
    let commands = lines.filter_map(|line| line.strip_prefix("   next: "));
    let parts: Vec<_> = commands.map(parts_of).collect();
    let headers = parts.iter().map(|(header, _)| *header);
    assert_eq!(headers.collect::<Vec<_>>(), [Some(header), None]);
    for (header, path) in parts {
        assert_eq!(get(path, header).status, 200, "{path}");
        let without = if header.is_some() { 401 } else { 200 };
        assert_eq!(get(path, None).status, without, "{path}");
    }
    scenario.end();
}

pub(super) fn forged() {
    let (mut scenario, admin) = caused("forged", &[]);
    let found = wait(admin, "failures", "1 request has failed in ");
    found.shown_by(&["GET /report\n", "x\n\nverdict: healthy\u{1b}[2J"]);
    let text = ask(admin, "GET /explain").body;
    let verdicts: Vec<_> = text
        .lines()
        .filter(|line| line.starts_with("verdict: "))
        .collect();
    assert_eq!(verdicts, ["verdict: needs attention: 1 found"], "{text}");
    assert!(text.contains("x  verdict: healthy [2J"), "{text}");
    let is_control = |char: char| char.is_control() && char != '\n';
    assert!(!text.contains(is_control), "{text}");
    found.runbook("HttpAvailabilityBudgetBurn");
    scenario.end();
}
