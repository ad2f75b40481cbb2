//! Tests of the log lines about a blocked runtime.

use std::{io, process::ExitCode, time::Duration};

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
