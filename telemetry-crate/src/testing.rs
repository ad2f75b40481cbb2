//! What a service logs, counts and traces, seen by its tests.
//!
//! Two ways, from close by and from outside. [`capture()`] has the telemetry of one test in memory, beside other tests and
//! with nothing global: what the service would write. [`OtlpReceiver`] is a collector in the test's process: what a service
//! really sent.
//!
//! ```
//! let capture = firstlight::testing::capture();
//! tracing::info!(order.id = 7, "order placed");
//! capture.assert_log("order placed").with("order.id", 7);
//! ```
//!
//! The flow of a capture: `scope` makes it the default of threads → `capture` reads what they have written, as `line`s, spans
//! and `series` → `assertions` look for it, and `found` narrows it down → [`waterfall`] draws it when a test fails.
//!
//! [`OtlpReceiver`] speaks OTLP over HTTP and over gRPC on one port, plain or with TLS, for traces, logs and metrics,
//! decoded with the official message types ([OTLP specification](https://opentelemetry.io/docs/specs/otlp/)). It replaces
//! no part of the exporter: the spans that a test sees have been sampled, batched, encoded and sent like in production.
//! Point the service at [`OtlpReceiver::endpoint`], act, and [wait](OtlpReceiver::wait_for) for the spans:
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
//! What a service does when its collector is overloaded, or gone, is seen with another [`Answer`].
//!
//! Left out of the receiver on purpose: JSON, compression other than gzip, profiles (each is refused, with a reason), and anything that a
//! collector does with telemetry once it has it. All of it is for tests and demonstrations, not for production.

mod answer;
mod assertions;
mod capture;
mod found;
mod grpc;
mod gzip;
mod http;
mod line;
mod log;
mod metric;
#[cfg(feature = "sqlx")]
mod queries;
mod request;
mod rpc_status;
mod scope;
mod series;
mod server;
mod signal;
mod span;
mod store;
mod tls;
mod value;
pub mod waterfall;

use std::{
    fmt, io,
    net::{Ipv4Addr, SocketAddr, TcpListener},
    sync::Arc,
    thread::JoinHandle,
    time::Duration,
};

use tokio::sync::oneshot;
use tokio_rustls::TlsAcceptor;

#[cfg(feature = "sqlx")]
pub use self::queries::{Queries, assert_queries, count_queries};
use self::store::Store;
pub use self::{
    answer::Answer,
    capture::{Capture, capture},
    found::Found,
    line::CapturedLine,
    log::ReceivedLog,
    metric::{ReceivedExemplar, ReceivedMetric, ReceivedPoint},
    request::ReceivedRequest,
    scope::Captured,
    series::HistogramSum,
    span::{ReceivedEvent, ReceivedLink, ReceivedSpan},
};

