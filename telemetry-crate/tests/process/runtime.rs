//! Tests of the log lines about a blocked runtime.

use std::{
    io,
    process::ExitCode,
    sync::mpsc::{Receiver, channel},
    time::Duration,
};

use tracing::Instrument;

use crate::support::{ask, scenario::Scenario};

/// Blocks the only thread of a runtime, until a line comes.
pub(crate) fn run_blocked() -> ExitCode {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let telemetry = firstlight::init!().unwrap();
        let root = tracing::info_span!("request", otel.name = "GET /report", otel.kind = "server");
        let request = async {
            // Polls that end are not reported.
            tokio::time::sleep(Duration::from_millis(300)).await;
            tracing::info_span!("render_report").in_scope(|| {
                // The mistake that is reported: a blocking wait in async code.
                io::stdin().lines().next().unwrap().unwrap();
            });
        };
        tokio::spawn(request.instrument(root)).await.unwrap();
        telemetry.finish(Ok::<(), io::Error>(()))
    })
}

/// Blocks one worker, and another one for each line that comes.
///
/// Two jobs of `spawn_blocking` last as long, which is what it is for.
pub(crate) fn run_half_blocked() -> ExitCode {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    let request = |name| tracing::info_span!("request", otel.name = name, otel.kind = "server");
    let mut ends = Vec::new();
    let wait = |ends: &mut Vec<_>| {
        let (end, ended) = channel::<()>();
        ends.push(end);
        move || wait_for(&ended)
    };
    // This thread is no worker, so it may wait for lines.
    runtime.block_on(async {
        let telemetry = firstlight::init!().unwrap();
        let archive = wait(&mut ends);
        let archive =
            request("GET /archive").in_scope(|| firstlight::context::spawn_blocking(archive));
        let scan = wait(&mut ends);
        let root = request("GET /scan");
        let scan = tokio::task::spawn_blocking(move || {
            root.in_scope(|| tracing::info_span!("scan_files").in_scope(scan));
        });
        let block = |ends: &mut Vec<_>| {
            let report = wait(ends);
            let report = async move { tracing::info_span!("render_report").in_scope(report) };
            tokio::spawn(report.instrument(request("GET /report")))
        };
        let mut tasks = vec![archive, scan, block(&mut ends)];
        for _ in io::stdin().lines() {
            tasks.push(block(&mut ends));
        }
        drop(ends);
        for task in tasks {
            task.await.unwrap();
        }
        telemetry.finish(Ok::<(), io::Error>(()))
    })
}

fn wait_for(end: &Receiver<()>) {
    // The sender is dropped.
    let _ = end.recv();
}

pub(crate) fn blocked() {
    let (mut scenario, address) = Scenario::serving("blocked", &[]);
    let warning = scenario.message("the application's runtime has run no task for 3 s");
    let message = warning["message"].as_str().unwrap();
    let named = message
        .split("; in one poll since then: GET /report (trace ")
        .nth(1);
    let (trace_id, place) = named.unwrap().split_at(32);
    assert!(place.starts_with(") in render_report for "), "{warning}");

    let answer = ask(address, "GET /traces?open").body;
    let mut lines = answer.lines();
    let heading = lines.find(|line| line.starts_with("runtime: runs no task for "));
    assert!(heading.unwrap().ends_with("; in one poll:"), "{answer}");
    let poll = lines.next().unwrap();
    for part in ["GET /report", trace_id, "in render_report"] {
        assert!(poll.contains(part), "{answer}");
    }
    assert!(
        answer.contains("blocks its thread: in one poll for "),
        "{answer}"
    );

    scenario.write_line("continue");
    assert_eq!(scenario.end().0, Some(0));
}
