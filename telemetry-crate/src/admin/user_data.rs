//! Limits for the memory of responses with user data, such as traces.
//!
//! A response stays in memory until its client has read it, which may take as long as a connection lasts. So the size of
//! a response and their number are limited. Metrics and states are smaller, and their number is that of connections.

use std::sync::Arc;

use http::StatusCode;
use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::answer::{Answer, AnswerBody, text, too_many};

/// The size limit of a response.
///
/// It is what the flight recorder keeps by default.
const MAX_BYTES: usize = 8 * 1024 * 1024;

/// The largest number of responses at a time.
///
/// A browser opens six connections to a host. All responses together have at most 64 MiB.
const MAX_RESPONSES: usize = 8;

/// The places of all responses with user data.
#[derive(Debug)]
pub(super) struct Responses(Arc<Semaphore>);

impl Default for Responses {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(MAX_RESPONSES)))
    }
}

impl Responses {
    /// Takes a place before the response is made; `None` if all are taken.
    pub(super) fn begin(&self) -> Option<Place> {
        self.0.clone().try_acquire_owned().ok().map(Place)
    }
}

/// The response if all places are taken.
pub(super) fn all_taken() -> Answer {
    too_many(format!(
        "{MAX_RESPONSES} responses are being sent, which is the limit; try again in a second\n"
    ))
}

/// The place of one response.
#[derive(Debug)]
pub(super) struct Place(#[expect(dead_code, reason = "freed when dropped")] OwnedSemaphorePermit);

impl Place {
    /// Holds the place until the response is sent, and limits its size.
    ///
    /// A response of more than [`MAX_BYTES`] is replaced. A part of it would be invalid JSON, or text whose end looks
    /// like the end of the data. A stream has limits of its own and gives the place back.
    pub(super) async fn hold(self, answer: Answer) -> Answer {
        let (head, body) = answer.into_parts();
        let AnswerBody::Full(body) = body else {
            return Answer::from_parts(head, body);
        };
        let Ok(body) = body.collect().await;
        let bytes = body.to_bytes();
        if bytes.len() > MAX_BYTES {
            let sentence = format!(
                "the response would have {} bytes, more than the limit of {MAX_BYTES}; request a part of it\n",
                bytes.len()
            );
            return text(StatusCode::BAD_REQUEST, sentence);
        }
        let body = Bytes::from_owner(Held {
            bytes,
            _place: self,
        });
        Answer::from_parts(head, AnswerBody::Full(Full::new(body)))
    }
}

/// The bytes of a response, which hyper drops after they were written.
struct Held {
    bytes: Bytes,
    _place: Place,
}

impl AsRef<[u8]> for Held {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[tokio::test]
    async fn places_are_held_until_bytes_are_sent() {
        let responses = Responses::default();
        let mut sending = Vec::new();
        for _ in 0..MAX_RESPONSES {
            let place = responses.begin().unwrap();
            let answer = place.hold(text(StatusCode::OK, "a trace\n")).await;
            sending.push(answer.into_body().collect().await.unwrap().to_bytes());
        }
        assert!(responses.begin().is_none());
        assert_eq!(all_taken().status(), 429);
        assert_eq!(sending.pop().unwrap(), "a trace\n");
        assert!(responses.begin().is_some());
    }

    #[tokio::test]
    async fn large_responses_are_replaced() {
        let responses = Responses::default();
        for (bytes, expected) in [(MAX_BYTES, 200), (MAX_BYTES + 1, 400)] {
            let answer = text(StatusCode::OK, vec![b'x'; bytes]);
            let answer = responses.begin().unwrap().hold(answer).await;
            assert_eq!(answer.status(), expected);
        }
    }
}
