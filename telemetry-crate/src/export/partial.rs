//! What a collector says of a request that it has accepted in part.

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceResponse;
use prost::Message;

/// OTLP specification, "Partial Success".
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Partial {
    pub(super) rejected: u64,
    pub(super) message: String,
}

impl Partial {
    /// The answers of the three services are the same on the wire: one message with a number and a text. An answer that
    /// is none of them is a success all the same, since its status said so.
    pub(super) fn of(answer: &[u8]) -> Self {
        ExportTraceServiceResponse::decode(answer)
            .ok()
            .and_then(|answer| answer.partial_success)
            .map(|partial| Self {
                rejected: partial.rejected_spans.try_into().unwrap_or(0),
                message: partial.error_message,
            })
            .unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use opentelemetry_proto::tonic::collector::logs::v1::{
        ExportLogsPartialSuccess, ExportLogsServiceResponse,
    };

    use super::*;

    #[test]
    fn partial_successes_are_read() {
        let answer = ExportLogsServiceResponse {
            partial_success: Some(ExportLogsPartialSuccess {
                rejected_log_records: 3,
                error_message: "too old".to_owned(),
            }),
        };
        let partial = Partial::of(&answer.encode_to_vec());
        assert_eq!((partial.rejected, partial.message.as_str()), (3, "too old"));
        assert_eq!(Partial::of(b"\xff\xff<html>"), Partial::default());
        assert_eq!(Partial::of(b""), Partial::default());
    }
}
