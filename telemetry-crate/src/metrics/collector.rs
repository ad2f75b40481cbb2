//! What is read when the page is asked for, rather than counted when it happens.
//!
//! For numbers that somebody else keeps: the kernel, a queue, an exporter's atomics. It costs nothing between scrapes and
//! is never stale. What it leaves out: asynchrony. A scrape must answer while the service is in trouble, so a collector
//! reads what is at hand and never waits.

use std::fmt::Debug;

use super::exposition::Page;

/// Adds samples to each page.
pub(crate) trait Collector: Send + Sync + Debug {
    /// Reads the numbers and writes them with [`Page::sample`]. Must not block.
    fn collect(&self, page: &mut Page);
}
