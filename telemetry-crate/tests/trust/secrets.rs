//! Plants secrets and searches all output for them.

use std::{
    collections::hash_map::RandomState,
    hash::{BuildHasher, Hasher},
    io::{Read, Write},
    net::TcpStream,
    time::Duration,
};

use firstlight::testing::OtlpReceiver;

use crate::{
    service::Service,
    support::{ask, scenario::Scenario, send},
};

/// Returns a random text with which each secret of a test starts.
fn marker() -> String {
    format!("zq{:016x}-", RandomState::new().build_hasher().finish())
}

/// Panics with the context of the first secret in the output.
fn assert_clean(output: &str, marker: &str) {
    if let Some(at) = output.find(marker) {
        let context = &output.as_bytes()[at.saturating_sub(300)..output.len().min(at + 100)];
        panic!("a secret got out: {}", String::from_utf8_lossy(context));
    }
}

pub(crate) fn planted() {
    let receiver = OtlpReceiver::start().unwrap();
    let marker = marker();
    let planted = |place: &str| format!("{marker}{place}");
    let endpoint = |signal| {
        let query = planted("endpoint-query");
        format!("{}/v1/{signal}?x={query}", receiver.endpoint())
    };
    let token = planted("admin-token");
    let mut service = Service::start(&[
        ("MARKER", &marker),
        ("RUST_LOG", "trace"),
        ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", &endpoint("traces")),
        ("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", &endpoint("metrics")),
        ("OTEL_EXPORTER_OTLP_LOGS_ENDPOINT", &endpoint("logs")),
        (
            "OTEL_EXPORTER_OTLP_HEADERS",
            &format!(
                "authorization=Bearer%20{},x-api-key={}",
                planted("otlp"),
                planted("otlp")
            ),
        ),
        (
            "OTEL_RESOURCE_ATTRIBUTES",
            &format!("visible=control,deploy.token={}", planted("resource")),
        ),
        ("FIRSTLIGHT_ADMIN_TOKEN", &token),
    ]);
    let headers = [
        ("host", "orders.example".to_owned()),
        (
            "authorization",
            format!("Bearer {}", planted("authorization")),
        ),
        ("proxy-authorization", format!("Basic {}", planted("proxy"))),
        ("cookie", format!("session={}", planted("cookie"))),
        ("x-api-key", planted("x-api-key")),
        (
            "referer",
            format!("https://h.example/?token={}", planted("referer")),
        ),
        // The first value is well-formed. The second value is malformed, so the SDK would log it.
        ("baggage", format!("user={}", planted("baggage"))),
        (
            "baggage",
            format!("%ff={},{}", planted("baggage"), planted("baggage")),
        ),
        ("tracestate", planted("tracestate")),
    ];
    let headers: String = headers
        .iter()
        .map(|(name, value)| format!("\r\n{name}: {value}"))
        .collect();
    let query = format!("?token={0}&q={0}", planted("query"));
    let user = planted("userinfo");
    for (line, status) in [
        (format!("GET /leak{query}"), 200),
        (
            format!("GET http://{user}:{user}@orders.example/leak{query}"),
            200,
        ),
        (format!("GET /broken{query}"), 500),
        (format!("POST /body{query}"), 200),
        (format!("GET /wp-login.php{query}"), 404),
        // An unknown method is recorded unchanged, so this one contains no secret.
        ("SCAN /leak".to_owned(), 405),
    ] {
        let head = format!("{line} HTTP/1.1{headers}");
        let answer = send(service.address, &head, &planted("body"));
        assert_eq!(answer.status, status, "{line}");
    }
    // The handler panics, so the connection ends without a response.
    let mut stream = TcpStream::connect(service.address).unwrap();
    stream
        .set_read_timeout(Some(Duration::from_secs(30)))
        .unwrap();
    let request = format!("GET /panics{query} HTTP/1.1{headers}\r\n\r\n");
    stream.write_all(request.as_bytes()).unwrap();
    assert_eq!(stream.read_to_end(&mut Vec::new()).unwrap(), 0);

    for (shown, status) in [(&*planted("wrong-token"), 401), (&*token, 200)] {
        let head = format!(
            "PUT /log-filter?for=1h HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {shown}"
        );
        let answer = send(service.admin, &head, "trace");
        assert_eq!(answer.status, status);
        service.keep(answer);
    }
    service.read_pages();
    let output = service.end();
    let spans = receiver.wait_for(Duration::from_secs(30), |spans| spans.len() >= 10);
    let spans = format!("{spans:?}");
    // All of them have arrived, because the service flushes at its end.
    let (records, pushed) = (receiver.logs(), receiver.metrics());
    let (records, pushed) = (format!("{records:?}"), format!("{pushed:?}"));
    for (what, text) in [
        ("output", &output),
        ("spans", &spans),
        ("log records", &records),
        ("pushed metrics", &pushed),
    ] {
        assert!(
            text.contains("control") && text.contains("***"),
            "nothing was planted in {what}"
        );
        assert_clean(text, &marker);
    }
    for shown in [
        "postgres://***@db.example:5432/orders",
        "cannot save: postgres://***@db",
        "https://h.example/cb?page=2&access_token=***",
        "leaks_total{shard=\"postgres://***@db.example:5432/orders\",token=\"***\",visible=\"control\"} 2",
        "panicked: cannot reach postgres://***@",
        "deploy_token=\"***\"",
    ] {
        assert!(output.contains(shown), "no {shown} in {output}");
    }
    for shown in [
        "\"connection\": \"postgres://***@db.example:5432/orders\"",
        "\"api_key\": \"***\"",
        "cannot save: postgres://***@db",
        "access_token=***",
        "body: \"cannot reach postgres://***@db.example:5432/orders\"",
        "panicked: cannot reach postgres://***@",
        "\"deploy.token\": \"***\"",
    ] {
        assert!(records.contains(shown), "no {shown} in {records}");
    }
    for shown in [
        "name: \"leaks_total\"",
        "name: \"leaks_seconds\"",
        "\"shard\": \"postgres://***@db.example:5432/orders\", \"token\": \"***\", \"visible\": \"control\"",
        "\"deploy.token\": \"***\"",
    ] {
        assert!(pushed.contains(shown), "no {shown} in {pushed}");
    }
}

