//! A client of the admin listener.

use std::{
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpStream},
};

/// Fetches a page as Prometheus does, and returns the bytes of the answer.
pub(crate) fn get(address: SocketAddr, path: &str, encoding: &str) -> anyhow::Result<usize> {
    let mut stream = TcpStream::connect(address)?;
    write!(
        stream,
        "GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\
         Accept: application/openmetrics-text;version=1.0.0\r\nAccept-Encoding: {encoding}\r\n\r\n"
    )?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    anyhow::ensure!(
        answer.starts_with(b"HTTP/1.1 200"),
        "found the answer {:?} to GET {path}, expected 200",
        String::from_utf8_lossy(answer.get(..40).unwrap_or(&answer))
    );
    Ok(answer.len())
}
