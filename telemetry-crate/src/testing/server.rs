//! The HTTP side of the receiver: one thread, one runtime, one path.
//!
//! It answers what the specification asks of a server for the one encoding that it knows. Errors carry a plain
//! sentence rather than a `google.rpc.Status` message, since their reader is a person at a failed test.

use std::{io, net::TcpListener, sync::Arc, thread, thread::JoinHandle, time::Duration};

use bytes::Bytes;
use http::{
    Method, Request, Response, StatusCode,
    header::{CONTENT_ENCODING, CONTENT_TYPE},
};
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use prost::Message;
use tokio::sync::oneshot;

use super::{SpanStore, span::spans_of};

/// Serves until `stopped` resolves. Connections end with the runtime: whoever drops a receiver waits for nobody.
pub(super) fn spawn(
    listener: TcpListener,
    store: Arc<SpanStore>,
    stopped: oneshot::Receiver<()>,
) -> io::Result<JoinHandle<()>> {
    listener.set_nonblocking(true)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let listener = {
        let _entered = runtime.enter();
        tokio::net::TcpListener::from_std(listener)?
    };
    thread::Builder::new()
        .name("firstlight-otlp-receiver".to_owned())
        .spawn(move || {
            runtime.block_on(async {
                tokio::select! {
                    () = accept(listener, store) => {}
                    _ = stopped => {}
                }
            });
        })
}

async fn accept(listener: tokio::net::TcpListener, store: Arc<SpanStore>) {
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            // Out of file descriptors, most likely: trying again at once would keep a core busy.
            tokio::time::sleep(ACCEPT_PAUSE).await;
            continue;
        };
        let store = Arc::clone(&store);
        tokio::spawn(async move {
            let answer = service_fn(|request| {
                let store = Arc::clone(&store);
                async move { Ok::<_, std::convert::Infallible>(answer(request, &store).await) }
            });
            // A connection that breaks off shows in the sender's own telemetry; there is nobody to tell here.
            let _ = http1::Builder::new()
                .serve_connection(TokioIo::new(stream), answer)
                .await;
        });
    }
}

async fn answer(request: Request<Incoming>, store: &SpanStore) -> Response<Full<Bytes>> {
    match receive(request).await {
        Ok(message) => {
            store.append(spans_of(message));
            let body = ExportTraceServiceResponse::default().encode_to_vec();
            respond(StatusCode::OK, PROTOBUF, body)
        }
        Err((status, reason)) => respond(status, "text/plain; charset=utf-8", reason),
    }
}

async fn receive(
    request: Request<Incoming>,
) -> Result<ExportTraceServiceRequest, (StatusCode, String)> {
    let (head, body) = request.into_parts();
    // The body is read in any case: a refusal that arrives while the sender still writes is often lost to it.
    let body = Limited::new(body, MAX_BODY_BYTES).collect().await;

    let path = head.uri.path();
    if path != TRACES_PATH {
        return Err((
            StatusCode::NOT_FOUND,
            format!("found path {path}, expected {TRACES_PATH}"),
        ));
    }
    if head.method != Method::POST {
        return Err((
            StatusCode::METHOD_NOT_ALLOWED,
            format!("found method {}, expected POST", head.method),
        ));
    }
    let header = |name| {
        head.headers
            .get(name)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default()
    };
    let content_type = header(CONTENT_TYPE);
    let encoding = header(CONTENT_ENCODING);
    if content_type.split(';').next().map(str::trim) != Some(PROTOBUF)
        || !matches!(encoding, "" | "identity")
    {
        let found =
            format!("found content type {content_type:?} and content encoding {encoding:?}");
        return Err((
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            format!("{found}, expected {PROTOBUF} without compression"),
        ));
    }
    let body = body.map_err(|error| {
        let status = if error.is::<LengthLimitError>() {
            StatusCode::PAYLOAD_TOO_LARGE
        } else {
            StatusCode::BAD_REQUEST
        };
        (
            status,
            format!("reading the body, at most {MAX_BODY_BYTES} bytes: {error}"),
        )
    })?;
    ExportTraceServiceRequest::decode(body.to_bytes()).map_err(|error| {
        (
            StatusCode::BAD_REQUEST,
            format!("not an ExportTraceServiceRequest: {error}"),
        )
    })
}

fn respond(
    status: StatusCode,
    content_type: &'static str,
    body: impl Into<Bytes>,
) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body.into()));
    *response.status_mut() = status;
    response
        .headers_mut()
        .insert(CONTENT_TYPE, http::HeaderValue::from_static(content_type));
    response
}

/// OTLP specification, "OTLP/HTTP Request": the default path for traces.
const TRACES_PATH: &str = "/v1/traces";
const PROTOBUF: &str = "application/x-protobuf";
/// Several times the largest batch that an exporter sends by default (512 spans).
const MAX_BODY_BYTES: usize = 16 * 1024 * 1024;
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
