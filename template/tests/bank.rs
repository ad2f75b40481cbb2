//! Tests of the example's calls to the bank, against a bank that the test runs.

#![cfg(unix)] // for SIGTERM

mod support;

use std::{
    io::{BufRead, BufReader, Write},
    net::{TcpListener, TcpStream},
    sync::mpsc::{self, Receiver},
    thread,
};

use support::{Database, SOON, Service, run, text, wait_for_status};

const ORDER: &str = r#"{"item": "telescope", "quantity": 2}"#;

#[test]
fn bank_is_asked_once_in_the_trace() {
    let bank = Bank::open("200 OK");
    let mut service = Service::start(&[("BANK_URL", &bank.url)]);
    let in_trace = "traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-";
    let traceparent = format!("{in_trace}00f067aa0ba902b7-01\r\n");
    let accepted = service.post_with("/orders", &traceparent, ORDER);
    assert_eq!(accepted.status, 202, "{}", accepted.body);
    wait_for_status(&mut service, 1, "done");

    let asked = bank.asked.recv_timeout(SOON).unwrap();
    assert_eq!(asked[0], "POST /payments/1 HTTP/1.1");
    for header in ["idempotency-key: 1", in_trace] {
        let sent = asked.iter().any(|line| line.starts_with(header));
        assert!(sent, "no {header} in {asked:?}");
    }
    let metrics = service.admin("/metrics").body;
    let series = "\nhttp_client_request_duration_seconds_count{http_request_method=\"POST\",http_response_status_code=\"200\"";
    assert!(metrics.contains(series), "{series} is not in {metrics}");
    service.terminate();
    assert!(bank.asked.try_recv().is_err(), "the bank was asked again");
}

#[test]
fn declined_charges_are_not_retried() {
    let bank = Bank::open("402 Payment Required");
    let mut service = Service::start(&[("BANK_URL", &bank.url)]);
    service.post("/orders", ORDER);
    wait_for_status(&mut service, 1, "dead_lettered");
    service.terminate();
    assert_eq!(bank.asked.try_iter().count(), 1);
}

#[test]
fn redirects_are_not_followed() {
    // A client that follows this answer repeats the request as a GET without the order.
    let bank = Bank::open("303 See Other\r\nlocation: /elsewhere");
    let mut service = Service::start(&[("BANK_URL", &bank.url)]);
    service.post("/orders", ORDER);
    service.line(|line| line["worker.task.outcome"] == "retry");
    service.terminate();
    let asked: Vec<_> = bank.asked.try_iter().map(|head| head[0].clone()).collect();
    let are_posts = asked.iter().all(|line| line.starts_with("POST "));
    assert!(are_posts, "{asked:?}");
}

#[test]
fn charges_wait_for_a_bank_that_is_away() {
    let database = Database::new();
    let url = database.url();
    // Port 1 has no listener.
    let away = [("DATABASE_URL", &*url), ("BANK_URL", "http://127.0.0.1:1")];
    let mut service = Service::start(&away);
    service.post("/orders", ORDER);
    let retry = service.line(|line| line["worker.task.outcome"] == "retry");
    let reason = text(&retry, "exception.message");
    assert!(reason.contains("Connection refused"), "{reason}");
    wait_for_status(&mut service, 1, "retrying");
    service.terminate();

    let bank = Bank::open("200 OK");
    let back = [("DATABASE_URL", &*url), ("BANK_URL", &*bank.url)];
    let mut service = Service::start(&back);
    wait_for_status(&mut service, 1, "done");
}

#[test]
fn dead_letters_can_be_retried() {
    let database = Database::new();
    let url = database.url();
    let refusing = Bank::open("402 Payment Required");
    let settings = [("DATABASE_URL", &*url), ("BANK_URL", &*refusing.url)];
    let mut service = Service::start(&settings);
    service.post("/orders", ORDER);
    wait_for_status(&mut service, 1, "dead_lettered");
    service.terminate();

    let listed = run(&["dead-letters"], &settings).stdout;
    let listed = String::from_utf8(listed).unwrap();
    assert_eq!(listed.lines().count(), 1, "{listed}");
    assert!(listed.contains("\t1 attempt\t"), "{listed}");
    let reason = "\tthe bank declines: 402 Payment Required\n";
    assert!(listed.ends_with(reason), "{listed}");

    let retried = run(&["retry-dead-letters"], &settings);
    assert!(retried.status.success(), "{retried:?}");
    let bank = Bank::open("200 OK");
    let back = [("DATABASE_URL", &*url), ("BANK_URL", &*bank.url)];
    let mut service = Service::start(&back);
    wait_for_status(&mut service, 1, "done");
    assert!(run(&["dead-letters"], &back).stdout.is_empty());
}

#[test]
fn bank_url_must_name_a_server() {
    for url in [
        "bank.internal",
        "http://",
        "https://bank.internal",
        "http://bank/?x=1",
        "http://bank?",
        "http://bank/#f",
        "http://root:hunter2@bank",
    ] {
        let log = Service::start(&[("BANK_URL", url)]).end().log;
        let error = log.iter().find(|line| line["level"] == "ERROR").unwrap();
        let message = text(error, "message");
        let found = "BANK_URL: found a value that is not an address";
        assert!(message.contains(found), "{message}");
        assert!(!message.contains("hunter2"), "{message}");
    }
}

/// A bank that gives every request the same answer.
struct Bank {
    url: String,
    /// The lines of each request's head.
    asked: Receiver<Vec<String>>,
}

impl Bank {
    /// Opens a bank that answers with this status until the test ends.
    fn open(status: &'static str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (sender, asked) = mpsc::channel();
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                if sender.send(answer(stream, status)).is_err() {
                    break;
                }
            }
        });
        Self { url, asked }
    }
}

/// Answers one request, and returns the lines of its head.
fn answer(mut stream: TcpStream, status: &str) -> Vec<String> {
    let lines = BufReader::new(&stream).lines().map_while(Result::ok);
    let head = lines.take_while(|line| !line.is_empty()).collect();
    let response = format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
    stream.write_all(response.as_bytes()).unwrap();
    head
}
