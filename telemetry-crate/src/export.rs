//! OTLP: how spans, log records and metrics leave the process.
//!
//! ```text
//! spans, log records ─▶ queue ─▶ batches ─┐ thread: one task per signal, ─▶ client: HTTP or gRPC, ─▶ collector
//! metrics ───────────── interval ─────────┘ on a runtime of its own         TLS, gzip, retries
//!                                             └──▶ stats: what became of it, by reason
//! ```
//!
//! One implementation for the three signals, so that a promise holds for all of them: nothing waits for the
//! application's runtime, a flush keeps its deadline, and what is lost is counted with its reason. What it leaves out:
//! OTLP as JSON, which costs more and which every collector can do without.

mod answer;
mod backoff;
mod batches;
mod client;
mod connect;
mod exporters;
mod flush;
#[cfg(feature = "otlp-grpc")]
mod grpc;
mod health;
mod intervals;
mod partial;
mod queue;
mod split;
mod stats;
#[cfg(all(test, feature = "testing"))]
mod tests;
mod thread;
#[cfg(feature = "otlp-tls")]
mod tls;

pub(crate) use self::{
    batches::{Batches, Export},
    client::OtlpClient,
    exporters::Exporters,
    flush::{Flush, LONGEST_DEADLINE, Unsent},
    health::LOSS_TARGET,
    intervals::{Intervals, IntervalsHandle},
    queue::Queue,
    stats::{ExportError, ExportStats},
    thread::ExporterThread,
};
