//! A standard output that is gone, is not read, or is full.

use std::{
    fs::OpenOptions,
    io::{BufRead, BufReader, Read},
    process::{ChildStderr, ExitCode},
    thread,
    time::Duration,
};

use firstlight::TelemetryConfig;

use crate::support::{ask, part::Part};

pub(crate) fn play_writes() -> ExitCode {
    let telemetry = TelemetryConfig::new().without_admin().init().unwrap();
    // Until the reader has gone.
    let _ = std::io::stdin().read_to_end(&mut Vec::new());
    for n in 0..100 {
        tracing::info!(n, "into the void");
    }
    let result = telemetry.shutdown(Duration::from_secs(10));
    let error = result.expect_err("every line is lost");
    eprintln!("{error}");
    ExitCode::SUCCESS
}

pub(crate) fn closed_output() {
    let mut part = Part::start("writes", &[]);
    drop(part.lines.take());
    let (code, stderr) = part.end();
    assert_eq!(code, Some(0), "{stderr}");
    assert!(
        stderr.contains("log lines lost") && stderr.contains("roken pipe"),
        "{stderr}"
    );
}

/// More than the buffer, the chunk that is being written and the pipe hold together.
const FLOOD: u64 = 12_000;

/// Says on standard error where it serves, writes as many lines as it is told to each time, and says when it is done.
pub(crate) fn play_floods() -> ExitCode {
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

/// What the part says on standard error, a line at a time.
fn errors_of(part: &mut Part) -> BufReader<ChildStderr> {
    BufReader::new(part.child.stderr.take().unwrap())
}

fn next_line(reader: &mut impl BufRead) -> String {
    let mut line = String::new();
    reader.read_line(&mut line).unwrap();
    line.trim_end().to_owned()
}

fn dropped(page: &str) -> u64 {
    let value = page
        .lines()
        .find_map(|line| line.strip_prefix("logging_events_dropped_total "));
    value.unwrap_or_else(|| panic!("{page}")).parse().unwrap()
}

pub(crate) fn slow_reader() {
    let mut part = Part::start("floods", &[]);
    let mut errors = errors_of(&mut part);
    let address = next_line(&mut errors).parse().unwrap();
    part.message("telemetry is up");

    // From here on its output is not read, and the work goes on.
    part.tell(&FLOOD.to_string());
    assert_eq!(next_line(&mut errors), "done");
    let lost = dropped(&ask(address, "GET /metrics").body);
    assert!(lost > 0);
    let page = ask(address, "GET /telemetry").body;
    assert!(page.contains(&format!("{lost} lines were lost")), "{page}");

    // The reader is back: what was kept comes out, and so does what is written later.
    for _ in 0..FLOOD - lost {
        part.message("flood");
    }
    part.tell("1");
    assert_eq!(part.message("flood")["n"], 0);
    drop(part.child.stdin.take());
    let last = part.message("telemetry is down");
    assert_eq!(last["log_lines.dropped"], lost);
    assert_eq!(part.child.wait().unwrap().code(), Some(3));
}

pub(crate) fn full_disk() {
    // Where there is one: on Linux, every write to it fails with "No space left on device".
    let Ok(full) = OpenOptions::new().write(true).open("/dev/full") else {
        return;
    };
    let mut part = Part::start_into(full.into(), "floods", &[]);
    let mut errors = errors_of(&mut part);
    let address = next_line(&mut errors).parse().unwrap();
    part.tell("100");
    assert_eq!(next_line(&mut errors), "done");
    // Counted once the writer has tried; the line of the start is one of them.
    let mut tries = 0;
    while dropped(&ask(address, "GET /metrics").body) != 101 {
        tries += 1;
        assert!(tries < 300, "not all of the lines are counted");
        thread::sleep(Duration::from_millis(100));
    }
    let page = ask(address, "GET /telemetry").body;
    assert!(
        page.contains("101 lines were lost: standard output: "),
        "{page}"
    );
    drop(part.child.stdin.take());
    assert_eq!(part.child.wait().unwrap().code(), Some(3));
}
