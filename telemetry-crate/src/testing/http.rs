//! OTLP over HTTP with binary protobuf.
//!
//! Implements the server side of [OTLP/HTTP](https://opentelemetry.io/docs/specs/otlp/#otlphttp). Errors have a plain
//! sentence instead of a `google.rpc.Status` message, because they are read in the output of a failed test.

use std::{future::pending, time::Duration};

use bytes::Bytes;
use http::{
    HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode,
    header::{CONTENT_ENCODING, CONTENT_TYPE, RETRY_AFTER},
    request::Parts,
};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;

use super::{
    CollectorAnswer, ReceivedRequest,
    body::{Body, Unreadable, read},
    gzip::unpack,
    otlp_signal::{Received, Signal},
    received::Store,
};

const PROTOBUF: &str = "application/x-protobuf";
const TEXT: &str = "text/plain; charset=utf-8";

pub(super) async fn answer(request: Request<Incoming>, store: &Store) -> Response<Body> {
    let (head, body) = request.into_parts();
    // The body is read even if the request is rejected: a client that is still sending often misses the response.
    let body = read(body).await;
    let encoding = header(&head.headers, &CONTENT_ENCODING);
    let request = ReceivedRequest::new(&head, "http/protobuf", encoding);
    let (signal, received) = match receive(&head, body) {
        Ok((signal, received)) => (signal, received),
        Err((status, reason)) => {
            store.receive(request, None);
            return respond(status, TEXT, reason);
        }
    };
    match store.receive(request, Some(received)) {
        answer @ (CollectorAnswer::Accept | CollectorAnswer::Partial { .. }) => {
            respond(StatusCode::OK, PROTOBUF, signal.response(&answer))
        }
        CollectorAnswer::Reject {
            status,
            retry_after,
        } => reject(status, retry_after),
        CollectorAnswer::Hang => pending().await,
    }
}

fn receive(
    head: &Parts,
    body: Result<Bytes, Unreadable>,
) -> Result<(Signal, Received), (StatusCode, String)> {
    let path = head.uri.path();
    let Some(signal) = Signal::ALL
        .into_iter()
        .find(|known| known.http_path() == path)
    else {
        let known = Signal::ALL.map(Signal::http_path).join(", ");
        let reason = format!("found path {path}, expected one of {known}");
        return Err((StatusCode::NOT_FOUND, reason));
    };
    if head.method != Method::POST {
        let reason = format!("found method {}, expected POST", head.method);
        return Err((StatusCode::METHOD_NOT_ALLOWED, reason));
    }
    let content_type = header(&head.headers, &CONTENT_TYPE);
    let encoding = header(&head.headers, &CONTENT_ENCODING);
    if content_type.split(';').next().map(str::trim) != Some(PROTOBUF) {
        let reason = format!("found content type {content_type:?}, expected {PROTOBUF}");
        return Err((StatusCode::UNSUPPORTED_MEDIA_TYPE, reason));
    }
    let read = || {
        let body = match encoding {
            "" | "identity" => body?,
            "gzip" => unpack(&body?)?,
            other => {
                let reason = format!("found content encoding {other:?}, expected gzip or none");
                return Err(Unreadable::Unsupported(reason));
            }
        };
        signal.read(&body).map_err(Unreadable::Malformed)
    };
    read()
        .map(|received| (signal, received))
        .map_err(|unreadable| match unreadable {
            Unreadable::TooLarge(reason) => (StatusCode::PAYLOAD_TOO_LARGE, reason),
            Unreadable::Malformed(reason) => (StatusCode::BAD_REQUEST, reason),
            Unreadable::Unsupported(reason) => (StatusCode::UNSUPPORTED_MEDIA_TYPE, reason),
        })
}

/// Returns the header's value; empty if there is none.
pub(super) fn header<'a>(headers: &'a HeaderMap, name: &HeaderName) -> &'a str {
    headers
        .get(name)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default()
}

fn reject(status: u16, retry_after: Option<Duration>) -> Response<Body> {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = respond(status, TEXT, "the test rejects every request");
    if let Some(retry_after) = retry_after {
        // The header has whole seconds; rounding up avoids a retry that is too early.
        let seconds = retry_after.as_secs() + u64::from(retry_after.subsec_nanos() > 0);
        let headers = response.headers_mut();
        headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}

fn respond(
    status: StatusCode,
    content_type: &'static str,
    body: impl Into<Bytes>,
) -> Response<Body> {
    let mut response = Response::new(Full::new(body.into()).boxed_unsync());
    *response.status_mut() = status;
    let content_type = HeaderValue::from_static(content_type);
    response.headers_mut().insert(CONTENT_TYPE, content_type);
    response
}
