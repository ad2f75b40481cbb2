//! Partial successes of export requests.

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceResponse;
use prost::Message;

/// The number of rejected records and the message of a response.
///
/// See "Partial Success" in the OTLP specification.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct PartialSuccess {
    pub(super) rejected: u64,
    pub(super) message: String,
}

impl PartialSuccess {
    /// Reads the partial success of an encoded response.
    ///
    /// The responses of the three services have the same encoding: one message with a number and a text. A response
    /// that cannot be decoded counts as a full success, because its status reported a success.
    pub(super) fn decode(response: &[u8]) -> Self {
        ExportTraceServiceResponse::decode(response)
            .ok()
            .and_then(|response| response.partial_success)
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
        let response = ExportLogsServiceResponse {
            partial_success: Some(ExportLogsPartialSuccess {
                rejected_log_records: 3,
                error_message: "too old".to_owned(),
            }),
        };
        let partial = PartialSuccess::decode(&response.encode_to_vec());
        assert_eq!((partial.rejected, partial.message.as_str()), (3, "too old"));
        assert_eq!(
            PartialSuccess::decode(b"\xff\xff<html>"),
            PartialSuccess::default()
        );
        assert_eq!(PartialSuccess::decode(b""), PartialSuccess::default());
    }
}
