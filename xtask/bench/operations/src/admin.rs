//! A client of the admin listener.

use std::{
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpStream},
};

use anyhow::{Context as _, ensure};

/// Fetches a page as Prometheus does, and returns the bytes of the answer.
///
/// # Errors
///
/// If the answer has another status or encoding, or metrics have another format.
pub(crate) fn get(address: SocketAddr, path: &str, encoding: &str) -> anyhow::Result<usize> {
    let mut stream = TcpStream::connect(address)?;
    write!(
        stream,
        "GET {path} HTTP/1.1\r\nHost: {address}\r\nUser-Agent: Prometheus/3.5.0\r\nAccept: {ACCEPT}\r\n\
         Accept-Encoding: {encoding}\r\nConnection: close\r\n\r\n"
    )?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    let end = answer.windows(4).position(|bytes| bytes == b"\r\n\r\n");
    let head = answer.get(..end.context("the answer has no end of its head")?);
    let head = String::from_utf8_lossy(head.unwrap_or_default()).to_lowercase();
    let is_metrics = path == "/metrics";
    for (expected, is_expected) in [
        ("http/1.1 200", true),
        ("content-type: application/openmetrics-text", is_metrics),
        ("content-encoding: gzip", is_metrics && encoding == "gzip"),
    ] {
        ensure!(
            head.contains(expected) || !is_expected,
            "found the answer {head:?} to GET {path}, expected {expected}"
        );
    }
    Ok(answer.len())
}

/// What Prometheus 3 accepts.
const ACCEPT: &str = "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,\
    application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,\
    text/plain;version=0.0.4;q=0.3,*/*;q=0.2";
