//! How a request ended.

use std::borrow::Cow;

use http::StatusCode;

use super::cut::Cut;

/// How an exchange ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    /// The whole response was sent.
    Answered,
    /// The service returned an error instead of a response.
    ServiceError,
    /// The response's body failed after its head was sent.
    BodyError,
    /// The client no longer waits for the response.
    Disconnected,
    /// A limit of the server ended the response.
    Cut(Cut),
    /// The service or the response's body panicked.
    Panicked,
}

impl Outcome {
    pub(super) fn is_client_fault(self) -> bool {
        match self {
            Self::Disconnected => true,
            Self::Cut(cut) => !cut.is_server_fault(),
            _ => false,
        }
    }

    /// Returns `Answered` for a 5xx, even if the client did not read all of it.
    ///
    /// The semantic conventions ask for the status code of a 5xx as its `error.type`.
    pub(super) fn or_server_error(self, status: Option<StatusCode>) -> Self {
        if self.is_client_fault() && status.is_some_and(|status| status.is_server_error()) {
            Self::Answered
        } else {
            self
        }
    }

    /// Returns the `error.type`: the status code of a 5xx, or a fixed word.
    ///
    /// Returns `None` if nothing failed, because the semantic conventions then leave it unset.
    pub(super) fn error_type(self, status: Option<StatusCode>) -> Option<Cow<'static, str>> {
        match self {
            Self::Answered => {
                let status = status.filter(StatusCode::is_server_error)?;
                Some(status.as_str().to_owned().into())
            }
            Self::ServiceError => Some("service_error".into()),
            Self::BodyError => Some("body_error".into()),
            Self::Disconnected => Some("client_disconnected".into()),
            Self::Cut(cut) => Some(cut.as_str().into()),
            Self::Panicked => Some("panic".into()),
        }
    }
}
