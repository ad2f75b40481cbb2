//! One scrape of `/metrics`, with the headers of Prometheus.

use std::net::Ipv4Addr;

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

/// The numbers of series and exemplars in an exposition.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Exposition {
    /// Series about HTTP requests, including one for each bucket of a histogram.
    pub(crate) http_series: usize,
    /// All series.
    pub(crate) series: usize,
    /// Series with an exemplar.
    pub(crate) exemplars: usize,
}

pub(crate) async fn fetch(port: u16) -> anyhow::Result<Exposition> {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await?;
    stream.write_all(REQUEST.as_bytes()).await?;
    let mut response = String::new();
    stream.read_to_string(&mut response).await?;
    let (_, body) = response.split_once("\r\n\r\n").unwrap_or_default();
    let mut exposition = Exposition::default();
    // A line without a space is the length of a chunk of the body.
    for line in body
        .lines()
        .filter(|line| !line.starts_with('#') && line.contains(' '))
    {
        exposition.series += 1;
        exposition.http_series += usize::from(line.starts_with("http_"));
        exposition.exemplars += usize::from(line.contains(" # {"));
    }
    Ok(exposition)
}

const REQUEST: &str = "GET /metrics HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\
    accept: application/openmetrics-text;version=1.0.0;q=0.6,text/plain;version=0.0.4;q=0.5\r\n\r\n";
