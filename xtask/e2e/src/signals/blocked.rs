//! The admin port answers while the only runtime thread is blocked.

use std::{process::Command, time::Duration};

use anyhow::ensure;
use support::{
    Cases, command, http, paths,
    process::{Process, START_TIMEOUT},
};

use crate::{
    log_line::LogLine,
    openmetrics,
    service::{self, admin_address},
};

pub(super) fn cases(cases: &mut Cases) {
    cases.check("blocked runtime: /metrics and /livez answer", run);
}

fn run() -> anyhow::Result<()> {
    let mut build = Command::new("cargo");
    build
        .args(["build", "--package", "firstlight", "--example", EXAMPLE])
        .current_dir(paths::root());
    command::run(
        "build the example",
        build.env("CARGO_TARGET_DIR", paths::target()),
    )?;

    let mut command = Command::new(paths::target().join("debug").join("examples").join(EXAMPLE));
    service::without_telemetry_settings(&mut command);
    command.env("OTEL_EXPORTER_PROMETHEUS_PORT", "0");
    let mut process = Process::start("the example", &mut command)?;
    let line = |text: &str| LogLine::parse(text);
    let admin = process.wait_for_line("the address of its metrics", START_TIMEOUT, |text| {
        admin_address(&line(text)?)
    })?;
    let is_blocking = |line: &LogLine| line.text("message").contains("blocking");
    process.wait_for_line("\"blocking\"", START_TIMEOUT, |text| {
        is_blocking(&line(text)?).then_some(())
    })?;

    // The example's only runtime thread now waits until standard input is closed.
    let livez = http::get(&format!("{admin}/livez"))?;
    ensure!(
        livez.status == 200,
        "/livez: found {}, expected 200: {}",
        livez.status,
        livez.body
    );
    let samples = openmetrics::fetch(&format!("{admin}/metrics"))?;
    ensure!(
        samples.iter().any(|sample| sample.name == "target_info"),
        "/metrics holds no target_info"
    );
    ensure!(
        !process.has_ended(),
        "the process has ended, so nothing was blocked"
    );

    process.close_stdin();
    let status = process.wait(DEADLINE)?;
    ensure!(
        status.success(),
        "found {status}, expected 0:\n{}",
        process.lines().join("\n")
    );
    Ok(())
}

/// The example of the library that blocks its runtime.
const EXAMPLE: &str = "blocked_runtime";
const DEADLINE: Duration = Duration::from_secs(30);
