//! The observability bootstrap for Rust services: structured logs, Prometheus metrics with exemplars and OTLP traces
//! from one call, which agree with each other and lose nothing in silence.
//!
#![cfg_attr(feature = "axum", doc = "```no_run")]
#![cfg_attr(not(feature = "axum"), doc = "```ignore")]
//! use std::{io, process::ExitCode};
//!
//! #[tokio::main]
//! async fn main() -> Result<ExitCode, firstlight::InitError> {
//!     let telemetry = firstlight::init!()?;
//!     Ok(telemetry.finish(run().await))
//! }
//!
//! async fn run() -> io::Result<()> {
//!     let app = axum::Router::new()
//!         .route("/", axum::routing::get(|| async { "hello" }))
//!         .layer(firstlight::http::TelemetryLayer::new());
//!     let listener = tokio::net::TcpListener::bind("127.0.0.1:8080").await?;
//!     firstlight::http::serve(listener, app).with_graceful_shutdown(firstlight::shutdown_signal()).await;
//!     Ok(())
//! }
//! ```
//!
//! Then `tracing`'s macros log and trace, and `metrics`' macros count; there is no other API to learn for either.
//!
//! # What is on
//!
//! | signal | question | where |
//! | --- | --- | --- |
//! | metrics | is the system healthy right now? | `GET /metrics` on `localhost:9464`, with exemplars |
//! | logs | what happened when it wasn't? | one line per event on standard output, with `trace_id` and `span_id` |
//! | traces | which request caused it? | OTLP to any collector, once an endpoint is set |
//!
//! Metrics and log records go to a collector as well, if `OTEL_METRICS_EXPORTER` and `OTEL_LOGS_EXPORTER` say `otlp`.
//!
//! The first line that a process logs says which of them are on, where they go, and what is off.
//!
//! # Layout
//!
//! In the direction of the data: [`config`](mod@config) merges environment, setters and defaults; `resource` says who is
//! speaking; `init` builds everything that can fail, then registers the globals; [`metrics`], `traces` and `logs` are the
//! signals; `export` carries all three to a collector; `status` knows what works, `admin` serves it with all that operators
//! read, `check` sends a canary through every pipeline, and `runtime` watches the application's runtime from outside;
//! [`TelemetryGuard`] flushes traces and metrics, then logs. [`http`] and [`grpc`] are the tower layers for servers and clients,
//! [`context`] takes a trace along where a call stack ends, [`jobs`] measures what queues do, `sqlx` follows queries,
//! `cron` runs scheduled work, and `staleness` serves cached data. Modules stand in layers, and none imports upwards.
//!
//! # Feature flags
//!
//! No feature changes what is there without it.
//!
//! | feature | default | what it adds |
//! | --- | --- | --- |
//! | `apalis` | no | `jobs::apalis`: a layer that measures every task of an apalis worker |
//! | `axum` | no | route templates from axum's `MatchedPath` for [`http::TelemetryLayer`], and `http::serve`, a server with limits |
//! | `cron` | no | `firstlight::cron`: scheduled jobs with jitter, one runner across replicas, nothing missed in silence |
//! | `staleness` | no | `firstlight::staleness`: cached and replicated data, served inside a declared window only |
//! | `otlp-grpc` | no | OTLP over gRPC: `OTEL_EXPORTER_OTLP_PROTOCOL=grpc` |
//! | `otlp-tls` | yes | `https` collectors, with certificates of your own if need be |
//! | `otlp-gzip` | yes | `OTEL_EXPORTER_OTLP_COMPRESSION=gzip`, and the metrics page in gzip |
//! | `reqwest` | no | `http::ClientLayer::send` for requests of reqwest, and the layer around its client |
//! | `sqlx` | no | `firstlight::sqlx`: spans and metrics of its queries, which need not change; slow ones and N+1s named |
//! | `testing` | no | `firstlight::testing`: one test's logs, metrics and spans, and an OTLP receiver, to see what was really sent |
//!
//! # What it does not do
//!
//! No log files (standard output is the platform's), no OpenTelemetry type in the API: its releases break every few
//! months, and your service must not.

