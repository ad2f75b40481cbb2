//! Tests of the receiver over gRPC, with an HTTP/2 connection as the client.

use bytes::Bytes;
use http::{HeaderMap, Request, Response};
use http_body_util::{BodyExt, Full};
use hyper_util::rt::{TokioExecutor, TokioIo};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceResponse;
use prost::Message as _;
use tokio::io::{AsyncRead, AsyncWrite};

use super::{
    OtlpReceiver, export_of, server_span,
    signals::{gzip, logs, metrics},
};

pub(super) const TRACES: &str = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";

/// Adds the prefix to a message.
pub(super) fn frame(is_compressed: bool, message: &[u8]) -> Vec<u8> {
    let length = u32::try_from(message.len()).unwrap();
    let mut frame = vec![u8::from(is_compressed)];
    frame.extend(length.to_be_bytes());
    frame.extend(message);
    frame
}

/// A response's body, with headers and trailers merged.
///
/// The status may be in the headers or in the trailers.
pub(super) struct Answered {
    pub(super) body: Bytes,
    pub(super) headers: HeaderMap,
    pub(super) has_trailers: bool,
}

impl Answered {
    pub(super) fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().unwrap())
    }
}

pub(super) fn call(
    receiver: &OtlpReceiver,
    path: &str,
    headers: &[(&str, &str)],
    body: Vec<u8>,
) -> Answered {
    run(async {
        let address = receiver.endpoint();
        let address = address.trim_start_matches("http://");
        let stream = tokio::net::TcpStream::connect(address).await.unwrap();
        call_over(stream, &receiver.endpoint(), path, headers, body).await
    })
}

pub(super) fn run<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    runtime.unwrap().block_on(future)
}

pub(super) async fn call_over(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    endpoint: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: Vec<u8>,
) -> Answered {
    let (mut sender, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream))
            .await
            .unwrap();
    tokio::spawn(connection);
    let mut request = Request::post(format!("{endpoint}{path}"))
        .header("content-type", "application/grpc")
        .header("te", "trailers");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request = request.body(Full::new(Bytes::from(body))).unwrap();
    let response: Response<_> = sender.send_request(request).await.unwrap();
    assert_eq!(response.status(), 200);
    assert_eq!(response.headers()["content-type"], "application/grpc");
    let mut headers = response.headers().clone();
    let body = response.into_body().collect().await.unwrap();
    let trailers = body.trailers().cloned();
    let has_trailers = trailers.is_some();
    headers.extend(trailers.unwrap_or_default());
    Answered {
        body: body.to_bytes(),
        headers,
        has_trailers,
    }
}

#[test]
fn exports_get_message_and_status() {
    let receiver = OtlpReceiver::start().unwrap();
    let body = frame(false, &export_of(vec![server_span()]).encode_to_vec());
    let answered = call(&receiver, TRACES, &[("x-tenant", "a")], body);
    assert_eq!(answered.header("grpc-status"), "0");
    assert!(answered.has_trailers);
    assert_eq!(answered.body[..5], [0; 5]);
    let message = ExportTraceServiceResponse::decode(&answered.body[5..]).unwrap();
    assert_eq!(message, ExportTraceServiceResponse::default());
    assert_eq!(receiver.spans()[0].name, "GET /orders/{id}");
    let request = &receiver.requests()[0];
    assert_eq!(
        (
            request.path.as_str(),
            request.protocol,
            request.encoding.as_str()
        ),
        (TRACES, "grpc", "")
    );
    assert_eq!(request.headers["x-tenant"], "a");
}

#[test]
fn compressed_messages_are_accepted() {
    let receiver = OtlpReceiver::start().unwrap();
    let body = frame(true, &gzip(&export_of(vec![server_span()]).encode_to_vec()));
    let answered = call(&receiver, TRACES, &[("grpc-encoding", "gzip")], body);
    assert_eq!(answered.header("grpc-status"), "0");
    assert_eq!(receiver.spans().len(), 1);
    assert_eq!(receiver.requests()[0].encoding, "gzip");
}

#[test]
fn every_signal_has_its_service_path() {
    let receiver = OtlpReceiver::start().unwrap();
    for (path, body) in [
        ("logs.v1.LogsService", logs().encode_to_vec()),
        ("metrics.v1.MetricsService", metrics().encode_to_vec()),
    ] {
        let path = format!("/opentelemetry.proto.collector.{path}/Export");
        let answered = call(&receiver, &path, &[], frame(false, &body));
        assert_eq!(answered.header("grpc-status"), "0", "{path}");
    }
    assert_eq!((receiver.logs().len(), receiver.metrics().len()), (1, 3));
}

#[test]
fn invalid_requests_get_a_status() {
    let receiver = OtlpReceiver::start().unwrap();
    let export = export_of(vec![server_span()]).encode_to_vec();
    let mut short = frame(false, &export);
    short.pop();
    for (path, encoding, body, status, reason) in [
        (
            "/a.Service/Export",
            "",
            frame(false, &export),
            "12",
            "TraceService",
        ),
        (TRACES, "", vec![0, 0], "3", "one message"),
        (TRACES, "", short, "3", "one message"),
        (
            TRACES,
            "",
            frame(false, b"\xff\xff\xff"),
            "3",
            "ExportTraceServiceRequest",
        ),
        (TRACES, "br", frame(true, &export), "12", "expected gzip"),
        (TRACES, "gzip", frame(true, &export), "3", "not gzip"),
    ] {
        let answered = call(&receiver, path, &[("grpc-encoding", encoding)], body);
        assert_eq!(answered.header("grpc-status"), status, "{reason}");
        let message = answered.header("grpc-message");
        assert!(message.contains(reason), "{message}");
        assert!(answered.body.is_empty() && !answered.has_trailers);
    }
    assert_eq!(receiver.spans(), []);
}
