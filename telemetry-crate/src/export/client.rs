//! The client of one signal: one request, with its retries, over HTTP or gRPC.
//!
//! Its errors tell a refused connection from a name that does not resolve and from a time-out, where the SDK's clients say
//! "network error".

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Request, Uri, header};
use http_body_util::Full;
use opentelemetry_sdk::trace::{IdGenerator, RandomIdGenerator};
use tokio::time::{Instant, sleep_until, timeout};

use super::{
    answer,
    backoff::Backoff,
    connect::Connection,
    flush::Flushes,
    partial::Partial,
    queue::Queue,
    split::{MAX_REQUEST_BYTES, Part, smaller_than, split},
    stats::{ExportError, ExportStats, Retry},
};
use crate::signal::Signal;
use crate::{
    InitError,
    config::{Destination, Protocol},
};

/// A collector that asks for more has made a mistake; and beyond what a clock has, there is no time to wait until.
const LONGEST_DELAY: Duration = Duration::from_secs(24 * 60 * 60);

/// OTLP exporter specification, "User Agent", with the distribution before it.
const USER_AGENT: &str = concat!(
    "firstlight/",
    env!("CARGO_PKG_VERSION"),
    " OTel-OTLP-Exporter-Rust/0.33"
);

#[derive(Debug)]
pub(crate) struct OtlpClient {
    connection: Connection,
    endpoint: Uri,
    #[cfg(feature = "otlp-grpc")]
    protocol: Protocol,
    headers: HeaderMap,
    gzip: bool,
    timeout: Duration,
    /// Before compression; less once the collector has refused one for its size.
    max_bytes: AtomicUsize,
    flushes: Arc<Flushes>,
    stats: Arc<ExportStats>,
}

impl OtlpClient {
    /// Opens nothing yet.
    fn new(
        destination: &Destination,
        flushes: Arc<Flushes>,
        stats: Arc<ExportStats>,
    ) -> Result<Self, InitError> {
        let content_type = match destination.protocol {
            Protocol::HttpProtobuf => "application/x-protobuf",
            #[cfg(feature = "otlp-grpc")]
            Protocol::Grpc => "application/grpc",
        };
        let mut headers = HeaderMap::new();
        for (name, value) in [
            (header::USER_AGENT, USER_AGENT),
            (header::CONTENT_TYPE, content_type),
        ] {
            headers.insert(name, HeaderValue::from_static(value));
        }
        headers.extend(destination.headers.iter().cloned());
        Ok(Self {
            connection: Connection::new(destination)?,
            endpoint: destination.endpoint.clone(),
            #[cfg(feature = "otlp-grpc")]
            protocol: destination.protocol,
            headers,
            gzip: destination.gzip,
            timeout: destination.request_timeout,
            max_bytes: AtomicUsize::new(MAX_REQUEST_BYTES),
            flushes,
            stats,
        })
    }

    /// For what comes out of a queue.
    pub(crate) fn of_queue<T>(
        destination: &Destination,
        queue: &Queue<T>,
    ) -> Result<Self, InitError> {
        Self::new(destination, queue.flushes().clone(), queue.stats().clone())
    }

    /// For metrics, which have none.
    pub(crate) fn of_metrics(destination: &Destination) -> Result<Self, InitError> {
        let stats = ExportStats::new(Signal::Metrics, 0);
        Self::new(destination, Arc::default(), Arc::new(stats))
    }

    pub(super) fn flushes(&self) -> &Arc<Flushes> {
        &self.flushes
    }

    pub(super) fn stats(&self) -> &Arc<ExportStats> {
        &self.stats
    }

    /// Sends an encoded request, again if it helps, and in parts if it is too large. How long in all is the caller's to
    /// limit. Parts that are lost are counted as rejected, unless all are.
    pub(crate) async fn send(&self, message: Bytes) -> Result<(), ExportError> {
        let max_bytes = self.max_bytes.load(Ordering::Relaxed);
        if message.len() > max_bytes
            && let Some(parts) = split(self.stats.signal(), &message, max_bytes)
        {
            return self.send_parts(parts, true).await;
        }
        match self.send_whole(message.clone()).await {
            Err(error) if error.retry == Retry::Smaller => self.send_smaller(message, error).await,
            result => result,
        }
    }

    /// Once: a part that is too large again is lost, and what follows is smaller from the start.
    async fn send_smaller(&self, message: Bytes, error: ExportError) -> Result<(), ExportError> {
        let max_bytes = self.refused_for_size(&message);
        match split(self.stats.signal(), &message, max_bytes) {
            Some(parts) => Box::pin(self.send_parts(parts, false)).await,
            None => Err(error),
        }
    }