/// Searches what failures, followers, and the next process show.
pub(crate) fn after_failures() {
    let receiver = OtlpReceiver::start().unwrap();
    let marker = marker();
    let variables = [
        ("MARKER", &*marker),
        ("RUST_LOG", "error,firstlight=info"),
        ("FIRSTLIGHT_LOG_ON_FAILURE", "trace"),
        ("FIRSTLIGHT_TRACE_FAILURES", "100"),
        (
            "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
            &format!("{}/v1/traces", receiver.endpoint()),
        ),
        ("OTEL_TRACES_SAMPLER", "always_off"),
        ("OTEL_BSP_SCHEDULE_DELAY", "100"),
    ];
    let service = Service::start(&variables);
    let followed = service.follow();
    let head = format!("GET /fails?token={marker}query HTTP/1.1\r\nhost: h");
    assert_eq!(send(service.address, &head, "").status, 500);
    let request = |path: &str| {
        let mut stream = TcpStream::connect(service.address).unwrap();
        let head = format!("GET {path} HTTP/1.1\r\nhost: h\r\n\r\n");
        stream.write_all(head.as_bytes()).unwrap();
        stream
    };
    let mut panicking = request("/panics");
    assert_eq!(panicking.read_to_end(&mut Vec::new()).unwrap(), 0);
    // It stays open until the service is killed.
    let _hanging = request("/hangs");
    let exported = receiver.wait_for(Duration::from_secs(30), |spans| {
        ["/fails", "work", "/panics"]
            .into_iter()
            .all(|name| spans.iter().any(|span| span.name.ends_with(name)))
    });
    let exported = format!("{exported:?}");
    // The file is at most 250 ms late, and the machine may be busy.
    std::thread::sleep(Duration::from_secs(2));
    let (output, file) = service.kill();
    let followed = followed.join().unwrap();
    let mut next = Service::start_with(file, &variables);
    let previous = next.read_previous();
    let next = next.end();
    for (what, text) in [
        ("output", &output),
        ("spans", &exported),
        ("followed lines", &followed),
        ("last words", &previous),
        ("next process", &next),
    ] {
        assert!(text.contains("***"), "nothing was planted in {what}");
        assert_clean(text, &marker);
    }
    let held: Vec<_> = output
        .lines()
        .filter(|line| line.contains("\"firstlight.held\":true"))
        .collect();
    for (shown, texts) in [
        ("\"token\":\"***\"", held.join("\n")),
        ("access_token=***", held.join("\n")),
        ("waits for postgres://***@db", followed),
        ("waits for postgres://***@db", previous.clone()),
        ("panicked: cannot reach postgres://***@", previous),
        ("\"connection\": \"postgres://***@db", exported),
        ("\"previous.ended\":\"killed\"", next),
    ] {
        assert!(texts.contains(shown), "no {shown} in {texts}");
    }
}

