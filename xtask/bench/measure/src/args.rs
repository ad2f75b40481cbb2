//! The command-line arguments.

use std::path::PathBuf;

#[derive(Debug, clap::Parser)]
#[command(about = "Puts one variant under load and reports its cost as one line of JSON")]
pub(crate) struct Args {
    /// The number of measured requests.
    #[arg(long, default_value_t = 40_000)]
    pub(crate) requests: u64,
    /// The number of requests before the measurement.
    #[arg(long, default_value_t = 8_000)]
    pub(crate) warm_up: u64,
    /// The number of connections, each with one request at a time.
    #[arg(long, default_value_t = 16)]
    pub(crate) connections: u64,
    /// The fraction of traces that is sampled, from 0 to 1.
    #[arg(long, default_value_t = 1.0)]
    pub(crate) sampling: f64,
    /// The number of log lines per request.
    #[arg(long, default_value_t = 1)]
    pub(crate) lines: u16,
    /// The number of open pages of the console.
    ///
    /// If it is not 0, the load is steady, and windows with and without the pages take turns.
    #[arg(long, default_value_t = 0)]
    pub(crate) tabs: usize,
    /// The number of windows with open pages, each of 10 s.
    #[arg(long, default_value_t = 10)]
    pub(crate) windows: usize,
    /// Requests per second while pages are open.
    #[arg(long, default_value_t = 500)]
    pub(crate) rate: u32,
    /// Series that the service records before the load.
    #[arg(long, default_value_t = 0)]
    pub(crate) series: u32,
    /// Spans that the service holds open.
    #[arg(long, default_value_t = 0)]
    pub(crate) open_spans: u32,
    /// Accept the connections of exporters and never answer.
    #[arg(long)]
    pub(crate) hanging_collector: bool,
    /// Timeout of the server's start and stop in seconds; a profiler needs more.
    #[arg(long, default_value_t = 20)]
    pub(crate) timeout: u64,
    /// The variant's program, optionally after a program that runs it.
    ///
    /// An example of the latter is `valgrind --tool=callgrind target/bench/release/bare`.
    #[arg(required = true, trailing_var_arg = true)]
    pub(crate) server: Vec<PathBuf>,
}
