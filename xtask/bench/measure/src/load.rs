//! The load: a fixed number of requests over a fixed number of connections.
//!
//! Each connection sends its next request when it has the answer to the previous one. Requests are
//! written to the socket without an HTTP client library, which would be slower. A slow client would
//! leave the server idle, and an idle server wakes up once per request instead of once for several.

use std::{
    cell::Cell,
    net::{Ipv4Addr, SocketAddr},
    rc::Rc,
    time::{Duration, Instant},
};

use anyhow::{Context as _, bail};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    runtime::Builder,
    task::LocalSet,
};

use crate::{
    args::Args,
    scrape::{self, Exposition},
};

/// Latencies, duration and exposition of one load.
#[derive(Debug)]
pub(crate) struct Load {
    pub(crate) took: Duration,
    /// One latency per request, in ascending order.
    pub(crate) latencies: Vec<Duration>,
    pub(crate) exposition: Exposition,
}

/// Sends `requests` requests and scrapes `/metrics` once, halfway.
///
/// In production, every service is scraped, and some recorders defer work until then. Without
/// `metrics_port`, as in the warm-up, there is no scrape.
pub(crate) fn run(
    args: &Args,
    requests: u64,
    port: u16,
    metrics_port: Option<u16>,
) -> anyhow::Result<Load> {
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let connections = args.connections.max(1);
    let left = Rc::new(Cell::new(requests));
    LocalSet::new().block_on(&runtime, async {
        let started = Instant::now();
        let clients: Vec<_> = (0..connections)
            .map(|_| {
                tokio::task::spawn_local(client(
                    SocketAddr::from((Ipv4Addr::LOCALHOST, port)),
                    Rc::clone(&left),
                ))
            })
            .collect();
        let scrape = metrics_port.map(|metrics| {
            tokio::task::spawn_local(scrape([metrics, port], Rc::clone(&left), requests / 2))
        });

        let mut latencies = Vec::new();
        for client in clients {
            latencies.extend(client.await??);
        }
        let took = started.elapsed();
        let exposition = match scrape {
            Some(scrape) => scrape.await?,
            None => Exposition::default(),
        };
        latencies.sort_unstable();
        Ok(Load {
            took,
            latencies,
            exposition,
        })
    })
}

/// Sends `rate` requests a second for `time`.
///
/// Returns their latencies. A latency counts from the moment at which the request was due, so that a stall counts for all requests that it delays.
pub(crate) async fn paced(
    connections: u64,
    rate: u32,
    port: u16,
    time: Duration,
) -> anyhow::Result<Vec<Duration>> {
    let server = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let connections = u32::try_from(connections.max(1))?;
    let every = Duration::from_secs(1) * connections / rate.max(1);
    let started = tokio::time::Instant::now();
    let clients: Vec<_> = (0..connections)
        .map(|client| {
            let first = started + every * client / connections;
            tokio::task::spawn_local(async move {
                let mut connection = Connection::open(server).await?;
                let mut latencies = Vec::new();
                let mut due = first;
                while due < started + time {
                    tokio::time::sleep_until(due).await;
                    connection.request(latencies.len() as u64).await?;
                    latencies.push(due.elapsed());
                    due += every;
                }
                anyhow::Ok(latencies)
            })
        })
        .collect();
    let mut latencies = Vec::new();
    for client in clients {
        latencies.extend(client.await??);
    }
    Ok(latencies)
}

async fn client(server: SocketAddr, left: Rc<Cell<u64>>) -> anyhow::Result<Vec<Duration>> {
    let mut connection = Connection::open(server).await?;
    let mut latencies = Vec::new();
    while let Some(next) = left.get().checked_sub(1) {
        left.set(next);
        let sent = Instant::now();
        connection.request(next).await?;
        latencies.push(sent.elapsed());
    }
    Ok(latencies)
}

#[derive(Debug)]
struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Connection {
    async fn open(server: SocketAddr) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(server).await?;
        stream.set_nodelay(true)?;
        let buffer = vec![0; 8 * 1024];
        Ok(Self { stream, buffer })
    }

    /// Sends a request and reads its response.
    async fn request(&mut self, number: u64) -> anyhow::Result<()> {
        // The id always has five digits, so that all requests cost the same.
        let id = 10_000 + number % 10_000;
        let request =
            format!("GET /orders/{id} HTTP/1.1\r\nhost: orders.test\r\nuser-agent: load\r\n\r\n");
        self.stream.write_all(request.as_bytes()).await?;
        read_response(&mut self.stream, &mut self.buffer).await
    }
}

async fn read_response(stream: &mut TcpStream, buffer: &mut [u8]) -> anyhow::Result<()> {
    let mut filled = 0;
    loop {
        let rest = buffer.get_mut(filled..).unwrap_or_default();
        match stream.read(rest).await? {
            0 => bail!("the server closed a connection, or its answer is too long"),
            read => filled += read,
        }
        let bytes = buffer.get(..filled).unwrap_or_default();
        if length(bytes)?.is_some_and(|length| length <= filled) {
            return Ok(());
        }
    }
}

/// The length of the response, once its head is complete.
fn length(bytes: &[u8]) -> anyhow::Result<Option<usize>> {
    let mut headers = [httparse::EMPTY_HEADER; 16];
    let mut response = httparse::Response::new(&mut headers);
    let httparse::Status::Complete(head) = response.parse(bytes)? else {
        return Ok(None);
    };
    if response.code != Some(200) {
        bail!("found status {:?}, expected 200", response.code);
    }
    let length = response
        .headers
        .iter()
        .find(|header| header.name.eq_ignore_ascii_case("content-length"));
    let length = length.context("a response without content-length")?;
    Ok(Some(
        head + std::str::from_utf8(length.value)?.parse::<usize>()?,
    ))
}

/// Waits until `at` requests are left, and scrapes the first port with `/metrics`.
///
/// The exposition is on a separate port or beside the service's routes, and some variants have none.
async fn scrape(ports: [u16; 2], left: Rc<Cell<u64>>, at: u64) -> Exposition {
    while left.get() > at {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    for port in ports {
        if let Ok(exposition) = scrape::fetch(port).await {
            return exposition;
        }
    }
    Exposition::default()
}
