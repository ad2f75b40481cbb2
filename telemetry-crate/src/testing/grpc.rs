//! OTLP over gRPC.
//!
//! OTLP has unary calls, with one message in each direction and a status in the trailers. This module implements the wire
//! format of [gRPC over HTTP/2](https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md) itself, because a gRPC
//! framework would add many crates for one test dependency. Streams, deadlines and compressed responses are not
//! supported.

use std::future::{pending, ready};

use bytes::Bytes;
use http::{
    HeaderMap, HeaderName, HeaderValue, Request, Response, header::CONTENT_TYPE, request::Parts,
};
use http_body_util::{BodyExt, Empty, Full};
use hyper::body::Incoming;

use super::{
    CollectorAnswer, ReceivedRequest,
    body::{Body, Unreadable, read},
    gzip::unpack,
    http::header,
    otlp_signal::{Received, Signal},
    received::Store,
    rpc_status::RpcStatus,
};

const GRPC: &str = "application/grpc";
const ENCODING: HeaderName = HeaderName::from_static("grpc-encoding");
const ACCEPT_ENCODING: HeaderName = HeaderName::from_static("grpc-accept-encoding");

/// The size of a message's prefix in bytes: one of a flag, and four of the length.
///
/// The flag says whether the message is compressed.
const PREFIX: usize = 5;

pub(super) fn is_grpc(headers: &HeaderMap) -> bool {
    // `application/grpc` alone, with `+proto` or with a parameter; `application/grpc-web` is another protocol.
    let rest = header(headers, &CONTENT_TYPE).strip_prefix(GRPC);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['+', ';']))
}

pub(super) async fn answer(request: Request<Incoming>, store: &Store) -> Response<Body> {
    let (head, body) = request.into_parts();
    let message = read(body).await.and_then(|body| Message::from_body(&body));
    let encoding = match &message {
        Ok(message) if message.is_compressed => header(&head.headers, &ENCODING),
        _ => "",
    };
    let request = ReceivedRequest::new(&head, "grpc", encoding);
    let (signal, received) = match receive(&head, message) {
        Ok(read) => read,
        Err(unreadable) => {
            store.receive(request, None);
            return fail(&RpcStatus::from(unreadable));
        }
    };
    match store.receive(request, Some(received)) {
        answer @ (CollectorAnswer::Accept | CollectorAnswer::Partial { .. }) => {
            succeed(&signal.response(&answer))
        }
        CollectorAnswer::Reject {
            status,
            retry_after,
        } => fail(&RpcStatus::rejection(status, retry_after)),
        CollectorAnswer::Hang => pending().await,
    }
}

/// A message without its prefix.
#[derive(Debug)]
struct Message {
    is_compressed: bool,
    content: Bytes,
}

impl Message {
    /// Returns the only message of a body.
    fn from_body(body: &Bytes) -> Result<Self, Unreadable> {
        let malformed = |found: String| {
            Unreadable::Malformed(format!(
                "found {found}, expected one message: a flag byte of 0 or 1, a length in four bytes, and that many bytes"
            ))
        };
        let Some((&[flag, a, b, c, d], content)) = body.split_first_chunk::<PREFIX>() else {
            return Err(malformed(format!("{} bytes", body.len())));
        };
        let length = u32::from_be_bytes([a, b, c, d]);
        let is_whole = usize::try_from(length) == Ok(content.len());
        if flag > 1 || !is_whole {
            let found = format!("flag {flag}, length {length} and {} bytes", content.len());
            return Err(malformed(found));
        }
        Ok(Self {
            is_compressed: flag == 1,
            content: body.slice(PREFIX..),
        })
    }
}

fn receive(
    head: &Parts,
    message: Result<Message, Unreadable>,
) -> Result<(Signal, Received), Unreadable> {
    let path = head.uri.path();
    let Some(signal) = Signal::ALL
        .into_iter()
        .find(|known| known.grpc_path() == path)
    else {
        let known = Signal::ALL.map(Signal::grpc_path).join(", ");
        let reason = format!("found method {path}, expected one of {known}");
        return Err(Unreadable::Unsupported(reason));
    };
    let message = message?;
    let content = match header(&head.headers, &ENCODING) {
        _ if !message.is_compressed => message.content,
        "gzip" => unpack(&message.content)?,
        other => {
            let reason =
                format!("found a compressed message and grpc-encoding {other:?}, expected gzip");
            return Err(Unreadable::Unsupported(reason));
        }
    };
    let received = signal.read(&content).map_err(Unreadable::Malformed)?;
    Ok((signal, received))
}

fn succeed(message: &[u8]) -> Response<Body> {
    let length = u32::try_from(message.len()).unwrap_or(u32::MAX);
    let mut body = Vec::with_capacity(PREFIX + message.len());
    body.push(0);
    body.extend_from_slice(&length.to_be_bytes());
    body.extend_from_slice(message);
    let trailers = RpcStatus::OK.headers();
    let body = Full::new(Bytes::from(body)).with_trailers(ready(Some(Ok(trailers))));
    respond(body.boxed_unsync())
}

/// Returns a response with a status and no message.
///
/// gRPC sends the trailers of such a response as its headers.
fn fail(status: &RpcStatus) -> Response<Body> {
    let mut response = respond(Empty::new().boxed_unsync());
    response.headers_mut().extend(status.headers());
    response
}

fn respond(body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(GRPC));
    headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("gzip"));
    response
}