pub(crate) fn failing_exports() {
    let marker = marker();
    let planted = |place: &str| format!("{marker}{place}");
    // An endpoint with credentials is rejected, and the error does not show them.
    for (variable, value) in [
        (
            "OTEL_EXPORTER_OTLP_ENDPOINT",
            format!("http://{0}:{0}@127.0.0.1:1", planted("user")),
        ),
        (
            "OTEL_EXPORTER_OTLP_ENDPOINT",
            format!("{0}:{0}@collector:4317", planted("user")),
        ),
        (
            "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
            format!("ftp://h/?k={}", planted("query")),
        ),
    ] {
        let mut scenario = Scenario::start("service", &[(variable, &value)]);
        assert_eq!(scenario.rest(), [""; 0]);
        let (code, stderr) = scenario.end();
        assert_eq!(code, Some(1));
        assert!(stderr.starts_with(variable), "{stderr}");
        assert_clean(&stderr, &marker);
    }
    // Nothing listens on this port.
    let endpoint = |signal| {
        let query = planted("endpoint-query");
        format!("http://127.0.0.1:1/v1/{signal}?k={query}")
    };
    let mut service = Service::start(&[
        ("MARKER", &marker),
        ("RUST_LOG", "trace"),
        ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", &endpoint("traces")),
        ("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", &endpoint("metrics")),
        ("OTEL_EXPORTER_OTLP_LOGS_ENDPOINT", &endpoint("logs")),
        // The value is malformed, which causes a warning.
        ("OTEL_EXPORTER_OTLP_HEADERS", &planted("headers")),
        ("OTEL_BSP_SCHEDULE_DELAY", "10"),
        ("OTEL_BSP_EXPORT_TIMEOUT", "200"),
        ("OTEL_METRIC_EXPORT_INTERVAL", "200"),
        ("OTEL_METRIC_EXPORT_TIMEOUT", "200"),
        ("OTEL_BLRP_SCHEDULE_DELAY", "10"),
        ("OTEL_BLRP_EXPORT_TIMEOUT", "200"),
    ]);
    assert_eq!(ask(service.address, "GET /leak").status, 200);
    let telemetry = "GET /telemetry HTTP/1.1\r\nhost: localhost\r\naccept: application/json";
    let mut polls = 0;
    loop {
        let status = send(service.admin, telemetry, "").body;
        let status: serde_json::Value = serde_json::from_str(&status).unwrap();
        // The request has three spans.
        let least = [("traces", 3), ("metrics_push", 1), ("log_records", 1)];
        let has_lost = |(signal, least): (&str, u64)| {
            let lost = status[signal]["lost"].as_u64();
            lost.is_some_and(|lost| lost >= least)
        };
        if least.into_iter().all(has_lost) {
            break;
        }
        polls += 1;
        assert!(polls < 300, "{status:#}");
        std::thread::sleep(Duration::from_millis(100));
    }
    service.read_pages();
    let output = service.end();
    for signal in ["traces", "metrics", "logs"] {
        let failing = format!("export of {signal} fails");
        assert!(output.contains(&failing), "no {failing} in {output}");
    }
    assert!(
        output.contains("OTEL_EXPORTER_OTLP_HEADERS: pair 1 is not sent"),
        "{output}"
    );
    assert_clean(&output, &marker);
}
