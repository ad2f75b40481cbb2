//! What is said of a call's end: its status, its error, and whether that is a failure of this side.

use crate::grpc_code::Code;

/// Which side of the call this is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    Server,
    Client,
}

/// How a call ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    Answered(Code),
    /// It got no status, because something broke: one word of few.
    Failed(&'static str),
    /// The caller no longer waits for the rest.
    Cancelled,
    Panicked,
}

impl Outcome {
    /// Whether nothing but the method that was called can have ended so.
    pub(super) fn is_the_methods_own(self, side: Side) -> bool {
        match (side, self) {
            // Its program knows what it calls.
            (Side::Client, _) | (Side::Server, Self::Panicked) => true,
            (Side::Server, Self::Answered(code)) => !code.may_be_any_methods(),
            (Side::Server, Self::Failed(_) | Self::Cancelled) => false,
        }
    }
}
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Verdict {
    pub(super) status: Option<Code>,
    pub(super) error: Option<&'static str>,
    pub(super) failed: bool,
}

impl Verdict {
    /// `in_time` says that the call's deadline, if it had one, has not passed.
    pub(super) fn of(outcome: Outcome, side: Side, in_time: bool) -> Self {
        match outcome {
            Outcome::Answered(code) => {
                // Semantic conventions, gRPC spans: to a client, whatever is not OK is an error.
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
            // The layer that enforces the deadline drops the call in the middle, or puts an error of its own in its place.
            Outcome::Failed(_) | Outcome::Cancelled if !in_time => Self {
                status: Some(Code::DEADLINE_EXCEEDED),
                error: Some(Code::DEADLINE_EXCEEDED.name()),
                failed: true,
            },
            Outcome::Failed(word) => Self {
                status: None,
                error: Some(word),
                failed: true,
            },
            // The code that gRPC has for it; the word says that no peer sent it. A stream that is left is no failure.
            Outcome::Cancelled => Self {
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
    use super::{Outcome, Side, Verdict};
    use crate::grpc_code::Code;

    #[test]
    fn dropped_calls_cancel_or_exceed() {
        for side in [Side::Server, Side::Client] {
            let verdict = |in_time| Verdict::of(Outcome::Cancelled, side, in_time);
            assert_eq!(verdict(true).status, Some(Code::CANCELLED));
            assert!(!verdict(true).failed);
            assert_eq!(verdict(false).status, Some(Code::DEADLINE_EXCEEDED));
            assert!(verdict(false).failed);
        }
        // An answer is an answer, however late.
        let late = Verdict::of(Outcome::Answered(Code::OK), Side::Client, false);
        assert_eq!((late.status, late.failed), (Some(Code::OK), false));
    }

    #[test]
    fn layer_statuses_vouch_for_no_method() {
        let own = |number: u8| {
            let headers = http::HeaderMap::from_iter([(
                http::HeaderName::from_static("grpc-status"),
                http::HeaderValue::from(u16::from(number)),
            )]);
            Code::of(&headers).map(|code| Outcome::Answered(code).is_the_methods_own(Side::Server))
        };
        // CANCELLED, PERMISSION_DENIED, RESOURCE_EXHAUSTED, UNIMPLEMENTED, UNAUTHENTICATED.
        for number in 0..=16 {
            let expected = ![1, 7, 8, 12, 16].contains(&number);
            assert_eq!(own(number), Some(expected), "{number}");
        }
        assert!(!Outcome::Cancelled.is_the_methods_own(Side::Server));
        assert!(Outcome::Cancelled.is_the_methods_own(Side::Client));
    }
}
