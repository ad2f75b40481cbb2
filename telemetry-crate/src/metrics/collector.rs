//! What is read when somebody asks for it, rather than counted when it happens.
//!
//! For numbers that somebody else keeps: the kernel, a queue, an exporter's atomics. It costs nothing between two readings and
//! is never stale. What it leaves out: asynchrony. A scrape must be answered while the service is in trouble, so a collector
//! reads what is at hand and never waits.

use std::fmt::Debug;

use super::sink::AnySink;

/// Adds samples to whatever is asked for: a page, or what is pushed.
pub(crate) trait Collector: Send + Sync + Debug {
    /// Reads the numbers and writes them with [`sample`](super::sink::Sink::sample). Must not block.
    fn collect(&self, sink: &mut AnySink);
}
