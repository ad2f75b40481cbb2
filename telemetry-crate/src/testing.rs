//! Test support: what a service logs, counts and traces.
//!
//! [`capture()`] collects the telemetry of one test in memory. It runs beside other tests and sets nothing global, and
//! shows what the service would write. [`OtlpReceiver`] is a collector in the test's process, and shows what a service
//! sends.
//!
//! ```
//! let capture = firstlight::testing::capture();
//! tracing::info!(order.id = 7, "order placed");
//! capture.assert_log("order placed").with("order.id", 7);
//! ```
//!
//! `scope` makes a capture the default of threads, and `capture` reads its telemetry as log `line`s, spans and `series`.
//! `assertions` search the capture, `found` narrows the results, and [`waterfall`] draws the traces when a test fails.
//!
//! [`OtlpReceiver`] accepts OTLP over HTTP and over gRPC on one port, plain or with TLS, for traces, logs and metrics.
//! It decodes requests with the official message types ([OTLP specification](https://opentelemetry.io/docs/specs/otlp/)),
//! and replaces no part of the exporter: the spans that a test sees have been sampled, batched, encoded and sent as in
//! production. Let the service export to [`OtlpReceiver::endpoint`], run it, and [wait](OtlpReceiver::wait_for) for the
//! spans:
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
//! [`metric_violations`] compares an exposition with the metrics that a service declares.
//!
//! The book's decision 28 compares captures and the receiver with other crates.
//!
//! Another [`CollectorAnswer`] shows what a service does when its collector is overloaded or gone.
//!
//! [`unknown_metrics`] finds the panels and rules of a service that name a metric which does not exist.
//!
//! The receiver does not support JSON, compression other than gzip, or profiles. It rejects each with a reason. This
//! module is for tests and demonstrations, not for production.

mod answer;
mod assertions;
mod body;
mod capture;
mod declared;
mod exposition;
mod found;
mod grpc;
mod gzip;
mod http;
mod line;
mod log;
mod metric;
mod otlp_signal;
#[cfg(feature = "db")]
mod queries;
mod received;
mod request;
mod rpc_status;
mod scope;
mod series;
mod server;
mod span;
mod tls;
mod unknown_metrics;
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

#[cfg(feature = "db")]
pub use self::queries::{Queries, assert_queries, count_queries};
use self::received::Store;
pub use self::{
    answer::CollectorAnswer,
    capture::{Capture, capture},
    declared::metric_violations,
    found::Found,
    line::CapturedLine,
    log::ReceivedLog,
    metric::{ReceivedExemplar, ReceivedMetric, ReceivedPoint},
    request::ReceivedRequest,
    scope::Captured,
    series::HistogramSum,
    span::{ReceivedEvent, ReceivedLink, ReceivedSpan},
    unknown_metrics::{POSTGRES_EXPORTER, UnknownMetric, metric_names, unknown_metrics},
};

