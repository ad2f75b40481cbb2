//! Puts one variant under load and reports its cost as one line of JSON.
//!
//! The variants are one service with different telemetry. The service runs on one processor. The load,
//! the threads that read the service's output, and the receiver of spans run on another one.
//! The operating system measures the server's processor time. Log lines, log records, spans and
//! series are counted, so that a variant that emits less is noticed.
//!
//! `cargo xtask bench` repeats and compares the measurements.

#![expect(clippy::print_stdout, reason = "its output is its result")]

mod args;
mod host;
mod load;
mod report;
mod scrape;
mod sink;
mod span_counts;
mod tabs;
mod variant_process;

use clap::Parser as _;

use crate::{args::Args, report::Report, sink::Sink, variant_process::Server};

fn main() -> anyhow::Result<()> {
    let args = Args::parse();
    let processors = host::Processors::split()?;
    let sink = Sink::start(args.hanging_collector)?;
    let mut server = Server::start(&args, sink.address(), &processors)?;
    server.wait_until_ready()?;

    if args.tabs > 0 {
        let report = tabs::run(&args, &server)?;
        server.stop()?;
        println!("{}", serde_json::to_string(&report)?);
        return Ok(());
    }
    load::run(&args, args.warm_up, server.port, None)?;
    let before = host::processor_time(server.id())?;
    let load = load::run(&args, args.requests, server.port, Some(server.metrics_port))?;
    let processor_time = host::processor_time(server.id())?.saturating_sub(before);
    let resident = host::resident(server.id())?;

    if args.hanging_collector {
        anyhow::ensure!(
            sink.counts().unanswered > 0,
            "the server has not tried to export, so the collector has not been in its way"
        );
        // The server would wait for the collector when it stops, so it is killed.
        println!(
            "{{\"resident_mib\":{},\"anonymous_mib\":{}}}",
            resident.all, resident.anonymous
        );
        return Ok(());
    }
    // The server flushes its queues when it stops, so the counts are complete only afterward.
    let log = server.stop()?;
    let report = Report::new(&args, &load, processor_time, resident, log, &sink.counts());
    println!("{}", serde_json::to_string(&report)?);
    Ok(())
}
