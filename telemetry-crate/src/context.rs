//! Trace context across tasks, threads, streams, channels and queues.
//!
//! The current context (the span, its trace, its baggage) belongs to a thread and, while a future
//! is polled, to that future. Code that runs elsewhere starts without a context, and its log lines
//! have no trace id.
//!
//! | where the work continues | how to pass the context |
//! | --- | --- |
//! | in a task | [`spawn`] instead of `tokio::spawn` |
//! | on a thread for blocking work | [`spawn_blocking`] instead of tokio's |
//! | in a `JoinSet`, `join_all` or `select!` | `future.in_current_span()` of `tracing::Instrument` |
//! | in the receiver of a channel | the span, in the message (below) |
//! | in a stream | [`instrument_stream`] around it; the layers do it for response bodies |
//! | in a queue, a table or a message | [`TraceContext`], a map of strings |
//!
//! # Channels
//!
//! The message contains the span, and the receiver works inside it:
//!
//! ```
//! use tracing::{Instrument, Span};
//!
//! # async fn work(_: u64) {}
//! # async fn run() {
//! let (sender, mut receiver) = tokio::sync::mpsc::channel::<(u64, Span)>(16);
//! tokio::spawn(async move {
//!     while let Some((order, span)) = receiver.recv().await {
//!         work(order).instrument(span).await;
//!     }
//! });
//! let _ = sender.send((7, Span::current())).await;
//! # }
//! ```
//!
//! # Queues
//!
//! The context is stored as text, so that it survives a restart and another process can read it:
//!
//! ```
//! use std::collections::BTreeMap;
//! use firstlight::context::TraceContext;
//!
//! // Enqueueing:
//! let row: BTreeMap<String, String> = TraceContext::current().to_pairs();
//! let stored = serde_json::to_string(&row)?;
//!
//! // The worker, perhaps a day later:
//! let row: BTreeMap<String, String> = serde_json::from_str(&stored)?;
//! let span = TraceContext::from_pairs(row).child(|| tracing::info_span!("send receipt", order = 7));
//! span.in_scope(|| { /* the work */ });
//! # Ok::<(), serde_json::Error>(())
//! ```
//!
//! The storage format is the program's choice. A JSON value, message headers and a table's columns
//! can all hold a map of strings.

mod carrier;
mod spawn;
mod stream;

use opentelemetry::trace::TraceContextExt;

pub use self::{
    carrier::TraceContext,
    spawn::{spawn, spawn_blocking},
    stream::{InstrumentedStream, instrument_stream},
};

/// Returns the trace id of the current span, in hexadecimal.
///
/// A response or an error message can contain it, so that a client can quote it. A span has the id whether its trace is
/// sampled or not. Returns `None` outside any span, before telemetry starts, and with `OTEL_SDK_DISABLED=true`.
///
/// ```
/// let trace_id = firstlight::context::trace_id();
/// let body = format!(r#"{{"title":"not found","trace_id":"{}"}}"#, trace_id.unwrap_or_default());
/// # drop(body);
/// ```
pub fn trace_id() -> Option<String> {
    let context = crate::thread::current_context();
    let span = context.span();
    let ids = span.span_context();
    ids.is_valid().then(|| ids.trace_id().to_string())
}