/// An OTLP collector on a free loopback port that keeps what it receives.
///
/// Dropping the receiver stops it.
///
/// The receiver has its own thread and runtime. It therefore works in any test, and receives while the test's own runtime
/// is busy or blocked. It keeps the newest 16,384 spans, 16,384 log records, 65,536 data points and 1,024 requests.
pub struct OtlpReceiver {
    address: SocketAddr,
    has_tls: bool,
    store: Arc<Store>,
    /// Stops the server when it is dropped.
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl OtlpReceiver {
    /// Starts a receiver on `127.0.0.1`, on a port that the operating system chooses.
    ///
    /// # Errors
    ///
    /// No loopback port, thread or runtime is available.
    pub fn start() -> io::Result<Self> {
        Self::start_answering(CollectorAnswer::Accept)
    }

    /// Starts a receiver that answers its first requests with `answer`.
    ///
    /// [`set_answer`](Self::set_answer) changes the answer later.
    ///
    /// # Errors
    ///
    /// The errors of [`start`](Self::start).
    pub fn start_answering(answer: CollectorAnswer) -> io::Result<Self> {
        Self::spawn(answer, None)
    }

    /// Starts a receiver with TLS 1.2 and 1.3.
    ///
    /// `certificate` is the certificate chain and `key` its private key, both in PEM. The certificate should be for
    /// `localhost`, which is the host of [`endpoint`](Self::endpoint). With `client_ca`, also in PEM, clients need a
    /// certificate of that authority.
    ///
    /// # Errors
    ///
    /// The errors of [`start`](Self::start), and [`io::ErrorKind::InvalidInput`] if the certificates or the key cannot be used.
    pub fn start_tls(certificate: &str, key: &str, client_ca: Option<&str>) -> io::Result<Self> {
        Self::spawn(
            CollectorAnswer::Accept,
            Some(tls::acceptor(certificate, key, client_ca)?),
        )
    }

    fn spawn(answer: CollectorAnswer, tls: Option<TlsAcceptor>) -> io::Result<Self> {
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

    /// Returns the base address for `OTEL_EXPORTER_OTLP_ENDPOINT`.
    ///
    /// Examples are `http://127.0.0.1:40213`, and `https://localhost:40213` with TLS. Both protocols use the same address.
    /// Exporters append `/v1/traces` and the other signals' paths themselves.
    pub fn endpoint(&self) -> String {
        if self.has_tls {
            format!("https://localhost:{}", self.address.port())
        } else {
            format!("http://{}", self.address)
        }
    }

    /// Sets the answer from the next request on.
    ///
    /// A request that [hangs](CollectorAnswer::Hang) continues to hang.
    pub fn set_answer(&self, answer: CollectorAnswer) {
        self.store.set_answer(answer);
    }

    /// Returns the spans received so far, in the order of their arrival.
    ///
    /// A child ends before its parent, and therefore arrives first.
    pub fn spans(&self) -> Vec<ReceivedSpan> {
        self.store.lock().spans.clone()
    }

    /// Returns the log records received so far, in the order of their arrival.
    pub fn logs(&self) -> Vec<ReceivedLog> {
        self.store.lock().logs.clone()
    }

    /// Returns the metrics received so far, in the order of their arrival.
    ///
    /// Each export adds one metric per name. The last metric of a name has the latest values.
    pub fn metrics(&self) -> Vec<ReceivedMetric> {
        self.store.lock().metrics.clone()
    }

    /// Returns the requests received so far, accepted or not.
    pub fn requests(&self) -> Vec<ReceivedRequest> {
        self.store.lock().requests.clone()
    }

    /// Waits until `enough` holds for the spans received so far, or until `deadline`.
    ///
    /// Returns the spans in both cases, so that a failing assertion can show what has arrived.
    ///
    /// Blocks the calling thread. In an asynchronous test whose service shares the thread, call it in
    /// `tokio::task::spawn_blocking`.
    pub fn wait_for(
        &self,
        deadline: Duration,
        enough: impl Fn(&[ReceivedSpan]) -> bool,
    ) -> Vec<ReceivedSpan> {
        let kept = self.store.wait(deadline, |kept| enough(&kept.spans));
        kept.spans.clone()
    }

    /// Waits for log records, as [`wait_for`](Self::wait_for) does for spans.
    pub fn wait_for_logs(
        &self,
        deadline: Duration,
        enough: impl Fn(&[ReceivedLog]) -> bool,
    ) -> Vec<ReceivedLog> {
        let kept = self.store.wait(deadline, |kept| enough(&kept.logs));
        kept.logs.clone()
    }

    /// Waits for metrics, as [`wait_for`](Self::wait_for) does for spans.
    pub fn wait_for_metrics(
        &self,
        deadline: Duration,
        enough: impl Fn(&[ReceivedMetric]) -> bool,
    ) -> Vec<ReceivedMetric> {
        let kept = self.store.wait(deadline, |kept| enough(&kept.metrics));
        kept.metrics.clone()
    }

    /// Waits for requests, as [`wait_for`](Self::wait_for) does for spans.
    ///
    /// Includes requests that are not accepted.
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
            // The panic hook has reported a panic of that thread; `drop` must not panic again.
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

/// Compiles and runs the code of the book's page.
#[cfg(all(doctest, feature = "axum"))]
#[doc = include_str!("../../docs/book/src/testing.md")]
struct Page;

/// Compiles and runs the code of the book's page on declared metrics.
#[cfg(doctest)]
#[doc = include_str!("../../docs/book/src/own-metrics.md")]
struct OwnMetrics;
