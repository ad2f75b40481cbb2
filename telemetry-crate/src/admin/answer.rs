//! The responses of the admin listener.

use std::{
    convert::Infallible,
    pin::Pin,
    task::{Context, Poll},
};

use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode, header};
use http_body::{Body, Frame, SizeHint};
use http_body_util::Full;
use hyper::body::Bytes;

use super::streams::StreamBody;

const CROSS_ORIGIN_RESOURCE_POLICY: HeaderName =
    HeaderName::from_static("cross-origin-resource-policy");

pub(super) type Answer = Response<AnswerBody>;

/// The body of a response.
#[derive(Debug)]
pub(super) enum AnswerBody {
    Full(Full<Bytes>),
    /// A body that is sent while it is produced.
    Stream(StreamBody),
}

impl Body for AnswerBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        match self.get_mut() {
            Self::Full(body) => Pin::new(body).poll_frame(context),
            Self::Stream(body) => body
                .poll_chunk(context)
                .map(|chunk| chunk.map(|chunk| Ok(Frame::data(chunk)))),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Full(body) => body.is_end_stream(),
            Self::Stream(_) => false,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Full(body) => body.size_hint(),
            Self::Stream(_) => SizeHint::default(),
        }
    }
}

pub(super) fn not_allowed(allowed: &str) -> Answer {
    let sentence = format!("only {allowed} here\n");
    let mut answer = text(StatusCode::METHOD_NOT_ALLOWED, sentence);
    if let Ok(allowed) = HeaderValue::from_str(allowed) {
        answer.headers_mut().insert(header::ALLOW, allowed);
    }
    answer
}

/// The response if a route needs the flight recorder, which is off.
pub(super) fn recorder_is_off() -> Answer {
    text(
        StatusCode::NOT_FOUND,
        "the flight recorder is off: unset FIRSTLIGHT_RECORDER, or set it to `on`\n",
    )
}

/// The response to a request that may succeed a second later.
pub(super) fn too_many(sentence: impl Into<Bytes>) -> Answer {
    with_header(
        text(StatusCode::TOO_MANY_REQUESTS, sentence),
        header::RETRY_AFTER,
        "1",
    )
}

pub(super) fn with_header(mut answer: Answer, name: HeaderName, value: &'static str) -> Answer {
    answer
        .headers_mut()
        .insert(name, HeaderValue::from_static(value));
    answer
}

pub(super) fn text(status: StatusCode, body: impl Into<Bytes>) -> Answer {
    response(status, "text/plain; charset=utf-8", body)
}

/// Whether the client asks for JSON.
pub(super) fn accepts_json(headers: &HeaderMap) -> bool {
    let accepts = headers.get_all(header::ACCEPT).iter();
    let mut accepts = accepts.filter_map(|value| value.to_str().ok());
    accepts.any(|value| value.contains("application/json"))
}

pub(super) fn json(value: &serde_json::Value) -> Answer {
    response(StatusCode::OK, "application/json", format!("{value}\n"))
}

pub(super) fn response(
    status: StatusCode,
    content_type: &'static str,
    body: impl Into<Bytes>,
) -> Answer {
    let body = AnswerBody::Full(Full::new(body.into()));
    with_body(status, content_type, body)
}

pub(super) fn with_body(
    status: StatusCode,
    content_type: &'static str,
    body: AnswerBody,
) -> Answer {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    // A response is valid only at the moment of its request.
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    // No page of another site can include a response, for example as an image, and then measure it.
    headers.insert(
        CROSS_ORIGIN_RESOURCE_POLICY,
        HeaderValue::from_static("same-origin"),
    );
    // The body may contain text of a client, which a browser must not interpret.
    headers.insert(
        header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    );
    response
}
