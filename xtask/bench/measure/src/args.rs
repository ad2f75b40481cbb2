//! The command line.

use std::path::PathBuf;

#[derive(Debug, clap::Parser)]
#[command(about = "Loads one variant and reports, as one line of JSON, what it cost")]
pub(crate) struct Args {
    /// Requests that are measured.
    #[arg(long, default_value_t = 40_000)]
    pub(crate) requests: u64,
    /// Requests before that.
    #[arg(long, default_value_t = 8_000)]
    pub(crate) warm_up: u64,
    /// Connections, each with one request at a time.
    #[arg(long, default_value_t = 16)]
    pub(crate) connections: u64,
    /// The part of traces that is sampled, from 0 to 1.
    #[arg(long, default_value_t = 1.0)]
    pub(crate) sampling: f64,
    /// Log lines per request.
    #[arg(long, default_value_t = 1)]
    pub(crate) lines: u16,
    /// How many seconds the server may take to start and to stop; a profiler needs more.
    #[arg(long, default_value_t = 20)]
    pub(crate) patience: u64,
    /// The variant's program, and before it, if wanted, a program that runs it, such as a profiler.
    #[arg(required = true, trailing_var_arg = true)]
    pub(crate) server: Vec<PathBuf>,
}
