//! Tests of `/logs`, also with a standard output that is blocked.

use std::{
    io::{BufRead, BufReader, Lines, Write},
    net::{SocketAddr, TcpStream},
    process::{ExitCode, Stdio},
    thread,
    time::Duration,
};

use firstlight::context::TraceContext;
use serde_json::Value;

use crate::support::{Answer, ask, scenario::Scenario, send};

/// The trace of the request that the service handles.
const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";

/// The formats of log lines.
const FORMATS: [&str; 5] = ["json", "pretty", "ecs", "gcp", "datadog"];

/// Logs one event of each kind, then a warning for each line of standard input.
///
/// Writes its admin address to standard error.
pub(crate) fn run_lines() -> ExitCode {
    let telemetry = firstlight::init!().unwrap();
    tracing::error!(target: "orders::db", { user.password = "hunter2" }, "cannot save");
    log::info!(target: "orders_library", "a record");
    let caller = [("traceparent", format!("00-{TRACE}-b7ad6b7169203331-01"))];
    let caller = TraceContext::from_pairs(caller);
    let span = caller.child(|| tracing::info_span!(target: "orders", "order"));
    span.in_scope(|| tracing::debug!(target: "orders", "in a trace"));
    let _ = thread::spawn(|| panic!("on purpose")).join();
    eprintln!("{}", telemetry.admin_address().unwrap());
    for line in std::io::stdin().lines() {
        tracing::warn!(target: "told", "{}", line.unwrap());
    }
    telemetry.exit(0)
}

/// Starts a service, and returns it and the address of its admin listener.
///
/// Only the first lines of its standard error are read.
fn start(
    scenario: &str,
    stdout: Stdio,
    variables: &[(&str, &str)],
) -> (Scenario, Errors, SocketAddr) {
    let mut scenario = Scenario::start_into(stdout, scenario, variables);
    let mut errors = BufReader::new(scenario.child.stderr.take().unwrap()).lines();
    let address = errors.next().unwrap().unwrap().parse().unwrap();
    (scenario, errors, address)
}

type Errors = Lines<BufReader<std::process::ChildStderr>>;

/// The lines of a stream.
///
/// With HTTP/1.0 the body is not divided into chunks.
fn follow(address: SocketAddr, query: &str) -> Lines<BufReader<TcpStream>> {
    let mut stream = TcpStream::connect(address).unwrap();
    stream
        .set_read_timeout(Some(Duration::from_secs(60)))
        .unwrap();
    write!(stream, "GET /logs?follow{query} HTTP/1.0\r\n\r\n").unwrap();
    let mut lines = BufReader::new(stream).lines();
    let status = lines.next().unwrap().unwrap();
    assert_eq!(status, "HTTP/1.0 200 OK");
    while lines.next().is_some_and(|line| !line.unwrap().is_empty()) {}
    lines
}

fn next(lines: &mut Lines<BufReader<TcpStream>>) -> Value {
    let line = lines.next().unwrap().unwrap();
    serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error} in {line}"))
}

fn lines_of(address: SocketAddr, query: &str) -> Answer {
    let answer = ask(address, &format!("GET /logs?{query}"));
    assert_eq!(answer.status, 200, "{query}: {}", answer.body);
    answer
}

/// Returns which of the service's events a response has.
fn found(answer: &Answer) -> Vec<&'static str> {
    let all = [
        "telemetry is up",
        "cannot save",
        "a record",
        "in a trace",
        "on purpose",
    ];
    let events = all.into_iter().filter(|event| answer.body.contains(event));
    events.collect()
}

pub(crate) fn filters() {
    for format in FORMATS {
        let variables = [("FIRSTLIGHT_LOG_FORMAT", format), ("RUST_LOG", "debug")];
        let (_service, _errors, address) = start("lines", Stdio::null(), &variables);
        for (query, expected) in [
            ("level=error", &["cannot save", "on purpose"][..]),
            (
                "level=info",
                &["telemetry is up", "cannot save", "a record", "on purpose"],
            ),
            (&format!("trace={TRACE}"), &["in a trace"]),
            ("target=orders", &["cannot save", "a record", "in a trace"]),
            ("target=orders::", &["cannot save"]),
            ("target=orders_lib", &["a record"]),
            ("target=panic", &["on purpose"]),
            ("contains=a+r%65cord", &["a record"]),
            ("contains=A+record", &[]),
            ("target=orders&level=debug&contains=trace", &["in a trace"]),
            ("target=orders&tail=1", &["in a trace"]),
            ("tail=0", &[]),
        ] {
            let answer = lines_of(address, query);
            assert_eq!(
                found(&answer),
                expected,
                "{format} {query}: {}",
                answer.body
            );
        }
        let whole = lines_of(address, "");
        assert_eq!(found(&whole).len(), 5, "{}", whole.body);
        assert!(!whole.body.contains("hunter2") && whole.body.contains("***"));
        assert!(
            whole.head.contains("\r\nfirstlight-instance: "),
            "{}",
            whole.head
        );
        assert!(
            whole.head.contains("\r\nfirstlight-older-lines: 0"),
            "{}",
            whole.head
        );
        let content_type = if format == "pretty" {
            "\r\ncontent-type: text/plain; charset=utf-8\r\n"
        } else {
            for line in whole.body.lines() {
                assert!(serde_json::from_str::<Value>(line).is_ok(), "{line}");
            }
            "\r\ncontent-type: application/x-ndjson\r\n"
        };
        assert!(whole.head.contains(content_type), "{}", whole.head);
        for query in ["level=loud", "lines=3", "trace=7"] {
            let answer = ask(address, &format!("GET /logs?{query}"));
            assert_eq!(answer.status, 400, "{query}: {}", answer.body);
        }
    }
    let off = [("FIRSTLIGHT_RECORDER", "off")];
    let (_service, _errors, address) = start("lines", Stdio::null(), &off);
    let answer = ask(address, "GET /logs");
    assert_eq!(answer.status, 404);
    assert!(
        answer.body.contains("FIRSTLIGHT_RECORDER"),
        "{}",
        answer.body
    );
}

