//! Tests with other servers, frozen connections and oversized requests.

use super::*;
#[cfg(feature = "otlp-grpc")]
use crate::signal::Signal;

#[test]
fn foreign_responses_count_as_losses() {
    let page = "<html>sign in</html>".repeat(100_000);
    for (kind, body, shown) in [
        ("text/html; charset=utf-8", &*page, "a web page (text/html)"),
        ("text/html", "", "a web page (text/html)"),
        ("text/plain", "OK", "a body of another kind (text/plain)"),
        ("application/json", r#"{"status":"ok"}"#, "application/json"),
        ("application/x-protobuf", "<html>", "application/x-protobuf"),
        ("", "welcome", "a body without a content type"),
    ] {
        for (protocol, path) in protocols() {
            let peer = peer::answering(200, kind, body);
            let error = sent_to(peer.address, protocol, path).unwrap_err();
            assert_eq!(error.kind, "not_otlp", "{kind} {error:?}");
            let shown = match (protocol, kind) {
                (Protocol::HttpProtobuf, _) => shown,
                #[cfg(feature = "otlp-grpc")]
                (Protocol::Grpc, "application/x-protobuf") => "where an OTLP collector",
                #[cfg(feature = "otlp-grpc")]
                (Protocol::Grpc, _) => shown,
            };
            assert!(error.text.contains(shown), "{}", error.text);
            assert_eq!(peer.requests(), 1, "{protocol}: {kind}");
        }
    }
    for (kind, body) in [("", ""), ("text/plain", ""), ("application/json", "{ }\n")] {
        let peer = peer::answering(200, kind, body);
        let result = sent_to(peer.address, Protocol::HttpProtobuf, "/v1/metrics");
        assert_eq!(result, Ok(()), "{kind}");
    }
}

#[test]
fn large_foreign_bodies_are_not_read() {
    for (protocol, path) in protocols() {
        let page = peer::answering(200, "text/html", &"x".repeat(1 << 20));
        let kind = sent_to(page.address, protocol, path).unwrap_err().kind;
        assert_eq!((&*kind, page.requests()), ("not_otlp", 1));
    }
    let long = "\0".repeat(1 << 20);
    let peer = peer::answering(200, "application/x-protobuf", &long);
    let error = sent_to(peer.address, Protocol::HttpProtobuf, "/v1/metrics").unwrap_err();
    assert!(error.text.contains("more than 65536 bytes"), "{error:?}");
    assert_eq!(peer.requests(), 1);
}

#[test]
fn frozen_connections_are_replaced() {
    for (protocol, path) in protocols() {
        let receiver = OtlpReceiver::start().unwrap();
        let proxy = peer::Proxy::to(&receiver);
        let mut destination = destination(&receiver, protocol, path);
        destination.endpoint = format!("http://{}{path}", proxy.address).parse().unwrap();
        destination.request_timeout = Duration::from_secs(1);
        let client = OtlpClient::of_metrics(&destination).unwrap();
        run(async {
            assert_eq!(client.send(request()).await, Ok(()));
            proxy.freeze();
            let again = tokio::time::timeout(Duration::from_secs(30), client.send(request()));
            assert_eq!(again.await, Ok(Ok(())), "{protocol}");
        });
        assert_eq!(receiver.metrics().len(), 2);
    }
}

/// Checks that pings detect a frozen connection before a timeout of 1 h.
#[cfg(feature = "otlp-grpc")]
#[test]
fn pings_detect_frozen_connections() {
    let receiver = OtlpReceiver::start().unwrap();
    let proxy = peer::Proxy::to(&receiver);
    let path = Signal::Metrics.grpc_path();
    let mut destination = destination(&receiver, Protocol::Grpc, path);
    destination.endpoint = format!("http://{}{path}", proxy.address).parse().unwrap();
    destination.request_timeout = Duration::from_secs(3600);
    let client = OtlpClient::of_metrics(&destination).unwrap();
    run(async {
        assert_eq!(client.send(request()).await, Ok(()));
        proxy.freeze();
        let again = tokio::time::timeout(Duration::from_secs(60), client.send(request()));
        assert_eq!(again.await, Ok(Ok(())));
    });
}

#[test]
fn rejected_sizes_get_smaller_requests() {
    let metric = |index| Metric {
        name: format!("orders_{index}"),
        description: "x".repeat(5000),
        ..Metric::default()
    };
    let scope = ScopeMetrics {
        metrics: (0..1000).map(metric).collect(),
        ..ScopeMetrics::default()
    };
    let request = ExportMetricsServiceRequest {
        resource_metrics: vec![ResourceMetrics {
            scope_metrics: vec![scope],
            ..ResourceMetrics::default()
        }],
    };
    let request = Bytes::from(request.encode_to_vec());

    for (protocol, path) in protocols() {
        let receiver = OtlpReceiver::start().unwrap();
        let client = OtlpClient::of_metrics(&destination(&receiver, protocol, path)).unwrap();
        assert_eq!(run(client.send(request.clone())), Ok(()));
        assert_eq!(
            receiver.requests().len(),
            2,
            "5 MB are more than the limit of one request and less than that of two"
        );
        assert_eq!(receiver.metrics().len(), 1000);
    }

    // nginx accepts 1 MiB by default.
    let peer = peer::accepting_up_to(1 << 20);
    let destination = peer.destination();
    let client = OtlpClient::of_metrics(&destination).unwrap();
    assert_eq!(run(client.send(request.clone())), Ok(()));
    assert_eq!(client.stats().take_rejected(), 0);
    let first_attempts = peer.requests();
    assert_eq!(run(client.send(request)), Ok(()));
    assert!(
        peer.requests() - first_attempts < first_attempts,
        "the smaller limit is remembered"
    );

    let peer = peer::accepting_up_to(10);
    let client = OtlpClient::of_metrics(&peer.destination()).unwrap();
    let error = run(client.send(super::request())).unwrap_err();
    assert_eq!((&*error.kind, peer.requests()), ("413", 1));
}

#[test]
fn warnings_are_not_losses() {
    for (protocol, path) in protocols() {
        let receiver = OtlpReceiver::start_answering(CollectorAnswer::Partial {
            rejected: 0,
            message: "use a newer version".to_owned(),
        })
        .unwrap();
        let (client, result) = send(&destination(&receiver, protocol, path));
        assert_eq!(result, Ok(()));
        let stats = client.stats();
        assert_eq!(stats.take_warning().as_deref(), Some("use a newer version"));
        assert_eq!((stats.take_rejected(), stats.last_error()), (0, None));
    }
}

/// Sends a request to a server, and returns the result.
fn sent_to(
    address: std::net::SocketAddr,
    protocol: Protocol,
    path: &str,
) -> Result<(), ExportError> {
    let mut destination = peer::destination(address);
    destination.endpoint = format!("http://{address}{path}").parse().unwrap();
    destination.protocol = protocol;
    send(&destination).1
}
