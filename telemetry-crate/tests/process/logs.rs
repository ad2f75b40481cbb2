//! Tests with a standard output that is closed, not read, full or not used.

use std::{
    fs::OpenOptions,
    io::{BufRead, BufReader, Read},
    process::{ChildStderr, ExitCode},
    thread,
    time::Duration,
};

use firstlight::TelemetryConfig;

use crate::support::{ask, scenario::Scenario};

pub(crate) fn run_writes() -> ExitCode {
    let telemetry = TelemetryConfig::new().without_admin().init().unwrap();
    // Waits until the test has closed standard output.
    let _ = std::io::stdin().read_to_end(&mut Vec::new());
    for n in 0..100 {
        tracing::info!(n, "into the void");
    }
    let result = telemetry.shutdown(Duration::from_secs(10));
    let error = result.expect_err("every line is lost");
    eprintln!("{error}");
    ExitCode::SUCCESS
}

pub(crate) fn standard_error() {
    let mut scenario = Scenario::start("floods", &[("FIRSTLIGHT_LOG_OUTPUT", "stderr")]);
    let output = scenario.lines.take().unwrap();
    let (code, stderr) = scenario.end();
    assert_eq!(code, Some(3), "{stderr}");
    assert_eq!(output.count(), 0, "lines on standard output");
    // The scenario also writes the address of its admin listener.
    let lines = stderr.lines().filter(|line| line.starts_with('{'));
    let lines = lines.map(serde_json::from_str::<serde_json::Value>);
    let lines: Vec<_> = lines.map(Result::unwrap).collect();
    assert_eq!(lines[0]["message"], "telemetry is up");
    let logs = lines[0]["logs"].as_str().unwrap();
    assert!(logs.starts_with("json to stderr"), "{logs}");
    assert_eq!(lines.last().unwrap()["message"], "telemetry is down");
}

pub(crate) fn closed_output() {
    let mut scenario = Scenario::start("writes", &[]);
    drop(scenario.lines.take());
    let (code, stderr) = scenario.end();
    assert_eq!(code, Some(0), "{stderr}");
    assert!(
        stderr.contains("log lines lost") && stderr.contains("roken pipe"),
        "{stderr}"
    );
}

/// Number of log lines of 1 kB in a flood.
///
/// The buffer, the chunk in progress and the pipe together hold fewer lines.
const FLOOD: u64 = 12_000;

/// Logs as many events as each line of standard input says.
///
/// Writes its admin address and the end of each flood to standard error.
pub(crate) fn run_floods() -> ExitCode {
    let telemetry = firstlight::init!().unwrap();
    eprintln!("{}", telemetry.admin_address().unwrap());
    let kilobyte = "x".repeat(1_000);
    for lines in std::io::stdin().lines() {
        for n in 0..lines.unwrap().parse::<u64>().unwrap() {
            tracing::info!(n, kilobyte, "flood");
        }
        eprintln!("done");
    }
    telemetry.exit(3)
}

/// Takes the standard error of a child.
fn errors_of(scenario: &mut Scenario) -> BufReader<ChildStderr> {
    BufReader::new(scenario.child.stderr.take().unwrap())
}

fn next_line(reader: &mut impl BufRead) -> String {
    let mut line = String::new();
    reader.read_line(&mut line).unwrap();
    line.trim_end().to_owned()
}

/// Returns the number of dropped log lines.
fn dropped(exposition: &str) -> u64 {
    let value = exposition
        .lines()
        .find_map(|line| line.strip_prefix("logging_events_dropped_total "));
    value
        .unwrap_or_else(|| panic!("{exposition}"))
        .parse()
        .unwrap()
}

pub(crate) fn slow_reader() {
    let mut scenario = Scenario::start("floods", &[]);
    let mut errors = errors_of(&mut scenario);
    let address = next_line(&mut errors).parse().unwrap();
    scenario.message("telemetry is up");

    // Standard output is not read, and the service is not blocked.
    scenario.write_line(&FLOOD.to_string());
    assert_eq!(next_line(&mut errors), "done");
    let lost = dropped(&ask(address, "GET /metrics").body);
    assert!(lost > 0);
    let status = ask(address, "GET /telemetry").body;
    assert!(
        status.contains(&format!("{lost} lines were lost")),
        "{status}"
    );

    // The test reads again, so kept lines and later lines are written.
    for _ in 0..FLOOD - lost {
        scenario.message("flood");
    }
    scenario.write_line("1");
    assert_eq!(scenario.message("flood")["n"], 0);
    drop(scenario.child.stdin.take());
    let last = scenario.message("telemetry is down");
    assert_eq!(last["log_lines.dropped"], lost);
    assert_eq!(scenario.child.wait().unwrap().code(), Some(3));
}

pub(crate) fn full_disk() {
    // On Linux every write to this file fails with "No space left on device".
    let Ok(full) = OpenOptions::new().write(true).open("/dev/full") else {
        return;
    };
    let mut scenario = Scenario::start_into(full.into(), "floods", &[]);
    let mut errors = errors_of(&mut scenario);
    let address = next_line(&mut errors).parse().unwrap();
    scenario.write_line("100");
    assert_eq!(next_line(&mut errors), "done");
    // A line is counted after the writer has tried to write it. The line at the start is the 101st.
    let mut polls = 0;
    while dropped(&ask(address, "GET /metrics").body) != 101 {
        polls += 1;
        assert!(polls < 300, "not all of the lines are counted");
        thread::sleep(Duration::from_millis(100));
    }
    let status = ask(address, "GET /telemetry").body;
    assert!(
        status.contains("101 lines were lost: standard output: "),
        "{status}"
    );
    drop(scenario.child.stdin.take());
    assert_eq!(scenario.child.wait().unwrap().code(), Some(3));
}