fn as_json(address: SocketAddr, query: &str) -> Value {
    let head = format!("GET /logs?{query} HTTP/1.1\r\nhost: localhost\r\naccept: application/json");
    let answer = send(address, &head, "");
    assert_eq!(answer.status, 200, "{query}: {}", answer.body);
    serde_json::from_str(&answer.body).unwrap()
}

fn texts(answer: &Value) -> Vec<&str> {
    let lines = answer["lines"].as_array().unwrap().iter();
    lines.map(|line| line["text"].as_str().unwrap()).collect()
}

pub(crate) fn cursors() {
    for format in ["json", "pretty"] {
        let variables = [("FIRSTLIGHT_LOG_FORMAT", format), ("RUST_LOG", "debug")];
        let (mut service, _errors, address) = start("lines", Stdio::null(), &variables);
        let first = as_json(address, "");
        assert_eq!(first["lines_are_json"], format == "json");
        assert_eq!((&first["first"], &first["missed"]), (&0.into(), &0.into()));
        let next = first["next"].as_u64().unwrap();
        let lines = first["lines"].as_array().unwrap();
        let in_trace = lines.iter().find(|line| line["trace_id"] == TRACE).unwrap();
        assert_eq!(in_trace["level"], "DEBUG");
        assert_eq!(in_trace["target"], "orders");
        let record = lines.iter().find(|line| line["target"] == "orders_library");
        assert!(
            record.unwrap()["text"]
                .as_str()
                .unwrap()
                .contains("a record")
        );
        assert!(!first.to_string().contains("hunter2"));
        assert!(!first.to_string().contains("\\u001b"), "{first}");

        // Nothing is new, and then two lines are.
        let empty = as_json(address, &format!("after={next}"));
        assert_eq!((&empty["next"], texts(&empty).len()), (&next.into(), 0));
        let mut stream = follow(address, &format!("&after={next}"));
        for text in ["one", "two"] {
            service.write_line(text);
            let line = stream.next().unwrap().unwrap();
            assert!(line.contains(text), "{line}");
        }
        let new = as_json(address, &format!("after={next}"));
        assert_eq!(
            (&new["first"], &new["next"]),
            (&next.into(), &(next + 2).into())
        );
        assert_eq!((texts(&new).len(), &new["missed"]), (2, &0.into()));
        let newest = as_json(address, &format!("after={next}&tail=1"));
        assert_eq!((texts(&newest).len(), &newest["missed"]), (1, &1.into()));
        let text = lines_of(address, &format!("after={}", next + 1));
        assert_eq!(text.body.lines().count(), 1, "{}", text.body);
        let header = format!("\r\nfirstlight-next-line: {}\r\n", next + 2);
        assert!(text.head.contains(&header), "{}", text.head);
        // The number is of another process.
        let other = as_json(address, "after=1000000");
        assert_eq!((&other["first"], &other["missed"]), (&0.into(), &0.into()));
    }
    for query in ["after=x", "after=-1", "after", "after=%0a"] {
        let (_service, _errors, address) = start("lines", Stdio::null(), &[]);
        let answer = ask(address, &format!("GET /logs?{query}"));
        assert_eq!(answer.status, 400, "{query}: {}", answer.body);
        assert_eq!(answer.body.lines().count(), 1, "{query}: {}", answer.body);
    }
}

