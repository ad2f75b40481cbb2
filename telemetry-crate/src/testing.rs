//! An OTLP receiver in the test's own process, to see what a service really sent.
//!
//! [`OtlpReceiver`] speaks OTLP over HTTP with binary protobuf, decoded with the official message types
//! ([OTLP specification, OTLP/HTTP](https://opentelemetry.io/docs/specs/otlp/#otlphttp)). It replaces no part of the
//! exporter: the spans that a test sees have been sampled, batched, encoded and sent like in production. Point the
//! service at [`OtlpReceiver::endpoint`], act, and [wait](OtlpReceiver::wait_for) for the spans:
//!
//! ```no_run
//! use std::time::Duration;
//! use firstlight::testing::OtlpReceiver;
//!
//! let collector = OtlpReceiver::start()?;
//! // A child process gets OTEL_EXPORTER_OTLP_ENDPOINT; in this process, use TelemetryConfig::otlp_endpoint.
//! let endpoint = collector.endpoint();
//!
//! let spans = collector.wait_for(Duration::from_secs(10), |spans| spans.iter().any(|s| s.name == "GET /orders/{id}"));
//! # let _ = endpoint;
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! Left out on purpose: gRPC, JSON, compressed bodies, metrics and logs (each is refused, with a reason), and anything
//! that a collector does with spans once it has them. It is for tests and demonstrations, not for production.

mod server;
mod span;

use std::{
    fmt, io,
    net::{Ipv4Addr, SocketAddr, TcpListener},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread::JoinHandle,
    time::Duration,
};

use tokio::sync::oneshot;

pub use span::{ReceivedEvent, ReceivedLink, ReceivedSpan};

/// Receives spans on a free loopback port and keeps them for a test to read. Dropping it stops it.
///
/// It has its own thread and runtime, so it works in any test, and goes on receiving while the test's own runtime is
/// busy or blocked. The newest 16,384 spans are kept.
pub struct OtlpReceiver {
    address: SocketAddr,
    store: Arc<SpanStore>,
    /// Taken by `drop`; the server stops when it is gone, so a forgotten receiver ends with its process.
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl OtlpReceiver {
    /// Starts to receive on `127.0.0.1`, on a port that the operating system chooses.
    ///
    /// # Errors
    ///
    /// Where no loopback port, thread or runtime is to be had.
    pub fn start() -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let address = listener.local_addr()?;
        let store = Arc::new(SpanStore::default());
        let (stop, stopped) = oneshot::channel();
        let thread = server::spawn(listener, Arc::clone(&store), stopped)?;
        Ok(Self {
            address,
            store,
            stop: Some(stop),
            thread: Some(thread),
        })
    }

    /// The base address, such as `http://127.0.0.1:40213`, to be given as `OTEL_EXPORTER_OTLP_ENDPOINT`; exporters
    /// append `/v1/traces` themselves.
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The spans received so far, in the order in which they came: a child ends, and so arrives, before its parent.
    pub fn spans(&self) -> Vec<ReceivedSpan> {
        self.store.lock().clone()
    }

    /// Waits until `enough` holds for the spans received so far, or `deadline` has passed, and returns them either
    /// way: the caller asserts on the content, and a failure can show what did arrive.
    ///
    /// This blocks the calling thread. In an asynchronous test whose service shares the thread, call it in
    /// `tokio::task::spawn_blocking`.
    pub fn wait_for(
        &self,
        deadline: Duration,
        enough: impl Fn(&[ReceivedSpan]) -> bool,
    ) -> Vec<ReceivedSpan> {
        let spans = self.store.lock();
        let (spans, _) = self
            .store
            .arrived
            .wait_timeout_while(spans, deadline, |spans| !enough(spans))
            .unwrap_or_else(PoisonError::into_inner);
        spans.clone()
    }
}

impl Drop for OtlpReceiver {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // A panic of that thread has been reported by the panic hook; dropping must not start another.
            let _ = thread.join();
        }
    }
}

impl fmt::Debug for OtlpReceiver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OtlpReceiver")
            .field("endpoint", &self.endpoint())
            .field("spans", &self.store.lock().len())
            .finish()
    }
}

/// What was received, shared between the server's thread and the test's.
#[derive(Debug, Default)]
struct SpanStore {
    spans: Mutex<Vec<ReceivedSpan>>,
    arrived: Condvar,
}

impl SpanStore {
    /// A test's predicate may panic while it holds the lock; what was received stays readable.
    fn lock(&self) -> MutexGuard<'_, Vec<ReceivedSpan>> {
        self.spans.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn append(&self, received: Vec<ReceivedSpan>) {
        let mut spans = self.lock();
        spans.extend(received);
        let excess = spans.len().saturating_sub(MAX_SPANS);
        spans.drain(..excess);
        drop(spans);
        self.arrived.notify_all();
    }
}

/// More than any test looks at, and at about a kilobyte each no burden; a demonstration may run for days.
const MAX_SPANS: usize = 16_384;

#[cfg(test)]
mod tests;