    fn refused_for_size(&self, message: &Bytes) -> usize {
        let max_bytes = smaller_than(message.len());
        self.max_bytes.fetch_min(max_bytes, Ordering::Relaxed);
        max_bytes
    }

    async fn send_parts(&self, parts: Vec<Part>, can_be_smaller: bool) -> Result<(), ExportError> {
        let count = parts.len();
        let mut lost = Vec::new();
        for Part { message, records } in parts {
            let result = match self.send_whole(message.clone()).await {
                Err(error) if error.retry == Retry::Smaller && can_be_smaller => {
                    self.send_smaller(message, error).await
                }
                Err(error) if error.retry == Retry::Smaller => {
                    self.refused_for_size(&message);
                    Err(error)
                }
                result => result,
            };
            lost.extend(result.err().map(|error| (records, error)));
        }
        if lost.len() < count {
            for (records, error) in lost {
                self.stats.rejected(records);
                self.stats.remember(error);
            }
            return Ok(());
        }
        lost.pop().map_or(Ok(()), |(_, error)| Err(error))
    }

    async fn send_whole(&self, message: Bytes) -> Result<(), ExportError> {
        let (message, is_compressed) = compress(message, self.gzip);
        let mut backoff = Backoff::default();
        loop {
            let attempt = self.attempt(message.clone(), is_compressed);
            let error = match timeout(self.timeout, attempt).await {
                Ok(Ok(answer)) => {
                    self.accepted(&answer);
                    return Ok(());
                }
                Ok(Err(error)) => error,
                Err(_) => ExportError::timeout("OTEL_EXPORTER_OTLP_TIMEOUT", self.timeout),
            };
            self.stats.remember(error.clone());
            let hurried = self.flushes.is_hurried();
            let Some(delay) = backoff.after(&error, hurried, jitter()) else {
                return Err(error);
            };
            self.wait(delay, error.retry).await;
        }
    }

    async fn wait(&self, delay: Duration, retry: Retry) {
        let end = Instant::now() + delay.min(LONGEST_DELAY);
        loop {
            tokio::select! {
                () = sleep_until(end) => return,
                () = self.flushes.notified() => {
                    // A caller that waits for a flush has no time for a long delay. What the collector asked for is kept to.
                    if self.flushes.is_hurried() && retry == Retry::Yes {
                        return;
                    }
                }
            }
        }
    }

    fn accepted(&self, answer: &[u8]) {
        let Partial { rejected, message } = Partial::of(answer);
        if rejected == 0 && !message.is_empty() {
            self.stats.warned(message);
        } else if rejected > 0 {
            let unit = self.stats.signal().unit();
            self.stats.remember(ExportError::new(
                "rejected",
                format!("the collector rejected {rejected} {unit}: {message}"),
                Retry::No,
            ));
            self.stats.rejected(rejected);
        }
    }

    /// One request; what was answered, decompressed and without framing.
    async fn attempt(&self, message: Bytes, is_compressed: bool) -> Result<Bytes, ExportError> {
        let mut request = Request::new(Full::new(message));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = self.endpoint.clone();
        *request.headers_mut() = self.headers.clone();
        #[cfg(feature = "otlp-grpc")]
        if self.protocol == Protocol::Grpc {
            return super::grpc::call(&self.connection, request, is_compressed, self.timeout).await;
        }
        if is_compressed {
            let gzip = HeaderValue::from_static("gzip");
            request.headers_mut().insert(header::CONTENT_ENCODING, gzip);
        }
        self.connection.exchange(request, answer::of_http).await
    }
}

/// 0 to 1, from the source of randomness that is there already.
fn jitter() -> f64 {
    let id = RandomIdGenerator::default().new_span_id().to_bytes();
    f64::from(u16::from_be_bytes([id[0], id[1]])) / f64::from(u16::MAX)
}

#[cfg(feature = "otlp-gzip")]
fn compress(message: Bytes, gzip: bool) -> (Bytes, bool) {
    if !gzip {
        return (message, false);
    }
    match crate::gzip::compress(&message) {
        Ok(compressed) => (compressed.into(), true),
        Err(_) => (message, false),
    }
}

#[cfg(not(feature = "otlp-gzip"))]
fn compress(message: Bytes, _gzip: bool) -> (Bytes, bool) {
    (message, false)
}