/// Receives telemetry on a free loopback port and keeps it for a test to read. Dropping it stops it.
///
/// It has its own thread and runtime, so it works in any test, and goes on receiving while the test's own runtime is
/// busy or blocked. The newest 16,384 spans, 16,384 log records, 65,536 data points and 1,024 requests are kept.
pub struct OtlpReceiver {
    address: SocketAddr,
    has_tls: bool,
    store: Arc<Store>,
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
        Self::start_answering(Answer::Accept)
    }

    /// Starts like [`start`](Self::start), with another answer from the first request on;
    /// [`set_answer`](Self::set_answer) changes it.
    ///
    /// # Errors
    ///
    /// Like [`start`](Self::start).
    pub fn start_answering(answer: Answer) -> io::Result<Self> {
        Self::spawn(answer, None)
    }

    /// Starts like [`start`](Self::start), with TLS 1.2 and 1.3.
    ///
    /// `certificate` is the certificate chain and `key` its private key, both PEM; the certificate should be for
    /// `localhost`, which is the host of [`endpoint`](Self::endpoint). With `client_ca`, PEM too, only clients with a
    /// certificate of that authority are let in.
    ///
    /// # Errors
    ///
    /// Like [`start`](Self::start), and [`io::ErrorKind::InvalidInput`] where the certificates or the key cannot be used.
    pub fn start_tls(certificate: &str, key: &str, client_ca: Option<&str>) -> io::Result<Self> {
        Self::spawn(
            Answer::Accept,
            Some(tls::acceptor(certificate, key, client_ca)?),
        )
    }

    fn spawn(answer: Answer, tls: Option<TlsAcceptor>) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let address = listener.local_addr()?;
        let store = Arc::new(Store::default());
        store.set_answer(answer);
        let has_tls = tls.is_some();
        let (stop, stopped) = oneshot::channel();
        let thread = server::spawn(listener, tls, Arc::clone(&store), stopped)?;
        Ok(Self {
            address,
            has_tls,
            store,
            stop: Some(stop),
            thread: Some(thread),
        })
    }

    /// The base address, such as `http://127.0.0.1:40213`, or `https://localhost:40213` with TLS, to be given as
    /// `OTEL_EXPORTER_OTLP_ENDPOINT`, whatever the protocol; exporters append `/v1/traces` and the like themselves.
    pub fn endpoint(&self) -> String {
        if self.has_tls {
            format!("https://localhost:{}", self.address.port())
        } else {
            format!("http://{}", self.address)
        }
    }

    /// Answers differently from the next request on. A request that [hangs](Answer::Hang) goes on hanging.
    pub fn set_answer(&self, answer: Answer) {
        self.store.set_answer(answer);
    }

    /// The spans received so far, in the order in which they came: a child ends, and so arrives, before its parent.
    pub fn spans(&self) -> Vec<ReceivedSpan> {
        self.store.lock().spans.clone()
    }

    /// The log records received so far, in the order in which they came.
    pub fn logs(&self) -> Vec<ReceivedLog> {
        self.store.lock().logs.clone()
    }

    /// The metrics received so far, one of each name for every export: the last one has the latest numbers.
    pub fn metrics(&self) -> Vec<ReceivedMetric> {
        self.store.lock().metrics.clone()
    }

    /// The requests that came so far, accepted or not.
    pub fn requests(&self) -> Vec<ReceivedRequest> {
        self.store.lock().requests.clone()
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
        let kept = self.store.wait(deadline, |kept| enough(&kept.spans));
        kept.spans.clone()
    }

    /// The same as [`wait_for`](Self::wait_for), for log records.
    pub fn wait_for_logs(
        &self,
        deadline: Duration,
        enough: impl Fn(&[ReceivedLog]) -> bool,
    ) -> Vec<ReceivedLog> {
        let kept = self.store.wait(deadline, |kept| enough(&kept.logs));
        kept.logs.clone()
    }

    /// The same as [`wait_for`](Self::wait_for), for metrics.
    pub fn wait_for_metrics(
        &self,
        deadline: Duration,
        enough: impl Fn(&[ReceivedMetric]) -> bool,
    ) -> Vec<ReceivedMetric> {
        let kept = self.store.wait(deadline, |kept| enough(&kept.metrics));
        kept.metrics.clone()
    }

    /// The same as [`wait_for`](Self::wait_for), for requests, also those that are not accepted.
    pub fn wait_for_requests(
        &self,
        deadline: Duration,
        enough: impl Fn(&[ReceivedRequest]) -> bool,
    ) -> Vec<ReceivedRequest> {
        let kept = self.store.wait(deadline, |kept| enough(&kept.requests));
        kept.requests.clone()
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
        let kept = self.store.lock();
        f.debug_struct("OtlpReceiver")
            .field("endpoint", &self.endpoint())
            .field("spans", &kept.spans.len())
            .field("logs", &kept.logs.len())
            .field("metrics", &kept.metrics.len())
            .field("requests", &kept.requests.len())
            .finish()
    }
}

#[cfg(test)]
mod tests;

/// The page's code is compiled and run, so that it cannot rot.
#[cfg(all(doctest, feature = "axum"))]
#[doc = include_str!("../../docs/book/src/testing.md")]
struct Page;
