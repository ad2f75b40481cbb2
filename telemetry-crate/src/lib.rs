//! Observability for Rust services: logs, metrics and traces from one call.
//!
//! Sets up structured logs, Prometheus metrics with exemplars, and OTLP traces. Log lines and exemplars carry the ids of
//! the trace that they belong to. Telemetry that is lost is counted and reported.
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
//! After the call to `init!`, the macros of `tracing` write logs and traces, and the macros of `metrics` record metrics.
//!
//! # What is on by default
//!
//! | signal | question | where |
//! | --- | --- | --- |
//! | metrics | is the system healthy right now? | `GET /metrics` on `localhost:9464`, with exemplars |
//! | logs | what happened when it wasn't? | one log line per event on standard output, with `trace_id` and `span_id` |
//! | traces | which request caused it? | OTLP to any collector, once an endpoint is set |
//!
//! Metrics and log records also go to a collector if `OTEL_METRICS_EXPORTER` and `OTEL_LOGS_EXPORTER` are `otlp`.
//!
//! The first log line of a process lists the signals that are on with their destinations, and the signals that are off.
//!
//! # Layout
//!
//! The modules, in the direction of the data:
//!
//! * [`config`](mod@config) merges the environment, the setters and the defaults.
//! * `resource` describes the service that emits the telemetry.
//! * `init` builds everything that can fail, then registers the globals.
//! * [`metrics`], `traces` and `logs` are the signals.
//! * `export` sends all three to a collector.
//! * `status` collects the state of telemetry, and `admin` serves it together with the other endpoints for operators.
//! * `check` sends a canary through every pipeline.
//! * `runtime` monitors the application's async runtime from outside that runtime.
//! * [`TelemetryGuard`] flushes traces and metrics, then logs.
//! * [`http`] and [`grpc`] hold the tower layers for servers and clients.
//! * [`context`] carries a trace into tasks, threads, streams and queues.
//! * [`jobs`] measures job queues, `db` measures database queries, and `sqlx` and `sqlx_08` add pools of sqlx.
//! * `cron` runs scheduled jobs, and `staleness` serves cached data.
//!
//! Modules form layers, and none imports upwards.
//!
//! # Feature flags
//!
//! Features are additive: enabling one does not change what the others do.
//!
//! | feature | default | what it adds |
//! | --- | --- | --- |
//! | `actix` | no | [`http::TelemetryLayer`] as a middleware of actix-web 4 |
//! | `apalis` | no | `jobs::apalis`: a layer that instruments every task of an apalis worker |
//! | `apalis-postgres` | no | `jobs::apalis::Workers` on PostgreSQL, with apalis' tables |
//! | `apalis-sqlite` | no | `jobs::apalis::Workers` on SQLite, with apalis' tables |
//! | `axum` | no | route templates from axum's `MatchedPath` for [`http::TelemetryLayer`], and `http::serve`, a server with limits |
//! | `axum-07` | no | route templates from the `MatchedPath` of axum 0.7 |
//! | `console` | no | the console, a page at the address of the admin listener, and the 15 minutes of history that it shows. |
//! | `db` | no | `firstlight::db`: spans and metrics of unchanged queries of sqlx 0.8 and 0.9, of calls of any other client, and warnings of slow queries and N+1s; adds no dependency |
//! | `cron` | no | `firstlight::cron`: scheduled jobs with jitter, one runner across replicas, and reports of missed runs |
//! | `staleness` | no | `firstlight::staleness`: cached and replicated data, served only inside a declared window |
//! | `otlp-grpc` | no | OTLP over gRPC: `OTEL_EXPORTER_OTLP_PROTOCOL=grpc` |
//! | `otlp-tls` | no | `https` collectors, with custom certificates if needed; adds rustls with `ring` |
//! | `otlp-gzip` | yes | `OTEL_EXPORTER_OTLP_COMPRESSION=gzip`, and `/metrics` in gzip |
//! | `reqwest` | no | `http::ClientLayer::send` for reqwest's requests, and the layer around its client |
//! | `reqwest-012` | no | the same for reqwest 0.12 |
//! | `sqlx` | no | `db`, and `firstlight::sqlx`: pools, transactions and errors of sqlx 0.9 |
//! | `sqlx-08` | no | `db`, and `firstlight::sqlx_08`: pools of sqlx 0.8 |
//! | `sqlx-postgres` | no | `sqlx::DatabaseOptions` for PostgreSQL, with sqlx's driver and migrations |
//! | `sqlx-sqlite` | no | `sqlx::DatabaseOptions` for SQLite, with sqlx's driver and migrations |
//! | `testing` | no | `firstlight::testing`: captures of the logs, metrics and spans of one test, an OTLP receiver, and a check of the metrics in dashboards |
//!
//! # What it does not do
//!
//! firstlight writes no log files, because the platform stores what a service writes to standard output. Its API has no
//! OpenTelemetry types, because OpenTelemetry releases break every few months, and services must not break with them.

