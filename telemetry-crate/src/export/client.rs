//! The client of one signal, which sends requests with retries over HTTP or gRPC.
//!
//! Its errors distinguish a refused connection, a name that does not resolve, and a timeout, where the SDK's clients
//! report "network error".

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
use tokio::time::{Instant, sleep_until, timeout};

use super::{
    backoff::{Backoff, jitter},
    connect::Connection,
    flush::Flushes,
    partial::PartialSuccess,
    queue::Queue,
    response,
    split::{MAX_REQUEST_BYTES, Part, smaller_than, split},
    stats::{ExportError, ExportStats, Retry},
};
use crate::signal::Signal;
use crate::{
    InitError,
    config::{Destination, Protocol},
};

/// The longest delay that a collector can request.
///
/// A longer delay is taken for a mistake, and could overflow the clock.
const LONGEST_DELAY: Duration = Duration::from_secs(24 * 60 * 60);

/// The `User-Agent` of all requests.
///
/// The exporter's name has the format of "User Agent" in the OTLP exporter specification. The distribution's name precedes
/// it, as the same section allows.
const USER_AGENT: &str = concat!(
    "firstlight/",
    env!("CARGO_PKG_VERSION"),
    " OTel-OTLP-Exporter-Rust/0.33"
);

/// The client of one signal.
#[derive(Debug)]
pub(crate) struct OtlpClient {
    connection: Connection,
    endpoint: Uri,
    #[cfg(feature = "otlp-grpc")]
    protocol: Protocol,
    headers: HeaderMap,
    gzip: bool,
    timeout: Duration,
    /// Size limit of an uncompressed request.
    ///
    /// Reduced after the collector has rejected a request as too large.
    max_bytes: AtomicUsize,
    flushes: Arc<Flushes>,
    stats: Arc<ExportStats>,
}

impl OtlpClient {
    /// Creates a client without opening a connection.
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

    /// Creates a client for the items of a queue.
    pub(crate) fn of_queue<T>(
        destination: &Destination,
        queue: &Queue<T>,
    ) -> Result<Self, InitError> {
        Self::new(destination, queue.flushes().clone(), queue.stats().clone())
    }

    /// Creates a client for metrics, which have no queue.
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

    /// Sends an encoded request, with retries, and in parts if it is too large.
    ///
    /// The caller limits the total time. Records of lost parts are counted as rejected, unless all parts are lost.
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

    /// Splits a rejected request once.
    ///
    /// A part that is again too large is lost; later requests are smaller from the start.
    async fn send_smaller(&self, message: Bytes, error: ExportError) -> Result<(), ExportError> {
        let max_bytes = self.reduce_max_bytes(&message);
        match split(self.stats.signal(), &message, max_bytes) {
            Some(parts) => Box::pin(self.send_parts(parts, false)).await,
            None => Err(error),
        }
    }

    /// Reduces the size limit after a rejected request, and returns it.
    fn reduce_max_bytes(&self, message: &Bytes) -> usize {
        let max_bytes = smaller_than(message.len());
        self.max_bytes.fetch_min(max_bytes, Ordering::Relaxed);
        max_bytes
    }

    /// Sends the parts of a request one after the other.
    ///
    /// `can_be_smaller` allows splitting a part again if the collector rejects its size.
    async fn send_parts(&self, parts: Vec<Part>, can_be_smaller: bool) -> Result<(), ExportError> {
        let count = parts.len();
        let mut lost = Vec::new();
        for Part { message, records } in parts {
            let result = match self.send_whole(message.clone()).await {
                Err(error) if error.retry == Retry::Smaller && can_be_smaller => {
                    self.send_smaller(message, error).await
                }
                Err(error) if error.retry == Retry::Smaller => {
                    self.reduce_max_bytes(&message);
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

    /// Sends a request with retries, without splitting it.
    async fn send_whole(&self, message: Bytes) -> Result<(), ExportError> {
        let (message, is_compressed) = compress(message, self.gzip);
        let mut backoff = Backoff::default();
        loop {
            let attempt = self.attempt(message.clone(), is_compressed);
            let error = match timeout(self.timeout, attempt).await {
                Ok(Ok(response)) => {
                    self.accepted(&response);
                    return Ok(());
                }
                Ok(Err(error)) => error,
                Err(_) => ExportError::timeout("OTEL_EXPORTER_OTLP_TIMEOUT", self.timeout),
            };
            self.stats.remember(error.clone());
            let flush_waits = self.flushes.is_urgent();
            let Some(delay) = backoff.next_delay(&error, flush_waits, jitter()) else {
                return Err(error);
            };
            self.wait(delay, error.retry).await;
        }
    }

    /// Waits before the next attempt.
    async fn wait(&self, delay: Duration, retry: Retry) {
        let end = Instant::now() + delay.min(LONGEST_DELAY);
        loop {
            tokio::select! {
                () = sleep_until(end) => return,
                () = self.flushes.notified() => {
                    // A flush shortens the client's own delay, but not a delay that the collector requested.
                    if self.flushes.is_urgent() && retry == Retry::Yes {
                        return;
                    }
                }
            }
        }
    }

    /// Counts the records that a successful response rejects, and stores its warning.
    fn accepted(&self, response: &[u8]) {
        let PartialSuccess { rejected, message } = PartialSuccess::decode(response);
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

    /// Sends the request once, and returns the message of the response.
    ///
    /// The message is decompressed and has no framing.
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
        self.connection.exchange(request, response::of_http).await
    }
}

/// Compresses a message if `gzip` is set, and says whether it is compressed.
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
