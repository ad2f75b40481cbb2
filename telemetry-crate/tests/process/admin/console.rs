//! Tests of the console's shell and of the data that it reads, in a whole process.

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    thread,
    time::Duration,
};

use serde_json::Value;

use crate::support::{Answer, ask, scenario::Scenario, send};

const EVERYWHERE: (&str, &str) = ("OTEL_EXPORTER_PROMETHEUS_HOST", "0.0.0.0");
const TOKEN: (&str, &str) = ("FIRSTLIGHT_ADMIN_TOKEN", "hunter2");

const POLICY: &str = "\r\ncontent-security-policy: default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'\r\n";

fn get(address: SocketAddr, path: &str, headers: &str) -> Answer {
    let head = format!("GET {path} HTTP/1.1\r\nhost: {address}{headers}");
    send(address, &head, "")
}

fn json(address: SocketAddr, path: &str) -> Value {
    let answer = get(address, path, "\r\naccept: application/json");
    assert_eq!(answer.status, 200, "{path}: {}", answer.body);
    assert!(
        answer
            .head
            .contains("\r\ncontent-type: application/json\r\n")
    );
    assert!(
        answer
            .head
            .contains("\r\ncross-origin-resource-policy: same-origin\r\n")
    );
    serde_json::from_str(&answer.body).unwrap_or_else(|error| panic!("{error} in {}", answer.body))
}

/// Tests that the page is open, and that no data is.
pub(crate) fn shell() {
    let (_service, address) = Scenario::serving("service", &[EVERYWHERE, TOKEN]);
    let browser = "\r\naccept: text/html,application/xhtml+xml,*/*;q=0.8";
    let page = get(address, "/", browser);
    assert!(page.body.starts_with("<!doctype html>"), "{}", page.body);
    assert!(
        page.head
            .contains("\r\ncontent-type: text/html; charset=utf-8\r\n")
    );
    let script = get(address, "/console/app.js", "");
    assert!(
        script
            .head
            .contains("\r\ncontent-type: text/javascript; charset=utf-8\r\n")
    );
    let list = get(address, "/", "\r\naccept: */*");
    for line in ["GET    /explain", "GET    /history", "(with the token)"] {
        assert!(list.body.contains(line), "{}", list.body);
    }
    let missing = get(address, "/console/..%2fCargo.toml", "");
    for (answer, status) in [(&page, 200), (&script, 200), (&list, 200), (&missing, 404)] {
        assert_eq!(answer.status, status, "{}", answer.body);
        for header in [
            POLICY,
            "\r\nx-content-type-options: nosniff\r\n",
            "\r\ncross-origin-resource-policy: same-origin\r\n",
            "\r\ncross-origin-opener-policy: same-origin\r\n",
            "\r\nreferrer-policy: no-referrer\r\n",
            "\r\ncache-control: no-store\r\n",
        ] {
            assert!(answer.head.contains(header), "{header} in {}", answer.head);
        }
        assert!(!answer.body.contains("hunter2"));
    }
    let bearer = "\r\nauthorization: Bearer hunter2";
    for (path, headers, status) in [
        ("/history", "", 401),
        ("/history", bearer, 200),
        (
            "/history",
            &format!("{bearer}\r\norigin: https://evil.example"),
            403,
        ),
        (
            "/history",
            &format!("{bearer}\r\nsec-fetch-site: cross-site"),
            403,
        ),
        (
            "/history",
            &format!("{bearer}\r\nsec-fetch-site: same-origin"),
            200,
        ),
        ("/logs", "\r\naccept: application/json", 401),
        ("/traces?detail", "", 401),
    ] {
        let answer = get(address, path, headers);
        assert_eq!(answer.status, status, "{path}{headers}: {}", answer.body);
    }
    let put = send(address, &format!("PUT / HTTP/1.1\r\nhost: {address}"), "");
    assert_eq!(put.status, 405);

    // On loopback, a page that uses DNS rebinding sends a foreign host.
    let (_service, address) = Scenario::serving("service", &[]);
    let rebound = send(address, "GET / HTTP/1.1\r\nhost: rebound.example", "");
    assert_eq!(rebound.status, 421);
    let list = ask(address, "GET /").body;
    assert!(!list.contains("token"), "{list}");
}

