//! Advice for the errors of an export.

use std::borrow::Cow;

use crate::signal::Signal;

/// Returns a sentence of advice for the kind of an export error.
///
/// The kind is a word of the transport, or the status code of the collector's response.
pub(crate) fn hint(signal: Signal, kind: &str) -> Cow<'static, str> {
    let advice = match kind {
        "404" | "405" => return Cow::Owned(wrong_path(signal)),
        "connect" => {
            "nothing listens there, or its name does not resolve: is the collector running, and are host and port of OTEL_EXPORTER_OTLP_ENDPOINT right (4318 is http/protobuf)"
        }
        "timeout" => {
            "something is there and does not answer: a collector that is overloaded or cannot reach its own backend, or a firewall; OTEL_EXPORTER_OTLP_TIMEOUT sets the timeout"
        }
        "network" => {
            "the connection broke off: what listens there may not speak OTLP over HTTP (4317 is gRPC, 4318 is http/protobuf), or a proxy closed it"
        }
        "400" => {
            "the collector could not read the request: is it an OTLP receiver for protobuf over HTTP"
        }
        "401" | "403" => {
            "the collector wants credentials: put them into OTEL_EXPORTER_OTLP_HEADERS, such as authorization=Bearer%20..."
        }
        "not_otlp" => {
            "another server answers there, such as a web server, a proxy or a login page: let OTEL_EXPORTER_OTLP_ENDPOINT name the collector itself (4318 is http/protobuf, 4317 is gRPC)"
        }
        "413" => {
            "requests are too large for the collector and were not accepted in smaller parts either: raise its limit (a proxy's client_max_body_size, a receiver's max_recv_msg_size_mib), or lower OTEL_BSP_MAX_EXPORT_BATCH_SIZE or OTEL_BLRP_MAX_EXPORT_BATCH_SIZE"
        }
        "301" | "302" | "303" | "307" | "308" => {
            "the collector redirects, which is not followed: let OTEL_EXPORTER_OTLP_ENDPOINT name the collector itself, with https if it requires that"
        }
        "415" => "the server there does not accept protobuf: is it an OTLP receiver",
        "UNAUTHENTICATED" | "PERMISSION_DENIED" => {
            "the collector wants credentials: put them into OTEL_EXPORTER_OTLP_HEADERS, such as authorization=Bearer%20..."
        }
        "UNIMPLEMENTED" => "the gRPC server is not an OTLP receiver, or not for this signal",
        "rejected" => {
            "the collector accepted the request and rejected a part of it; its message says why"
        }
        "429" | "RESOURCE_EXHAUSTED" => {
            "the collector receives more than it accepts: raise its limits (if it says that a message is too large, max_recv_msg_size_mib), or send less"
        }
        "500" | "502" | "503" | "504" | "UNAVAILABLE" | "INTERNAL" => {
            "the collector or its backend is down or overloaded: its own log says more"
        }
        _ => "the collector's own log may say more",
    };
    Cow::Borrowed(advice)
}

fn wrong_path(signal: Signal) -> String {
    let (path, name) = (signal.http_path(), signal.name().to_ascii_uppercase());
    format!(
        "the path is wrong: OTEL_EXPORTER_OTLP_ENDPOINT gets {path} appended, OTEL_EXPORTER_OTLP_{name}_ENDPOINT is used as it is"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wrong_paths_name_their_signal() {
        let advice = hint(Signal::Logs, "404");
        assert!(advice.contains("/v1/logs"), "{advice}");
        assert!(
            advice.contains("OTEL_EXPORTER_OTLP_LOGS_ENDPOINT"),
            "{advice}"
        );
    }
}