#![cfg_attr(docsrs, feature(doc_cfg))]

mod admin;
mod catalog;
mod check;
mod collector;
pub mod config;
pub mod context;
#[cfg(feature = "cron")]
pub mod cron;
#[cfg(feature = "db")]
pub mod db;
mod declared;
mod directives;
mod error;
mod error_type;
mod evidence;
mod export;
#[cfg(any(test, fuzzing))]
pub mod fuzzing;
pub mod grpc;
mod grpc_code;
mod guard;
#[cfg(feature = "otlp-gzip")]
mod gzip;
pub mod http;
mod init;
pub mod jobs;
mod layer;
mod log_metadata;
mod logs;
pub mod metrics;
mod name_set;
mod observer;
mod panic;
mod proto;
mod readiness;
mod recorder;
mod resource;
mod runtime;
mod secret;
mod shutdown;
mod signal;
mod span_end;
mod span_ids;
#[cfg(feature = "sqlx")]
pub mod sqlx;
#[cfg(feature = "sqlx-08")]
pub mod sqlx_08;
#[cfg(feature = "staleness")]
pub mod staleness;
mod status;
mod targets;
#[cfg(feature = "testing")]
pub mod testing;
mod thread;
mod traces;
mod unwind;
mod values;

pub use crate::{
    check::CheckReport,
    config::{LogFormat, LogOutput, TelemetryConfig},
    error::{InitError, Lost, LostKind, ShutdownError},
    guard::TelemetryGuard,
    init::Telemetry,
    logs::record,
    readiness::{Latch, Readiness},
    runtime::NoRuntime,
    secret::Secret,
    shutdown::{drain_timeout, run_service, run_until_shutdown, shutdown_signal},
};

/// Starts telemetry from the environment alone.
///
/// Call it at the start of `main`, before or inside the async runtime, and keep the guard until the end. The macro of the
/// same name, [`init!`], also sets the package's name and version.
///
/// A metric handle that is made before `init()` records nothing, also after `init()`. The `metrics` crate returns a no-op
/// handle while there is no recorder, and firstlight cannot detect it. To test a handle, call [`metrics::is_recorded`].
///
/// # Errors
///
/// [`InitError`] names the value that was found, the value that was expected, and the fix. A second call returns
/// [`InitError::AlreadyInitialized`] and changes nothing.
///
/// # Examples
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

/// Starts telemetry like [`init()`], with the calling package's name and version.
///
/// The name and the version become `service.name` and `service.version`. The environment takes precedence over both.
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

/// A configuration with the calling package's name and version.
///
/// Use it in a program that sets more options than [`init!`] does.
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

/// Checks telemetry like [`check()`], with the calling package's name and version.
///
/// The canary carries the name and the version as `service.name` and `service.version`, like the telemetry of a service
/// that starts with [`init!`].
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

/// Sends a canary through every pipeline, and reports what arrived.
///
/// The canary is one log line, one count on `/metrics`, and one span, which the collector must acknowledge. All settings
/// come from the environment.
///
/// Call it for a subcommand such as `check-telemetry`, before anything else. It starts telemetry and ends it again, within
/// about 15 s at most, and may run while the service itself runs. The service then uses the admin address, so the check
/// takes a free port, and a note of the report says who uses the address. [`TelemetryConfig::check`] also applies the
/// service's own settings, and [`TelemetryGuard::check`] checks telemetry that is already running.
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

/// Compiles the code blocks of the README.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;
