//! Tests of the receiver through a socket: its responses and what it keeps.

#![expect(clippy::unwrap_used, reason = "tests")]

mod faults;
mod grpc;
mod signals;
mod tls;

use std::{
    io::{Read as _, Write as _},
    net::TcpStream,
    time::{Duration, UNIX_EPOCH},
};

use opentelemetry_proto::tonic::{
    collector::trace::v1::{ExportTraceServiceRequest, ExportTraceServiceResponse},
    common::v1::{AnyValue, ArrayValue, InstrumentationScope, KeyValue, any_value::Value},
    resource::v1::Resource,
    trace::v1::{ResourceSpans, ScopeSpans, Span, Status, span::Event},
};
use prost::Message as _;

use super::{
    OtlpReceiver, ReceivedRequest,
    otlp_signal::Received,
    received::{MAX_ITEMS, Store},
    span::spans_of,
};

const DEADLINE: Duration = Duration::from_secs(30);

fn attribute(key: &str, value: Value) -> KeyValue {
    KeyValue {
        key: key.to_owned(),
        value: Some(AnyValue { value: Some(value) }),
        ..KeyValue::default()
    }
}

fn export_of(spans: Vec<Span>) -> ExportTraceServiceRequest {
    ExportTraceServiceRequest {
        resource_spans: vec![ResourceSpans {
            resource: Some(Resource {
                attributes: vec![attribute(
                    "service.name",
                    Value::StringValue("orders".to_owned()),
                )],
                ..Resource::default()
            }),
            scope_spans: vec![ScopeSpans {
                scope: Some(InstrumentationScope {
                    name: "firstlight".to_owned(),
                    ..Default::default()
                }),
                spans,
                ..ScopeSpans::default()
            }],
            ..ResourceSpans::default()
        }],
    }
}

fn server_span() -> Span {
    let tags = ArrayValue {
        values: ["a", "b"]
            .map(|tag| AnyValue {
                value: Some(Value::StringValue(tag.to_owned())),
            })
            .to_vec(),
    };
    Span {
        trace_id: vec![0xab; 16],
        span_id: vec![0x01; 8],
        name: "GET /orders/{id}".to_owned(),
        kind: 2,
        start_time_unix_nano: 1_000_000_000,
        end_time_unix_nano: 1_250_000_000,
        attributes: vec![
            attribute("http.response.status_code", Value::IntValue(500)),
            attribute("ratio", Value::DoubleValue(0.25)),
            attribute("cached", Value::BoolValue(false)),
            attribute("tags", Value::ArrayValue(tags)),
        ],
        events: vec![Event {
            time_unix_nano: 1_100_000_000,
            name: "looked up".to_owned(),
            ..Event::default()
        }],
        status: Some(Status {
            code: 2,
            ..Status::default()
        }),
        ..Span::default()
    }
}

/// Sends a hand-written request; returns the head and the body of the response.
fn send(receiver: &OtlpReceiver, line: &str, content_type: &str, body: &[u8]) -> (String, Vec<u8>) {
    send_with(receiver, line, content_type, "", body)
}

/// Sends a request with further headers, each followed by a line break.
fn send_with(
    receiver: &OtlpReceiver,
    line: &str,
    content_type: &str,
    more: &str,
    body: &[u8],
) -> (String, Vec<u8>) {
    let address = receiver.endpoint();
    let mut stream = TcpStream::connect(address.trim_start_matches("http://")).unwrap();
    stream.set_read_timeout(Some(DEADLINE)).unwrap();
    let length = body.len();
    write!(
        stream,
        "{line} HTTP/1.1\r\nhost: test\r\ncontent-type: {content_type}\r\ncontent-length: {length}\r\n{more}connection: close\r\n\r\n"
    )
    .unwrap();
    stream.write_all(body).unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    let end = answer
        .windows(4)
        .position(|window| window == b"\r\n\r\n")
        .unwrap();
    (
        String::from_utf8(answer[..end].to_vec())
            .unwrap()
            .to_lowercase(),
        answer[end + 4..].to_vec(),
    )
}