pub(crate) fn followers() {
    let json = [("FIRSTLIGHT_LOG_FORMAT", "json")];
    let (mut service, _errors, address) = start("lines", Stdio::null(), &json);
    let mut warnings = follow(address, "&level=warn&target=told");
    let mut all = follow(address, "&tail=0");
    for text in ["one", "two"] {
        service.write_line(text);
        assert_eq!(next(&mut warnings)["message"], text);
        assert_eq!(next(&mut all)["message"], text);
    }
    let mut tail = follow(address, "&target=told");
    for text in ["one", "two"] {
        assert_eq!(next(&mut tail)["message"], text);
    }
    let chunked = "HEAD /logs?follow HTTP/1.1\r\nhost: localhost";
    let head = send(address, chunked, "");
    assert_eq!((head.status, &*head.body), (200, ""), "{}", head.head);
    assert!(!head.head.contains("content-length"), "{}", head.head);

    // With all places taken, scrapes and other reads are answered.
    let others: Vec<_> = (3..8).map(|_| follow(address, "")).collect();
    let refused = ask(address, "GET /logs?follow");
    assert_eq!(refused.status, 429, "{}", refused.body);
    assert_eq!(ask(address, "GET /metrics").status, 200);
    assert_eq!(found(&lines_of(address, "tail=1000")).len(), 4);
    service.write_line("three");
    assert_eq!(next(&mut tail)["message"], "three");

    // The places of clients that leave are free again, also if there is nothing to send.
    drop((others, warnings, all, tail));
    let mut polls = 0;
    while ask(address, "GET /logs?follow=false&tail=0").status != 200 || !has_place(address) {
        polls += 1;
        assert!(polls < 300, "the places of clients that left are taken");
        thread::sleep(Duration::from_millis(100));
    }
}

fn has_place(address: SocketAddr) -> bool {
    let mut stream = TcpStream::connect(address).unwrap();
    write!(stream, "GET /logs?follow HTTP/1.0\r\n\r\n").unwrap();
    let mut status = String::new();
    BufReader::new(stream).read_line(&mut status).unwrap();
    status.contains(" 200 ")
}

/// The service logs 12 MB while nothing reads its standard output.
pub(crate) fn blocked_output() {
    let (mut service, mut errors, address) = start("floods", Stdio::piped(), &[]);
    let stream = follow(address, "&tail=0&target=process");
    // Reads meanwhile, because a client that does not is cut off.
    let reader = thread::spawn(move || read_flood(stream));
    service.write_line("12000");
    assert_eq!(errors.next().unwrap().unwrap(), "done");
    let exposition = ask(address, "GET /metrics").body;
    let dropped = exposition
        .lines()
        .find_map(|line| line.strip_prefix("logging_events_dropped_total "));
    assert_ne!(dropped, Some("0"));

    let answer = lines_of(address, "contains=flood&tail=3");
    let numbers = answer.body.lines().map(|line| {
        let line: Value = serde_json::from_str(line).unwrap();
        line["n"].as_u64().unwrap()
    });
    assert_eq!(numbers.collect::<Vec<_>>(), [11_997, 11_998, 11_999]);
    assert!(!answer.head.contains("older-lines: 0"), "{}", answer.head);
    // A line that is not kept any more is not taken for one that was not logged.
    let answer = lines_of(address, "contains=telemetry+is+up");
    let line: Value = serde_json::from_str(&answer.body).unwrap();
    let older = format!("older-lines: {}", line["missing"]);
    assert!(answer.head.contains(&older), "{line} in {}", answer.head);
    assert!(lines_of(address, "tail=0").body.is_empty());

    // A client that reads gets each line, or the number of those that are missing.
    let (lines, mut stream) = reader.join().unwrap();
    assert_eq!(lines, 12_000);
    // A client that continues from a line that is not kept any more learns how many it has missed.
    let new = as_json(address, "after=1&tail=100000");
    let (first, missed) = (
        new["first"].as_u64().unwrap(),
        new["missed"].as_u64().unwrap(),
    );
    assert!(missed > 1_000 && first == missed + 1, "{first} {missed}");
    let text = lines_of(address, "after=1&tail=100000").body;
    let gap: Value = serde_json::from_str(text.lines().next().unwrap()).unwrap();
    assert_eq!(gap["missing"], missed);
    service.write_line("1");
    assert_eq!(next(&mut stream)["n"], 0);
}

/// Reads up to the line 11,999; returns the number of all lines.
///
/// Those that are missing count, too.
fn read_flood(mut stream: Lines<BufReader<TcpStream>>) -> (u64, Lines<BufReader<TcpStream>>) {
    let mut lines = 0;
    loop {
        let line = stream.next().unwrap().unwrap();
        // Only few lines are parsed, so that the reader is fast.
        if line.contains("\"missing\":") {
            let line: Value = serde_json::from_str(&line).unwrap();
            lines += line["missing"].as_u64().unwrap();
            continue;
        }
        lines += 1;
        if line.contains("\"n\":11999,") {
            return (lines, stream);
        }
    }
}

pub(crate) fn stopped_readers() {
    let (mut service, mut errors, address) = start("floods", Stdio::null(), &[]);
    let stream = follow(address, "");
    let mut floods = 0;
    loop {
        // The call returns although the client of the stream does not read.
        service.write_line("1000");
        assert_eq!(errors.next().unwrap().unwrap(), "done");
        let exposition = ask(address, "GET /metrics").body;
        let mut series = exposition
            .lines()
            .filter(|line| line.starts_with("admin_streams_cut_off_total{"));
        if series.any(|line| line.ends_with(" 1")) {
            break;
        }
        floods += 1;
        assert!(floods < 1_000, "the client is not cut off");
        thread::sleep(Duration::from_millis(50));
    }
    drop(stream);
}
