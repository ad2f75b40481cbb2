//! A version that is not observed: it is named in the log and at `/telemetry`.

use anyhow::ensure;
use support::Cases;

use super::{Programs, program_run::Run};
use crate::log_line::LogLine;

/// The beginning of what the program is told.
const SENTENCE: &str = "axum 0.6.";

pub(super) fn cases(cases: &mut Cases, programs: &Programs) {
    cases.check("axum 0.6: the log and /telemetry name it", || {
        check(programs)
    });
}

fn check(programs: &Programs) -> anyhow::Result<()> {
    // A thread reads the program's file and then logs what it found.
    let is_told = |log: &[LogLine]| {
        let mut lines = log.iter();
        lines.any(|line| line.text("message").starts_with(SENTENCE))
    };
    let requests = [("GET", "/", 200)];
    let setting = ("RUST_LOG", "info");
    let run = Run::until(programs, "axum_06", setting, &requests, is_told)?;
    let line = run.expect_line(SENTENCE)?;
    ensure!(line.text("level") == "INFO", "{}", line.raw);
    let sentence = line.text("message");
    let expected = "is not supported, so its requests have no route; supported: 0.8 (feature axum)";
    ensure!(sentence.contains(expected), "{sentence}");
    let listed = &run.telemetry["crates"]["not_observed"];
    ensure!(
        *listed == serde_json::json!([sentence]),
        "expected {sentence}, found {listed}"
    );
    Ok(())
}
