//! Context that goes on where a call stack ends: in tasks, on threads, in streams, through channels and through queues.
//!
//! What is current (the span, its trace, its baggage) belongs to a thread, and while a future is polled, to that future.
//! Whatever goes on elsewhere begins with nothing, without a word, and its log lines have no trace id.
//!
//! | goes on | take it along |
//! | --- | --- |
//! | in a task | [`spawn`] in place of `tokio::spawn` |
//! | on a thread for blocking work | [`spawn_blocking`] in place of tokio's |
//! | in a `JoinSet`, `join_all` or `select!` | `future.in_current_span()` of `tracing::Instrument` |
//! | behind a channel | the span, beside the message (below) |
//! | in a stream | [`stream`] around it; the layers do it for the body of a response |
//! | in a queue, a table or a message | [`TraceContext`], a map of strings |
//!
//! # Channels
//!
//! The span travels with the message, and the receiver works inside of it:
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
//! What is stored is text, so that it survives a restart and is read by another process:
//!
//! ```
//! use std::collections::BTreeMap;
//! use firstlight::context::TraceContext;
//!
//! // Who enqueues:
//! let row: BTreeMap<String, String> = TraceContext::current().to_pairs();
//! let stored = serde_json::to_string(&row)?;
//!
//! // The worker, perhaps tomorrow:
//! let row: BTreeMap<String, String> = serde_json::from_str(&stored)?;
//! let span = TraceContext::from_pairs(row).child(|| tracing::info_span!("send receipt", order = 7));
//! span.in_scope(|| { /* the work */ });
//! # Ok::<(), serde_json::Error>(())
//! ```
//!
//! What is left out: a format. JSON, headers of a message and columns of a table hold a map of strings equally well.

mod carrier;
mod spawn;
mod stream;

pub use self::{
    carrier::TraceContext,
    spawn::{spawn, spawn_blocking},
    stream::{InSpan, stream},
};
