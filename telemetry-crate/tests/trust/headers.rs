//! Tests of requests with hostile propagation headers.

use firstlight::testing::OtlpReceiver;

use crate::{service::Service, support::send};

pub(crate) fn sampled_flags() {
    // The sampler `parentbased_always_off` samples only children of a sampled remote span.
    for (policy, spans) in [("continue", 20), ("link", 0), ("ignore", 0)] {
        let receiver = OtlpReceiver::start().unwrap();
        let service = Service::start(&[
            ("MARKER", "none"),
            ("OTEL_EXPORTER_OTLP_ENDPOINT", &receiver.endpoint()),
            ("OTEL_TRACES_SAMPLER", "parentbased_always_off"),
            ("FIRSTLIGHT_REMOTE_PARENT", policy),
        ]);
        for n in 1..=20 {
            let request =
                format!("GET /next HTTP/1.1\r\nhost: h\r\ntraceparent: 00-{n:032x}-{n:016x}-01");
            assert_eq!(send(service.address, &request, "").status, 200);
        }
        service.end();
        assert_eq!(receiver.spans().len(), spans, "{policy}");
    }
}

pub(crate) fn hostile_headers() {
    let service = Service::start(&[("MARKER", "none")]);
    let many = |count: usize, member: &str| vec![member; count].join(",");
    let trace = "0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331";
    let valid = format!("traceparent: 00-{trace}-01\r\n");
    let requests = [
        format!("traceparent: {}", "0".repeat(60_000)),
        format!("traceparent: {}", "-".repeat(60_000)),
        format!("traceparent: ff-{trace}-01"),
        "traceparent: 00-00000000000000000000000000000000-0000000000000000-01".to_owned(),
        "traceparent: 00-\u{fc}-\u{fc}-01".to_owned(),
        "traceparent:".to_owned(),
        format!("traceparent: 00-{trace}-01\r\ntraceparent: 00-{trace}-00"),
        format!("{valid}tracestate: {}", many(20_000, "a=b")),
        format!("{valid}tracestate: a={}", "x".repeat(60_000)),
        format!("{valid}tracestate: {}", "=,".repeat(20_000)),
        format!("{valid}tracestate: \u{fc}=\u{fc}"),
        format!("baggage: {}", many(20_000, "a=b")),
        format!("baggage: {}", many(2_000, "k=v")),
        format!("baggage: a={}", "\"".repeat(8_000)),
        format!("baggage: a={}", "x".repeat(60_000)),
        format!("baggage: {}", ";,=%".repeat(2_000)),
        "baggage: a=%ff%fe,%zz=%,b=%0d%0ax".to_owned(),
        "baggage: a=\u{fc}".to_owned(),
        vec!["baggage: a=1"; 60].join("\r\n"),
    ];
    for headers in requests {
        let shown: String = headers.chars().take(100).collect();
        let head = format!("GET /next HTTP/1.1\r\nhost: h\r\n{headers}");
        let answer = send(service.address, &head, "");
        assert_eq!(answer.status, 200, "{shown}");
        let mut names = Vec::new();
        for line in answer.body.lines() {
            let (name, value) = line.split_once(": ").unwrap();
            names.push(name);
            let fits = match name {
                "traceparent" => {
                    let lengths = value.split('-').map(str::len);
                    lengths.eq([2, 32, 16, 2])
                }
                // W3C Trace Context allows 32 members. 514 is a key and a value of 256 characters each, `=` and a
                // comma.
                "tracestate" => value.split(',').count() <= 32 && value.len() <= 32 * 514,
                // W3C Baggage requires support for 64 members and 8192 bytes.
                "baggage" => value.split(',').count() <= 64 && value.len() <= 8_192,
                _ => false,
            };
            assert!(fits, "{shown}: forwarded {line}");
        }
        assert!(names.contains(&"traceparent"), "{shown}: {}", answer.body);
    }
    assert!(!service.end().contains("panicked"));
}
