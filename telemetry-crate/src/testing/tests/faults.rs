//! Tests of the receiver's answers other than acceptance.

use std::{
    io::{Read as _, Write as _},
    net::TcpStream,
    time::Duration,
};

use base64::{Engine as _, engine::general_purpose::STANDARD_NO_PAD};
use opentelemetry_proto::tonic::collector::{
    logs::v1::ExportLogsServiceResponse, metrics::v1::ExportMetricsServiceResponse,
    trace::v1::ExportTraceServiceResponse,
};
use prost::Message as _;

use super::{
    super::{
        CollectorAnswer,
        rpc_status::{RetryInfo, Status},
    },
    DEADLINE, OtlpReceiver, export_of,
    grpc::{TRACES, call, frame},
    send, server_span,
    signals::{logs, metrics},
};

const PROTOBUF: &str = "application/x-protobuf";

fn spans() -> Vec<u8> {
    export_of(vec![server_span()]).encode_to_vec()
}

#[test]
fn rejections_keep_nothing() {
    let reject = |status, retry_after| CollectorAnswer::Reject {
        status,
        retry_after,
    };
    let after = Duration::from_millis(1_500);
    let receiver = OtlpReceiver::start_answering(reject(503, Some(after))).unwrap();
    let (head, _) = send(&receiver, "POST /v1/traces", PROTOBUF, &spans());
    assert!(head.starts_with("http/1.1 503"), "{head}");
    assert!(head.contains("retry-after: 2"), "{head}");
    let answered = call(&receiver, TRACES, &[], frame(false, &spans()));
    assert_eq!(answered.header("grpc-status"), "14");
    let details = STANDARD_NO_PAD
        .decode(answered.header("grpc-status-details-bin"))
        .unwrap();
    let details = Status::decode(&details[..]).unwrap().details;
    assert_eq!(
        details[0].type_url,
        "type.googleapis.com/google.rpc.RetryInfo"
    );
    let delay = RetryInfo::decode(&details[0].value[..])
        .unwrap()
        .retry_delay
        .unwrap();
    assert_eq!((delay.seconds, delay.nanos), (1, 500_000_000));

    receiver.set_answer(reject(429, None));
    let (head, _) = send(&receiver, "POST /v1/traces", PROTOBUF, &spans());
    assert!(
        head.starts_with("http/1.1 429") && !head.contains("retry-after"),
        "{head}"
    );
    let answered = call(&receiver, TRACES, &[], frame(false, &spans()));
    assert_eq!(answered.header("grpc-status"), "8");
    assert_eq!(answered.header("grpc-status-details-bin"), "");
    assert_eq!((receiver.spans().len(), receiver.requests().len()), (0, 4));

    receiver.set_answer(CollectorAnswer::Accept);
    send(&receiver, "POST /v1/traces", PROTOBUF, &spans());
    assert_eq!(receiver.spans().len(), 1);
}

#[test]
fn partial_successes_report_rejections() {
    let receiver = OtlpReceiver::start_answering(CollectorAnswer::Partial {
        rejected: 2,
        message: "too old".to_owned(),
    })
    .unwrap();
    let expected = (2, "too old".to_owned());

    let (_, body) = send(&receiver, "POST /v1/traces", PROTOBUF, &spans());
    let partial = ExportTraceServiceResponse::decode(&body[..])
        .unwrap()
        .partial_success
        .unwrap();
    assert_eq!((partial.rejected_spans, partial.error_message), expected);

    let (_, body) = send(
        &receiver,
        "POST /v1/logs",
        PROTOBUF,
        &logs().encode_to_vec(),
    );
    let partial = ExportLogsServiceResponse::decode(&body[..])
        .unwrap()
        .partial_success
        .unwrap();
    assert_eq!(
        (partial.rejected_log_records, partial.error_message),
        expected
    );

    let (_, body) = send(
        &receiver,
        "POST /v1/metrics",
        PROTOBUF,
        &metrics().encode_to_vec(),
    );
    let partial = ExportMetricsServiceResponse::decode(&body[..])
        .unwrap()
        .partial_success
        .unwrap();
    assert_eq!(
        (partial.rejected_data_points, partial.error_message),
        expected
    );

    let answered = call(&receiver, TRACES, &[], frame(false, &spans()));
    let message = ExportTraceServiceResponse::decode(&answered.body[5..]).unwrap();
    assert_eq!(message.partial_success.unwrap().rejected_spans, 2);
}

#[test]
fn hanging_collectors_do_not_answer() {
    let receiver = OtlpReceiver::start_answering(CollectorAnswer::Hang).unwrap();
    let address = receiver.endpoint();
    let mut stream = TcpStream::connect(address.trim_start_matches("http://")).unwrap();
    let body = spans();
    let length = body.len();
    write!(
        stream,
        "POST /v1/traces HTTP/1.1\r\nhost: test\r\ncontent-type: {PROTOBUF}\r\ncontent-length: {length}\r\n\r\n"
    )
    .unwrap();
    stream.write_all(&body).unwrap();
    let requests = receiver.wait_for_requests(DEADLINE, |requests| !requests.is_empty());
    assert_eq!(requests.len(), 1);
    stream
        .set_read_timeout(Some(Duration::from_millis(50)))
        .unwrap();
    let waited = stream.read(&mut [0]).map_err(|error| error.kind());
    assert!(waited.is_err(), "{waited:?}");
    assert_eq!(receiver.spans(), []);
}
