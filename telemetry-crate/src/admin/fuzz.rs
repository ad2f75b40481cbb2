//! Checks of the admin listener with the bytes of any client.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a failed check panics")]

use std::{
    convert::Infallible,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use http::StatusCode;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

use super::{
    Readiness,
    access::Access,
    answer::{AnswerBody, text},
    connections,
    routes::Routes,
};
use crate::{
    Secret, TelemetryConfig, config::Settings, init::Pipeline, logs::LogFilterControl,
    recorder::Recorder, status::Status, traces::Traces,
};

/// The token of a listener that is not on a loopback address.
const TOKEN: &str = "hunter2";

/// Sends the bytes over one connection, and reads the response.
///
/// The first byte decides whether the listener is on a loopback address.
///
/// # Panics
///
/// If the response is malformed, or contains a character that a terminal would obey.
pub(crate) fn check(bytes: &[u8]) {
    let (first, request) = bytes.split_first().unwrap_or((&0, &[]));
    let address = match first {
        b'L' => Ipv4Addr::LOCALHOST,
        _ => Ipv4Addr::new(10, 0, 0, 1),
    };
    let response = response(address.into(), request);
    if !response.is_empty() {
        check_response(request, &response);
    }
}

fn response(address: IpAddr, request: &[u8]) -> Vec<u8> {
    let token = (!address.is_loopback()).then(|| Secret::new(TOKEN.to_owned()));
    let routes = Routes::new(Readiness::default(), status(), Access::new(address, token));
    // Time passes only while all wait, so no test waits for a timeout.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build()
        .unwrap();
    runtime.block_on(async {
        let (mut client, server) = duplex(64 * 1024);
        let peer = SocketAddr::from((Ipv4Addr::LOCALHOST, 40_000));
        let routes = &routes;
        let service = service_fn(|request| async move {
            let answer = routes.answer(request, peer).await;
            // A stream ends with the connection.
            let is_stream = matches!(answer.body(), AnswerBody::Stream(_));
            Ok::<_, Infallible>(if is_stream {
                text(StatusCode::OK, "")
            } else {
                answer
            })
        });
        let serve = connections::builder().serve_connection(TokioIo::new(server), service);
        let mut response = Vec::new();
        let exchange = async {
            // The listener may close the connection before it has read everything.
            let _ = client.write_all(request).await;
            let _ = client.shutdown().await;
            let _ = client.read_to_end(&mut response).await;
        };
        let both = async { tokio::join!(serve, exchange) };
        let _ = tokio::time::timeout(Duration::from_secs(60), both).await;
        response
    })
}

/// The state of a process without an exporter.
fn status() -> Arc<Status> {
    let settings = Settings::resolve(TelemetryConfig::new(), &|_| None).unwrap();
    let recorder = Recorder::with_history(1024 * 1024, None, 0);
    let traces = Traces::new(&settings).unwrap();
    let pipeline = Pipeline::new(&settings, traces, Some(recorder.clone())).unwrap();
    let filter = LogFilterControl::new(pipeline.log_filter, None);
    Arc::new(Status::new(
        Arc::new(settings),
        Arc::new(filter),
        pipeline.writer,
        pipeline.logs.counts(),
        pipeline.metrics.handle(),
        [None, None, None],
        Some(recorder),
    ))
}

fn check_response(request: &[u8], response: &[u8]) {
    let shown = || String::from_utf8_lossy(response);
    let end = response.windows(4).position(|bytes| bytes == b"\r\n\r\n");
    let (head, body) = response.split_at(end.unwrap_or_else(|| panic!("no head in {}", shown())));
    let body = &body[4..];
    let head = std::str::from_utf8(head).unwrap();
    let mut lines = head.split("\r\n");
    let status = lines.next().unwrap();
    let code = status
        .strip_prefix("HTTP/1.1 ")
        .or(status.strip_prefix("HTTP/1.0 "));
    let code: u16 = code.unwrap().get(..3).unwrap().parse().unwrap();
    assert!(code < 500 || code == 503, "{}", shown());
    let mut kind = "";
    let mut length = None;
    for line in lines {
        let (name, value) = line
            .split_once(": ")
            .unwrap_or((line.trim_end_matches(':'), ""));
        assert!(!value.contains(char::is_control), "{line:?}");
        assert!(!line.contains(TOKEN), "{line:?}");
        match name {
            "content-type" => kind = value,
            "content-length" => length = Some(value.parse::<usize>().unwrap()),
            _ => {}
        }
    }
    let is_head = request.trim_ascii_start().starts_with(b"HEAD ");
    if !is_head && code != 304 {
        assert_eq!(length.unwrap_or_default(), body.len(), "{}", shown());
    }
    if body.starts_with(&[0x1f, 0x8b]) {
        return;
    }
    let text = std::str::from_utf8(body).unwrap();
    let is_obeyed = |c: char| c.is_control() && !matches!(c, '\n' | '\t');
    if kind.starts_with("text/plain") {
        assert!(!text.contains(is_obeyed), "{text:?}");
    }
    if kind == "application/json" && !is_head {
        serde_json::from_str::<serde_json::Value>(text)
            .unwrap_or_else(|error| panic!("{error}: {text}"));
    }
}