/// Tests that the history goes on while the only thread of the runtime is blocked.
pub(crate) fn history() {
    let (mut service, address) = Scenario::serving("blocked", &[]);
    let mut polls = 0;
    let mut history = Value::Null;
    while history["end"].as_u64().unwrap_or_default() < 2 {
        polls += 1;
        assert!(polls < 600, "{history:#}");
        thread::sleep(Duration::from_millis(100));
        history = json(address, "/history");
    }
    assert_eq!(history["interval_seconds"], 5);
    assert_eq!(history["first"], 0);
    let end = history["end"].as_u64().unwrap();
    let instance = history["instance"].as_str().unwrap().to_owned();
    assert!(!instance.is_empty() && history["time"].as_str().unwrap().ends_with('Z'));
    let gauge = |history: &Value, metric: &str| {
        let gauges = history["gauges"].as_array().unwrap().clone();
        let found = gauges.into_iter().find(|gauge| gauge["metric"] == metric);
        found.unwrap_or_else(|| panic!("{metric} in {history:#}"))
    };
    let open = gauge(&history, "recorder_open_roots");
    assert_eq!(open["values"].as_array().unwrap().len() as u64, end);
    assert_eq!(open["values"][1], 1.0);
    assert_eq!(
        (&open["unit"], &open["limit"]),
        (&"{root}".into(), &Value::Null)
    );

    let after = json(address, &format!("/history?after={end}"));
    assert_eq!(after["first"], end);
    let values = gauge(&after, "recorder_open_roots")["values"]
        .as_array()
        .unwrap()
        .len();
    assert_eq!(values as u64, after["end"].as_u64().unwrap() - end);
    // The number is of another process, so that all points are new.
    let other = json(address, "/history?after=1000000");
    assert_eq!(other["first"], 0);
    for query in ["after", "after=-1", "after=x%0ay", "aftr=1", "%00"] {
        let answer = ask(address, &format!("GET /history?{query}"));
        assert_eq!(answer.status, 400, "{query}: {}", answer.body);
        assert_eq!(answer.body.lines().count(), 1, "{query}: {}", answer.body);
    }
    service.write_line("end");
    let lines = service.rest().concat();
    assert!(lines.contains("telemetry is down"), "{lines}");

    for (variable, hint) in [
        (("FIRSTLIGHT_RECORDER", "off"), "FIRSTLIGHT_RECORDER"),
        (
            ("FIRSTLIGHT_RECORDER_BYTES", "262144"),
            "FIRSTLIGHT_RECORDER_BYTES",
        ),
    ] {
        let (_service, address) = Scenario::serving("service", &[variable]);
        let answer = ask(address, "GET /history");
        assert_eq!(answer.status, 404, "{}", answer.body);
        assert!(answer.body.contains(hint), "{}", answer.body);
    }
}

/// Reads an answer without the division of HTTP/1.1 into chunks.
#[cfg(feature = "axum")]
fn whole(address: SocketAddr, path: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    write!(stream, "GET {path} HTTP/1.0\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.0 200 "), "{answer}");
    body.to_owned()
}

/// Tests the detail of all roots, their status, and the link to the trace backend.
#[cfg(feature = "axum")]
pub(crate) fn traces() {
    let url = (
        "FIRSTLIGHT_TRACE_URL",
        "https://jaeger.example/trace/{trace_id}",
    );
    let mut service = Scenario::start("fails", &[url]);
    let (service_address, address) = crate::serve::listening(&mut service);
    for _ in 0..3 {
        super::errors::request(service_address, "/broken");
    }
    let mut polls = 0;
    let detail: Value = loop {
        let body = whole(address, "/traces?detail&failed");
        let detail: Value = serde_json::from_str(&body).unwrap();
        if detail["failed"]["count"] == 3 {
            break detail;
        }
        polls += 1;
        assert!(polls < 300, "{detail:#}");
        thread::sleep(Duration::from_millis(100));
    };
    assert!(!detail["instance"].as_str().unwrap().is_empty());
    assert!(detail["not_kept"].is_object() && detail["open"].is_null());
    let roots = detail["failed"]["roots"].as_array().unwrap();
    assert_eq!(roots.len(), 3);
    for root in roots {
        assert_eq!(
            (&root["name"], &root["status"]),
            (&"GET /broken".into(), &500.into())
        );
        assert_eq!(root["spans"][0]["attributes"]["http.route"].as_str(), None);
        assert!(!root["events"].as_array().unwrap().is_empty(), "{root:#}");
    }
    let limited: Value = serde_json::from_str(&whole(address, "/traces?detail&limit=2")).unwrap();
    assert_eq!(limited["failed"]["roots"].as_array().unwrap().len(), 2);
    assert!(limited["open"]["roots"].is_array());

    let list = json(address, "/traces?failed&limit=1");
    assert_eq!(list["failed"]["count"], 3);
    let roots = list["failed"]["roots"].as_array().unwrap();
    assert_eq!((roots.len(), &roots[0]["status"]), (1, &500.into()));
    // A request that did not fail has a status as well.
    super::errors::request(service_address, "/nowhere");
    let slow = json(address, "/traces?slow");
    let unknown = slow["slow"]["roots"].as_array().unwrap().iter();
    let unknown = unknown
        .map(|root| &root["status"])
        .filter(|status| **status == 404);
    assert_eq!(unknown.count(), 1, "{slow:#}");
    let id = roots[0]["trace_id"].as_str().unwrap();
    let link = format!("https://jaeger.example/trace/{id}");
    assert_eq!(
        json(address, &format!("/traces/{id}"))["backend_url"],
        *link
    );
    let text = ask(address, &format!("GET /traces/{id}")).body;
    assert!(
        text.contains(&format!("\nin the trace backend: {link}\n")),
        "{text}"
    );
    for query in ["limit=0", "limit=1001", "detail=1", "limit=%0a"] {
        let answer = ask(address, &format!("GET /traces?{query}"));
        assert_eq!(answer.status, 400, "{query}: {}", answer.body);
    }
    let head = send(
        address,
        "HEAD /traces?detail HTTP/1.1\r\nhost: localhost",
        "",
    );
    assert_eq!((head.status, &*head.body), (200, ""));

    // The rate of the failures is in the history.
    let mut polls = 0;
    loop {
        let history = json(address, "/history");
        let rows = history["roots"].as_array().unwrap();
        if let Some(row) = rows.iter().find(|row| row["name"] == "GET /broken") {
            assert_eq!(row["kind"], "request");
            let failed = row["failed"].as_array().unwrap().iter();
            let failed: f64 = failed.filter_map(Value::as_f64).sum();
            assert!((failed - 0.6).abs() < 0.1, "{history:#}");
            assert_eq!(history["all"][0]["kind"], "request");
            return;
        }
        polls += 1;
        assert!(polls < 300, "{history:#}");
        thread::sleep(Duration::from_millis(100));
    }
}
