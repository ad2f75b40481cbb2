//! The transport of OTLP exports.

use std::fmt;

/// The transport of export requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Protocol {
    HttpProtobuf,
    #[cfg(feature = "otlp-grpc")]
    Grpc,
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::HttpProtobuf => "http/protobuf",
            #[cfg(feature = "otlp-grpc")]
            Self::Grpc => "grpc",
        })
    }
}