#[test]
fn exports_are_answered_and_readable() {
    let receiver = OtlpReceiver::start().unwrap();
    let body = export_of(vec![server_span()]).encode_to_vec();
    let (head, answer) = send(
        &receiver,
        "POST /v1/traces",
        "application/x-protobuf",
        &body,
    );

    assert!(head.starts_with("http/1.1 200"), "{head}");
    assert!(
        head.contains("content-type: application/x-protobuf"),
        "{head}"
    );
    assert_eq!(
        ExportTraceServiceResponse::decode(&answer[..]).unwrap(),
        ExportTraceServiceResponse::default()
    );

    let spans = receiver.spans();
    let [span] = &spans[..] else {
        unreachable!("one span was sent, {} came", spans.len())
    };
    assert_eq!(span.trace_id, "ab".repeat(16));
    assert_eq!(span.span_id, "01".repeat(8));
    assert_eq!(span.parent_span_id, "");
    assert_eq!(span.name, "GET /orders/{id}");
    assert_eq!(span.kind, "server");
    assert_eq!(span.status, "error");
    assert_eq!(span.scope, "firstlight");
    assert_eq!(span.duration(), Duration::from_millis(250));
    assert_eq!(span.resource["service.name"], "orders");
    assert_eq!(span.attributes["http.response.status_code"], "500");
    assert_eq!(span.attributes["ratio"], "0.25");
    assert_eq!(span.attributes["cached"], "false");
    assert_eq!(span.attributes["tags"], "[a, b]");
    assert_eq!(span.events[0].name, "looked up");
    assert_eq!(
        span.events[0].time,
        UNIX_EPOCH + Duration::from_millis(1_100)
    );
}

#[test]
fn invalid_requests_are_rejected() {
    let receiver = OtlpReceiver::start().unwrap();
    let protobuf = "application/x-protobuf";
    for (line, content_type, body, status, reason) in [
        (
            "POST /v1/profiles",
            protobuf,
            &b"x"[..],
            "404",
            "/v1/traces",
        ),
        ("GET /v1/traces", protobuf, b"", "405", "POST"),
        (
            "POST /v1/traces",
            "application/json",
            b"{}",
            "415",
            protobuf,
        ),
        (
            "POST /v1/traces",
            protobuf,
            b"\xff\xff\xff",
            "400",
            "ExportTraceServiceRequest",
        ),
    ] {
        let (head, answer) = send(&receiver, line, content_type, body);
        assert!(
            head.starts_with(&format!("http/1.1 {status}")),
            "{line}: {head}"
        );
        let answer = String::from_utf8(answer).unwrap();
        assert!(answer.contains(reason), "{line}: {answer}");
    }
    assert_eq!(receiver.spans(), []);
}

#[test]
fn waiting_ends_at_spans_or_deadline() {
    let receiver = OtlpReceiver::start().unwrap();
    assert_eq!(
        receiver.wait_for(Duration::from_millis(1), |spans| !spans.is_empty()),
        []
    );

    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| receiver.wait_for(DEADLINE, |spans| spans.len() == 2));
        for _ in 0..2 {
            let body = export_of(vec![server_span()]).encode_to_vec();
            send(
                &receiver,
                "POST /v1/traces",
                "application/x-protobuf",
                &body,
            );
        }
        assert_eq!(waiting.join().unwrap().len(), 2);
    });
}

#[test]
fn dropped_receivers_free_their_port() {
    let receiver = OtlpReceiver::start().unwrap();
    let address = receiver.endpoint();
    let address = address.trim_start_matches("http://");
    let _idle = TcpStream::connect(address).unwrap();
    drop(receiver);
    assert!(TcpStream::connect(address).is_err());
}

#[test]
fn the_newest_of_each_kind_are_kept() {
    let store = Store::default();
    let head = || ::http::Request::new(()).into_parts().0;
    let receive = |spans| {
        let request = ReceivedRequest::new(&head(), "http/protobuf", "");
        store.receive(request, Some(Received::Spans(spans_of(export_of(spans)))));
    };
    receive(vec![server_span()]);
    let newer = Span {
        name: "newer".to_owned(),
        ..Span::default()
    };
    receive(vec![newer; MAX_ITEMS]);
    // More requests than are kept, 1,024.
    (0..2_000).for_each(|_| receive(Vec::new()));
    let kept = store.lock();
    assert_eq!(kept.spans.len(), MAX_ITEMS);
    assert!(kept.spans.iter().all(|span| span.name == "newer"));
    assert_eq!(kept.requests.len(), 1_024);
}
