//! Classification of a call's end: its status, its error, and who failed.

use crate::grpc_code::Code;

/// The side of the call that the layer observes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    Server,
    Client,
}

/// How a call ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    /// The call ended with this status.
    Answered(Code),
    /// The call got no status; holds the reason, one of a few fixed words.
    Failed(&'static str),
    /// The caller no longer waits for the rest.
    Canceled,
    /// The service or the response's body panicked.
    Panicked,
}

impl Outcome {
    /// Returns whether only the called method itself can cause this outcome.
    ///
    /// Such an outcome confirms that the server has the method.
    pub(super) fn confirms_method(self, side: Side) -> bool {
        match (side, self) {
            // A client's program knows the methods that it calls.
            (Side::Client, _) | (Side::Server, Self::Panicked) => true,
            (Side::Server, Self::Answered(code)) => !code.may_come_from_layer(),
            (Side::Server, Self::Failed(_) | Self::Canceled) => false,
        }
    }
}

/// The recorded result of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Classification {
    pub(super) status: Option<Code>,
    pub(super) error: Option<&'static str>,
    pub(super) failed: bool,
}

impl Classification {
    /// Classifies an outcome; `in_time` is false once the call's deadline has passed.
    pub(super) fn new(outcome: Outcome, side: Side, in_time: bool) -> Self {
        match outcome {
            Outcome::Answered(code) => {
                // In the semantic conventions for gRPC spans, every code but OK is a client's
                // error.
                let failed = match side {
                    Side::Server => code.is_error_of_server(),
                    Side::Client => code != Code::OK,
                };
                Self {
                    status: Some(code),
                    error: failed.then_some(code.name()),
                    failed,
                }
            }
            // A layer that enforces the deadline drops the call, or replaces its response with an
            // error.
            Outcome::Failed(_) | Outcome::Canceled if !in_time => Self {
                status: Some(Code::DEADLINE_EXCEEDED),
                error: Some(Code::DEADLINE_EXCEEDED.name()),
                failed: true,
            },
            Outcome::Failed(word) => Self {
                status: None,
                error: Some(word),
                failed: true,
            },
            // gRPC's code for a canceled call. The lower-case `error.type` shows that no peer sent
            // the code. A dropped stream is not a failure.
            Outcome::Canceled => Self {
                status: Some(Code::CANCELLED),
                error: Some("cancelled"),
                failed: false,
            },
            Outcome::Panicked => Self {
                status: None,
                error: Some("panic"),
                failed: true,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Classification, Outcome, Side};
    use crate::grpc_code::Code;

    #[test]
    fn dropped_calls_cancel_or_exceed() {
        for side in [Side::Server, Side::Client] {
            let classification = |in_time| Classification::new(Outcome::Canceled, side, in_time);
            assert_eq!(classification(true).status, Some(Code::CANCELLED));
            assert!(!classification(true).failed);
            assert_eq!(classification(false).status, Some(Code::DEADLINE_EXCEEDED));
            assert!(classification(false).failed);
        }
        // A response keeps its own status, however late it arrives.
        let late = Classification::new(Outcome::Answered(Code::OK), Side::Client, false);
        assert_eq!((late.status, late.failed), (Some(Code::OK), false));
    }

    #[test]
    fn layer_codes_confirm_no_method() {
        let confirms = |number: u8| {
            let headers = http::HeaderMap::from_iter([(
                http::HeaderName::from_static("grpc-status"),
                http::HeaderValue::from(u16::from(number)),
            )]);
            Code::from_headers(&headers)
                .map(|code| Outcome::Answered(code).confirms_method(Side::Server))
        };
        // A layer may send CANCELLED (1), PERMISSION_DENIED (7), RESOURCE_EXHAUSTED (8),
        // UNIMPLEMENTED (12) or UNAUTHENTICATED (16).
        for number in 0..=16 {
            let expected = ![1, 7, 8, 12, 16].contains(&number);
            assert_eq!(confirms(number), Some(expected), "{number}");
        }
        assert!(!Outcome::Canceled.confirms_method(Side::Server));
        assert!(Outcome::Canceled.confirms_method(Side::Client));
    }
}
