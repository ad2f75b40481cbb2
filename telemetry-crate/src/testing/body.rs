//! The bodies of requests and responses of the receiver.

use std::convert::Infallible;

use bytes::Bytes;
use http_body_util::{BodyExt, LengthLimitError, Limited, combinators::UnsyncBoxBody};
use hyper::body::Incoming;

/// The body of a response.
pub(super) type Body = UnsyncBoxBody<Bytes, Infallible>;

/// The size limit of a request's body: several default batches of 512 spans.
pub(super) const MAX_BODY_BYTES: usize = 16 * 1024 * 1024;

/// The reason why a request cannot be read.
#[derive(Debug)]
pub(super) enum Unreadable {
    TooLarge(String),
    Malformed(String),
    /// An unknown path, method or encoding.
    Unsupported(String),
}

/// Reads the whole body.
pub(super) async fn read(body: Incoming) -> Result<Bytes, Unreadable> {
    match Limited::new(body, MAX_BODY_BYTES).collect().await {
        Ok(body) => Ok(body.to_bytes()),
        Err(error) => {
            let reason = format!("reading the body, at most {MAX_BODY_BYTES} bytes: {error}");
            Err(if error.is::<LengthLimitError>() {
                Unreadable::TooLarge(reason)
            } else {
                Unreadable::Malformed(reason)
            })
        }
    }
}
