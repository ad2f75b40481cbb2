//! Loads one variant and reports, as one line of JSON, what it cost.
//!
//! The server runs on one processor; this program, which is the load, the reader of the server's log and the receiver of
//! its spans, on another. What is measured is the server's processor time, from the operating system, and what it sent
//! is counted, so that no variant does less unnoticed.
//!
//! Left out on purpose: repetition and comparison, which `cargo xtask bench` does.

#![expect(clippy::print_stdout, reason = "its output is its result")]

mod args;
mod host;
mod load;
mod scrape;
mod report;
mod server;
mod sink;
mod spans;

use clap::Parser as _;

use crate::{args::Args, report::Report, server::Server, sink::Sink};

fn main() -> anyhow::Result<()> {
    let args = Args::parse();
    let processors = host::Processors::split()?;
    let sink = Sink::start()?;
    let mut server = processors.of_the_server(|| Server::start(&args, sink.address()))?;
    server.wait_until_ready()?;

    load::run(&args, args.warm_up, server.port, None)?;
    let before = host::processor_time(server.id())?;
    let load = load::run(&args, args.requests, server.port, Some(server.metrics_port))?;
    let processor_time = host::processor_time(server.id())?.saturating_sub(before);
    let resident_kib = host::resident_kib(server.id())?;

    // What is still queued is sent at the end, and has to arrive before it can be counted.
    let log = server.stop()?;
    let report = Report::new(
        &args,
        &load,
        processor_time,
        resident_kib,
        log,
        &sink.counts(),
    );
    println!("{}", serde_json::to_string(&report)?);
    Ok(())
}
