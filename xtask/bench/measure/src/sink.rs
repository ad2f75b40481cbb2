//! The OTLP receiver: counts exports and answers like a collector.

use std::{
    convert::Infallible,
    net::{Ipv4Addr, SocketAddr, TcpListener as StdListener},
    sync::{Arc, Mutex, PoisonError},
    thread,
};

use http_body_util::{BodyExt as _, Full};
use hyper::{
    Request, Response, body::Bytes, body::Incoming, header::CONTENT_TYPE, server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use tokio::{net::TcpListener, runtime::Builder};

use crate::span_counts;

/// Counts of the received spans and log records.
#[derive(Debug, Default, Clone)]
pub(crate) struct Counts {
    pub(crate) spans: span_counts::Spans,
    /// Bytes of all bodies with spans.
    pub(crate) bytes: u64,
    /// Requests with spans.
    pub(crate) exports: u64,
    /// Log records of a variant that exports its log instead of writing lines.
    pub(crate) log_records: u64,
    /// Connections to a receiver that hangs.
    pub(crate) unanswered: u64,
}

/// A receiver on a separate thread that runs until this program ends.
#[derive(Debug)]
pub(crate) struct Sink {
    address: SocketAddr,
    counts: Arc<Mutex<Counts>>,
}

impl Sink {
    /// Starts the receiver.
    ///
    /// One that hangs accepts connections, and never reads or answers.
    pub(crate) fn start(hangs: bool) -> anyhow::Result<Self> {
        let listener = StdListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        listener.set_nonblocking(true)?;
        let sink = Self {
            address: listener.local_addr()?,
            counts: Arc::default(),
        };
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let counts = Arc::clone(&sink.counts);
        thread::spawn(move || runtime.block_on(accept(listener, counts, hangs)));
        Ok(sink)
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn counts(&self) -> Counts {
        self.counts
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

async fn accept(
    listener: StdListener,
    counts: Arc<Mutex<Counts>>,
    hangs: bool,
) -> anyhow::Result<()> {
    let listener = TcpListener::from_std(listener)?;
    let mut unanswered = Vec::new();
    loop {
        let (stream, _) = listener.accept().await?;
        if hangs {
            unanswered.push(stream);
            let mut counts = counts.lock().unwrap_or_else(PoisonError::into_inner);
            counts.unanswered += 1;
            continue;
        }
        let counts = Arc::clone(&counts);
        let service = service_fn(move |request| receive(request, Arc::clone(&counts)));
        tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
    }
}

/// Counts the spans or log records of an export.
///
/// Answers with an empty body, the protobuf encoding of a response that rejects nothing.
async fn receive(
    request: Request<Incoming>,
    counts: Arc<Mutex<Counts>>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let path = request.uri().path().to_owned();
    let body = request
        .into_body()
        .collect()
        .await
        .map(|body| body.to_bytes())
        .unwrap_or_default();
    let mut counts = counts.lock().unwrap_or_else(PoisonError::into_inner);
    match path.as_str() {
        "/v1/traces" => {
            counts.exports += 1;
            counts.bytes += body.len() as u64;
            counts.spans += span_counts::count(&body);
        }
        // Requests with log records have the same nesting and field numbers.
        "/v1/logs" => counts.log_records += span_counts::count(&body).spans,
        _ => {}
    }
    let mut response = Response::new(Full::default());
    response.headers_mut().insert(
        CONTENT_TYPE,
        hyper::header::HeaderValue::from_static("application/x-protobuf"),
    );
    Ok(response)
}