mod admin;
mod catalog;
mod check;
mod collector;
pub mod config;
pub mod context;
#[cfg(feature = "cron")]
pub mod cron;
mod directives;
mod error;
mod error_type;
mod export;
pub mod grpc;
mod grpc_code;
mod guard;
#[cfg(feature = "otlp-gzip")]
mod gzip;
pub mod http;
mod init;
pub mod jobs;
mod layer;
mod logs;
pub mod metrics;
mod observer;
mod panic;
mod proto;
mod readiness;
mod resource;
mod runtime;
mod secret;
mod shutdown;
mod signal;
mod span_end;
mod span_ids;
#[cfg(feature = "sqlx")]
pub mod sqlx;
#[cfg(feature = "staleness")]
pub mod staleness;
mod status;
#[cfg(feature = "testing")]
pub mod testing;
mod thread;
mod traces;
mod unwind;
mod values;

pub use crate::{
    check::CheckReport,
    config::{LogFormat, TelemetryConfig},
    error::{InitError, Lost, LostKind, ShutdownError},
    guard::TelemetryGuard,
    init::Telemetry,
    readiness::{Latch, Readiness},
    runtime::NoRuntime,
    secret::Secret,
    shutdown::{drain_timeout, run_until_shutdown, shutdown_signal},
};

/// Starts telemetry from the environment alone.
///
/// Call it first thing in `main`, before the async runtime if you like, and keep the guard until the end. The macro of
/// the same name, [`init!`], also knows your package's name and version.
///
/// # Errors
///
/// [`InitError`] says what was found, what was expected and what to do. A second call is
/// [`InitError::AlreadyInitialized`] and changes nothing.
///
/// ```no_run
/// # fn main() -> Result<(), firstlight::InitError> {
/// let telemetry = firstlight::init()?;
/// tracing::info!(answer = 42, "works");
/// # drop(telemetry);
/// # Ok(())
/// # }
/// ```
pub fn init() -> Result<TelemetryGuard, InitError> {
    TelemetryConfig::new().init()
}

/// Starts telemetry like [`init()`], with the *calling* package's name and version as `service.name` and
/// `service.version`; the environment wins over both.
///
/// ```no_run
/// # fn main() -> Result<(), firstlight::InitError> {
/// let telemetry = firstlight::init!()?;
/// # drop(telemetry);
/// # Ok(())
/// # }
/// ```
#[macro_export]
macro_rules! init {
    () => {
        $crate::config!().init()
    };
}

/// A configuration with the *calling* package's name and version, for a program that sets more than [`init!`] does.
///
/// ```no_run
/// # fn main() -> Result<(), firstlight::InitError> {
/// let telemetry = firstlight::config!().log_filter("info,orders=debug").init()?;
/// # drop(telemetry);
/// # Ok(())
/// # }
/// ```
#[macro_export]
macro_rules! config {
    () => {
        $crate::TelemetryConfig::new()
            .service_name(::core::env!("CARGO_PKG_NAME"))
            .service_version(::core::env!("CARGO_PKG_VERSION"))
    };
}

/// Like [`check()`], and the canary carries the name and the version of the package in which it is called, as the
/// service's telemetry does with [`init!`].
///
/// ```no_run
/// let report = firstlight::check!();
/// println!("{report}");
/// ```
#[macro_export]
macro_rules! check {
    () => {
        $crate::config!().check()
    };
}

/// Sends a canary through every pipeline, with everything from the environment, and says what became of it: one log line,
/// one count on the metrics page, one span that the collector has acknowledged.
///
/// For a service's `check-telemetry`, before anything else; it starts telemetry and ends it again, within about 15 s at
/// worst, and may run beside the service itself. [`TelemetryConfig::check`] knows the service's own settings, too, and
/// [`TelemetryGuard::check`] asks a telemetry that runs already.
///
/// ```no_run
/// use std::process::ExitCode;
///
/// fn main() -> ExitCode {
///     if std::env::args().any(|argument| argument == "check-telemetry") {
///         let report = firstlight::check();
///         println!("{report}");
///         return report.exit_code();
///     }
///     // ... the service ...
///     ExitCode::SUCCESS
/// }
/// ```
pub fn check() -> CheckReport {
    TelemetryConfig::new().check()
}

/// The README's code is compiled, so that it cannot rot.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;
