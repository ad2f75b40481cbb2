//! The export of spans, log records and metrics over OTLP.
//!
//! ```text
//! spans, log records ─▶ queue ─▶ batches ─┐ thread: one task per signal, ─▶ client: HTTP or gRPC, ─▶ collector
//! metrics ───────────── interval ─────────┘ on a runtime of its own         TLS, gzip, retries
//!                                             └──▶ stats: results by reason
//! ```
//!
//! The three signals share one implementation and therefore its guarantees: an export never waits for the application's
//! runtime, a flush keeps its deadline, and losses are counted with their reason. OTLP as JSON is not supported,
//! because JSON is larger and every collector accepts protobuf.

mod backoff;
mod batches;
mod client;
mod connect;
mod exporter_thread;
mod exporters;
mod flush;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzz;
#[cfg(feature = "otlp-grpc")]
mod grpc;
mod health;
mod intervals;
mod partial;
mod queue;
mod response;
mod split;
mod stats;
#[cfg(all(test, feature = "testing"))]
mod tests;
#[cfg(feature = "otlp-tls")]
mod tls;

#[cfg(feature = "apalis")]
pub(crate) use self::backoff::jitter;
pub(crate) use self::{
    batches::{Batches, Export},
    client::OtlpClient,
    exporter_thread::ExporterThread,
    exporters::Exporters,
    flush::{Flush, LONGEST_DEADLINE, Unsent},
    health::LOSS_TARGET,
    intervals::{Intervals, IntervalsHandle},
    queue::Queue,
    stats::{ExportError, ExportStats},
};
