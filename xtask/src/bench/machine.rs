//! Facts about the machine that affect the results.

use std::{fs, process::Command, thread};

use anyhow::Context as _;
use serde_json::Value;
use support::{command, paths, ui};

/// Names and values of the facts.
pub(crate) fn describe() -> Vec<(String, String)> {
    let processor = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = processor
        .lines()
        .find(|line| line.starts_with("model name"))
        .and_then(|line| line.split_once(':'));
    let threads = thread::available_parallelism().map_or(1, usize::from);
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let busy = format!("{} in the last minute", load());
    let facts = [
        (
            "processor",
            model.map_or_else(
                || "unknown".to_owned(),
                |(_, model)| model.trim().to_owned(),
            ),
        ),
        ("processors used", threads.to_string()),
        ("load before the start", busy),
        ("kernel", format!("Linux {}", kernel.trim())),
        ("compiler", output(Command::new("rustc").arg("--version"))),
        (
            "this checkout",
            output(
                Command::new("git")
                    .args(["describe", "--always", "--dirty"])
                    .current_dir(paths::root()),
            ),
        ),
    ];
    facts.map(|(name, value)| (name.to_owned(), value)).to_vec()
}

/// Reads the facts of stored results.
pub(crate) fn from_stored(results: &Value) -> anyhow::Result<Vec<(String, String)>> {
    let fact = |pair: &Value| {
        Some((
            pair.get(0)?.as_str()?.to_owned(),
            pair.get(1)?.as_str()?.to_owned(),
        ))
    };
    let facts = results
        .get("host")
        .and_then(Value::as_array)
        .context("the stored results do not describe the machine")?;
    Ok(facts.iter().filter_map(fact).collect())
}

/// Warns if other programs use the processors, which widens the spread.
pub(crate) fn warn_if_busy() {
    let last_minute = load();
    if last_minute > BUSY {
        ui::line(ui::loud(format!(
            "this machine is busy (load {last_minute}); expect a wide spread"
        )));
    }
}

/// The load average of the last minute.
fn load() -> f64 {
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let last_minute = load.split_whitespace().next();
    last_minute
        .and_then(|number| number.parse().ok())
        .unwrap_or_default()
}

fn output(program: &mut Command) -> String {
    command::run_quietly(program)
        .map_or_else(|_| "unknown".to_owned(), |output| output.trim().to_owned())
}

/// The load from which the machine counts as busy.
const BUSY: f64 = 0.7;
